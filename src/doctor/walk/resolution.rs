use std::net::IpAddr;

use super::case::{Case, Notes, Seen, rabbitup, sentence};
use crate::cluster::claim::Claim;
use crate::doctor::{Answer, Cause, Finding};
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::{Host, HostsFileSetting};
use crate::model::Advice;

/// Whether each broker's name resolves to it, and nowhere else, on every broker's host. Erlang takes the first address of its
/// family (inet_gethost_native, `inet:getaddr/2`), in another order than getent: getaddrinfo(3) sorts addresses by RFC 6724,
/// gethostbyname(3) keeps the order of the file.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    for (seen, facts) in case.reached() {
        for peer in &case.brokers {
            notes.checked(Cause::NameUnresolved);
            let is_own = peer.host.name == seen.host.name;
            if let Some(found) =
                name(case, seen, facts, peer.host).filter(|_| !is_own || own_name_matters(case, seen, facts))
            {
                notes.add(found);
            }
        }
    }
}

fn name(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts, peer: &Host) -> Option<Finding> {
    let all = facts.resolution.get(&peer.name).map(Vec::as_slice).unwrap_or_default();
    let family: Vec<&IpAddr> =
        all.iter().filter(|address| address.is_ipv4() == peer.address.is_ipv4()).collect();
    let found = if family.is_empty() {
        all.first().copied()
    } else {
        Some(**family.iter().find(|address| ***address != peer.address)?)
    };
    let (here, there) = (&seen.host.name, &peer.name);
    let whose = if here == there { "its own name".to_owned() } else { format!("the name {there}") };
    let finding = match found {
        None => Finding::on(here, Cause::NameUnresolved, format!("{whose} does not resolve"))
            .seen(format!("on {here}: `getent ahosts {there}` finds nothing")),
        Some(address) => {
            let cause = if address.is_loopback() { Cause::NameLoopback } else { Cause::NameElsewhere };
            let words = if address.is_loopback() {
                "resolves to this host itself"
            } else {
                "resolves to the wrong address"
            };
            Finding::on(here, cause, format!("{whose} {words}: {address}")).seen(format!(
                "on {here}: {there} resolves to {address}; its address in the inventory is {}",
                peer.address
            ))
        }
    };
    let finding =
        match facts.file("/etc/hosts").and_then(|file| line_of(file.content.as_deref()?, there.as_str())) {
            Some(line) => finding.seen(format!("/etc/hosts on {here}: {line}")),
            None => finding.seen(format!("/etc/hosts on {here} does not contain it")),
        };
    let finding = written_by(facts).into_iter().fold(finding, Finding::seen);
    let found = remedies(case.desired.hosts_file, facts, peer).into_iter().fold(finding, Finding::fix);
    Some(if here == there { found } else { found.peer(there) })
}

/// The first line with the name, which decides.
fn line_of(hosts: &str, name: &str) -> Option<String> {
    let has = |line: &&str| {
        let fields = line.split('#').next().unwrap_or_default();
        fields.split_whitespace().skip(1).any(|word| word == name)
    };
    hosts.lines().find(has).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Who else writes /etc/hosts, and so may have removed names from it.
fn written_by(facts: &HostFacts) -> Option<String> {
    if let Some(cloud) = &facts.cloud_init {
        return Some(format!("cloud-init writes /etc/hosts at every boot: {}", cloud.in_words()));
    }
    let claim = Claim::of(facts.file("/etc/hosts")?.content.as_deref()?)?;
    Some(format!("/etc/hosts says that it belongs to {}: {}", claim.whose(), claim.line))
}

/// `rabbitup up` writes /etc/hosts, unless the inventory keeps it from that. If that is correct already, another source takes precedence.
fn remedies(setting: HostsFileSetting, facts: &HostFacts, peer: &Host) -> Vec<Advice> {
    if setting == HostsFileSetting::LeftAlone {
        return vec![sentence(
            "correct this where the host takes its names from (/etc/hosts, DNS); rabbitup does not write /etc/hosts, since \
             [hosts_file] has manage = false",
        )];
    }
    let hosts = facts.file("/etc/hosts").and_then(|file| file.content.as_deref()).unwrap_or_default();
    let first = line_of(hosts, peer.name.as_str());
    let is_right = first.is_some_and(|line| line.split(' ').next() == Some(&peer.address.to_string()));
    if !is_right {
        return vec![rabbitup("up")];
    }
    vec![sentence(
        "/etc/hosts is correct, but another source takes precedence: put `files` first in the line `hosts:` of \
         /etc/nsswitch.conf, and check for a stale cache (nscd, sssd)",
    )]
}

/// Debian's installer maps the host's own name to 127.0.1.1. A node finds itself there too, unless epmd or the node listens on
/// only one address: then it does not answer under its own name.
///
/// Where the inventory leaves /etc/hosts alone, no plan is made for such a host.
fn own_name_matters(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts) -> bool {
    if case.desired.hosts_file == HostsFileSetting::LeftAlone {
        return true;
    }
    let own = seen.exam.and_then(|exam| exam.peers.get(&seen.host.name));
    let by_name = own.map(|own| &own.answer);
    let answers_otherwise = matches!(facts.broker, BrokerState::Running(_) | BrokerState::AppStopped);
    answers_otherwise && matches!(by_name, Some(Answer::Refused(_) | Answer::TimedOut))
}
