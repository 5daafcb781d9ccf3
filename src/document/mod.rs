//! TOML documents written by people: size-limited, checked against their schema, every problem with its position.

mod nearest;
mod problem;
mod schema;
mod schema_check;
mod source;
mod spanned;
mod trust;
mod words;

pub use nearest::nearest;
pub use problem::{Graphics, Problem, ProblemDocument, Severity, report};
pub use schema::plain_schema;
pub use schema_check::Forms;
use schema_check::check_schema;
pub use source::{ReadError, Source, may_be_read, read_bounded, read_document};
pub use spanned::At;
pub use trust::Distrust;
pub use words::{alternatives, listed, quoted};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// The largest document that is read: an inventory of a thousand hosts needs a tenth of this.
pub const LARGEST: usize = 1 << 20;

/// Reads `T` from a document, with all problems that the schema of `T` finds in it.
///
/// Invalid values are removed and the rest is read, so that later checks can continue; `None` means that nothing could be read.
pub fn read_as<T: DeserializeOwned>(
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
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = source.line_of(span.start);
        if lines.contains(&line) || problems.len() == 3 {
            continue;
        }
        lines.push(line);
        let mut message = error.message().lines().collect::<Vec<_>>().join("; ");
        if let Some(short) = message.strip_suffix(", expected literal string") {
            message = short.to_owned();
        }
        // toml takes an unquoted string for the literal that starts with the same letter, as in `name = node3`.
        if ["nan", "inf", "true", "false"]
            .iter()
            .any(|literal| message.ends_with(&format!("expected `{literal}`")))
        {
            message = "string values must be quoted".to_owned();
        }
        if message == "duplicate key" {
            // Keys after a duplicate table are duplicates too: one report is enough.
            if problems.iter().any(|problem| problem.message().contains("duplicate")) {
                continue;
            }
            let key = source.text().get(span.clone()).unwrap_or_default();
            message = format!("`{key}` is a duplicate");
        }
        problems.push(
            Problem::error(format!("not TOML: {message}"))
                .at(source, span, "here")
                .hint(syntax_hint(&message)),
        );
    }
    problems
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("unclosed") {
        "close every [ with ], every { with } and every quote with a quote"
    } else if message.contains("duplicate") {
        "each key and each [table] may occur only once; for more hosts add [[host]] tables, with two brackets"
    } else if message.contains("quote") || message.contains("string") || message.contains("literal") {
        "strings need double quotes: name = \"node1\""
    } else {
        "write `key = value`, `[table]` or `[[host]]`; strings need double quotes"
    }
}
