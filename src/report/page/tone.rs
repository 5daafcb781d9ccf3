//! How good or bad something is, in a colour, and in a mark for those who do not see it.

use super::markup::{Element, element};
use crate::cluster::Severity;
use crate::history::Condition;
use crate::plan::Change;

/// The meaning of a colour on a page. Each has a mark and a word of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Bad,
    Quiet,
    Added,
    Changed,
    Removed,
    Restarted,
    Command,
}

impl Tone {
    /// Its class in style.css.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Restarted => "restarted",
            Self::Command => "run",
        }
    }

    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Good => "✔",
            Self::Warning => "▲",
            Self::Bad => "✘",
            Self::Quiet => "·",
            Self::Added => Change::Add.symbol(),
            Self::Changed => Change::Change.symbol(),
            Self::Removed => Change::Remove.symbol(),
            Self::Restarted => Change::Restart.symbol(),
            Self::Command => Change::Command.symbol(),
        }
    }

    /// The mark, which readers of the screen leave out: words say the same beside it.
    pub(super) fn mark(self) -> Element {
        element("span").class("mark").with("aria-hidden", "true").text(self.symbol())
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Bad,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Quiet,
        }
    }
}

impl From<Condition> for Tone {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Good => Self::Good,
            Condition::Warning => Self::Warning,
            Condition::Bad => Self::Bad,
        }
    }
}

impl From<Change> for Tone {
    fn from(change: Change) -> Self {
        match change {
            Change::Add => Self::Added,
            Change::Change => Self::Changed,
            Change::Remove => Self::Removed,
            Change::Restart => Self::Restarted,
            Change::Command => Self::Command,
        }
    }
}
