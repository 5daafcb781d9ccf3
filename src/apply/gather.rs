//! Probes every host.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::request::{Request, ask_all};
use crate::facts::{Clock, Facts, HostFacts, Observation, ParseError, ProbeRequest, clock_line, parse};
use crate::plan::PlannedHost;
use crate::transport::{Output, Transport};

/// Probes every host. A host that cannot be probed is also in the result, with the reason.
pub async fn gather<T: Transport>(transport: &Arc<T>, hosts: &[PlannedHost]) -> Facts {
    let requests = hosts.iter().map(|host| (host.name.clone(), host.probe.clone()));
    let seen = |answer| match answer {
        Ok(facts) => Observation::Reached(facts),
        Err(why) => Observation::Unreachable(why),
    };
    let answers = ask_all(transport, requests).await.into_iter();
    Facts { hosts: answers.map(|(name, answer)| (name, seen(answer))).collect() }
}

impl Request for ProbeRequest {
    /// It limits its own slow parts to a few seconds; a start of rabbitmqctl on a busy small machine is the longest of them.
    const TIMEOUT: Duration = Duration::from_secs(90);
    type Answer = Box<HostFacts>;

    fn command(&self, nonce: &str) -> String {
        ProbeRequest::command(self, nonce)
    }

    fn parse(&self, nonce: &str, output: &Output) -> Result<Box<HostFacts>, ParseError> {
        let facts = parse(self, nonce, &output.stdout)?;
        Ok(Box::new(HostFacts { clock: clock(nonce, output), ..facts }))
    }
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
            stdout: stdout.as_bytes().to_vec(),
            sent_at: at(1_700_000_000_000),
            first_line_at: at(1_700_000_000_100),
            ..Output::default()
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
}
