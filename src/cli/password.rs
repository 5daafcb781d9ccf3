//! A password that the operator types at the terminal.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write as _};

use super::exit::Failure;
use super::terminal_modes::ChangedModes;
use crate::model::Secret;
use crate::report::FailureCode;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Line(Vec<u8>),
    /// Ctrl-C or Ctrl-\.
    Interrupt,
    /// Ctrl-D on an empty line, or the terminal is gone.
    End,
}

/// Asks for a password for something.
///
/// # Errors
/// There is no terminal, or the operator interrupts.
pub fn ask(question: &str) -> Result<Secret, Failure> {
    let unread = |why: &str| {
        Failure::new(FailureCode::BecomePassword, "the password could not be read")
            .why(why)
            .next("without a terminal, set RABBITUP_BECOME_PASSWORD instead of --ask-become-pass")
    };
    // A pipe is not what the operator types, even where there is a terminal besides.
    if !io::IsTerminal::is_terminal(&io::stdin()) {
        return Err(unread("standard input is not a terminal"));
    }
    let failed = |error: io::Error| unread(&error.to_string());
    let terminal = File::open("/dev/tty").map_err(failed)?;
    // Before the question: an answer that comes at once is not shown either. What was typed before the question counts.
    let modes = ChangedModes::hidden();
    if !modes.is_changed() {
        return Err(unread("this terminal would show what is typed"));
    }
    let mut screen = io::stderr();
    let typed = write!(screen, "{question}: ").and_then(|()| screen.flush()).and_then(|()| line(terminal));
    drop(modes);
    let _ = writeln!(screen);
    match typed.map_err(failed)? {
        Typed::Line(password) => Ok(Secret::new(password)),
        Typed::Interrupt => Err(Failure::new(
            FailureCode::InterruptedBeforeSteps,
            "interrupted while it asked for a password; nothing was changed",
        )),
        Typed::End => Err(unread("the input ended")),
    }
}

/// Reads keys up to Enter, one by one: what is typed after it is for whoever asks next.
fn line(mut terminal: impl Read) -> io::Result<Typed> {
    let (mut line, mut key) = (Vec::new(), [0]);
    loop {
        match terminal.read(&mut key) {
            Ok(0) => return Ok(Typed::End),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match key[0] {
            b'\n' | b'\r' => return Ok(Typed::Line(line)),
            0x03 | 0x1c => return Ok(Typed::Interrupt),
            0x04 if line.is_empty() => return Ok(Typed::End),
            0x04 => {}
            0x08 | 0x7f => erase(&mut line),
            // Ctrl-U.
            0x15 => line.clear(),
            key => line.push(key),
        }
    }
}

/// Takes away the last character, which may be several bytes of UTF-8.
fn erase(line: &mut Vec<u8>) {
    let is_inside = |byte: u8| byte & 0xc0 == 0x80;
    while line.pop().is_some_and(is_inside) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_what_they_do_in_a_line() {
        let typed = |keys: &[u8]| line(keys).expect("it is there");
        let is = |password: &str| Typed::Line(password.as_bytes().to_vec());
        assert_eq!(typed(b"a b\nrest"), is("a b"));
        assert_eq!(typed(b"\r"), is(""));
        assert_eq!(typed("aßx\u{7f}\u{8}b\n".as_bytes()), is("ab"));
        assert_eq!(typed(b"\x7fwrong\x15right\x04\n"), is("right"));
        assert_eq!(typed(b"abc\x03"), Typed::Interrupt);
        assert_eq!(typed(b"\x04"), Typed::End);
        assert_eq!(typed(b"abc"), Typed::End);
    }
}
