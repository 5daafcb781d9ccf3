//! The question for a password.

use crate::home::{Home, silent_port};
use crate::terminal::{at_terminal, modes};

const QUESTION: &str = "Password for sudo on the hosts: ";

fn asked(moment: (&str, &[u8])) -> String {
    let (listener, port) = silent_port();
    drop(listener);
    let home = Home::new();
    home.inventory(port);
    at_terminal(&home, "-K status", moment)
}

/// Also one that is typed as soon as the question is there: the terminal was set only after it, which showed the password and lost it.
#[test]
fn a_password_is_not_shown_and_the_run_goes_on() {
    for _ in 0..5 {
        let text = asked((QUESTION, b"s3cret\n"));
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("node1: no connection") && text.contains("rc=1\r\n"), "{text}");
        let modes = modes(&text);
        assert!(modes.len() == 2 && modes[0] == modes[1], "{modes:?} in {text}");
    }
}

#[test]
fn what_was_typed_before_the_question_counts() {
    // The shell's first words: rabbitup has not begun.
    let text = asked((":", b"s3cret\n"));
    assert!(text.contains("node1: no connection") && text.contains("rc=1\r\n"), "{text}");
}

/// Ctrl-C, Ctrl-\\ and Ctrl-D: the terminal shows again what is typed.
#[test]
fn an_interrupt_ends_the_question_and_the_terminal_is_as_before() {
    for (key, code) in [(b"abc\x03", 130), (b"abc\x1c", 130), (b"\x15\x15\x15\x04", 64)] {
        let text = asked((QUESTION, key));
        assert!(text.contains(&format!("rc={code}\r\n")), "{key:?}: {text}");
        let modes = modes(&text);
        assert!(modes.len() == 2 && modes[0] == modes[1], "{modes:?} in {text}");
    }
}
