//! A plan in a few lines, for the question behind a plan that is longer than the screen.

use super::style::{Ink, Style};
use super::words::{counted_changes, list};
use crate::cluster::phrases::{grouped, listed};
use crate::model::HostName;
use crate::operation::OnBroker;
use crate::plan::{Change, Plan, Step};

/// A line per host, or for hosts with the same work: `node1  3 to add, 2 to change; restarts the broker`.
pub fn overview_text(plan: &Plan, style: Style) -> String {
    let hosts = plan.hosts.iter().filter_map(|host| {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.host == host.name).collect();
        (!steps.is_empty()).then(|| (words(&steps), &host.name))
    });
    let lines: Vec<(String, String)> = grouped(hosts)
        .into_iter()
        .map(|(words, hosts): (String, Vec<&HostName>)| (list(&hosts, style.detail), words))
        .collect();
    let width = lines.iter().map(|(hosts, _)| hosts.len()).max().unwrap_or_default();
    lines
        .iter()
        .map(|(hosts, words)| {
            format!("  {}  {words}\n", style.paint(Ink::Heading, format!("{hosts:<width$}")))
        })
        .collect()
}

fn words(steps: &[&Step]) -> String {
    let counts = counted_changes(Change::tally(steps.iter().map(|step| step.change)));
    let mut broker: Vec<&str> = Vec::new();
    for verb in steps.iter().filter_map(|step| verb(step.operation.nature().broker)) {
        if !broker.contains(&verb) {
            broker.push(verb);
        }
    }
    let broker = (!broker.is_empty()).then(|| format!("{} the broker", listed(broker)));
    // Another node's, if the step runs on a member that stays.
    let leaves = steps.iter().any(|step| step.operation.nature().broker == OnBroker::Leaves);
    let leaves = leaves.then(|| "takes a node out of the cluster".to_owned());
    [Some(counts), broker, leaves].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What clients of the host's own broker may notice.
fn verb(does: OnBroker) -> Option<&'static str> {
    match does {
        OnBroker::Untouched | OnBroker::Leaves => None,
        OnBroker::Starts | OnBroker::Resumes => Some("starts"),
        OnBroker::Restarts => Some("restarts"),
        OnBroker::Stops => Some("stops"),
    }
}
