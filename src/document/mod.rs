//! TOML documents written by people: size-limited, checked against their schema, every problem with its position.

mod nearest;
mod problem;
mod read;
mod schema;
mod schema_check;
mod source;
mod spanned;
mod toml_text;
mod trust;
mod words;

pub(crate) use nearest::nearest;
pub use problem::{Graphics, Problem, report};
pub(crate) use problem::{ProblemDocument, Severity};
pub(crate) use read::{ReadError, may_be_read, read_bounded, read_document};
pub(crate) use schema::plain_schema;
pub(crate) use schema_check::Forms;
use schema_check::check_schema;
pub use source::Source;
pub(crate) use spanned::At;
pub(crate) use toml_text::{comment, toml_string};
pub(crate) use words::{alternatives, listed, quoted};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// The largest document that is read: an inventory of a thousand hosts needs a tenth of this.
pub(crate) const LARGEST: usize = 1 << 20;

/// Reads `T` from a document, with all problems that the schema of `T` finds in it.
///
/// Invalid values are removed and the rest is read, so that later checks can continue; `None` means that nothing could be read.
pub(crate) fn read_as<T: DeserializeOwned>(
    source: &std::sync::Arc<Source>,
    schema: &serde_json::Value,
    forms: Forms,
) -> (Option<T>, Vec<Problem>) {
    let (root, errors) = DeTable::parse_recoverable(source.text());
    if !errors.is_empty() {
        return (None, syntax_problems(source, &errors));
    }
    let mut problems = Vec::new();
    let mut root = Spanned::new(root.span(), DeValue::Table(root.into_inner()));
    if !check_schema(&mut root, schema, forms, source, &mut problems) {
        return (None, problems);
    }
    let span = root.span();
    let DeValue::Table(table) = root.into_inner() else { return (None, problems) };
    match T::deserialize(Deserializer::from(Spanned::new(span, table))) {
        Ok(value) => (Some(value), problems),
        Err(error) => {
            // The schema accepted something that the types do not: report serde's message.
            let span = error.span().unwrap_or(0..0);
            problems.push(Problem::error(error.message()).at(source, span, "here"));
            (None, problems)
        }
    }
}

/// The first few syntax errors: later ones usually follow from them.
fn syntax_problems(source: &std::sync::Arc<Source>, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut lines = Vec::new();
    let mut duplicates = false;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = source.line_of(span.start);
        if lines.contains(&line) || problems.len() == 3 {
            continue;
        }
        lines.push(line);
        let fault = SyntaxFault::of(error.message());
        let key = source.text().get(span.clone()).unwrap_or_default();
        let message = match &fault {
            SyntaxFault::Unquoted => "string values must be quoted".to_owned(),
            // Keys after a duplicate table are duplicates too: one report is enough.
            SyntaxFault::Duplicate if duplicates => continue,
            SyntaxFault::Duplicate => format!("`{key}` is a duplicate"),
            SyntaxFault::Unclosed(said) | SyntaxFault::String(said) | SyntaxFault::Other(said) => {
                said.clone()
            }
        };
        duplicates |= fault == SyntaxFault::Duplicate;
        problems
            .push(Problem::error(format!("not TOML: {message}")).at(source, span, "here").hint(fault.hint()));
    }
    problems
}

/// What the parser of TOML found wrong, by its words: it has no other way to say it. Most carry these words.
#[derive(Debug, PartialEq, Eq)]
enum SyntaxFault {
    Duplicate,
    /// A value that is no literal: a string without its quotes.
    Unquoted,
    Unclosed(String),
    /// Something about a string.
    String(String),
    Other(String),
}

impl SyntaxFault {
    fn of(said: &str) -> Self {
        let said = said.lines().collect::<Vec<_>>().join("; ");
        let said = said.strip_suffix(", expected literal string").unwrap_or(&said);
        // toml takes an unquoted string for the literal that starts with the same letter, as in `name = node3`.
        let literals = ["nan", "inf", "true", "false"];
        if literals.iter().any(|literal| said.ends_with(&format!("expected `{literal}`"))) {
            return Self::Unquoted;
        }
        let mentions = |words: &[&str]| words.iter().any(|word| said.contains(word));
        match said {
            "duplicate key" => Self::Duplicate,
            said if mentions(&["unclosed"]) => Self::Unclosed(said.to_owned()),
            said if mentions(&["quote", "string", "literal"]) => Self::String(said.to_owned()),
            said => Self::Other(said.to_owned()),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Unclosed(_) => "close every [ with ], every { with } and every quote with a quote",
            Self::Duplicate => {
                "each key and each [table] may occur only once; for more hosts add [[host]] tables, with two brackets"
            }
            Self::Unquoted | Self::String(_) => "strings need double quotes: name = \"node1\"",
            Self::Other(_) => "write `key = value`, `[table]` or `[[host]]`; strings need double quotes",
        }
    }
}
