//! Who the members are, as one node tells, and whether all of them can be taken over.

use super::balancer::active;
use crate::balancer;
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::facts::{BrokerState, ClusterMember, Facts, HostFacts, Lookup, NodeFacts, ProbeRequest};
use crate::inventory::Desired;
use crate::model::{HostName, NameMode, Next, NodeName, Problem, one_line};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT};

/// The members of a cluster, and how they are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    pub names: NameMode,
    /// The host of the node that was asked.
    pub asked: HostName,
    pub nodes: Vec<ClusterMember>,
}

/// What to ask the first host, given what it said before: its node's name is known only once it, or its host, has told it.
pub(crate) fn first_questions(seen: Option<&HostFacts>) -> ProbeRequest {
    let mut request = ProbeRequest {
        packages: vec![BROKER_PACKAGE.to_owned()],
        // A load balancer that was taken for a broker is told as one.
        units: balancer::units().chain([BROKER_UNIT]).map(str::to_owned).collect(),
        // A node is asked through localhost, and tells its name.
        node: NodeName::parse("rabbit@localhost").ok(),
        virtual_address: Lookup::Wanted,
        ..ProbeRequest::default()
    };
    let Some(seen) = seen else { return request };
    if let Some(node) = seen.node() {
        request.node = Some(node.name.clone());
        request.name_mode = mode_of(&node.name);
        request.names = node.members.iter().map(|member| member.node.host().clone()).collect();
        return request;
    }
    let environment = &seen.environment;
    let is_long = environment
        .get("USE_LONGNAME")
        .is_some_and(|set| ["1", "yes", "true"].contains(&set.value.trim().to_lowercase().as_str()));
    let running = HostName::parse(&seen.host_name.running).ok();
    let full = running.as_ref().and_then(|name| HostName::parse(seen.full_names.get(name)?).ok());
    let called = match is_long {
        true => full.or_else(|| running.clone()),
        false => running.as_ref().and_then(|name| HostName::parse(name.short()).ok()),
    };
    let set = environment.get("NODENAME").map(|set| set.value.as_str());
    let set = set.zip(called.as_ref()).and_then(|(value, host)| match value.contains('@') {
        true => NodeName::parse(value).ok(),
        false => NodeName::parse(&format!("{value}@{host}")).ok(),
    });
    request.node = set.or_else(|| called.as_ref().map(NodeName::rabbit)).or(request.node);
    request.name_mode = if is_long { NameMode::Long } else { NameMode::Short };
    request.names = running.into_iter().collect();
    request
}

fn mode_of(node: &NodeName) -> NameMode {
    if node.host().is_qualified() { NameMode::Long } else { NameMode::Short }
}

/// The members of the cluster of the node on this host.
///
/// # Errors
/// Why this cluster cannot be taken over as it is.
pub fn members(facts: &HostFacts) -> Result<Members, Problem> {
    let node = running(facts)?;
    let custom: Vec<&NodeName> =
        node.members.iter().map(|member| &member.node).filter(|name| !is_usual(name)).collect();
    if !custom.is_empty() {
        return Err(of_other_names(&custom));
    }
    let long = node.members.iter().filter(|member| member.node.host().is_qualified()).count();
    if long != 0 && long != node.members.len() {
        return Err(Problem::new(
            "some members have a domain in their names, and others none",
            format!("{} lists {}", node.name, listed(node.members.iter().map(|member| &member.node))),
            "the nodes of a cluster are called alike: a member that left is still listed (rabbitmqctl forget_cluster_node), or \
             USE_LONGNAME differs between the hosts",
        ));
    }
    let down: Vec<&NodeName> =
        node.members.iter().map(|member| &member.node).filter(|name| !node.running.contains(name)).collect();
    if !down.is_empty() {
        return Err(down_members(node, &down));
    }
    let mut nodes = node.members.clone();
    nodes.sort_by(|one, other| one.node.cmp(&other.node));
    Ok(Members { names: mode_of(&node.name), asked: node.name.host().clone(), nodes })
}

fn is_usual(node: &NodeName) -> bool {
    *node == NodeName::rabbit(node.host())
}

fn of_other_names(custom: &[&NodeName]) -> Problem {
    let verb = if custom.len() == 1 { "is a node" } else { "are nodes" };
    Problem::new(
        format!("an inventory cannot have {}", listed(custom)),
        format!(
            "{} {verb} of another name than rabbit@HOST, and a node cannot be renamed with its data",
            listed(custom)
        ),
        "manage this cluster as before; or move its definitions and messages to a new one (rabbitmqctl export_definitions, shovels)",
    )
}

fn down_members(node: &NodeFacts, down: &[&NodeName]) -> Problem {
    let (verb, start) = match down {
        [_] => ("is a member and does not run", "start it"),
        _ => ("are members and do not run", "start them"),
    };
    let hosts = listed(down.iter().map(|node| node.host()));
    Problem::new(
        format!("{} {verb}", listed(down)),
        format!("{} says so; what {hosts} holds is unknown", node.name),
        Next::say(format!(
            "{start} (systemctl start {BROKER_UNIT} on {hosts}), then run the same command again; a node whose host is gone for good: write \
             an inventory of all members with `rabbitup init`, and this removes it without losing what only it has:"
        ))
        .rabbitup(format!("run remove-node node={}", down.first().map(|node| node.host().as_str()).unwrap_or_default())),
    )
}

/// The facts of the node that runs on this host.
fn running(facts: &HostFacts) -> Result<&NodeFacts, Problem> {
    let (what, why, next) = match &facts.broker {
        BrokerState::Running(node) => return Ok(node),
        BrokerState::Down => {
            let (why, next) = match (facts.installed(BROKER_PACKAGE), active(facts)) {
                (None, Some(software)) => (
                    format!(
                        "{BROKER_PACKAGE} is not installed, and {} runs: it is a load balancer",
                        software.balancer().name
                    ),
                    "name the host of a broker, and this one with --load-balancer NAME=[USER@]ADDRESS",
                ),
                (None, None) => (
                    format!("{BROKER_PACKAGE} is not installed"),
                    "name a host whose node runs; `rabbitup init HOST…` writes an inventory for new hosts",
                ),
                (Some(_), _) => (
                    format!("the unit {BROKER_UNIT} is {}", facts.unit(BROKER_UNIT).active),
                    "name a host whose node runs, or start this one: systemctl start rabbitmq-server",
                ),
            };
            ("no RabbitMQ node runs on this host", why, next)
        }
        BrokerState::AppStopped => (
            "RabbitMQ on this host is stopped or still starting",
            "its Erlang VM runs, RabbitMQ in it does not".to_owned(),
            "wait until it has started, or start it (rabbitmqctl start_app), then run the same command again",
        ),
        BrokerState::CookieRefused => (
            "the node on this host does not accept the cookie of its host",
            "the cookie in /var/lib/rabbitmq/.erlang.cookie is not the one that the node runs with"
                .to_owned(),
            "name another member; with an inventory from `rabbitup init HOST…`, `rabbitup doctor` says more",
        ),
        BrokerState::Unknown(why) | BrokerState::Unsupported(why) => (
            "the node on this host cannot be asked",
            why.clone(),
            "name another member; with an inventory from `rabbitup init HOST…`, `rabbitup doctor` says more",
        ),
    };
    Err(Problem::new(what, why, next))
}

/// Why the members, all of them asked, cannot be taken over; None if nothing speaks against it.
pub(crate) fn whole(desired: &Desired, facts: &Facts) -> Option<Problem> {
    let mut wrong: Vec<String> = Vec::new();
    let mut nodes: Vec<&NodeFacts> = Vec::new();
    for host in desired.brokers() {
        let seen = facts.host(&host.name)?;
        match running(seen) {
            Err(problem) => {
                wrong.push(format!("{}: {}; {}", host.name, problem.what, problem.cause.why.join(" ")))
            }
            Ok(node) if node.name != host.node() => wrong.push(format!(
                "{}: {} runs there, and {} is the member",
                host.name,
                node.name,
                host.node()
            )),
            Ok(node) => {
                let called = &seen.host_name.running;
                if called.split('.').next() != Some(host.name.short()) {
                    wrong.push(format!(
                        "{}: the host's own name is {}, which the node's is not after",
                        host.name,
                        one_line(called)
                    ));
                }
                nodes.push(node);
            }
        }
    }
    if !wrong.is_empty() {
        return Some(Problem::new(
            "not every member can be taken over",
            wrong.join("\n"),
            "an inventory has running nodes that are called rabbit@HOST after their hosts: correct this, then run the same command again",
        ));
    }
    let disagreements = view::disagreements(desired, facts, nodes.first()?);
    (!disagreements.is_empty()).then(|| {
        Problem::new(
            "the members do not agree about their cluster",
            view::told(&disagreements),
            "rabbitmqctl cluster_status on each of them shows what it sees; when all agree, run the same command again",
        )
    })
}
