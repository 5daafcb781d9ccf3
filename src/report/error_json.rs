//! Why a command ended early, for machines.

use serde::Serialize;

use super::refusals::RefusalDocument;
use super::under_way::UnderWay;
use super::unreachable::UnreachableDocument;
use crate::document::ProblemDocument;

/// What kept a command from doing what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The command line, an inventory, a playbook or a template is wrong; no host was touched.
    Usage,
    /// There are reasons against every plan.
    Refused,
    /// Hosts did not answer.
    Unreachable,
    /// Somebody else is at work on a host.
    Locked,
    /// The hosts are not what they were when a saved plan was made.
    Stale,
    /// A plan was not confirmed, or destroys more than the one that was.
    Unconfirmed,
    /// Something else went wrong.
    Failed,
}

/// A command's error: the one document of its output, or the last line where it printed events.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorDocument<'a> {
    pub format_version: u32,
    /// `error`: among events it is one of them.
    pub event: &'static str,
    pub error: ErrorKind,
    pub exit_code: u8,
    /// What failed, in a sentence.
    pub message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'a str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<&'a str>,
    /// Commands that do it.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub commands: &'a [String],
    #[serde(flatten)]
    pub details: &'a Details,
}

/// What is known beside the sentence.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(untagged)]
pub enum Details {
    #[default]
    None,
    Refusals(RefusalDocument),
    Unreachable(UnreachableDocument),
    Problems {
        problems: Vec<ProblemDocument>,
    },
    /// Whose runs are under way.
    UnderWay {
        under_way: Vec<UnderWay>,
    },
    /// What a plan destroys that nobody was shown.
    Destroys {
        destroys: Vec<String>,
    },
}
