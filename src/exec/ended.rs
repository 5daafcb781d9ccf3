use std::time::Duration;

use crate::facts::{RunUnderWay, Unreachable};

/// What became of the command on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub fate: Fate,
    /// Standard output and standard error, in the order in which the host got them.
    pub output: String,
    /// How many bytes of output followed and were not kept.
    pub cut: usize,
    /// How long it ran, by the host's monotonic clock.
    pub took: Option<Duration>,
    /// The run that holds the host, as far as the login may see it.
    pub under_way: Option<RunUnderWay>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// By itself, with this code; 128 and a signal's number if one ended it.
    Exited(i32),
    /// It timed out, and was stopped on the host.
    TimedOut,
    /// The operator interrupted: it was stopped on the host, or never began.
    Interrupted,
    /// It printed more than is read, and was stopped on the host.
    TooMuchOutput,
    /// It may still be running; why nothing more is known.
    Lost(String),
    /// It never began.
    Unreachable(Unreachable),
}

impl Fate {
    pub(crate) fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }
}
