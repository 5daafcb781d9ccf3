//! How long a verification waits for the end of the errors that it finds.

use std::time::Duration;

/// How long a verification waits for an error that was there before the run.
const WAIT_FOR_OLD_ERRORS: Duration = Duration::from_secs(10);

/// What a verification has found. Warnings are told and not waited for: nothing depends on them, and a clock may take minutes
/// to synchronise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    None,
    /// All of them were there before the run, so they will hardly go away by waiting.
    Stay,
    /// The run may have caused one, which passes when what it started is up.
    MayPass,
}

impl Errors {
    /// How long a verification of this patience waits for their end.
    pub fn limit(self, patience: Duration) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Stay => WAIT_FOR_OLD_ERRORS,
            Self::MayPass => patience,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verification_waits_for_errors_alone() {
        let patience = Duration::from_secs(120);
        assert_eq!(Errors::None.limit(patience), Duration::ZERO, "warnings and notes");
        assert_eq!(Errors::Stay.limit(patience), WAIT_FOR_OLD_ERRORS);
        assert_eq!(Errors::MayPass.limit(patience), patience);
    }
}
