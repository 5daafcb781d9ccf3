//! Probes every host, all at once, one round trip each.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;

use crate::facts::{
    Clock, Facts, Observation, ParseError, ProbeRequest, Unreachable, UnreachableCause, clock_line, parse,
};
use crate::model::HostName;
use crate::plan::PlannedHost;
use crate::transport::{
    Exec, Output, Script, Transport, TransportError, TransportErrorKind, evidence, nonce,
};

/// The timeout of one probe. It limits its own slow parts to a few seconds; a start of rabbitmqctl on a
/// busy small machine is the longest of them.
const TIMEOUT: Duration = Duration::from_secs(90);
/// How often a host is probed if a file changed during the probe.
const LOOKS: u32 = 3;

/// Probes every host. A host that cannot be probed is also in the result, with the reason.
pub async fn gather<T: Transport>(transport: &Arc<T>, hosts: &[PlannedHost]) -> Facts {
    let requests = hosts.iter().map(|host| (host.name.clone(), host.probe.clone()));
    let look =
        |transport: Arc<T>, name, request| async move { look(transport.as_ref(), &name, &request).await };
    Facts { hosts: at_once(transport, requests, look).await }
}

/// Probes these hosts, all at once, and waits for all answers.
pub async fn at_once<T, R, A, F>(
    transport: &Arc<T>,
    requests: impl IntoIterator<Item = (HostName, R)>,
    ask: impl Fn(Arc<T>, HostName, R) -> F,
) -> BTreeMap<HostName, A>
where
    A: Send + 'static,
    F: Future<Output = A> + Send + 'static,
{
    let mut asking = JoinSet::new();
    for (name, request) in requests {
        let answer = ask(transport.clone(), name.clone(), request);
        asking.spawn(async move { (name, answer.await) });
    }
    let mut answers = BTreeMap::new();
    while let Some(asked) = asking.join_next().await {
        // Only an aborted or panicked task ends otherwise, and there is none.
        if let Ok((name, answer)) = asked {
            answers.insert(name, answer);
        }
    }
    answers
}

async fn look<T: Transport>(transport: &T, host: &HostName, request: &ProbeRequest) -> Observation {
    let mut looks = 0;
    loop {
        looks += 1;
        let nonce = nonce();
        let exec = Exec { script: Script::Argument(request.command(&nonce)), timeout: TIMEOUT };
        let output = match transport.exec(host, exec, None).await {
            Ok(output) => output,
            Err(error) => return Observation::Unreachable(unreachable(error)),
        };
        match parse(request, &nonce, &output.stdout) {
            Ok(mut facts) => {
                facts.clock = clock(&nonce, &output);
                return Observation::Reached(Box::new(facts));
            }
            Err(ParseError::Torn) if looks < LOOKS => {}
            Err(error) => return Observation::Unreachable(garbled(&error, &output)),
        }
    }
}

fn unreachable(error: TransportError) -> Unreachable {
    let cause = match error.kind {
        // A lost connection counts as a missing one.
        TransportErrorKind::NoConnection | TransportErrorKind::Lost => UnreachableCause::NoConnection,
        TransportErrorKind::NameUnknown => UnreachableCause::NameUnknown,
        TransportErrorKind::SshConfiguration => UnreachableCause::SshConfiguration,
        TransportErrorKind::HostKeyChanged => UnreachableCause::HostKeyChanged,
        TransportErrorKind::HostKeyUnknown => UnreachableCause::HostKeyUnknown,
        TransportErrorKind::AuthenticationRefused => UnreachableCause::AuthenticationRefused,
        TransportErrorKind::LoginShell => UnreachableCause::LoginShell,
        TransportErrorKind::NoPrivilege => UnreachableCause::NoPrivilege,
        TransportErrorKind::SudoPassword => UnreachableCause::SudoPassword,
        TransportErrorKind::SudoPasswordRefused => UnreachableCause::SudoPasswordRefused,
        TransportErrorKind::SudoRule => UnreachableCause::SudoRule,
        TransportErrorKind::TimedOut => UnreachableCause::TimedOut,
        TransportErrorKind::TooMuchOutput => UnreachableCause::Garbled,
    };
    Unreachable { cause, evidence: error.evidence }
}

/// What came instead of an answer. It shows no stdout once the probe has begun to answer: that contains files,
/// and files contain secrets.
fn garbled(error: &ParseError, output: &Output) -> Unreachable {
    let mut seen = vec![format!("{error} (exit code {})", output.code)];
    if *error == ParseError::Absent {
        seen.push(evidence(&String::from_utf8_lossy(&output.stdout)));
    }
    seen.push(evidence(&String::from_utf8_lossy(&output.stderr)));
    seen.retain(|text| !text.is_empty());
    Unreachable { cause: UnreachableCause::Garbled, evidence: seen.join("\n") }
}

/// The host read its clock some time between the sending of the script and the arrival of the first line.
/// The middle is the best estimate, and half of the span its error.
fn clock(nonce: &str, output: &Output) -> Option<Clock> {
    let host = clock_line(nonce, &output.stdout)?;
    let (sent, arrived) = (nanoseconds(output.sent_at?)?, nanoseconds(output.first_line_at?)?);
    // If the controller's own clock was set meanwhile, the offset is unknown.
    let span = u64::try_from(arrived - sent).ok()?;
    let offset = host - sent - i128::from(span / 2);
    let milliseconds = |nanoseconds: i128| nanoseconds as f64 / 1e6;
    Some(Clock { offset_ms: milliseconds(offset), uncertainty_ms: milliseconds(i128::from(span / 2)) })
}

fn nanoseconds(time: SystemTime) -> Option<i128> {
    i128::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
    }

    fn output(stdout: &str) -> Output {
        Output {
            code: 3,
            stdout: stdout.as_bytes().to_vec(),
            stderr: b"sh: \x1b[31msomething\x1b[0m\n".to_vec(),
            sent_at: at(1_700_000_000_000),
            first_line_at: at(1_700_000_000_100),
        }
    }

    #[test]
    fn the_clock_is_the_middle_of_its_possible_range() {
        let seen = clock("N", &output("N clock 1700000002050000000\n")).expect("a clock");
        assert!((seen.offset_ms - 2000.0).abs() < 0.001, "{seen:?}");
        assert!((seen.uncertainty_ms - 50.0).abs() < 0.001, "{seen:?}");
        assert_eq!(
            clock("N", &Output { first_line_at: at(0), ..output("N clock 1700000002050000000\n") }),
            None
        );
        assert_eq!(clock("N", &output("Welcome\n")), None);
    }

    #[test]
    fn a_garbled_answer_is_shown_without_file_contents() {
        let seen = garbled(&ParseError::Absent, &output("Welcome, only restricted commands here\n"));
        assert_eq!(seen.cause, UnreachableCause::Garbled);
        assert!(seen.evidence.contains("restricted") && seen.evidence.ends_with("sh: something"));
        let early = ParseError::Incomplete { after: "system".into() };
        let seen = garbled(&early, &output("N clock 1\npassword\n"));
        assert!(!seen.evidence.contains("password") && seen.evidence.contains("exit code 3"));
    }
}
