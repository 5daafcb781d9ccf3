//! The text that a host's login shell runs, so that a script runs as root and the controller knows that it
//! does.
//!
//! Three shells are involved. The login shell runs one `exec sh -c OUTER sh ROOT`. OUTER finds the way to
//! root and stays alive under it, so that a root shell ended by a signal still yields an exit code. ROOT, the
//! root shell's own text, first prints a marker line: what comes before it is banners and rc files, and where
//! it is missing, the exit code is sudo's and not the script's.

use super::target::BecomeRoot;
use crate::model::{Secret, quote};

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
    /// The text in the command, standard input open for as long as the caller holds it.
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
    /// Not before the marker was seen where `first` is something, else sudo could take it for another try.
    pub then: Option<Secret>,
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
}

impl Invocation {
    /// Puts the command together. `nonce` is fresh random text of letters and digits.
    pub(super) fn new(nonce: &str, way: &Way<'_>, feed: Feed<'_>) -> Self {
        let marker = format!("rabbitup-{nonce}");
        let prompt = format!("[rabbitup-ask-{nonce}]");
        let password = way.needed_password();
        let lead = if password.is_some() { Lead::Marker } else { Lead::None };
        let feed = match feed {
            // Where sudo reads its standard input, no text may stand behind the password before sudo is done.
            Feed::Argument(text) if password.is_some() => Feed::Stdin(text.as_bytes()),
            feed => feed,
        };
        let skip = password.map(|_| skip_to(&marker)).unwrap_or_default();
        let root = match feed {
            Feed::Argument(_) | Feed::Stdin(_) => whole_text(&marker),
            Feed::Held(text) => text.to_owned(),
        };
        let root = format!("{}{skip}{root}", prelude(&marker));
        let outer = outer(way, password.is_some().into(), &prompt, feed);
        let mut command = format!("exec sh -c {} sh {}", quote(&outer), quote(&root));
        let then = match feed {
            Feed::Argument(text) => {
                command.push(' ');
                command.push_str(&quote(&format!("{text}\n# {marker}")));
                None
            }
            Feed::Stdin(text) => Some(framed(&marker, text, lead)),
            Feed::Held(_) => password.map(|_| line(marker.as_bytes())),
        };
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

/// The start of every root shell. A short fixed environment, and a working directory that every user may
/// enter: what `su` starts later fails in a home directory that is closed to it.
fn prelude(marker: &str) -> String {
    format!(
        "become=$1; shift\n\
         LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n\
         export LC_ALL PATH\n\
         umask 022; cd /\n\
         printf '%s %s\\n' {} \"$become\"\n",
        quote(marker)
    )
}

/// A sudo that needs no password leaves its line unread. `read` takes single bytes from a pipe, so what
/// follows the marker stays for the next reader (POSIX.1-2017, XCU 1.4 and `read`).
fn skip_to(marker: &str) -> String {
    format!("while IFS= read -r line; do case $line in {}) break ;; esac; done\nunset line\n", quote(marker))
}

/// Reads all of standard input, and runs it only where its last line came too. The text is in a variable of
/// the shell that is not exported: in no argv, environment or file.
fn whole_text(marker: &str) -> String {
    format!(
        "text=$(cat)\n\
         case $text in\n\
         *{}) ;;\n\
         *) echo 'rabbitup: the script arrived incomplete, nothing of it was run' >&2; exit 74 ;;\n\
         esac\n\
         exec </dev/null\n\
         eval \"$text\"\n",
        quote(&format!("\n# {marker}"))
    )
}

/// Whether the text on standard input comes after a marker line.
enum Lead {
    None,
    Marker,
}

fn framed(marker: &str, text: &[u8], lead: Lead) -> Secret {
    // Sized once: a vector that grows leaves copies of the secret behind.
    let mut bytes = Vec::with_capacity(text.len() + 2 * marker.len() + 8);
    if let Lead::Marker = lead {
        bytes.extend_from_slice(marker.as_bytes());
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(b"\n# ");
    bytes.extend_from_slice(marker.as_bytes());
    bytes.push(b'\n');
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
fn outer(way: &Way<'_>, password: Password, prompt: &str, feed: Feed<'_>) -> String {
    let ask = format!("run sudo-password sudo -k -S -p {}\n", quote(prompt));
    // What needs no password is tried first, with the very command that will run: sudoers may allow that
    // alone.
    let try_sudo = |k: &str| format!("why=$(sudo {k}-n sh -c : 2>&1 </dev/null) && run sudo sudo {k}-n\n");
    let way = match (way.learned, way.r#become, password) {
        (Some(Method::Root), ..) => "run root\n".to_owned(),
        (Some(Method::Sudo), ..) => "run sudo sudo -n\n".to_owned(),
        (Some(Method::Doas), ..) | (None, BecomeRoot::Doas, _) => "run doas doas -n\n".to_owned(),
        (Some(Method::SudoPassword), _, Password::Given) => ask,
        (None, BecomeRoot::Root, _) => "[ \"$(id -u)\" = 0 ] && run root\n\
             echo \"rabbitup: the login $(id -un) is not root\" >&2\n"
            .to_owned(),
        (_, BecomeRoot::Sudo, Password::Given) => format!("{}{ask}", try_sudo("-k ")),
        (_, BecomeRoot::Sudo, Password::None) => "run sudo sudo -n\n".to_owned(),
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
                 nor=$(doas -n sh -c : 2>&1 </dev/null) && run doas doas -n\n\
                 fi\n\
                 printf '%s\\n' \"$why\" \"$nor\" >&2\n"
            )
        }
    };
    // printf is the shell's own: the text is in no argument of another process, and sudo, which writes every
    // argument to the host's log, does not see it.
    let text = match feed {
        Feed::Argument(_) => "printf '%s\\n' \"$text\" | ",
        Feed::Stdin(_) | Feed::Held(_) => "",
    };
    format!(
        "LC_ALL=C; export LC_ALL\n\
         root=$1 text=${{2-}} why= nor=\n\
         run() {{ word=$1; shift; {text}\"$@\" sh -c \"$root\" sh \"$word\"; exit $?; }}\n\
         {way}exit 1\n"
    )
}

#[cfg(test)]
#[path = "elevate_test.rs"]
mod tests;
