//! The command for a host's login shell that runs a script as root and confirms that to the controller.
//!
//! Three shells are involved. The login shell runs /bin/sh with OUTER and TEXT (`login_shell`). OUTER finds a method to become root,
//! prints a marker line with its name, and stays alive as the parent, so that a root shell killed by a signal still yields an exit
//! code.
//! The root shell's own text is always the same (`privileges`), so that a sudoers rule can match it completely. It prints that it
//! is ready, and evaluates the lines with a marker word on standard input: the first of them reads the script. Output before both
//! marks comes from banners and rc files; if a mark is missing, the exit code is sudo's, not the script's.

use super::login_shell::{self, Form};
use super::target::BecomeRoot;
use crate::model::{Secret, quote};
use crate::transport::privileges::{READY, SHELL, WORD, root_text};

/// The word on the marker line if no method was found. It shows that the login shell has started /bin/sh.
pub(super) const NO_METHOD: &str = "none";

/// The longest command that is passed as the login shell's argument, in bytes. Linux allows 128 KiB for one argument
/// (`MAX_ARG_STRLEN`).
const LONGEST_COMMAND: usize = 100 * 1024;

/// How a shell became root. The words are the values of `$become` in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Root,
    Sudo,
    SudoPassword,
    Doas,
    /// It did not: it stays the login's.
    Login,
}

impl Method {
    const ALL: [Self; 5] = [Self::Root, Self::Sudo, Self::SudoPassword, Self::Doas, Self::Login];
    /// The length of `sudo-password`.
    pub(super) const LONGEST_WORD: usize = 13;

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Sudo => "sudo",
            Self::SudoPassword => "sudo-password",
            Self::Doas => "doas",
            Self::Login => "login",
        }
    }

    pub(super) fn from_word(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.word().as_bytes() == word)
    }
}

/// How the script and its standard input are passed.
#[derive(Clone, Copy)]
pub(super) enum ScriptInput<'a> {
    /// The script in the command, without input. Saves a round trip: sshd accepts no input before it has started the command (its
    /// session channels open with a window of 0).
    Argument(&'a str),
    /// The script over standard input, and no other input.
    Stdin(&'a [u8]),
    /// Standard input stays open as long as the caller holds it, and the script is in the command if the login is known to be
    /// root, or is not to become root. With sudo and doas the script comes first over standard input, a round trip later: their
    /// command has no varying argument.
    Held(&'a str),
}

/// One command for a host and what to write to it.
pub(super) struct Invocation {
    /// For the login shell. Contains no secret.
    pub command: String,
    /// The start of the marker line, before a space and a [`Method`] word.
    pub marker: String,
    /// sudo's prompt on stderr; a second one means that it rejected the password.
    pub prompt: String,
    pub stdin: Stdin,
}

/// The data for the command's standard input, and when to write it.
pub(super) struct Stdin {
    /// At once, and before everything else: the line for a login shell's [`Form::Short`]. Contains no secret.
    pub outer: String,
    /// At once: the password line.
    pub first: Option<Secret>,
    /// If `first` is set, only after the root shell has started; otherwise sudo could take it for another password.
    pub then: Option<Secret>,
}

impl Stdin {
    /// The line that tells the root shell its method. Without it the shell guesses, and cannot know whether sudo asked for a
    /// password.
    pub(super) fn method_line(method: Method) -> String {
        format!("{WORD} become={}\n", method.word())
    }
}

/// What is known about becoming root.
pub(super) struct Way<'a> {
    pub r#become: BecomeRoot,
    pub password: Option<&'a Secret>,
    /// The method that worked here before.
    pub learned: Option<Method>,
    /// What the login shell accepts.
    pub form: Form,
}

impl Way<'_> {
    /// The password, if sudo may ask for it.
    fn needed_password(&self) -> Option<&Secret> {
        let sudo = matches!(self.r#become, BecomeRoot::Auto | BecomeRoot::Sudo);
        let asks = matches!(self.learned, None | Some(Method::SudoPassword));
        self.password.filter(|_| sudo && asks)
    }

    /// Whether neither sudo nor doas is used.
    fn is_direct(&self) -> bool {
        match (self.learned, self.r#become) {
            (Some(Method::Root | Method::Login), _) | (None, BecomeRoot::Root | BecomeRoot::Never) => true,
            (Some(Method::Sudo | Method::SudoPassword | Method::Doas), _)
            | (None, BecomeRoot::Auto | BecomeRoot::Sudo | BecomeRoot::Doas) => false,
        }
    }
}

impl Invocation {
    /// Builds the command. `nonce` is new random text of letters and digits.
    pub(super) fn new(nonce: &str, way: &Way<'_>, feed: ScriptInput<'_>) -> Self {
        let marker = format!("rabbitup-{nonce}");
        let prompt = format!("[rabbitup-ask-{nonce}]");
        let password = way.needed_password();
        let (input, text, then) = match (feed, way.form) {
            // While sudo reads standard input, nothing may follow the password before sudo is done.
            (ScriptInput::Argument(text), Form::Whole) if password.is_none() => {
                (Input::Text, format!("{}\n{text}\n# {marker}", whole_text(&marker)), None)
            }
            (ScriptInput::Argument(text), _) => {
                (Input::Session, String::new(), Some(framed(&marker, text.as_bytes())))
            }
            (ScriptInput::Stdin(text), _) => (Input::Session, String::new(), Some(framed(&marker, text))),
            (ScriptInput::Held(text), Form::Whole) if way.is_direct() => {
                (Input::Nothing, format!("echo {READY}\n{}\n{text}", prelude()), None)
            }
            (ScriptInput::Held(text), _) => {
                let bytes = format!("{}\n{text}\n# {marker}\n", text_by_lines(&marker)).into_bytes();
                (Input::Session, String::new(), Some(Secret::new(bytes)))
            }
        };
        let outer = outer(way, password.is_some().into(), &marker, &prompt, input);
        let (command, outer) = match way.form {
            Form::Whole => (login_shell::whole(&outer, &text), String::new()),
            Form::Short => (login_shell::SHORT.to_owned(), login_shell::short_line(&outer)),
        };
        match feed {
            ScriptInput::Argument(text) if command.len() > LONGEST_COMMAND => {
                Self::new(nonce, way, ScriptInput::Stdin(text.as_bytes()))
            }
            _ => {
                let first = password.map(|secret| line(secret.expose()));
                Self { command, marker, prompt, stdin: Stdin { outer, first, then } }
            }
        }
    }

    /// The question to a login shell that did not start /bin/sh.
    pub(super) fn question(nonce: &str) -> Self {
        let marker = format!("rabbitup-{nonce}");
        let stdin = Stdin { outer: String::new(), first: None, then: None };
        Self { command: login_shell::question(&marker), prompt: format!("[{marker}]"), marker, stdin }
    }
}

/// The root shell's input from the command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    /// The script, then end of input.
    Text,
    /// Nothing: the script comes over the session's standard input.
    Session,
    /// The script as its own text, for a shell that is the login's own, which needs no rule.
    Nothing,
}

/// The start of every script. A short fixed environment, and a working directory that every user can enter: commands started by
/// `su` would fail in an inaccessible home directory. A bash started in it must not read startup files: it would read BASH_ENV,
/// and if SSH_CLIENT is set also the login's .bashrc (bash(1), INVOCATION; Debian builds it with SSH_SOURCE_BASHRC).
fn prelude() -> String {
    ": \"${become:=${DOAS_USER:+doas}}\" \"${become:=${SUDO_USER:+sudo}}\" \"${become:=root}\"; \
     LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH; \
     unset BASH_ENV ENV SSH_CLIENT SSH2_CLIENT; umask 022; cd /"
        .to_owned()
}

const INCOMPLETE: &str = "echo 'rabbitup: the script arrived incomplete, none of it was run' >&2; exit 74";

/// The line that reads all of standard input, and runs it only if its last line arrived too. The script is in a shell variable
/// that is not exported: in no argv, environment or file.
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
    // Allocated once: a growing vector leaves copies of the secret behind.
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

/// Whether a sudo password is available.
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

/// The script that finds a method to become root. sudo(8): `-n` never asks; `-S` reads one line of standard input as
/// the password; `-k` with a command neither uses nor keeps cached credentials; `-p` sets the prompt.
fn outer(way: &Way<'_>, password: Password, marker: &str, prompt: &str, input: Input) -> String {
    let root_shell = format!("{SHELL} -c \"$shell\"");
    let ask = format!("run sudo-password sudo -k -S -p {}\n", quote(prompt));
    // Methods without a password are tried first, with the exact command that will run: sudoers may allow only that.
    let try_sudo =
        |k: &str| format!("why=$(echo {WORD} exit | sudo {k}-n {root_shell} 2>&1) && run sudo sudo {k}-n\n");
    let refused = format!("{SUDO_RULES}printf '%s\\n' \"$why\" \"$nor\" \"$rules\" >&2\n");
    let way = match (way.learned, way.r#become, password) {
        (Some(Method::Root), ..) => "run root\n".to_owned(),
        (Some(Method::Login), ..) | (None, BecomeRoot::Never, _) => "run login\n".to_owned(),
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
    // printf is a builtin: the script is in no argument of another process, and not visible to sudo, which logs every argument.
    let (shell, text) = match input {
        Input::Text => (quote(&root_text()), "printf '%s\\n' \"WORD become=$word\" \"$text\" | "),
        Input::Session => (quote(&root_text()), ""),
        Input::Nothing => ("$text".to_owned(), ""),
    };
    format!(
        "LC_ALL=C; export LC_ALL\n\
         command -v id >/dev/null || PATH=${{PATH-}}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
         export PATH\n\
         shell={shell} why= nor= rules=\n\
         run() {{ word=$1; shift; echo \"{marker} $word\"; {text}\"$@\" {root_shell}; exit $?; }}\n\
         {way}echo {marker} {NO_METHOD}\nexit 1\n",
        text = text.replace("WORD", WORD)
    )
}

/// The commands that sudo allows the user, if it lists them without a password (it does if any rule is NOPASSWD).
const SUDO_RULES: &str = "rules=$(sudo -n -l 2>/dev/null </dev/null)\n\
     case $rules in\n\
     *'may run the following commands'*) rules=\"sudo allows this login${rules##*may run the following commands}\" ;;\n\
     *) rules= ;;\n\
     esac\n";

#[cfg(test)]
#[path = "elevate_test.rs"]
mod tests;
