use std::time::Duration;

use super::ended::{Ended, Fate};
use crate::facts::{RunUnderWay, Unreachable};

/// How many bytes of output are kept of one host.
const MOST: usize = 1024 * 1024;

/// What one host says, line by line.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    mark: String,
    has_begun: bool,
    under_way: Option<RunUnderWay>,
    kept: Vec<u8>,
    cut: usize,
    end: Option<(Fate, Duration)>,
}

/// Why no end of the command was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoEnd {
    /// The operator interrupted before it began.
    NotBegun,
    /// The host printed more than is read.
    Flood,
    /// The connection was lost, or the host took too long.
    Silence(String),
    /// There was no connection, or no shell.
    Unreachable(Unreachable),
}

impl Answer {
    pub(crate) fn new(nonce: &str) -> Self {
        let mark = format!("{nonce} ");
        Self { mark, has_begun: false, under_way: None, kept: Vec::new(), cut: 0, end: None }
    }

    /// Whether the command runs, or ran.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether its end was told.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Takes the next line, without its line end.
    pub(crate) fn take(&mut self, line: &[u8]) {
        match line.strip_prefix(self.mark.as_bytes()) {
            Some(words) => self.mark(&String::from_utf8_lossy(words)),
            None if self.has_begun && self.end.is_none() => self.keep(line),
            // The script's own words before, and those of processes that outlive the command.
            None => {}
        }
    }

    fn mark(&mut self, words: &str) {
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        match word {
            "taken" => self.under_way = RunUnderWay::parse(rest),
            "begin" => self.has_begun = true,
            "end" => {
                // The line end in front of the mark: the output need not have one.
                if self.kept.ends_with(b"\n\n") || self.kept == b"\n" {
                    self.kept.pop();
                }
                self.cut = self.cut.saturating_sub(1);
                self.end = end(rest);
            }
            _ => {}
        }
    }

    /// The beginning is kept: what follows is counted.
    fn keep(&mut self, line: &[u8]) {
        let room = MOST.saturating_sub(self.kept.len() + 1);
        if self.cut > 0 || line.len() > room {
            self.cut += line.len() + 1;
            return;
        }
        self.kept.extend_from_slice(line);
        self.kept.push(b'\n');
    }

    /// What became of the command. `no_end` counts if the host did not tell it.
    pub(crate) fn ended(self, no_end: NoEnd) -> Ended {
        let (fate, took) = match (self.end, no_end) {
            (Some((fate, took)), _) => (fate, Some(took)),
            (None, NoEnd::NotBegun) => (Fate::Interrupted, None),
            (None, NoEnd::Flood) if self.has_begun => (Fate::TooMuchOutput, None),
            (None, NoEnd::Flood) => (Fate::Lost("it printed more than is read".to_owned()), None),
            (None, NoEnd::Silence(why)) => (Fate::Lost(why), None),
            (None, NoEnd::Unreachable(why)) => (Fate::Unreachable(why), None),
        };
        let output = String::from_utf8_lossy(&self.kept).into_owned();
        Ended { fate, output, cut: self.cut, took, under_way: self.under_way }
    }
}

/// `WHY CODE HUNDREDTHS`.
fn end(words: &str) -> Option<(Fate, Duration)> {
    let mut words = words.split(' ');
    let (why, code) = (words.next()?, words.next()?.parse().ok()?);
    let took = Duration::from_millis(words.next()?.parse::<u64>().ok()?.checked_mul(10)?);
    let fate = match why {
        "exited" => Fate::Exited(code),
        "timed-out" => Fate::TimedOut,
        "released" => Fate::Interrupted,
        _ => return None,
    };
    Some((fate, took))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(lines: &[&str], no_end: NoEnd) -> Ended {
        let mut answer = Answer::new("N");
        lines.iter().for_each(|line| answer.take(line.as_bytes()));
        answer.ended(no_end)
    }

    #[test]
    fn only_what_the_command_printed_is_its_output() {
        let lines = [
            "Welcome",
            "N taken 160\t100\tann@desk\t7\tup",
            "N begin",
            "a",
            "N2 end",
            "",
            "N end exited 2 150",
            "late",
        ];
        let ended = answered(&lines, NoEnd::NotBegun);
        assert_eq!((ended.fate, ended.output.as_str()), (Fate::Exited(2), "a\nN2 end\n"));
        assert_eq!(ended.took, Some(Duration::from_millis(1500)));
        assert_eq!(ended.under_way.map(|run| run.who).as_deref(), Some("ann@desk"));
    }

    #[test]
    fn without_an_end_it_is_said_what_is_known() {
        let lost = || NoEnd::Silence("the connection was lost".to_owned());
        let begun = answered(&["N begin", "a"], lost());
        assert_eq!(begun.fate, Fate::Lost("the connection was lost".to_owned()));
        assert_eq!(begun.output, "a\n");
        assert!(matches!(answered(&["N begin", "N end nonsense"], lost()).fate, Fate::Lost(_)));
        assert_eq!(answered(&["N begin", "a"], NoEnd::Flood).fate, Fate::TooMuchOutput);
        assert_eq!(answered(&[], NoEnd::NotBegun).fate, Fate::Interrupted);
    }

    #[test]
    fn of_much_output_the_beginning_is_kept_and_the_rest_counted() {
        let mut answer = Answer::new("N");
        answer.take(b"N begin");
        let line = [b'x'; 1023];
        for _ in 0..1025 {
            answer.take(&line);
        }
        answer.take(b"");
        answer.take(b"N end exited 0 1");
        let ended = answer.ended(NoEnd::NotBegun);
        assert_eq!((ended.output.len(), ended.cut), (MOST, 1024));
    }
}
