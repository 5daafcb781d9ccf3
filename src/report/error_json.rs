//! Why a command ended early, as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::error_code::{ErrorCode, ErrorKind};
use super::refusals::{RefusalDocument, RefusalEntry};
use super::under_way::UnderWay;
use super::unreachable::{UnreachableDocument, UnreachableEntry};
use crate::document::ProblemDocument;

/// A command's error: the only document in its output, or the last line after events.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorDocument<'a> {
    pub format_version: u32,
    /// `error`, so that it is recognised among events.
    pub event: &'static str,
    /// The kind of error: the part of `code` before the dot.
    pub error: ErrorKind,
    /// What it is, more precisely; of several refusals or hosts, that of the first.
    pub code: ErrorCode,
    /// That of the process.
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
    #[schemars(default)]
    pub commands: &'a [String],
    #[serde(flatten)]
    #[schemars(with = "AnyDetails")]
    pub details: &'a Details,
}

/// Further details.
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
    /// The runs in progress.
    UnderWay {
        under_way: Vec<UnderWay>,
    },
    /// What a plan destroys beyond what was shown.
    Destroys {
        destroys: Vec<String>,
    },
}

/// [`Details`] as readers see them: a document has at most one of these fields.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "it exists only as a schema: flattened, an enum with nothing in it would allow no other field"
)]
struct AnyDetails {
    /// Of a refused plan.
    refusals: Option<Vec<RefusalEntry>>,
    /// The hosts that did not answer.
    unreachable: Option<Vec<UnreachableEntry>>,
    /// Of an inventory, a playbook or a template.
    problems: Option<Vec<ProblemDocument>>,
    /// The runs in progress.
    under_way: Option<Vec<UnderWay>>,
    /// What a plan destroys beyond what was shown.
    destroys: Option<Vec<String>>,
}

/// The JSON Schema of the document, for `rabbitup schema error`.
pub fn error_schema() -> schemars::Schema {
    schemars::schema_for!(ErrorDocument<'static>)
}
