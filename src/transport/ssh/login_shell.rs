//! What the login shell is given. sshd hands every command to it, and it need not be a POSIX shell: csh and tcsh expand `!` and
//! accept no line end inside single quotes, fish reads `\'` and `\\` there as escapes. A word in single quotes without any of these
//! is the same for all of them, so /bin/sh gets its script in such a word, and decodes it.

use std::fmt::Write as _;

/// How the script reaches /bin/sh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// In the command, which costs one round trip.
    #[default]
    Whole,
    /// Over standard input, a round trip later: for login shells that limit the length of a word (csh: 8 KiB), or that allow
    /// neither `exec` nor a path (a restricted shell, bash(1)).
    Short,
}

/// `/bin/sh` evaluates `outer` with `text` in the variable of that name.
pub(super) fn whole(outer: &str, text: &str) -> String {
    format!(
        "exec /bin/sh -c 'text=$(printf %b \"$2\"); eval \"$(printf %b \"$1\")\"' sh {} {}",
        word(outer),
        word(text)
    )
}

/// `sh` evaluates the first line of its standard input, decoded. `read` takes single bytes from a pipe and leaves the rest.
pub(super) const SHORT: &str = "sh -c 'IFS= read -r text && eval \"$(printf %b \"$text\")\"'";

/// The first line for [`SHORT`].
pub(super) fn short_line(outer: &str) -> String {
    format!("text=; {}\n", encoded(outer))
}

/// A word that POSIX shells, csh, tcsh and fish read alike.
fn word(text: &str) -> String {
    format!("'{}'", encoded(text))
}

/// The text for `printf %b`, which decodes `\0ddd` (POSIX.1-2017, XCU `printf`). fish leaves a backslash before a digit alone, csh
/// every backslash. NUL cannot be in a word; it is removed.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        match byte {
            0 => {}
            b'\'' | b'\\' | b'!' | ..=0x1f | 0x7f.. => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "\\0{byte:03o}");
            }
            plain => encoded.push(char::from(plain)),
        }
    }
    encoded
}

/// Asks the login shell what it is: sshd sets both variables from the user database (OpenSSH's session.c, `do_setup_env`).
pub(super) fn question(marker: &str) -> String {
    format!("echo {marker} $USER $SHELL")
}

/// Why the login shell did not start /bin/sh, from its answer to [`question`] and what it said before.
pub(super) fn explained(marker: &str, answer: &str, said: &str) -> String {
    let line = answer.lines().find_map(|line| line.split_once(marker)).map(|(_, rest)| rest.trim());
    let who = line.and_then(|line| line.split_once(' '));
    let why = match who {
        Some((user, shell)) => format!(
            "the login shell of {user} is {shell}, which does not start /bin/sh; as root on the host: chsh -s /bin/sh {user}"
        ),
        // Its own words follow: nologin(8), for one, prints a message and ends.
        None => "the login runs no commands: its shell, or a ForceCommand, ends first".to_owned(),
    };
    format!("{why}\n{}", said.trim()).trim_end().to_owned()
}

#[cfg(test)]
#[path = "login_shell_test.rs"]
mod tests;
