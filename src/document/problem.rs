use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles,
};

use schemars::JsonSchema;
use serde::Serialize;

use super::Source;
use crate::model::{one_line, printable};

/// A problem as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemDocument {
    pub severity: Severity,
    /// The file, as it was named on the command line or in the inventory; none if no file is at fault.
    pub file: Option<String>,
    /// The line in the file, from 1; none for the whole file.
    pub line: Option<usize>,
    /// The character in the line, from 1; none for the whole file.
    pub column: Option<usize>,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Whether a problem stops the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProblemSeverity")]
pub enum Severity {
    Error,
    Warning,
}

/// One problem of a document, its position, and what to do about it.
///
/// It is not the shape of other problems (`model::Problem`): it concerns a text and no host, its evidence is the text itself,
/// which is drawn with labels, and it may be a warning only.
#[derive(Clone, Debug)]
pub struct Problem {
    severity: Severity,
    message: String,
    hint: Option<String>,
    labels: Vec<(Range<usize>, String)>,
    place: Option<Place>,
}

/// Where a problem is.
#[derive(Clone, Debug)]
enum Place {
    /// In the whole of a file.
    File(Box<str>),
    /// At a byte of a text, even if its line is too long to be drawn.
    Text(Arc<Source>, usize),
}

impl Problem {
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        // Messages quote what was typed.
        Self { severity, message: one_line(&message), hint: None, labels: Vec::new(), place: None }
    }

    /// Adds a position. All positions of one problem are in one document.
    pub fn at(mut self, source: &Arc<Source>, span: Range<usize>, label: impl Into<String>) -> Self {
        let span = source.clamp(span);
        if !matches!(self.place, Some(Place::Text(..))) {
            self.place = Some(Place::Text(Arc::clone(source), span.start));
        }
        if source.is_printable(&span) {
            self.labels.push((span, one_line(&label.into())));
        } else {
            self.message.push_str(&format!(" (line {})", source.line_of(span.start)));
        }
        self
    }

    /// Names the file, where the whole of it is at fault, or it is not there.
    pub fn of_file(mut self, path: &Path) -> Self {
        self.place.get_or_insert_with(|| Place::File(one_line(&path.display().to_string()).into()));
        self
    }

    /// Sets what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(printable(&hint.into()));
        self
    }

    pub fn severity(&self) -> Severity {
        self.severity
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same as JSON.
    pub fn document(&self) -> ProblemDocument {
        let (file, at) = match &self.place {
            None => (None, None),
            Some(Place::File(file)) => (Some(file.to_string()), None),
            Some(Place::Text(source, byte)) => {
                (Some(source.shown().name().to_owned()), Some(source.place_of(*byte)))
            }
        };
        let (line, column) = at.unzip();
        ProblemDocument {
            severity: self.severity,
            file,
            line,
            column,
            message: self.message.clone(),
            hint: self.hint.clone(),
        }
    }

    /// The position of the problem, for sorting: problems of the document itself come in its order.
    pub fn start(&self) -> usize {
        self.labels.first().map_or(0, |(span, _)| span.start)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match &self.place {
            Some(Place::Text(source, _)) if !self.labels.is_empty() => Some(source.shown()),
            Some(Place::Text(..) | Place::File(_)) | None => None,
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.labels.iter().map(|(span, label)| LabeledSpan::at(span.clone(), label))))
    }
}

/// How a report is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graphics {
    /// Colours and line-drawing characters.
    Colour,
    /// Line-drawing characters only: `NO_COLOR`.
    Unicode,
    /// ASCII only: for a terminal or a log without UTF-8.
    Ascii,
}

/// How many problems are shown.
const SHOWN: usize = 20;

/// Shows the first problems, and the number of further ones.
pub fn report<'p>(
    problems: impl IntoIterator<Item = &'p Problem>,
    width: usize,
    graphics: Graphics,
) -> String {
    let theme = match graphics {
        Graphics::Colour => GraphicalTheme::unicode(),
        Graphics::Unicode => GraphicalTheme::unicode_nocolor(),
        Graphics::Ascii => {
            GraphicalTheme { characters: ThemeCharacters::ascii(), styles: ThemeStyles::none() }
        }
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_links(false)
        .with_context_lines(1)
        .without_syntax_highlighting();
    let mut text = String::new();
    let mut problems = problems.into_iter();
    for problem in problems.by_ref().take(SHOWN) {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail; if it does, the message replaces the report.
        if handler.render_report(&mut text, problem).is_err() {
            text.push_str(problem.message());
            text.push('\n');
        }
    }
    match problems.count() {
        0 => {}
        more => text.push_str(&format!("\n… and {more} more\n")),
    }
    text
}
