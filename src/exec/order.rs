use std::time::Duration;

use crate::facts::command_text;
use crate::model::{quote, shell_word};

const SCRIPT: &str =
    concat!(include_str!("../facts/at_work.sh"), include_str!("../apply/trail.sh"), include_str!("exec.sh"));

/// How long a command that is asked to end may take, before it is killed.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// How long a host may take for everything but the command: its journal, its processes.
const MARGIN: Duration = Duration::from_secs(15);
/// The longest command as a whole, in bytes. It travels in an argument, encoded, and Linux takes 128 KiB of one (`MAX_ARG_STRLEN`).
const LONGEST: usize = 16 * 1024;
/// How much of it a host's journal gets, in characters.
const NOTED: usize = 300;

/// One command for hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    words: Vec<String>,
    /// Random, the same on all hosts: in their journals, and in the environment of the command.
    name: String,
    /// How long it may run.
    limit: Duration,
    /// `USER@MACHINE`, as one word of a journal's line.
    operator: String,
    noted: String,
}

/// A command that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command is longer than {} KiB", LONGEST / 1024)]
pub(crate) struct TooLong;

impl Order {
    /// `shown` removes secrets from the text that journals get.
    ///
    /// # Errors
    /// It is too long.
    pub(crate) fn new(
        words: Vec<String>,
        name: String,
        limit: Duration,
        operator: String,
        shown: impl FnOnce(&str) -> String,
    ) -> Result<Self, TooLong> {
        if words.iter().map(|word| quote(word).len() + 1).sum::<usize>() > LONGEST {
            return Err(TooLong);
        }
        let line = words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
        // The last of a line: it can forge no field before it, and no other line.
        let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        let noted = shown(&line.replace(['\n', '\r'], " ")).chars().take(NOTED).map(plain).collect();
        Ok(Self { words, name, limit, operator, noted })
    }

    /// How long it may run.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// After which time nothing more is expected of a host.
    pub(crate) fn patience(&self) -> Duration {
        self.limit.saturating_add(GRACE).saturating_add(MARGIN)
    }

    /// The text that a POSIX shell runs. Its output is for [`super::Answer`], with the same nonce.
    pub(crate) fn script(&self, nonce: &str) -> String {
        let values = [
            ("nonce", nonce.to_owned()),
            ("name", self.name.clone()),
            ("seconds", self.limit.as_secs().to_string()),
            ("grace", GRACE.as_secs().to_string()),
            ("operator", self.operator.clone()),
            ("noted", self.noted.clone()),
        ];
        let words: String = self.words.iter().map(|word| format!(" {}", quote(word))).collect();
        format!("{}set --{words}\n{}", command_text(&values, ""), command_text(&[], SCRIPT))
    }
}
