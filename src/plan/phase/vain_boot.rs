use super::Draft;
use crate::cluster::vain_boot::is_in_vain;
use crate::inventory::Host;
use crate::model::HostName;
use crate::operation::InterruptBoot;
use crate::plan::{Change, Proposal, StepId};

/// Stops the nodes whose boot waits in vain. After a power cut with hosts that boot without names, all members wait for each other, for
/// as long as their units let them. They are stopped together before any of them starts again, so that none meets one that is about to
/// stop. Returns their hosts, and the steps.
pub(super) fn plan(draft: &mut Draft<'_>) -> Vec<(HostName, StepId)> {
    let is_in_vain = |host: &&Host| {
        let seen = draft.observed.host(&host.name).zip(draft.host(&host.name));
        seen.is_some_and(|(seen, now)| is_in_vain(draft.desired, host, seen, now))
    };
    let hosts: Vec<&Host> = draft.brokers().into_iter().filter(is_in_vain).collect();
    let mut stopped = Vec::new();
    for host in hosts {
        let (node, names) = (host.node(), draft.desired.cluster.names);
        let proposal = Proposal::new(&host.name, "interrupt", Change::Command, InterruptBoot { node, names })
            .title(format!("stop {}, whose boot waits in vain", host.node()))
            .because("it looked for the other members before their names resolved, and does not look again")
            .within(420);
        draft.propose(proposal);
        let id = StepId::new(&host.name, "interrupt");
        if draft.has(&id) {
            stopped.push((host.name.clone(), id));
        }
    }
    stopped
}
