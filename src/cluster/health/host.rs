use std::time::Duration;

use super::{Finding, Notebook, Severity, broker};
use crate::cluster::{phrases, unreachable};
use crate::facts::{Clock, Facts, HostFacts, LEAST_TO_WRITE, Observation, shortages};
use crate::inventory::{Desired, Host};
use crate::rabbitmq::DISK_FREE_LIMIT;

/// Reachability, time, and the broker if the host has one.
pub(super) fn check(desired: &Desired, facts: &Facts, host: &Host, findings: &mut Vec<Finding>) {
    let mut notebook = Notebook { host: Some(&host.name), findings };
    match facts.hosts.get(&host.name) {
        Some(Observation::Reached(seen)) => {
            time(desired, seen, &mut notebook);
            kept(seen, &mut notebook);
            storage(seen, desired.is_broker(host), &mut notebook);
            if desired.is_broker(host) {
                broker::check(desired, facts, (host, seen), &mut notebook);
            }
        }
        Some(Observation::Unreachable(why)) => {
            let advice = unreachable::in_a_sentence(unreachable::next_for(desired, facts, host, why));
            notebook.add(Severity::Error, unreachable::what(why.cause), advice);
        }
        Some(Observation::LeftOut) => notebook.add(
            Severity::Warning,
            "left out with --without: neither inspected nor changed",
            "once it is back: `rabbitup up`",
        ),
        None => notebook.add(Severity::Error, "was not inspected", "inspect it: `rabbitup status`"),
    }
}

fn time(desired: &Desired, seen: &HostFacts, notebook: &mut Notebook<'_>) {
    if !desired.time.manage {
        return;
    }
    let max = desired.time.max_offset;
    if let Some(clock) = seen.clock.filter(|clock| surely_beyond(*clock, max)) {
        let what = format!("the clock is {} off; at most {} is allowed", offset(clock), milliseconds(max));
        notebook.add(
            Severity::Error,
            what,
            "`rabbitup up` sets up time synchronisation; `chronyc tracking` on the host shows details",
        );
    }
    match (seen.time_service.synchronised, &seen.time_service.running) {
        (Some(true), _) => {}
        (_, None) => notebook.add(Severity::Warning, "no time service runs", "`rabbitup up` installs and starts one"),
        (Some(false), Some(service)) => notebook.add(
            Severity::Warning,
            format!("{service} runs, but time is not synchronised"),
            "this is normal for some minutes after a start; later check that the time servers answer (`chronyc sources`)",
        ),
        (None, Some(_)) => {}
    }
}

/// Full or read-only file systems, whether or not a running service would notice.
fn storage(seen: &HostFacts, is_broker: bool, notebook: &mut Notebook<'_>) {
    let least = if is_broker { DISK_FREE_LIMIT } else { LEAST_TO_WRITE };
    for (directory, shortage) in shortages(&seen.resources.storage, least) {
        let what = format!("{} ({})", directory.what(shortage), directory.evidence(shortage));
        notebook.add(Severity::Error, what, directory.remedy(shortage));
    }
}

/// Data that a removal moved aside.
fn kept(seen: &HostFacts, notebook: &mut Notebook<'_>) {
    for name in &seen.kept {
        // rabbit@node3.20261123T012003Z
        let dated = name.rsplit_once('.').and_then(|(node, stamp)| Some((node, day(stamp)?)));
        let whose = match dated {
            Some((node, day)) => format!("data of {node} from {day}"),
            None => "data of a node".to_owned(),
        };
        notebook.add(
            Severity::Note,
            format!("{whose} is kept in {}/{name}", seen.environment.kept_base()),
            "delete it when it is no longer needed",
        );
    }
}

/// The day of `20261123T012003Z`, as in `2026-11-23`.
fn day(stamp: &str) -> Option<String> {
    let digits = stamp.get(..8).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    Some(format!("{}-{}-{}", digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?))
}

/// Beyond the limit even with the maximum measurement error.
fn surely_beyond(clock: Clock, max: Duration) -> bool {
    clock.offset_ms.abs() - clock.uncertainty_ms > max.as_secs_f64() * 1_000.0
}

/// `+300 ms`, `-1.2 s`; if the offset is below the measurement error, that error: `±40 ms`.
pub(crate) fn offset(clock: Clock) -> String {
    let ms = clock.offset_ms;
    if ms.abs() <= clock.uncertainty_ms {
        return format!("±{:.0} ms", clock.uncertainty_ms.max(1.0).ceil());
    }
    format!("{}{}", if ms < 0.0 { '-' } else { '+' }, phrases::offset(ms))
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
