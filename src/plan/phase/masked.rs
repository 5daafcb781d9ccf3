//! Units that are masked: systemd never starts them. A broker that is stopped for a restart would stay down.

use std::collections::BTreeSet;

use super::Draft;
use crate::model::{Advice, HostName, Next};
use crate::operation::Operation;
use crate::plan::{RefusalKind, Step};
use crate::rabbitmq::BROKER_UNIT;

/// Refuses a plan that starts one. Runs after all phases, since the steps decide.
pub fn plan(draft: &mut Draft<'_>) {
    let is_masked = |host: &HostName, unit: &str| {
        draft.observed.host(host).is_some_and(|facts| facts.unit(unit).is_masked())
    };
    let found: BTreeSet<(HostName, String)> = draft
        .steps
        .iter()
        .filter_map(|step| Some((step.host.clone(), started(step)?.to_owned())))
        .filter(|(host, unit)| is_masked(host, unit))
        .collect();
    for (host, unit) in found {
        let next = Next::say(format!("somebody masked it on purpose; if {unit} is to run there:"))
            .and(draft.on_host(&host, &format!("systemctl unmask {unit}")))
            .and(Advice::Command(draft.options.command.clone()));
        draft.refuse(
            &host,
            RefusalKind::UnitMasked,
            format!("{unit} is masked on this host"),
            "systemd never starts a masked unit (systemctl(1), mask)",
            next,
        );
    }
}

/// The unit that a step starts.
fn started(step: &Step) -> Option<&str> {
    if let Operation::StartUnit(start) = &step.operation {
        return Some(&start.unit);
    }
    step.operation.nature().broker.reads_files().then_some(BROKER_UNIT)
}
