//! The commands in the login shells that this machine has.

use std::process::{Command, Stdio};

use super::*;
use crate::model::shells::{login_shells, run_in};

const SCRIPT: &str = "printf '%s|' \"it's\" 'a\\b' '!!' \"$((1 + 1))\" '`id`' \"é\t🐰\" \"$text\"\nwhile read -r line; do\n  echo \"<$line>\"\ndone\n";

fn ran(shell: &[&str], command: &str, input: &str) -> (String, String) {
    let mut words = shell.to_vec();
    words.extend(["-c", command]);
    let output = run_in(&words, input.as_bytes());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_login_shell_hands_the_script_over_whole() {
    let text = "a 'text'!\n\twith \\0 \\\\ \"$HOME\" and é";
    let expected = |text: &str| format!("it's|a\\b|!!|2|`id`|é\t🐰|{text}|<one>\n");
    for shell in login_shells() {
        let is_csh = shell[0] == "bsd-csh";
        if !is_csh {
            let (out, err) = ran(shell, &whole(SCRIPT, text), "one\n");
            assert_eq!(out, expected(text), "{shell:?}: {err}");
        }
        let (out, err) = ran(shell, SHORT, &format!("{}one\n", short_line(SCRIPT)));
        assert_eq!(out, expected(""), "{shell:?}: {err}");
        let (out, _) = ran(shell, &whole(&format!("exit 0; # {}", "x".repeat(2000)), ""), "");
        assert_eq!(out, "", "{shell:?}");
    }
}

/// The characters that some login shell reads differently in single quotes occur in no word.
#[test]
fn a_word_has_no_character_that_shells_read_differently() {
    let every: String = (0..=0x2ff).filter_map(char::from_u32).collect();
    let word = word(&every);
    let inner = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')).expect("quotes");
    assert!(
        inner.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\'' && byte != b'!'),
        "{inner}"
    );
    let digits = |at: usize| inner.as_bytes()[at + 1..at + 5].iter().all(|byte| matches!(byte, b'0'..=b'7'));
    assert!(inner.match_indices('\\').all(|(at, _)| digits(at)), "{inner}");
}

#[test]
fn a_restricted_shell_accepts_the_short_form_only() {
    let restricted = ["bash", "--norc", "-r"];
    let (out, err) = ran(&restricted, &whole("echo ok", ""), "");
    assert!(out.is_empty() && err.contains("restricted"), "{out}{err}");
    assert_eq!(ran(&restricted, SHORT, &short_line("echo ok")).0, "ok\n");
}

#[test]
fn a_login_shell_is_asked_what_it_is() {
    let marker = "rabbitup-n1";
    // csh and fish set USER themselves, to the same.
    let user = Command::new("id").arg("-un").output().expect("id runs").stdout;
    let user = String::from_utf8_lossy(&user).trim().to_owned();
    for shell in login_shells() {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg("-c").arg(question(marker));
        command.env("USER", &user).env("SHELL", "/bin/rbash").stdin(Stdio::null());
        let output = command.output().expect("it runs");
        let answer = format!("Welcome!\n{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(
            explained(marker, &answer, "rbash: sh: command not found\n"),
            format!(
                "the login shell of {user} is /bin/rbash, which does not start /bin/sh; as root on the host: chsh -s /bin/sh {user}\n\
                 rbash: sh: command not found"
            )
        );
    }
    assert_eq!(
        explained(marker, "", "This account is currently not available."),
        "the login runs no commands: its shell, or a ForceCommand, ends first\nThis account is currently not available."
    );
}
