//! The text that a host's login shell runs, so that a script runs as root and the controller knows that it
//! does.
//!
//! Three shells are involved. The login shell runs one `exec sh -c OUTER sh TEXT`. OUTER finds the way to root,
//! prints a marker line with its name, and stays alive under it, so that a root shell ended by a signal still yields
//! an exit code. The root shell's own text is always the same (`privileges`), so that a sudoers rule can name it
//! whole. It prints that it is there, and evaluates the lines that come over standard input behind a word: the first
//! of them reads the script. What comes before both marks is banners and rc files, and where one is missing, the exit
//! code is sudo's and not the script's.

use super::target::BecomeRoot;
use crate::model::{Secret, quote};
use crate::transport::privileges::{READY, SHELL, WORD, root_text};

/// Longest command that goes over as the login shell's argument, in bytes. Linux takes 128 KiB for one argument
/// (`MAX_ARG_STRLEN`).
const LONGEST_COMMAND: usize = 100 * 1024;

/// How a shell came to be root's. The words are what `$become` holds in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Root,
    Sudo,
    SudoPassword,
    Doas,
}

impl Method {
    const ALL: [Self; 4] = [Self::Root, Self::Sudo, Self::SudoPassword, Self::Doas];
    /// The length of `sudo-password`.
    pub(super) const LONGEST_WORD: usize = 13;

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Sudo => "sudo",
            Self::SudoPassword => "sudo-password",
            Self::Doas => "doas",
        }
    }

    pub(super) fn from_word(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.word().as_bytes() == word)
    }
}

/// What the script gets as its text and as its standard input.
#[derive(Clone, Copy)]
pub(super) enum Feed<'a> {
    /// The text in the command, nothing to read. It saves a round trip: sshd lets no input in before it has started
    /// the command (its session channels open with a window of 0).
    Argument(&'a str),
    /// The text over standard input, and nothing else to read there.
    Stdin(&'a [u8]),
    /// Standard input open for as long as the caller holds it, and the text in the command where the login is known
    /// to be root. Behind sudo and doas the text comes over standard input first, a round trip later: what they run
    /// has no argument that changes.
    Held(&'a str),
}

/// One command for a host and what to write to it.
pub(super) struct Invocation {
    /// For the login shell. Holds no secret.
    pub command: String,
    /// Stands at the start of the marker line, before a blank and a [`Method`] word.
    pub marker: String,
    /// What sudo prints on stderr when it asks; a second time means that it refused.
    pub prompt: String,
    pub stdin: Stdin,
}

/// What is written to the command's standard input, and when.
pub(super) struct Stdin {
    /// At once: the password line.
    pub first: Option<Secret>,
    /// Not before the root shell was there where `first` is something, else sudo could take it for another try.
    pub then: Option<Secret>,
}

impl Stdin {
    /// The line that tells the root shell how it came to be. It guesses where none comes, and cannot tell whether
    /// sudo asked.
    pub(super) fn method_line(method: Method) -> String {
        format!("{WORD} become={}\n", method.word())
    }
}

/// How to become root, as far as is known.
pub(super) struct Way<'a> {
    pub r#become: BecomeRoot,
    pub password: Option<&'a Secret>,
    /// What worked here before.
    pub learned: Option<Method>,
}

impl Way<'_> {
    /// The password, where the command may come to a sudo that asks for it.
    fn needed_password(&self) -> Option<&Secret> {
        let sudo = matches!(self.r#become, BecomeRoot::Auto | BecomeRoot::Sudo);
        let asks = matches!(self.learned, None | Some(Method::SudoPassword));
        self.password.filter(|_| sudo && asks)
    }

    /// Whether neither sudo nor doas will be asked.
    fn is_root(&self) -> bool {
        matches!((self.learned, self.r#become), (Some(Method::Root), _) | (None, BecomeRoot::Root))
    }
}

impl Invocation {
    /// Puts the command together. `nonce` is fresh random text of letters and digits.
    pub(super) fn new(nonce: &str, way: &Way<'_>, feed: Feed<'_>) -> Self {
        let marker = format!("rabbitup-{nonce}");
        let prompt = format!("[rabbitup-ask-{nonce}]");
        let password = way.needed_password();
        let (input, text, then) = match feed {
            // Where sudo reads its standard input, no text may stand behind the password before sudo is done.
            Feed::Argument(text) if password.is_none() => {
                (Input::Text, format!("{}\n{text}\n# {marker}", whole_text(&marker)), None)
            }
            Feed::Argument(text) => (Input::Session, String::new(), Some(framed(&marker, text.as_bytes()))),
            Feed::Stdin(text) => (Input::Session, String::new(), Some(framed(&marker, text))),
            Feed::Held(text) if way.is_root() => {
                (Input::Nothing, format!("echo {READY}\n{}\n{text}", prelude()), None)
            }
            Feed::Held(text) => {
                let bytes = format!("{}\n{text}\n# {marker}\n", text_by_lines(&marker)).into_bytes();
                (Input::Session, String::new(), Some(Secret::new(bytes)))
            }
        };
        let outer = outer(way, password.is_some().into(), &marker, &prompt, input);
        // By its path, and with the usual places in PATH where a login has lost them.
        let command = format!("exec /bin/sh -c {} sh {}", quote(&outer), quote(&text));
        match feed {
            Feed::Argument(text) if command.len() > LONGEST_COMMAND => {
                Self::new(nonce, way, Feed::Stdin(text.as_bytes()))
            }
            _ => {
                let first = password.map(|secret| line(secret.expose()));
                Self { command, marker, prompt, stdin: Stdin { first, then } }
            }
        }
    }
}

/// What the root shell gets from the command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    /// The text, and then the end of its input.
    Text,
    /// Nothing: the session's own standard input brings the text.
    Session,
    /// The text as its own, for a login that is root: no rule has to know it.
    Nothing,
}

/// The start of every script. A short fixed environment, and a working directory that every user may enter: what
/// `su` starts later fails in a home directory that is closed to it.
///
/// A bash that is started in it reads no file first: it would read the one in BASH_ENV, and where SSH_CLIENT is set
/// the login's .bashrc once more (bash(1), INVOCATION; Debian builds it with SSH_SOURCE_BASHRC).
fn prelude() -> String {
    ": \"${become:=${DOAS_USER:+doas}}\" \"${become:=${SUDO_USER:+sudo}}\" \"${become:=root}\"; \
     LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH; \
     unset BASH_ENV ENV SSH_CLIENT SSH2_CLIENT; umask 022; cd /"
        .to_owned()
}

const INCOMPLETE: &str = "echo 'rabbitup: the script arrived incomplete, nothing of it was run' >&2; exit 74";

/// The line that reads all of standard input, and runs it only where its last line came too. The text is in a
/// variable of the shell that is not exported: in no argv, environment or file.
fn whole_text(marker: &str) -> String {
    format!(
        "{WORD} {}; text=$(cat); case $text in *'# {marker}') ;; *) {INCOMPLETE} ;; esac; \
         exec </dev/null; eval \"$text\"; exit",
        prelude()
    )
}

/// The same for a script whose standard input stays open. Only for a short text: the shell reads it byte by byte.
fn text_by_lines(marker: &str) -> String {
    format!(
        "{WORD} {}; nl=$(printf '\\nx'); nl=${{nl%x}} text=; while IFS= read -r line; do \
         case $line in '# {marker}') unset line; eval \"$text\"; exit ;; esac; text=$text$line$nl; done; {INCOMPLETE}",
        prelude()
    )
}

fn framed(marker: &str, text: &[u8]) -> Secret {
    let lead = whole_text(marker);
    // Sized once: a vector that grows leaves copies of the secret behind.
    let mut bytes = Vec::with_capacity(lead.len() + text.len() + marker.len() + 5);
    for part in [lead.as_bytes(), b"\n", text, b"\n# ", marker.as_bytes(), b"\n"] {
        bytes.extend_from_slice(part);
    }
    Secret::new(bytes)
}

fn line(text: &[u8]) -> Secret {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text);
    bytes.push(b'\n');
    Secret::new(bytes)
}

/// Whether a sudo password is at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Password {
    Given,
    None,
}

impl From<bool> for Password {
    fn from(given: bool) -> Self {
        if given { Self::Given } else { Self::None }
    }
}

/// The text that finds the way to root. sudo(8): `-n` never asks; `-S` reads one line of standard input as
/// the password; `-k` with a command neither uses nor leaves cached credentials; `-p` is what it asks with.
fn outer(way: &Way<'_>, password: Password, marker: &str, prompt: &str, input: Input) -> String {
    let root_shell = format!("{SHELL} -c \"$shell\"");
    let ask = format!("run sudo-password sudo -k -S -p {}\n", quote(prompt));
    // What needs no password is tried first, with the very command that will run: sudoers may allow that
    // alone.
    let try_sudo =
        |k: &str| format!("why=$(echo {WORD} exit | sudo {k}-n {root_shell} 2>&1) && run sudo sudo {k}-n\n");
    let refused = format!("{SUDO_RULES}printf '%s\\n' \"$why\" \"$nor\" \"$rules\" >&2\n");
    let way = match (way.learned, way.r#become, password) {
        (Some(Method::Root), ..) => "run root\n".to_owned(),
        (Some(Method::Sudo), ..) => "run sudo sudo -n\n".to_owned(),
        (Some(Method::Doas), ..) | (None, BecomeRoot::Doas, _) => "run doas doas -n\n".to_owned(),
        (Some(Method::SudoPassword), _, Password::Given) => ask,
        (None, BecomeRoot::Root, _) => "[ \"$(id -u)\" = 0 ] && run root\n\
             echo \"rabbitup: the login $(id -un) is not root\" >&2\n"
            .to_owned(),
        (_, BecomeRoot::Sudo, Password::Given) => format!("{}{ask}", try_sudo("-k ")),
        (_, BecomeRoot::Sudo, Password::None) => format!("{}{refused}", try_sudo("")),
        (_, _, password) => {
            let sudo = match password {
                Password::Given => {
                    format!("{}if command -v sudo >/dev/null 2>&1; then {ask}fi\n", try_sudo("-k "))
                }
                Password::None => try_sudo(""),
            };
            format!(
                "[ \"$(id -u)\" = 0 ] && run root\n\
                 {sudo}\
                 if command -v doas >/dev/null 2>&1; then\n\
                 nor=$(echo {WORD} exit | doas -n {root_shell} 2>&1) && run doas doas -n\n\
                 fi\n\
                 {refused}"
            )
        }
    };
    // printf is the shell's own: the text is in no argument of another process, and sudo, which writes every
    // argument to the host's log, does not see it.
    let (shell, text) = match input {
        Input::Text => (quote(&root_text()), "printf '%s\\n' \"WORD become=$word\" \"$text\" | "),
        Input::Session => (quote(&root_text()), ""),
        Input::Nothing => ("$text".to_owned(), ""),
    };
    format!(
        "LC_ALL=C; export LC_ALL\n\
         command -v id >/dev/null || PATH=${{PATH-}}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
         export PATH\n\
         text=$1 shell={shell} why= nor= rules=\n\
         run() {{ word=$1; shift; echo \"{marker} $word\"; {text}\"$@\" {root_shell}; exit $?; }}\n\
         {way}exit 1\n",
        text = text.replace("WORD", WORD)
    )
}

/// What sudo does allow the login, where it tells that without a password (sudo lists where any rule is NOPASSWD).
const SUDO_RULES: &str = "rules=$(sudo -n -l 2>/dev/null </dev/null)\n\
     case $rules in\n\
     *'may run the following commands'*) rules=\"sudo allows this login${rules##*may run the following commands}\" ;;\n\
     *) rules= ;;\n\
     esac\n";

#[cfg(test)]
#[path = "elevate_test.rs"]
mod tests;
