use std::error::Error;
use std::process::ExitCode;

use super::arguments::Form;
use super::command_line::{CommandLine, Words};
use crate::model::{Advice, Cause, Problem};
use crate::report::{Details, ErrorDocument, ErrorKind, Style, error_text};

/// The exit codes. Documented in the README; scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Something failed, a plan was not confirmed, or the cluster is not healthy.
    Failed,
    /// Changes are pending (`plan --detailed-exitcode`).
    Pending,
    /// Bad usage or a bad inventory; no host was contacted.
    Usage,
    /// Another run is in progress on a host.
    Locked,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// As documented in the README.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Pending => 2,
            Self::Usage => 64,
            Self::Locked => 75,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command ended early, as text ready to print.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    kind: ErrorKind,
    // Boxed, so that the rare error does not make every result large.
    text: Box<Text>,
    details: Details,
}

#[derive(Debug)]
enum Text {
    /// A complete report, built elsewhere (an inventory's errors, refusals), and its summary in one sentence.
    Report {
        report: String,
        message: String,
    },
    Sentence(Problem),
}

impl Failure {
    /// A report that was built elsewhere; `message` summarises it in a sentence.
    pub fn report(exit: Exit, report: String, message: impl Into<String>) -> Self {
        Self::of(exit, Text::Report { report, message: message.into() })
    }

    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self::problem(exit, Problem::bare(what))
    }

    pub fn problem(exit: Exit, problem: Problem) -> Self {
        Self::of(exit, Text::Sentence(problem))
    }

    fn of(exit: Exit, text: Text) -> Self {
        let kind = match exit {
            Exit::Usage => ErrorKind::Usage,
            Exit::Locked => ErrorKind::Locked,
            Exit::Done | Exit::Failed | Exit::Pending | Exit::Interrupted => ErrorKind::Failed,
        };
        Self { exit, kind, text: Box::new(text), details: Details::None }
    }

    pub fn other(what: impl Into<String>, why: &dyn Error) -> Self {
        Self::new(Exit::Failed, what).why(why.to_string())
    }

    pub fn why(mut self, reason: impl Into<String>) -> Self {
        if let Text::Sentence(problem) = self.text.as_mut() {
            problem.cause.why = vec![reason.into()];
        }
        self
    }

    pub fn next(self, advice: impl Into<String>) -> Self {
        self.advise(Advice::Sentence(advice.into()))
    }

    /// A command that carries out the advice, on its own line.
    pub fn command(self, command: &CommandLine) -> Self {
        self.advise(Advice::Command(command.to_string()))
    }

    fn advise(mut self, advice: Advice) -> Self {
        if let Text::Sentence(problem) = self.text.as_mut() {
            problem.cause.next.push(advice);
        }
        self
    }

    /// A more precise kind than the exit code implies, with further details.
    pub fn kind(mut self, kind: ErrorKind, details: Details) -> Self {
        self.kind = kind;
        self.details = details;
        self
    }

    /// Inserts the given inventory into every command of its advice.
    pub fn about(mut self, inventory: &Words) -> Self {
        if let Text::Sentence(problem) = self.text.as_mut() {
            problem.cause.reword(|words| inventory.put_into(words));
        }
        self
    }

    /// Prints it on standard error.
    pub fn print(&self, style: Style) {
        let text = match self.text.as_ref() {
            Text::Report { report, .. } => report.clone(),
            Text::Sentence(problem) => error_text(problem, style),
        };
        super::print::stderr(&text);
    }

    /// Prints it on standard output, as JSON.
    pub fn print_json(&self, form: Form) {
        let no_more = Cause::default();
        let (message, cause) = match self.text.as_ref() {
            Text::Report { message, .. } => (message, &no_more),
            Text::Sentence(problem) => (&problem.what, &problem.cause),
        };
        let (mut sentences, mut commands) = (Vec::new(), Vec::new());
        for advice in &cause.next {
            match advice {
                Advice::Sentence(words) => sentences.push(words.as_str()),
                Advice::Command(_) | Advice::Rabbitup(_) => commands.push(advice.words("")),
            }
        }
        let why = cause.why_text();
        let next = (!sentences.is_empty()).then(|| sentences.join("\n"));
        let (error, details) = (self.kind, &self.details);
        let exit_code = self.exit.code();
        let document = ErrorDocument {
            format_version: 1,
            event: "error",
            error,
            exit_code,
            message,
            why: why.as_deref(),
            next: next.as_deref(),
            commands: &commands,
            details,
        };
        match form {
            Form::Document => super::print::json(&document),
            Form::Line => super::print::json_line(&document),
        }
    }
}
