//! Whether the nodes of a host use the address family of the inventory between each other. A node uses one of them only, and looks up
//! names only in that one (kernel's inet_tcp_dist.erl).

use super::remedy::shell;
use crate::facts::{EnvironmentSetting, HostFacts};
use crate::inventory::{Desired, Host};
use crate::model::{AddressFamily, Advice, HostName, Problem};
use crate::rabbitmq::{BROKER_UNIT, ENV_FILE, family_of_arguments};

/// The variables with arguments of the broker's VM, in the order in which they are passed (scripts/rabbitmq-server).
const ARGUMENTS: [&str; 3] = ["SERVER_ERL_ARGS", "SERVER_ADDITIONAL_ERL_ARGS", "SERVER_START_ARGS"];

/// The family that the broker's environment chooses for its next start, and the setting; none: Erlang's default, IPv4.
fn chosen(facts: &HostFacts) -> Option<(AddressFamily, &EnvironmentSetting)> {
    ARGUMENTS.iter().find_map(|name| {
        let set = facts.environment.get(name)?;
        Some((family_of_arguments(&set.value)?, set))
    })
}

/// The family of the broker's next start.
pub(crate) fn of_next_start(facts: &HostFacts) -> AddressFamily {
    chosen(facts).map_or(AddressFamily::Ipv4, |(family, _)| family)
}

/// The brokers whose names resolve on this host to addresses of the other family only.
pub(crate) fn unreached<'d>(
    desired: &'d Desired,
    facts: &HostFacts,
    family: AddressFamily,
) -> Vec<&'d HostName> {
    let only_other = |host: &&Host| {
        facts.resolution.get(&host.name).is_some_and(|found| {
            !found.is_empty() && found.iter().all(|address| AddressFamily::from(*address) != family)
        })
    };
    desired.brokers().filter(only_other).map(|host| &host.name).collect()
}

/// A setting of the other family than the inventory's that rabbitup does not change: with IPv6 addresses one outside of the lines that
/// it writes, with IPv4 addresses any.
pub(crate) fn outranked(host: &Host, facts: &HostFacts) -> Option<Problem> {
    let wanted = AddressFamily::from(host.address);
    let (family, set) = chosen(facts).filter(|(family, _)| *family != wanted)?;
    let is_written = set.by == ENV_FILE && set.variable.ends_with("SERVER_ADDITIONAL_ERL_ARGS");
    if wanted == AddressFamily::Ipv6 && is_written {
        return None;
    }
    let resolves = |address: &std::net::IpAddr| AddressFamily::from(*address) == family;
    // Names with addresses of both families work with either.
    if facts.resolution.get(&host.name).is_some_and(|found| found.iter().any(resolves)) {
        return None;
    }
    let what = format!("the node uses {family} between nodes, and the inventory's addresses are {wanted}");
    let mut problem = Problem::bare(what).on(&host.name);
    problem.cause.why.push(set.to_string());
    problem.cause.next.extend(remedy(host, facts, set));
    Some(problem)
}

/// The setting's argument becomes that of the inventory's family.
pub(crate) fn remedy(host: &Host, facts: &HostFacts, set: &EnvironmentSetting) -> Vec<Advice> {
    let (from, to) = match AddressFamily::from(host.address) {
        AddressFamily::Ipv4 => ("inet6_t", "inet_t"),
        AddressFamily::Ipv6 => ("inet_t", "inet6_t"),
    };
    if set.by != ENV_FILE {
        let words = format!(
            "on {}: write -proto_dist {to}cp (or {to}ls) instead of {from}cp (or {from}ls) in {}, then systemctl daemon-reload",
            host.name, set.by
        );
        return vec![Advice::Sentence(words)];
    }
    // Both variables, so that the tools follow.
    let edit = format!("sed -i \"s/-proto_dist {from}/-proto_dist {to}/\" {ENV_FILE}");
    vec![
        Advice::Sentence(
            "in a maintenance window, on every broker's host: a cluster changes as a whole".to_owned(),
        ),
        shell(host, Some(facts), &format!("systemctl stop {BROKER_UNIT}")),
        shell(host, Some(facts), &edit),
        Advice::Rabbitup("up".to_owned()),
    ]
}

/// The setting that chooses another family than the inventory's.
pub(crate) fn astray<'f>(host: &Host, facts: &'f HostFacts) -> Option<&'f EnvironmentSetting> {
    chosen(facts).filter(|(family, _)| *family != AddressFamily::from(host.address)).map(|(_, set)| set)
}

/// A running cluster with IPv4 between its nodes, and IPv6 addresses in the inventory.
pub(crate) fn only_together(host: &Host) -> Problem {
    let mut problem =
        Problem::bare("its cluster uses IPv4 between nodes, and the inventory's addresses are IPv6")
            .on(&host.name);
    problem.cause.why.push("a node that restarts with IPv6 reaches no node with IPv4".to_owned());
    problem.cause.next.extend([
        Advice::Sentence(
            "write the hosts' IPv4 addresses into the inventory; or, in a maintenance window:".to_owned(),
        ),
        Advice::Rabbitup("run stop".to_owned()),
        Advice::Rabbitup("up".to_owned()),
    ]);
    problem
}
