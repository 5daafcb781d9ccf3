use handlebars::{RenderError, RenderErrorReason};

use super::{TemplateName, sample};
use crate::document::nearest;

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template `{}`{}: {fault}", name.as_str(), place(*line, *column))]
pub struct TemplateError {
    pub name: TemplateName,
    /// From 1.
    pub line: Option<usize>,
    /// From 1.
    pub column: Option<usize>,
    pub fault: TemplateFault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    #[error("it does not compile: {0}")]
    Compile(String),
    #[error("there is no variable `{variable}`")]
    UnknownVariable { variable: String, nearest: Option<String>, known: Vec<String> },
    #[error("`{0}` has no value in this inventory")]
    NoValue(String),
    #[error("there is no helper or partial `{0}`")]
    UnknownHelper(String),
    #[error("it cannot be rendered: {0}")]
    Other(String),
}

impl TemplateError {
    pub(super) fn compile(name: TemplateName, error: &handlebars::TemplateError) -> Self {
        let (line, column) = error.pos().unzip();
        let reason = error.reason().to_string();
        // The parser draws the place over several lines; its last says what it wanted.
        let message = match reason.trim().lines().rfind(|line| line.trim_start().starts_with("= ")) {
            Some(wanted) => wanted.trim_start_matches([' ', '=']).to_owned(),
            None => reason.trim().lines().next().unwrap_or_default().to_owned(),
        };
        Self { name, line, column, fault: TemplateFault::Compile(message) }
    }

    pub(super) fn render(name: TemplateName, error: &RenderError) -> Self {
        let fault = match error.reason() {
            RenderErrorReason::MissingVariable(variable) => {
                missing(name, variable.as_deref().unwrap_or("(not named)"))
            }
            RenderErrorReason::HelperNotFound(word)
            | RenderErrorReason::DecoratorNotFound(word)
            | RenderErrorReason::PartialNotFound(word)
            | RenderErrorReason::TemplateNotFound(word) => TemplateFault::UnknownHelper(word.clone()),
            other => TemplateFault::Other(other.to_string()),
        };
        Self { name, line: error.line_no, column: error.column_no, fault }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match &self.fault {
            TemplateFault::UnknownVariable { nearest: Some(word), .. } => format!("did you mean `{word}`?"),
            TemplateFault::UnknownVariable { known, .. } => format!("known here: {}", known.join(", ")),
            TemplateFault::NoValue(variable) => {
                format!("put it between {{{{#if {variable}}}}} and {{{{/if}}}}")
            }
            TemplateFault::UnknownHelper(_) => {
                "handlebars' own are if, unless, each, with, lookup, eq, ne, gt, lt, and, or, not".to_owned()
            }
            TemplateFault::Compile(_) | TemplateFault::Other(_) => format!(
                "`rabbitup render {}` prints what the embedded template makes; compare with templates/{}",
                self.name.as_str(),
                self.name.file()
            ),
        }
    }
}

fn place(line: Option<usize>, column: Option<usize>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(", line {line}, column {column}"),
        (Some(line), None) => format!(", line {line}"),
        _ => String::new(),
    }
}

fn missing(name: TemplateName, variable: &str) -> TemplateFault {
    let mut known = Vec::new();
    collect(&sample(name), "", &mut known);
    let bare = variable.trim_start_matches("../").trim_start_matches("this.");
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    if known.iter().any(|path| path == bare) {
        return TemplateFault::NoValue(variable.to_owned());
    }
    let near = nearest(bare, known.iter().map(String::as_str)).map(str::to_owned);
    // Within an `each` a variable is named without its list: compare last parts too.
    let near = near.or_else(|| {
        let parts: Vec<String> = known.iter().map(|path| last(path)).collect();
        nearest(&last(bare), parts.iter().map(String::as_str)).map(str::to_owned)
    });
    TemplateFault::UnknownVariable { variable: variable.to_owned(), nearest: near, known }
}

fn collect(value: &serde_json::Value, path: &str, known: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                known.push(path.clone());
                collect(value, &path, known);
            }
        }
        serde_json::Value::Array(items) => items.iter().take(1).for_each(|item| collect(item, path, known)),
        _ => {}
    }
}
