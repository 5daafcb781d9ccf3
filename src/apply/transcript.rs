//! Parses what a script of several steps prints: which line belongs to which step, and how each ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::run_failure;
use super::{Activity, FailureKind, StepFailure};
use crate::facts::RunUnderWay;
use crate::model::shortened;
use crate::plan::StepId;
use crate::redact::Redactor;
use crate::transport::{Output, TransportError};

/// How many of the last lines of a step's output are kept, and how many characters of each.
const TAIL_LINES: usize = 20;
const LINE_CHARS: usize = 500;

/// What a script reports about its step number `step`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Progress {
    pub step: usize,
    pub what: Happening,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Happening {
    Started,
    Output(String),
    /// What the operator must know from the step.
    Told(String),
    Doing(Activity),
    Succeeded(Duration),
    Failed(Duration, StepFailure),
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    /// Every step succeeded.
    Complete,
    /// A step failed and the script reported it.
    Failed,
    /// The script reported that it found its stop file before this step.
    Stopped(usize),
    /// Without reporting this step and those after it.
    Missing(Progress),
}

/// One script's output, read line by line.
pub(super) struct Transcript {
    nonce: String,
    steps: Vec<StepId>,
    /// The secrets that no line may show.
    redactor: Redactor,
    /// How many steps have ended.
    ended: usize,
    open: Option<Open>,
    /// Output outside of steps: of a shell that could not start, or a login script.
    stray: Tail,
    over: Option<ScriptEnd>,
}

/// Why no further step comes.
#[derive(Clone, Debug)]
enum ScriptEnd {
    Failed,
    Stopped,
    /// The host no longer belongs to this run.
    Lost(StepFailure),
}

#[derive(Debug)]
struct Open {
    since: Instant,
    /// The script's process on the host.
    process: Option<u32>,
    output: Tail,
    cause: Tail,
    advice: Tail,
}

#[derive(Debug, Default)]
struct Tail(VecDeque<String>);

impl Tail {
    fn push(&mut self, line: String) {
        if self.0.len() == TAIL_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    fn text(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.lines().join("\n"))
    }

    fn lines(self) -> Vec<String> {
        self.0.into()
    }
}

impl Open {
    fn new(process: Option<u32>) -> Self {
        Self {
            since: Instant::now(),
            process,
            output: Tail::default(),
            cause: Tail::default(),
            advice: Tail::default(),
        }
    }
}

impl Transcript {
    /// The transcript of a script that runs `steps` and marks its lines with `nonce`.
    pub fn new(nonce: &str, steps: Vec<StepId>, redactor: Redactor) -> Self {
        Self {
            nonce: nonce.to_owned(),
            steps,
            redactor,
            ended: 0,
            open: None,
            stray: Tail::default(),
            over: None,
        }
    }

    /// Whether a stop file could still prevent a step from starting.
    pub fn has_more(&self) -> bool {
        self.over.is_none() && self.ended + usize::from(self.open.is_some()) < self.steps.len()
    }

    /// Whether the script said that it stopped.
    pub fn has_stopped(&self) -> bool {
        matches!(self.over, Some(ScriptEnd::Stopped))
    }

    /// Reads one line.
    pub fn line(&mut self, raw: &[u8]) -> Vec<Progress> {
        let text = String::from_utf8_lossy(raw);
        let mut told = Vec::new();
        // Output without a line end precedes the mark on the same line.
        match text.find(&self.nonce) {
            Some(at) => {
                told.extend(self.output(&text[..at]));
                let mark = text[at + self.nonce.len()..].trim_start_matches(' ');
                told.extend(self.mark(mark));
            }
            None => told.extend(self.output(&text)),
        }
        told
    }

    fn mark(&mut self, mark: &str) -> Option<Progress> {
        let mark = mark.trim_end_matches(['\r', '\n']);
        let (verb, rest) = mark.split_once(' ').unwrap_or((mark, ""));
        let over = match verb {
            "stopped" => Some(ScriptEnd::Stopped),
            "taken" => Some(ScriptEnd::Lost(run_failure::taken_over(RunUnderWay::parse(rest).as_ref()))),
            "unlocked" => Some(ScriptEnd::Lost(run_failure::unlocked())),
            _ => None,
        };
        if let Some(over) = over {
            self.over.get_or_insert(over);
            return None;
        }
        let rest = rest.strip_prefix(self.steps.get(self.ended)?.as_str())?;
        if !rest.is_empty() && !rest.starts_with(' ') {
            return None;
        }
        let rest = rest.trim_start_matches(' ');
        match verb {
            "begin" if self.open.is_none() && self.over.is_none() => {
                self.open = Some(Open::new(rest.trim().parse().ok()));
                Some(Progress { step: self.ended, what: Happening::Started })
            }
            "end" => self.end_step(rest.trim().parse().ok()?),
            "cause" => self.note(rest, |open| &mut open.cause),
            "advice" => self.note(rest, |open| &mut open.advice),
            "doing" if self.open.is_some() => {
                let activity = Activity::of_mark(rest.trim())?;
                Some(Progress { step: self.ended, what: Happening::Doing(activity) })
            }
            "told" if self.open.is_some() => {
                Some(Progress { step: self.ended, what: Happening::Told(self.clean(rest)) })
            }
            _ => None,
        }
    }

    fn note(&mut self, text: &str, list: impl FnOnce(&mut Open) -> &mut Tail) -> Option<Progress> {
        let text = self.clean(text);
        if let Some(open) = &mut self.open {
            list(open).push(text);
        }
        None
    }

    fn output(&mut self, text: &str) -> Option<Progress> {
        let line = self.clean(text);
        if line.trim().is_empty() {
            return None;
        }
        match &mut self.open {
            Some(open) => {
                open.output.push(line.clone());
                Some(Progress { step: self.ended, what: Happening::Output(line) })
            }
            None => {
                self.stray.push(line);
                None
            }
        }
    }

    fn end_step(&mut self, code: i32) -> Option<Progress> {
        let open = self.open.take()?;
        let step = self.ended;
        let elapsed = open.since.elapsed();
        if code == 0 {
            self.ended += 1;
            return Some(Progress { step, what: Happening::Succeeded(elapsed) });
        }
        self.over = Some(ScriptEnd::Failed);
        let told = run_failure::of_code(code, open.cause.text(), open.advice.text(), open.output.lines());
        Some(Progress { step, what: Happening::Failed(elapsed, told) })
    }

    /// The script has ended: is there a step whose end was not reported?
    pub fn end(mut self, result: Result<Output, TransportError>) -> Ending {
        match self.over.take() {
            Some(ScriptEnd::Failed) => return Ending::Failed,
            Some(ScriptEnd::Stopped) if self.open.is_none() => return Ending::Stopped(self.ended),
            Some(ScriptEnd::Lost(failure)) if self.open.is_none() => {
                let what = Happening::Failed(Duration::ZERO, failure);
                return Ending::Missing(Progress { step: self.ended, what });
            }
            _ if self.ended == self.steps.len() => return Ending::Complete,
            _ => {}
        }
        let mut failure = match result {
            Err(error) => {
                let evidence: Vec<String> = error.evidence.lines().map(|line| self.clean(line)).collect();
                let process = self.open.as_ref().and_then(|open| open.process);
                run_failure::of_transport(error.kind, &evidence.join("\n"), process)
            }
            Ok(output) => {
                for line in String::from_utf8_lossy(&output.stderr).lines() {
                    let line = self.clean(line);
                    self.stray.push(line);
                }
                run_failure::of_silence(output.code)
            }
        };
        let elapsed = self.open.as_ref().map_or(Duration::ZERO, |open| open.since.elapsed());
        let mut output = self.open.map(|open| open.output).unwrap_or_default();
        if failure.kind == FailureKind::Command {
            self.stray.lines().into_iter().for_each(|line| output.push(line));
        }
        failure.output = output.lines();
        Ending::Missing(Progress { step: self.ended, what: Happening::Failed(elapsed, failure) })
    }

    /// A line that may be shown and kept: without escapes, control characters and secrets, and not too long.
    fn clean(&mut self, text: &str) -> String {
        // A carriage return restarts the line, as in progress bars.
        let last = text.trim_end_matches(['\r', '\n']).rsplit('\r').next().unwrap_or_default();
        // Both before and after: removed characters could be in the middle of a secret, and the replacement of a character
        // that cannot be shown could be part of one.
        let line = shortened(&self.redactor.line(last), LINE_CHARS);
        self.redactor.again(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::run_fixtures::id;
    use crate::transport::TransportErrorKind;

    /// The parsed output of a script of a/x and a/xy, as short words.
    fn told(lines: &[&str]) -> Vec<String> {
        let mut transcript = Transcript::new("N0", vec![id("a/x"), id("a/xy")], Redactor::default());
        let word = |progress: Progress| match progress.what {
            Happening::Started => format!("+{}", progress.step),
            Happening::Output(line) => format!("{}: {line}", progress.step),
            Happening::Told(text) => format!("{}> {text}", progress.step),
            Happening::Doing(activity) => format!("{}: {}…", progress.step, activity.words()),
            Happening::Succeeded(_) => format!("={}", progress.step),
            Happening::Failed(..) => format!("!{}", progress.step),
        };
        lines.iter().flat_map(|line| transcript.line(line.as_bytes())).map(word).collect()
    }

    #[test]
    fn output_without_a_line_end_does_not_hide_a_mark() {
        let lines = ["N0 begin a/x", "10%\r100%N0 end a/x 0", "N0 begin a/xy", "N0 end a/xy 1"];
        assert_eq!(told(&lines), ["+0", "0: 100%", "=0", "+1", "!1"]);
    }

    #[test]
    fn what_a_step_tells_is_not_output() {
        let lines =
            ["N0 begin a/x", "N0 told a/x 14 messages went aside", "N0 end a/x 0", "N0 told a/x late"];
        assert_eq!(told(&lines), ["+0", "0> 14 messages went aside", "=0"]);
    }

    #[test]
    fn a_step_says_what_it_does() {
        let lines = [
            "N0 doing a/x booting",
            "N0 begin a/x",
            "N0 doing a/x draining",
            "N0 doing a/x dancing",
            "N0 doing a/xy booting",
        ];
        assert_eq!(told(&lines), ["+0", "0: draining…"]);
    }

    #[test]
    fn marks_out_of_order_mean_nothing() {
        let lines =
            ["banner", "N0 begin a/xy", "N0 end a/x 0", "N0 begin a/x", "", "N0 end a/xy 0", "N0 end a/x x"];
        assert_eq!(told(&lines), ["+0"]);
    }

    #[test]
    fn nothing_begins_after_a_failure_or_a_stop() {
        assert_eq!(told(&["N0 begin a/x", "N0 end a/x 1", "N0 begin a/xy"]), ["+0", "!0"]);
        assert_eq!(told(&["N0 stopped", "N0 begin a/x"]), Vec::<String>::new());
    }

    #[test]
    fn a_host_of_another_run_names_that_run() {
        for (mark, kind, words) in [
            (
                "taken 160\t100\tbob@desk\t7\tbring-up\t9",
                FailureKind::TakenOver,
                "bob@desk, bring-up, started 60 s ago",
            ),
            ("taken x", FailureKind::TakenOver, "another run (name unknown)"),
            ("unlocked", FailureKind::LockLost, "freed this run's lock"),
        ] {
            let mut transcript = Transcript::new("N0", vec![id("a/x"), id("a/xy")], Redactor::default());
            for line in ["N0 begin a/x 71", "N0 end a/x 0", &format!("N0 {mark}"), "N0 begin a/xy 71"] {
                transcript.line(line.as_bytes());
            }
            let Ending::Missing(Progress { step: 1, what: Happening::Failed(_, failure) }) =
                transcript.end(Ok(Output::default()))
            else {
                panic!("the second step was not started")
            };
            assert_eq!(failure.kind, kind, "{mark}");
            let cause = failure.cause.why_text().unwrap_or_default();
            assert!(cause.contains(words) && cause.ends_with("nothing was done"), "{cause}");
        }
    }

    #[test]
    fn a_step_that_was_given_up_may_be_running() {
        for (kind, wanted) in [
            (TransportErrorKind::TimedOut, FailureKind::GivenUp),
            (TransportErrorKind::Lost, FailureKind::ConnectionLost),
            (TransportErrorKind::TooMuchOutput, FailureKind::Command),
        ] {
            let mut transcript = Transcript::new("N0", vec![id("a/x")], Redactor::default());
            transcript.line(b"N0 begin a/x 4711");
            let error = TransportError { kind, evidence: String::new() };
            let Ending::Missing(Progress { what: Happening::Failed(_, failure), .. }) =
                transcript.end(Err(error))
            else {
                panic!("the step has no end")
            };
            assert_eq!(failure.kind, wanted);
            let cause = failure.cause.why_text().unwrap_or_default();
            assert!(cause.ends_with("the step may still be running (process 4711)"), "{cause}");
        }
    }

    #[test]
    fn output_before_any_step_explains_a_script_that_never_started() {
        let mut transcript = Transcript::new("N0", vec![id("a/x")], Redactor::default());
        transcript.line(b"sh: no such file");
        let output = Output { code: 127, stderr: b"sudo: \x1b[1mno\n".to_vec(), ..Output::default() };
        let Ending::Missing(Progress { step: 0, what: Happening::Failed(_, failure) }) =
            transcript.end(Ok(output))
        else {
            panic!("the step has failed")
        };
        assert_eq!(failure.output, ["sh: no such file", "sudo: no"]);
        assert_eq!(failure.code, Some(127));
    }
}
