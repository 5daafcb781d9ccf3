//! TOML documents written by people: read with a bound, checked against their own schema, every problem with a place.

mod nearest;
mod outline;
mod place;
mod problem;
mod schema;
mod source;
mod trust;
mod words;

pub use nearest::nearest;
pub use outline::Forms;
use outline::check_outline;
pub use place::At;
pub use problem::{Look, Problem, ProblemDocument, Severity, report};
pub use schema::plain_schema;
pub use source::{ReadError, Source, may_be_read, read_bounded, read_document};
pub use trust::Distrust;
pub use words::{alternatives, listed, quoted};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// The largest document that is read: an inventory of a thousand hosts has a tenth of it.
pub const LARGEST: usize = 1 << 20;

/// Reads `T` from a document, with every problem that the schema `T` derives can find in it.
///
/// What is wrong is taken out and the rest is read, so that later checks can go on; `None` means that nothing
/// could be read at all.
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
    if !check_outline(&mut root, schema, forms, source, &mut problems) {
        return (None, problems);
    }
    let span = root.span();
    let DeValue::Table(table) = root.into_inner() else { return (None, problems) };
    match T::deserialize(Deserializer::from(Spanned::new(span, table))) {
        Ok(value) => (Some(value), problems),
        Err(error) => {
            // The schema let something pass that the types do not take: say it in serde's words.
            let span = error.span().unwrap_or(0..0);
            problems.push(Problem::error(error.message()).at(source, span, "here"));
            (None, problems)
        }
    }
}

/// The first few syntax errors: later ones are mostly echoes of earlier ones.
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
        if message == "duplicate key" {
            // What follows a table that stands twice is twice there too: one report is enough.
            if problems.iter().any(|problem| problem.message().contains("second time")) {
                continue;
            }
            let key = source.text().get(span.clone()).unwrap_or_default();
            message = format!("`{key}` stands here for the second time");
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
        "what is opened must be closed: [ with ], { with }, a quote with a quote"
    } else if message.contains("second time") {
        "each key and each [table] stands once; more hosts are more [[host]] tables, with two brackets"
    } else if message.contains("quote") || message.contains("string") || message.contains("literal") {
        "texts stand in double quotes: name = \"node1\""
    } else {
        "a line is `key = value`, `[table]` or `[[host]]`; texts stand in double quotes"
    }
}
