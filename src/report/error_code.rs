//! The codes of errors in JSON. A code never changes and never gets another meaning: scripts decide by it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::facts::UnreachableCause;
use crate::plan::RefusalKind;

/// Why a command did not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The command line, an inventory, a playbook or a template is invalid; no host was contacted.
    Usage,
    /// Planning was refused.
    Refused,
    /// Hosts did not answer.
    Unreachable,
    /// Another run is in progress on a host.
    Locked,
    /// The hosts have changed since a saved plan was made.
    Stale,
    /// A plan was not confirmed, or destroys more than the one that was.
    Unconfirmed,
    /// A signal ended the command between its steps.
    Interrupted,
    /// Something else went wrong.
    Failed,
}

impl ErrorKind {
    /// As in JSON.
    fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Locked => "locked",
            Self::Stale => "stale",
            Self::Unconfirmed => "unconfirmed",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// What ended a command early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    Refused(RefusalKind),
    Unreachable(UnreachableCause),
    Other(FailureCode),
}

/// Declares the codes of failures that are neither refusals nor hosts that did not answer.
macro_rules! failures {
    ($(#[doc = $doc:literal] $name:ident: $kind:ident = $word:literal,)*) => {
        /// What ended a command early, besides refusals and hosts that did not answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FailureCode {
            $(#[doc = $doc] $name,)*
        }

        impl FailureCode {
            const ALL: &[Self] = &[$(Self::$name,)*];

            fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$name => ErrorKind::$kind,)*
                }
            }

            fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $doc,)*
                }
            }
        }
    };
}

failures! {
    /// The command line is not understood.
    CommandLine: Usage = "command-line",
    /// The inventory is missing, distrusted or invalid.
    Inventory: Usage = "inventory",
    /// The playbook is unknown or invalid.
    Playbook: Usage = "playbook",
    /// The playbook does not take these values.
    Values: Usage = "values",
    /// The template is unknown, invalid or not used by the inventory.
    Template: Usage = "template",
    /// A host that is named on the command line is not in the inventory.
    UnknownHost: Usage = "unknown-host",
    /// A role that is named on the command line does not exist.
    UnknownRole: Usage = "unknown-role",
    /// No inventory can be made of these hosts.
    StarterHosts: Usage = "starter-hosts",
    /// The Ansible inventory cannot be read, or no inventory can be made of it.
    AnsibleInventory: Usage = "ansible-inventory",
    /// The file to write is there already.
    FileExists: Usage = "file-exists",
    /// The file to write is no regular file, or cannot be written where it should be.
    OutputFile: Usage = "output-file",
    /// The log cannot be written.
    LogFile: Usage = "log-file",
    /// The password for sudo could not be read.
    BecomePassword: Usage = "become-password",
    /// The command for a secret did not give one.
    SecretCommand: Usage = "secret-command",
    /// The plan must be confirmed, and there is no terminal to ask on.
    NobodyToAsk: Usage = "nobody-to-ask",
    /// The file is no plan that can be applied.
    SavedPlan: Usage = "saved-plan",
    /// No run has this name, or several have.
    UnknownRun: Usage = "unknown-run",
    /// The host cannot be adopted: no broker runs there, or an inventory cannot express what it has.
    NotAdoptable: Refused = "not-adoptable",
    /// Another run is in progress on a host.
    RunInProgress: Locked = "run-in-progress",
    /// A step of an earlier run is still running on a host.
    StepRunning: Locked = "step-running",
    /// The hosts have changed since the saved plan was made.
    FactsMoved: Stale = "facts-moved",
    /// The plan destroys more than the one that `--yes` was for.
    DestroysMore: Unconfirmed = "destroys-more",
    /// A signal ended the command before its first step.
    InterruptedBeforeSteps: Interrupted = "before-steps",
    /// A signal ended the command when steps of it had ended.
    InterruptedAfterSteps: Interrupted = "after-steps",
    /// After the run there is still something to do.
    Unfinished: Failed = "unfinished",
    /// The run failed half-way, and its recovery cannot be planned before a step of it has ended.
    HalfWay: Failed = "half-way",
    /// A host cannot be locked.
    CannotLock: Failed = "cannot-lock",
    /// A file could not be written.
    FileNotWritten: Failed = "file-not-written",
    /// A journal could not be read.
    Journal: Failed = "journal",
    /// The system did not do what rabbitup needs, or rabbitup has a defect.
    Internal: Failed = "internal",
}

/// All causes, in the order of the documentation.
const CAUSES: [UnreachableCause; 13] = [
    UnreachableCause::NoConnection,
    UnreachableCause::NameUnknown,
    UnreachableCause::SshConfiguration,
    UnreachableCause::HostKeyChanged,
    UnreachableCause::HostKeyUnknown,
    UnreachableCause::AuthenticationRefused,
    UnreachableCause::LoginShell,
    UnreachableCause::NoPrivilege,
    UnreachableCause::SudoPassword,
    UnreachableCause::SudoPasswordRefused,
    UnreachableCause::SudoRule,
    UnreachableCause::Garbled,
    UnreachableCause::TimedOut,
];

/// The word for a cause, and what it means.
fn of_cause(cause: UnreachableCause) -> (&'static str, &'static str) {
    match cause {
        UnreachableCause::NoConnection => {
            ("no-connection", "The address does not answer, refuses, or has no route.")
        }
        UnreachableCause::NameUnknown => ("name-unknown", "The host's name for ssh does not resolve."),
        UnreachableCause::SshConfiguration => {
            ("ssh-configuration", "ssh does not start: its configuration file is missing or wrong.")
        }
        UnreachableCause::HostKeyChanged => ("host-key-changed", "The host's key has changed."),
        UnreachableCause::HostKeyUnknown => ("host-key-unknown", "The host's key is unknown."),
        UnreachableCause::AuthenticationRefused => {
            ("authentication-refused", "The host accepts none of the keys offered.")
        }
        UnreachableCause::LoginShell => ("login-shell", "The login shell does not start /bin/sh."),
        UnreachableCause::NoPrivilege => ("no-privilege", "The login is not root and cannot become root."),
        UnreachableCause::SudoPassword => ("sudo-password", "sudo asks for a password that was not given."),
        UnreachableCause::SudoPasswordRefused => {
            ("sudo-password-refused", "sudo refuses the password that was given.")
        }
        UnreachableCause::SudoRule => ("sudo-rule", "sudo allows the login only other commands."),
        UnreachableCause::Garbled => ("garbled", "The reply was incomplete."),
        UnreachableCause::TimedOut => ("timed-out", "The reply timed out."),
    }
}

impl ErrorCode {
    /// All of them, in the order of the documentation.
    fn all() -> impl Iterator<Item = Self> {
        let refusals = RefusalKind::ALL.iter().copied().map(Self::Refused);
        let unreachable = CAUSES.into_iter().map(Self::Unreachable);
        FailureCode::ALL.iter().copied().map(Self::Other).chain(unreachable).chain(refusals)
    }

    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Refused(_) => ErrorKind::Refused,
            Self::Unreachable(_) => ErrorKind::Unreachable,
            Self::Other(failure) => failure.kind(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Refused(kind) => kind.code(),
            Self::Unreachable(cause) => of_cause(cause).0,
            Self::Other(failure) => failure.word(),
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Refused(kind) => kind.meaning(),
            Self::Unreachable(cause) => of_cause(cause).1,
            Self::Other(failure) => failure.meaning(),
        }
    }
}

impl From<FailureCode> for ErrorCode {
    fn from(code: FailureCode) -> Self {
        Self::Other(code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind().as_str(), self.word())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.collect_str(self)
    }
}

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one =
            |code: Self| json_schema!({ "const": code.to_string(), "description": code.meaning().trim() });
        json_schema!({ "type": "string", "oneOf": Self::all().map(one).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    const BEGIN: &str = "<!-- codes: INSTA_UPDATE=always cargo test --lib error_code -->\n";
    const END: &str = "<!-- end of codes -->\n";

    fn table() -> String {
        let row = |code: ErrorCode| format!("| `{code}` | {} |\n", code.meaning().trim());
        format!("| code | meaning |\n| --- | --- |\n{}", ErrorCode::all().map(row).collect::<String>())
    }

    #[test]
    fn the_documentation_lists_all_codes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
        let page = std::fs::read_to_string(&path).expect("the page is there");
        let (before, rest) = page.split_once(BEGIN).expect("the table begins");
        let (_, after) = rest.split_once(END).expect("the table ends");
        let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
        if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
            std::fs::write(&path, &wanted).expect("the page is ours to write");
        } else {
            assert!(
                page == wanted,
                "docs/json.md is out of date: INSTA_UPDATE=always cargo test --lib error_code"
            );
        }
    }

    /// Nothing rewrites error_codes.txt: a new code is added by hand, and none that is there is changed or removed.
    #[test]
    fn a_code_is_never_changed() {
        let pinned: BTreeSet<String> = include_str!("error_codes.txt").lines().map(str::to_owned).collect();
        let codes: Vec<String> = ErrorCode::all().map(|code| code.to_string()).collect();
        let known: BTreeSet<String> = codes.iter().cloned().collect();
        assert_eq!(known.len(), codes.len(), "no two have one code");
        let lost: Vec<_> = pinned.difference(&known).collect();
        assert!(lost.is_empty(), "scripts depend on these: {lost:?}");
        let new: Vec<_> = known.difference(&pinned).collect();
        assert!(new.is_empty(), "add to src/report/error_codes.txt, for good: {new:?}");
        let plain = |code: &String| code.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '.');
        assert!(codes.iter().all(plain), "{codes:?}");
    }

    #[test]
    fn a_cause_has_the_same_word_as_before() {
        for cause in CAUSES {
            let json = serde_json::to_value(cause).expect("a word");
            assert_eq!(json.as_str().map(|word| word.replace('_', "-")).as_deref(), Some(of_cause(cause).0));
        }
    }
}
