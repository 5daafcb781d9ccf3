use std::error::Error;
use std::process::ExitCode;

use crate::report::{Style, error_text};

/// What the exit code says. Documented in the README; scripts depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Something failed, or the cluster is not healthy.
    Failed,
    /// Changes are pending (`plan --detailed-exitcode`).
    Pending,
    /// Bad usage or a bad inventory; no host was touched.
    Usage,
    /// Somebody else is at work on a host.
    Locked,
    /// Interrupted.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Pending => 2,
            Exit::Usage => 64,
            Exit::Locked => 75,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command ended early, already in the words that are to be printed.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    text: Text,
}

#[derive(Debug)]
enum Text {
    /// A whole report, made elsewhere (an inventory's errors, refusals).
    Report(String),
    /// What failed, why, and what to do next.
    Sentence { what: String, why: Option<String>, next: Option<String> },
}

impl Failure {
    /// A report that was made elsewhere.
    pub fn report(exit: Exit, report: String) -> Self {
        Self { exit, text: Text::Report(report) }
    }

    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, text: Text::Sentence { what: what.into(), why: None, next: None } }
    }

    pub fn other(what: impl Into<String>, why: &dyn Error) -> Self {
        Self::new(Exit::Failed, what).why(why.to_string())
    }

    pub fn why(mut self, reason: impl Into<String>) -> Self {
        if let Text::Sentence { why, .. } = &mut self.text {
            *why = Some(reason.into());
        }
        self
    }

    pub fn next(mut self, advice: impl Into<String>) -> Self {
        if let Text::Sentence { next, .. } = &mut self.text {
            *next = Some(advice.into());
        }
        self
    }

    /// Prints it on standard error.
    pub fn print(&self, style: Style) {
        let text = match &self.text {
            Text::Report(report) => report.clone(),
            Text::Sentence { what, why, next } => {
                let error = Told {
                    what: what.clone(),
                    why: why.clone().map(|why| Told { what: why, why: None }).map(Box::new),
                };
                error_text(&error, next.as_deref(), style)
            }
        };
        super::print::stderr(&text);
    }
}

/// A sentence with a reason, as an error chain, so that all errors are printed by one function.
#[derive(Debug)]
struct Told {
    what: String,
    why: Option<Box<Told>>,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.why.as_deref().map(|why| why as _)
    }
}
