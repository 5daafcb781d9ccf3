use std::error::Error;
use std::process::ExitCode;

use super::arguments::Form;
use super::command_line::{CommandLine, Words};
use crate::cluster::unreachable::what;
use crate::history::{RunEnded, RunProblem, RunResult};
use crate::model::{Advice, Cause, Problem};
use crate::report::{Details, ErrorCode, ErrorDocument, ErrorKind, FailureCode, Style, error_text};

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
    code: ErrorCode,
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
    pub fn report(code: impl Into<ErrorCode>, report: String, message: impl Into<String>) -> Self {
        Self::of(code.into(), Text::Report { report, message: message.into() })
    }

    pub fn new(code: FailureCode, what: impl Into<String>) -> Self {
        Self::problem(code, Problem::bare(what))
    }

    pub fn problem(code: FailureCode, problem: Problem) -> Self {
        Self::of(code.into(), Text::Sentence(problem))
    }

    fn of(code: ErrorCode, text: Text) -> Self {
        let exit = match code.kind() {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Locked => Exit::Locked,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Refused
            | ErrorKind::Unreachable
            | ErrorKind::Stale
            | ErrorKind::Unconfirmed
            | ErrorKind::Failed => Exit::Failed,
        };
        Self { exit, code, text: Box::new(text), details: Details::None }
    }

    pub fn other(code: FailureCode, what: impl Into<String>, why: &dyn Error) -> Self {
        Self::new(code, what).why(why.to_string())
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

    /// Further details.
    pub fn details(mut self, details: Details) -> Self {
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

    /// The result of a run that it ended.
    pub fn result(&self) -> RunResult {
        match self.code.kind() {
            ErrorKind::Refused => RunResult::Refused,
            ErrorKind::Unreachable => RunResult::Unreachable,
            ErrorKind::Locked => RunResult::Locked,
            ErrorKind::Stale => RunResult::Stale,
            ErrorKind::Unconfirmed => RunResult::Unconfirmed,
            ErrorKind::Interrupted => RunResult::Interrupted,
            ErrorKind::Usage | ErrorKind::Failed => RunResult::Failed,
        }
    }

    /// The end of such a run, for its journal.
    pub fn ended(&self, result: RunResult) -> RunEnded {
        let message = match self.text.as_ref() {
            Text::Report { message, .. } => message,
            Text::Sentence(problem) => &problem.what,
        };
        RunEnded {
            result,
            exit_code: self.exit.code(),
            code: Some(self.code.to_string()),
            message: Some(message.clone()),
            problems: self.problems(),
        }
    }

    fn problems(&self) -> Vec<RunProblem> {
        match &self.details {
            Details::Refusals(document) => document
                .refusals
                .iter()
                .map(|refusal| RunProblem {
                    code: refusal.code.to_string(),
                    host: refusal.host.clone(),
                    what: refusal.what.clone(),
                    why: refusal.why.clone(),
                    advice: refusal.advice.clone(),
                })
                .collect(),
            Details::Unreachable(document) => document
                .unreachable
                .iter()
                .map(|silent| RunProblem {
                    code: silent.code.to_string(),
                    host: Some(silent.host.clone()),
                    what: what(silent.cause).to_owned(),
                    why: silent.evidence.clone(),
                    advice: silent.advice.join("\n"),
                })
                .collect(),
            Details::None
            | Details::Problems { .. }
            | Details::UnderWay { .. }
            | Details::Destroys { .. } => Vec::new(),
        }
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
        self.told(|document| match form {
            Form::Document => super::print::json(document),
            Form::Line => super::print::json_line(document),
        });
    }

    /// Tells it as a document.
    pub fn told<T>(&self, teller: impl FnOnce(&ErrorDocument<'_>) -> T) -> T {
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
        let (error, code) = (self.code.kind(), self.code);
        let exit_code = self.exit.code();
        teller(&ErrorDocument {
            format_version: 1,
            event: "error",
            error,
            code,
            exit_code,
            message,
            why: why.as_deref(),
            next: next.as_deref(),
            commands: &commands,
            details: &self.details,
        })
    }
}
