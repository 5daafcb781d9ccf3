//! What is reported about a failed step.

use super::secret_resolver::SecretError;
use super::{FailureKind, StepFailure};
use crate::facts::RunUnderWay;
use crate::model::{Cause, shortened};
use crate::transport::{ScriptAfterError, TransportError, TransportErrorKind};

/// Running the same command again is always safe: it plans from what it finds.
const AGAIN: &str = "run the same command again: it rechecks the hosts and continues";

/// A step that reported its end. 124 and 137 are from timeout(1): a command of the step got SIGTERM, or SIGKILL after that.
pub(super) fn of_code(
    code: i32,
    cause: Option<String>,
    advice: Option<String>,
    output: Vec<String>,
) -> StepFailure {
    let (kind, usual) = match code {
        124 => (FailureKind::TimedOut, Some(AGAIN.to_owned())),
        137 => (FailureKind::TimedOut, Some(format!("{AGAIN}; it was killed: check whether memory ran out"))),
        _ => (FailureKind::Command, None),
    };
    StepFailure { kind, code: Some(code), cause: Cause::known(cause, advice.or(usual)), output }
}

/// A script that ended without reporting the step.
pub(super) fn of_silence(code: i32) -> StepFailure {
    StepFailure {
        kind: FailureKind::Command,
        code: Some(code),
        cause: Cause::new("its script ended before the step did", AGAIN),
        output: Vec::new(),
    }
}

/// A script whose end did not arrive, and its process on the host. If it may still run, this is said.
pub(super) fn of_transport(kind: TransportErrorKind, evidence: &str, process: Option<u32>) -> StepFailure {
    let goes_on = || match process {
        Some(process) => format!("the step may still be running (process {process})"),
        None => "the step may still be running".to_owned(),
    };
    let (kind, cause) = match kind.script() {
        ScriptAfterError::TimedOut => (FailureKind::GivenUp, goes_on()),
        ScriptAfterError::Lost => {
            (FailureKind::ConnectionLost, format!("the connection was lost; {}", goes_on()))
        }
        ScriptAfterError::Flooded => {
            (FailureKind::Command, format!("its output was too large; {}", goes_on()))
        }
        ScriptAfterError::NeverBegan => {
            (FailureKind::ConnectionLost, "the host cannot run a script".to_owned())
        }
    };
    let cause = if evidence.is_empty() { cause } else { format!("{cause}: {evidence}") };
    StepFailure { kind, code: None, cause: Cause::new(cause, AGAIN), output: Vec::new() }
}

/// The host accepted no new login before a step that needs one.
pub(super) fn of_login(error: TransportError) -> StepFailure {
    let cause = format!("the host accepts no new login: {}", error.evidence);
    let cause = Cause::new(
        cause,
        "wait a minute, in which the host reverts the last step, then check that ssh works again",
    );
    StepFailure { kind: FailureKind::ConnectionLost, code: None, cause, output: Vec::new() }
}

/// Another run has taken the host's lock.
pub(super) fn taken_over(by: Option<&RunUnderWay>) -> StepFailure {
    let plain = |text: &str| shortened(text, 200);
    let who = match by {
        Some(RunUnderWay { who, playbook, age: Some(age), .. }) => {
            format!("{}, {}, started {} s ago", plain(who), plain(playbook), age.as_secs())
        }
        Some(RunUnderWay { who, playbook, .. }) => format!("{}, {}", plain(who), plain(playbook)),
        None => "name unknown".to_owned(),
    };
    StepFailure {
        kind: FailureKind::TakenOver,
        code: None,
        cause: Cause::new(
            format!("another run ({who}) took over this host while this one was paused; nothing was done"),
            "wait until that run has ended, then run the same command again",
        ),
        output: Vec::new(),
    }
}

/// No run has the host's lock.
pub(super) fn unlocked() -> StepFailure {
    StepFailure {
        kind: FailureKind::LockLost,
        code: None,
        cause: Cause::new(
            "the host has freed this run's lock: the connection ended, or the controller was silent for 70 s; nothing was done",
            AGAIN,
        ),
        output: Vec::new(),
    }
}

pub(super) fn of_secret(error: SecretError) -> StepFailure {
    StepFailure {
        kind: FailureKind::SecretMissing,
        code: None,
        // That the step has no secret is its kind; why is what is wrong with the secret.
        cause: Cause { why: vec![error.0.what], next: error.0.cause.next },
        output: Vec::new(),
    }
}

/// A bug in this program.
pub(super) fn internal(what: &str) -> StepFailure {
    StepFailure {
        kind: FailureKind::Command,
        code: None,
        cause: Cause::new(format!("internal error: {what}"), AGAIN),
        output: Vec::new(),
    }
}
