//! What to tell about a step that failed.

use super::vault::SecretError;
use super::{FailureKind, StepFailure};
use crate::transport::TransportErrorKind;

/// Running the same command again is always the way on: it goes by what it finds.
const AGAIN: &str = "run the same command again: it looks at the hosts and goes on";

/// A step that told its end. 124 and 137 are `timeout`'s: ended, and killed since it would not end.
pub(super) fn of_code(
    code: i32,
    cause: Option<String>,
    advice: Option<String>,
    output: Vec<String>,
) -> StepFailure {
    let (kind, usual) = match code {
        124 => (FailureKind::TimedOut, Some(AGAIN.to_owned())),
        137 => (FailureKind::TimedOut, Some(format!("{AGAIN}; it was killed, see whether memory ran out"))),
        _ => (FailureKind::Command, None),
    };
    StepFailure { kind, code: Some(code), cause, advice: advice.or(usual), output }
}

/// A script that ended without a word on the step.
pub(super) fn of_silence(code: i32) -> StepFailure {
    StepFailure {
        kind: FailureKind::Command,
        code: Some(code),
        cause: Some("its script ended before the step did".to_owned()),
        advice: Some(AGAIN.to_owned()),
        output: Vec::new(),
    }
}

/// A script whose end did not arrive.
pub(super) fn of_transport(kind: TransportErrorKind, evidence: &str) -> StepFailure {
    let (kind, cause) = match kind {
        TransportErrorKind::TimedOut => (FailureKind::TimedOut, "the host gave no answer in time"),
        TransportErrorKind::Lost => (FailureKind::ConnectionLost, "the connection was lost"),
        TransportErrorKind::TooMuchOutput => (FailureKind::Command, "it printed too much"),
        TransportErrorKind::NoConnection
        | TransportErrorKind::NameUnknown
        | TransportErrorKind::SshConfiguration
        | TransportErrorKind::HostKeyChanged
        | TransportErrorKind::HostKeyUnknown
        | TransportErrorKind::AuthenticationRefused
        | TransportErrorKind::NoPrivilege
        | TransportErrorKind::SudoPassword
        | TransportErrorKind::SudoPasswordRefused
        | TransportErrorKind::SudoRule => (FailureKind::ConnectionLost, "no script can be run on the host"),
    };
    let cause = if evidence.is_empty() { cause.to_owned() } else { format!("{cause}: {evidence}") };
    StepFailure { kind, code: None, cause: Some(cause), advice: Some(AGAIN.to_owned()), output: Vec::new() }
}

pub(super) fn of_secret(error: SecretError) -> StepFailure {
    StepFailure {
        kind: FailureKind::SecretMissing,
        code: None,
        cause: Some(error.cause),
        advice: Some(error.advice),
        output: Vec::new(),
    }
}

/// A fault of this program.
pub(super) fn internal(what: &str) -> StepFailure {
    StepFailure {
        kind: FailureKind::Command,
        code: None,
        cause: Some(format!("internal error: {what}")),
        advice: Some(AGAIN.to_owned()),
        output: Vec::new(),
    }
}
