//! The command lines in a real `sh`, with fakes of sudo and doas.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;

/// Reads its password like `sudo -S`: byte by byte, up to the newline, once per attempt.
const SUDO: &str = r#"#!/bin/sh
mode=nopasswd
[ -f "$FAKES/asks" ] && mode=asks
never= stdin= prompt=
while :; do
  case $1 in
    -n) never=1; shift ;;
    -S) stdin=1; shift ;;
    -k) shift ;;
    -p) prompt=$2; shift 2 ;;
    *) break ;;
  esac
done
printf '%s\n' "sudo $mode $never$stdin $*" >>"$FAKES/log"
if [ $mode = asks ]; then
  [ -n "$never" ] && { echo 'sudo: a password is required' >&2; exit 1; }
  tries=0
  while [ $tries -lt 3 ]; do
    printf '%s' "$prompt" >&2
    IFS= read -r try || { echo 'sudo: no password was provided' >&2; exit 1; }
    [ "$try" = "$(cat "$FAKES/asks")" ] && { unset try; export SUDO_USER=ann; exec "$@"; }
    printf '%s\n' "$try" >>"$FAKES/tried"
    echo 'Sorry, try again.' >&2
    tries=$((tries + 1))
  done
  echo "sudo: $tries incorrect password attempts" >&2
  exit 1
fi
SUDO_USER=ann
export SUDO_USER
exec "$@"
"#;

struct Fakes(PathBuf);

impl Fakes {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rabbitup-elevate-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).expect("a directory for the fakes");
        let fakes = Self(dir);
        fakes.program("id", "#!/bin/sh\necho 1000\n");
        // Nothing else is in PATH: this machine's own sudo would interfere.
        for name in ["sh", "cat", "wc"] {
            let of_system = ["/bin", "/usr/bin"].map(|dir| PathBuf::from(dir).join(name));
            let program = of_system.iter().find(|path| path.exists()).expect("a system without it");
            std::os::unix::fs::symlink(program, fakes.0.join(name)).expect("a link is laid");
        }
        fakes
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a fake is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode is set");
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }

    /// Runs it like sshd: the whole text is one argument of the login shell.
    fn run(&self, invocation: &Invocation) -> (i32, String, String) {
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(&invocation.command)
            .env("PATH", &self.0)
            .env("FAKES", &self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let mut stdin = child.stdin.take().expect("it has an input");
        let Stdin { outer, first, then } = &invocation.stdin;
        let _ = stdin.write_all(outer.as_bytes());
        if let Some(first) = first {
            let _ = stdin.write_all(first.expose());
            let asks = self.0.join("asks").exists();
            let method = if asks { Method::SudoPassword } else { Method::Sudo };
            // What the controller writes once the root shell has started.
            if then.is_some() {
                let _ = stdin.write_all(Stdin::method_line(method).as_bytes());
            }
        }
        if let Some(then) = then {
            let _ = stdin.write_all(then.expose());
        }
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn way(password: Option<&Secret>) -> Way<'_> {
    Way { r#become: BecomeRoot::Auto, password, learned: None, form: Form::Whole }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

const SCRIPT: &str = "echo \"as $become: it's \\$HOME\"; wc -c; exit 3";

#[test]
fn without_a_password_sudo_then_doas_are_tried() {
    let fakes = Fakes::new("auto");
    fakes.program("doas", "#!/bin/sh\n[ \"$1\" = -n ] && shift\nexport DOAS_USER=ann\nexec \"$@\"\n");
    let run = |way: Way<'_>| fakes.run(&Invocation::new("n1", &way, ScriptInput::Argument(SCRIPT)));
    let (code, out, _) = run(way(None));
    assert_eq!((code, out.as_str()), (3, "rabbitup-n1 doas\nrabbitup-root\nas doas: it's $HOME\n0\n"));

    fakes.program("sudo", SUDO);
    let (code, out, _) = run(way(None));
    assert_eq!((code, out.as_str()), (3, "rabbitup-n1 sudo\nrabbitup-root\nas sudo: it's $HOME\n0\n"));
    // sudo logs its arguments on the host.
    assert!(fakes.file("log").contains("sudo nopasswd") && !fakes.file("log").contains("$HOME"));
    let (_, out, _) = run(Way { learned: Some(Method::Doas), ..way(None) });
    assert!(out.starts_with("rabbitup-n1 doas\n"), "{out}");

    fakes.program("id", "#!/bin/sh\necho 0\n");
    let (_, out, _) = run(way(None));
    assert!(out.starts_with("rabbitup-n1 root\n"), "{out}");
}

#[test]
fn becoming_root_never_fails_silently() {
    let fakes = Fakes::new("none");
    let run_as = |r#become, form| {
        let way = Way { r#become, form, ..way(None) };
        fakes.run(&Invocation::new("n1", &way, ScriptInput::Argument(SCRIPT)))
    };
    let run = |r#become| run_as(r#become, Form::Whole);
    for r#become in [BecomeRoot::Auto, BecomeRoot::Root, BecomeRoot::Sudo, BecomeRoot::Doas] {
        for form in [Form::Whole, Form::Short] {
            let (code, out, err) = run_as(r#become, form);
            assert!(code != 0 && !err.trim().is_empty(), "{become:?}: {code} {err}");
            // It shows that /bin/sh has started.
            let word = if r#become == BecomeRoot::Doas { "doas" } else { "none" };
            assert_eq!(out, format!("rabbitup-n1 {word}\n"));
        }
    }
    fakes.program("sudo", SUDO);
    fs::write(fakes.0.join("asks"), "secret").expect("sudo asks");
    let (_, out, err) = run(BecomeRoot::Auto);
    assert!(!out.contains(READY) && err.contains("a password is required"), "{err}");
}

#[test]
fn a_password_reaches_sudo_and_nothing_else() {
    let passwords =
        ["plain", " two  words ", "'single' \"double\"", "$(touch pwned) `id`", "\\n \\", "-n", "#", "ünï"];
    for password in passwords {
        for asks in [true, false] {
            let fakes = Fakes::new("password");
            fakes.program("sudo", SUDO);
            if asks {
                fs::write(fakes.0.join("asks"), password).expect("sudo asks");
            }
            let word = if asks { "sudo-password" } else { "sudo" };
            let password = secret(password);
            for feed in [
                ScriptInput::Argument(SCRIPT),
                ScriptInput::Stdin(SCRIPT.as_bytes()),
                ScriptInput::Held(SCRIPT),
            ] {
                for form in [Form::Whole, Form::Short] {
                    let invocation = Invocation::new("n1", &Way { form, ..way(Some(&password)) }, feed);
                    let shown = String::from_utf8_lossy(password.expose()).into_owned();
                    if shown.len() > 2 {
                        assert!(!invocation.command.contains(&shown), "{}", invocation.command);
                    }
                    let (code, out, err) = fakes.run(&invocation);
                    let expected = format!("rabbitup-n1 {word}\nrabbitup-root\nas {word}: it's $HOME\n0\n");
                    assert_eq!((code, out), (3, expected), "{shown:?}, asks: {asks}: {err}");
                    assert!(!err.contains("not found"), "{err}");
                    assert_eq!(fakes.file("tried"), "");
                }
            }
        }
    }
}

#[test]
fn a_wrong_password_is_tried_once() {
    let fakes = Fakes::new("wrong");
    fakes.program("sudo", SUDO);
    fs::write(fakes.0.join("asks"), "right").expect("sudo asks");
    let password = secret("wrong");
    let mut invocation = Invocation::new("n1", &way(Some(&password)), ScriptInput::Argument(SCRIPT));
    // The writer waits for the marker, sees sudo's second prompt instead, and closes the input.
    invocation.stdin.then = None;
    let (code, out, err) = fakes.run(&invocation);
    assert!(code != 0 && out == "rabbitup-n1 sudo-password\n", "{out}");
    assert_eq!(err.matches(&invocation.prompt).count(), 2, "{err}");
    assert_eq!(fakes.file("tried"), "wrong\n");
}

#[test]
fn an_incomplete_script_does_not_run() {
    let fakes = Fakes::new("part");
    fakes.program("id", "#!/bin/sh\necho 0\n");
    let mut invocation = Invocation::new("n1", &way(None), ScriptInput::Stdin(b"echo one\necho two\n"));
    let whole = invocation.stdin.then.take().expect("the text").expose().to_vec();
    for cut in 0..whole.len() - 1 {
        invocation.stdin.then = Some(Secret::new(whole[..cut].to_vec()));
        let (code, out, _) = fakes.run(&invocation);
        assert_eq!((code, out.as_str()), (74, "rabbitup-n1 root\nrabbitup-root\n"), "{cut} bytes");
    }
    invocation.stdin.then = Some(Secret::new(whole));
    assert_eq!(fakes.run(&invocation).1, "rabbitup-n1 root\nrabbitup-root\none\ntwo\n");
}

#[test]
fn a_long_script_goes_over_standard_input() {
    let fakes = Fakes::new("long");
    fakes.program("id", "#!/bin/sh\necho 0\n");
    let script = format!(": {}\necho done; wc -c", "x".repeat(300 * 1024));
    let invocation = Invocation::new("n1", &way(None), ScriptInput::Argument(&script));
    assert!(invocation.command.len() < 2000);
    assert_eq!(fakes.run(&invocation).1, "rabbitup-n1 root\nrabbitup-root\ndone\n0\n");
}

#[test]
fn a_root_shell_killed_by_a_signal_yields_an_exit_code() {
    let fakes = Fakes::new("signal");
    fakes.program("id", "#!/bin/sh\necho 0\n");
    let (code, ..) = fakes.run(&Invocation::new("n1", &way(None), ScriptInput::Argument("kill -9 $$")));
    assert_eq!(code, 128 + 9);
}

/// The command in a rule is the same for every run, script, method and password.
#[test]
fn sudo_is_given_one_command_only() {
    let fakes = Fakes::new("constant");
    fakes.program("sudo", SUDO);
    let password = secret("plain");
    for (nonce, script) in [("n1", "echo one"), ("n2", "echo two; echo three")] {
        for password in [None, Some(&password)] {
            for learned in [None, Some(Method::Sudo)] {
                for feed in [
                    ScriptInput::Argument(script),
                    ScriptInput::Stdin(script.as_bytes()),
                    ScriptInput::Held(script),
                ] {
                    for form in [Form::Whole, Form::Short] {
                        let way = Way { learned, form, ..way(password) };
                        let (code, out, err) = fakes.run(&Invocation::new(nonce, &way, feed));
                        assert!(code == 0 && out.contains("rabbitup-root\n"), "{out}{err}");
                    }
                }
            }
        }
    }
    let log = fakes.file("log");
    let commands = log.lines().map(|line| line.split_once("/bin/sh ").map(|(_, arguments)| arguments));
    let expected = format!("-c {}", root_text());
    assert!(log.lines().count() > 20);
    assert!(commands.into_iter().all(|command| command == Some(expected.as_str())), "{log}");
}

/// For a root login the script is in the command, which saves one round trip.
#[test]
fn a_held_script_of_root_needs_no_input() {
    let fakes = Fakes::new("held");
    fakes.program("id", "#!/bin/sh\necho 0\n");
    for way in [
        Way { r#become: BecomeRoot::Root, ..way(None) },
        Way { learned: Some(Method::Root), ..way(Some(&secret("unused"))) },
    ] {
        let invocation = Invocation::new("n1", &way, ScriptInput::Held(SCRIPT));
        assert!(invocation.stdin.first.is_none() && invocation.stdin.then.is_none());
        let expected = "rabbitup-n1 root\nrabbitup-root\nas root: it's $HOME\n0\n".to_owned();
        assert_eq!(fakes.run(&invocation), (3, expected, String::new()));
    }
}

#[test]
fn a_held_script_reads_what_comes_behind_it() {
    let fakes = Fakes::new("behind");
    fakes.program("sudo", SUDO);
    let mut invocation =
        Invocation::new("n1", &way(None), ScriptInput::Held("IFS= read -r line\necho \"<$line>\"\n"));
    let mut input = invocation.stdin.then.take().expect("the text").expose().to_vec();
    input.extend_from_slice(b" a line\n");
    invocation.stdin.then = Some(Secret::new(input));
    assert_eq!(fakes.run(&invocation).1, "rabbitup-n1 sudo\nrabbitup-root\n< a line>\n");
}

/// Although sudo would let it.
#[test]
fn a_login_that_is_not_to_become_root_stays_itself() {
    let fakes = Fakes::new("never");
    fakes.program("sudo", SUDO);
    let password = secret("s3cret");
    for learned in [None, Some(Method::Login)] {
        for feed in
            [ScriptInput::Argument(SCRIPT), ScriptInput::Stdin(SCRIPT.as_bytes()), ScriptInput::Held(SCRIPT)]
        {
            for form in [Form::Whole, Form::Short] {
                let way = Way { r#become: BecomeRoot::Never, learned, form, ..way(Some(&password)) };
                let invocation = Invocation::new("n1", &way, feed);
                assert!(invocation.stdin.first.is_none(), "no password is sent");
                let (code, out, err) = fakes.run(&invocation);
                assert!(code == 3 && out.starts_with("rabbitup-n1 login\nrabbitup-root\n"), "{out}{err}");
            }
        }
    }
    assert_eq!(fakes.file("log"), "", "sudo was not asked");
}
