//! Which hosts of an Ansible inventory are the cluster's, and what each is for.

use super::fault::Fault;
use super::listing::{Listed, Listing};
use super::roles::{Part, parts};
use super::taken::shown;
use crate::balancer::Software;
use crate::document::listed;
use crate::inventory::StarterPart;
use crate::model::HostName;

/// How many names a comment has.
const NAMED: usize = 20;

/// A host that comes into the inventory.
pub(super) struct Kept<'l> {
    pub host: &'l Listed,
    pub part: StarterPart,
    pub remark: Option<String>,
}

/// The hosts that come into the inventory.
pub(super) struct Choice<'l> {
    pub hosts: Vec<Kept<'l>>,
    pub software: Software,
    /// About the others, each in a sentence.
    pub remarks: Vec<String>,
}

/// The hosts by what their groups say; if no group says broker, by their names. And what is said about the others.
///
/// # Errors
/// There is no host.
pub(super) fn chosen<'l>(listing: &'l Listing, depths: &[usize]) -> Result<Choice<'l>, Fault> {
    if listing.hosts.is_empty() {
        let hint = "write hosts below [rabbitmq] (INI) or all: hosts: (YAML)";
        return Err(Fault::new("no host is in it", 0..0, hint));
    }
    let parts = parts(listing, depths);
    let has_broker = parts.iter().any(|part| matches!(part, Part::Broker | Part::Both { .. }));
    let software = software(&parts);
    let (mut kept, mut unsaid, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for (host, part) in listing.hosts.iter().zip(&parts) {
        let mut keep = |part, remark| kept.push(Kept { host, part, remark });
        match part {
            Part::Broker => keep(StarterPart::Broker, None),
            Part::Both { balancers } => keep(
                StarterPart::Broker,
                Some(format!(
                    "It is also in the group `{}`: a broker here, since both would use AMQP's port.",
                    shown(balancers)
                )),
            ),
            Part::Balancer(Some(other_software)) if *other_software != software => {
                other.push(shown(&host.name))
            }
            Part::Balancer(_) => keep(StarterPart::LoadBalancer, None),
            Part::Unsaid if has_broker => unsaid.push(shown(&host.name)),
            Part::Unsaid => {
                let by_name = HostName::parse(&host.name).map(|name| StarterPart::by_name(&name));
                keep(by_name.unwrap_or(StarterPart::Broker), None);
            }
        }
    }
    let mut remarks = vec![
        "From an Ansible inventory, of which hosts, groups and the variables for ssh were read. The order of joining is its order."
            .to_owned(),
    ];
    if !has_broker {
        remarks.push("No group's name says broker, so the hosts' own names decide.".to_owned());
    }
    if !unsaid.is_empty() {
        remarks.push(format!(
            "Left out, since no group's name says that they are brokers or load balancers: {}.",
            some(&unsaid)
        ));
    }
    if !other.is_empty() {
        remarks.push(format!(
            "Left out, since load balancers of one cluster have one software: {}.",
            some(&other)
        ));
    }
    Ok(Choice { hosts: kept, software, remarks })
}

/// The software that the balancers' groups name.
fn software(parts: &[Part]) -> Software {
    let named = |software: &Software| {
        parts.iter().any(|part| matches!(part, Part::Balancer(Some(named)) if named == software))
    };
    // The default one first: what else is named may serve the web.
    Some(Software::default())
        .filter(named)
        .or_else(|| Software::ALL.iter().copied().find(named))
        .unwrap_or_default()
}

fn some(names: &[String]) -> String {
    match names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", names[..NAMED].join(", ")),
        None => listed(names, "and"),
    }
}
