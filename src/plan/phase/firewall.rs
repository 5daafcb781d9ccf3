use std::collections::BTreeSet;

use super::Draft;
use crate::firewall::{Change as Trial, FirewallFacts, Opening, Seen};
use crate::inventory::FirewallSetting;
use crate::model::HostName;
use crate::operation::{KeepOpenings, OpenPorts};
use crate::plan::diff::unified;
use crate::plan::openings::needed;
use crate::plan::{Change, Proposal, RefusalKind};

/// Opens the ports that the inventory needs in the firewalls that filter on a host, and closes those that it opened before and
/// that nobody needs any more. Rules that it did not write stay.
pub fn plan(draft: &mut Draft<'_>) {
    if draft.desired.firewall == FirewallSetting::LeftAlone {
        return;
    }
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let firewalls = facts.firewalls.clone();
        if firewalls.is_empty() {
            draft.note(&host.name, "no firewall is active on this host, so there is nothing to open");
        }
        let needed = needed(draft.desired, &draft.facts, host);
        for seen in firewalls {
            match seen {
                Seen::Manageable(firewall) => open(draft, &host.name, &firewall, &needed),
                Seen::Beyond { software, why } => draft.refuse(
                    &host.name,
                    RefusalKind::FirewallUnknown,
                    format!(
                        "{} filters here, and rabbitup cannot open ports in it",
                        software.firewall().name
                    ),
                    why,
                    format!(
                        "open these ports yourself, and leave out [firewall] manage:\n{}",
                        lines(&needed).trim_end()
                    ),
                ),
            }
        }
    }
}

fn open(draft: &mut Draft<'_>, host: &HostName, firewall: &FirewallFacts, needed: &BTreeSet<Opening>) {
    let wanted: BTreeSet<Opening> =
        needed.iter().filter(|opening| firewall.filters(opening)).cloned().collect();
    if firewall.is_open_for(&wanted) {
        return;
    }
    let (software, name) = (firewall.software, firewall.software.firewall().name);
    let open = firewall.open();
    let change = if open.is_empty() { Change::Add } else { Change::Change };
    let operation = OpenPorts {
        software,
        instructions: (software.firewall().instructions)(firewall, &wanted),
        openings: wanted.clone(),
    };
    draft.propose(
        Proposal::new(host, &format!("open-ports-{}", software.as_str()), change, operation)
            .title(format!("open ports in {name}"))
            .because(reason(firewall, &wanted))
            .diff(unified(&lines(&open), &lines(&wanted)))
            .within(300),
    );
    draft.propose(
        Proposal::new(
            host,
            &format!("keep-openings-{}", software.as_str()),
            Change::Command,
            KeepOpenings { software },
        )
        .title(format!("keep the ports in {name} open, after a new login"))
        .because("without it the host reverts the change after a minute"),
    );
}

fn reason(firewall: &FirewallFacts, wanted: &BTreeSet<Opening>) -> &'static str {
    if firewall.open().is_superset(wanted) {
        return match firewall.change {
            Trial::OnTrial => "an interrupted run opened them, and the host is about to revert that",
            Trial::Kept => "some that rabbitup opened are not needed any more",
        };
    }
    if firewall.now.is_superset(wanted) {
        "they would be closed after a reload or at the next boot"
    } else if firewall.lasting.is_superset(wanted) {
        "they are saved, but not in effect"
    } else {
        "the inventory's hosts and clients need them"
    }
}

fn lines(openings: &BTreeSet<Opening>) -> String {
    openings.iter().map(|opening| format!("{opening}\n")).collect()
}
