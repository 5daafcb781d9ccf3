//! What the hosts tell, as settings.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::adoption::{ClusterName, FileLimit, Held, OwnSettings, Table, Written};
use super::{Adoption, address_of, balancer};
use crate::cluster::phrases::listed;
use crate::facts::{Facts, HostFacts, NodeFacts};
use crate::model::{HostName, NodeName, NodeType, is_ours, one_line};
use crate::rabbitmq::{BROKER_PACKAGE, CONF_FILE, Conf, has_ram_nodes};

/// Fills in what the members say about themselves and their cluster. All of them run.
pub fn survey(mut adoption: Adoption, facts: &Facts) -> Adoption {
    let Some(first) = adoption.brokers.first().and_then(|broker| facts.host(&broker.name)?.node()) else {
        return adoption;
    };
    types(&mut adoption, first);
    order(&mut adoption, facts);
    addresses(&mut adoption, facts);
    adoption.name = name(first);
    plugins(&mut adoption, facts);
    limit(&mut adoption, facts);
    held(&mut adoption, facts);
    settings(&mut adoption, facts);
    time_sources(&mut adoption, facts);
    balancer::read(&mut adoption, facts);
    adoption
}

/// Node types exist up to some version, with one of the two stores.
fn types(adoption: &mut Adoption, first: &NodeFacts) {
    if !has_ram_nodes(first.rabbitmq_version) {
        return;
    }
    for broker in &mut adoption.brokers {
        let node = NodeName::rabbit(&broker.name);
        if let Some(member) = first.members.iter().find(|member| member.node == node) {
            broker.node_type = member.node_type;
        }
    }
}

/// RabbitMQ does not note which node came first. The one that has run longest is known to hold what the cluster has, and a disc node can
/// be the seed node.
fn order(adoption: &mut Adoption, facts: &Facts) {
    let uptime = |name: &HostName| facts.host(name).and_then(HostFacts::node).and_then(|node| node.uptime_s);
    adoption.brokers.sort_by_key(|broker| {
        (broker.node_type == NodeType::Ram, Reverse(uptime(&broker.name)), broker.name.clone())
    });
}

/// As the others resolve each name: a host may have its own on a loopback address.
fn addresses(adoption: &mut Adoption, facts: &Facts) {
    let names: Vec<HostName> = adoption.brokers.iter().map(|broker| broker.name.clone()).collect();
    for broker in &mut adoption.brokers {
        let others = names.iter().filter(|name| **name != broker.name).filter_map(|name| facts.host(name));
        let Some(found) = address_of(&broker.name, others) else { continue };
        // What was reached at another address is still reached there.
        if broker.route.is_none() && broker.address != found {
            broker.route = Some(broker.address.to_string());
        }
        if broker.route.as_deref().and_then(|route| route.parse::<IpAddr>().ok()) == Some(found) {
            broker.route = None;
        }
        broker.address = found;
    }
}

fn name(first: &NodeFacts) -> ClusterName {
    let name = first.cluster_name.clone();
    match name.split_once('@') {
        // `rabbit_nodes:cluster_name_default/0`.
        Some(("rabbit", _)) => ClusterName::Default(name),
        _ if name.is_empty() => ClusterName::Unknown,
        _ => ClusterName::Given(name),
    }
}

/// The members with their nodes, in the file's order.
fn nodes<'f>(adoption: &Adoption, facts: &'f Facts) -> Vec<(HostName, &'f HostFacts, &'f NodeFacts)> {
    let node = |name: &HostName| {
        let seen = facts.host(name)?;
        Some((name.clone(), seen, seen.node()?))
    };
    adoption.brokers.iter().filter_map(|broker| node(&broker.name)).collect()
}

fn plugins(adoption: &mut Adoption, facts: &Facts) {
    let mut enabled: BTreeMap<BTreeSet<String>, Vec<HostName>> = BTreeMap::new();
    for (name, _, node) in nodes(adoption, facts) {
        enabled.entry(node.plugins.iter().cloned().collect()).or_default().push(name);
    }
    let mut sets = enabled.into_iter();
    match (sets.next(), sets.next()) {
        (Some((only, _)), None) => adoption.plugins = Some(only.into_iter().collect()),
        (first, second) => {
            adoption
                .remark(Table::Cluster, "The nodes have different plugins enabled, which stay as they are:");
            for (plugins, hosts) in first.into_iter().chain(second).chain(sets) {
                let what = if plugins.is_empty() { "none".to_owned() } else { listed(plugins) };
                adoption.remark(Table::Cluster, format!("  {}: {what}", listed(hosts)));
            }
        }
    }
}

/// The limit, if a file of the operator's sets the same one everywhere. The package's own needs no setting.
fn limit(adoption: &mut Adoption, facts: &Facts) {
    let set = |facts: &HostFacts| {
        let number = facts.environment.file_descriptors?;
        let by = facts.environment.file_descriptors_by.clone().filter(|by| by.starts_with("/etc/"))?;
        Some(FileLimit { number, by })
    };
    let limits: Vec<Option<FileLimit>> =
        nodes(adoption, facts).iter().map(|(_, seen, _)| set(seen)).collect();
    let Some(Some(first)) = limits.first() else { return };
    if limits.iter().all(|limit| limit.as_ref().map(|limit| limit.number) == Some(first.number)) {
        adoption.limit = Some(FileLimit { by: one_line(&first.by), ..first.clone() });
    } else if limits.iter().any(Option::is_some) {
        adoption
            .remark(Table::Cluster, "The nodes have different limits of open files, which stay as they are.");
    }
}

/// The version, if all of its packages are held everywhere; what is held otherwise is told.
fn held(adoption: &mut Adoption, facts: &Facts) {
    let nodes = nodes(adoption, facts);
    let is_held = |seen: &HostFacts, package| seen.packages.get(package).is_some_and(|known| known.held);
    let all_held = |seen: &HostFacts| {
        let erlang = seen.system.family.platform().map(|platform| platform.erlang);
        [Some(BROKER_PACKAGE), erlang].into_iter().flatten().all(|package| is_held(seen, package))
    };
    let mut versions: Vec<String> =
        nodes.iter().map(|(_, _, node)| node.rabbitmq_version.to_string()).collect();
    versions.dedup();
    let hosts: Vec<HostName> = nodes
        .iter()
        .filter(|(_, seen, _)| is_held(seen, BROKER_PACKAGE))
        .map(|(name, _, _)| name.clone())
        .collect();
    match versions.as_slice() {
        [version] if nodes.iter().all(|(_, seen, _)| all_held(seen)) => {
            adoption.held = Some(Held { version: version.clone() });
        }
        _ if hosts.is_empty() => {}
        _ => adoption.remark(
            Table::Package,
            format!(
                "{BROKER_PACKAGE} is held on {} and stays held; `rabbitup run upgrade` still changes its version.",
                listed(hosts)
            ),
        ),
    }
}

fn settings(adoption: &mut Adoption, facts: &Facts) {
    let confs: Vec<Conf> = nodes(adoption, facts)
        .iter()
        .map(|(_, seen, _)| {
            Conf::parse(seen.file(CONF_FILE).and_then(|file| file.content.as_deref()).unwrap_or_default())
        })
        .collect();
    let Some(first) = confs.first() else { return };
    let all_same = confs.iter().all(|conf| conf.effective() == first.effective());
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    adoption.settings = if !all_same {
        let all: BTreeSet<(String, String)> =
            confs.iter().flat_map(|conf| conf.effective().into_iter().map(owned)).collect();
        let everywhere =
            |key: &str, value: &str| confs.iter().all(|conf| conf.effective().get(key) == Some(&value));
        let keys: BTreeSet<String> =
            all.iter().filter(|(key, value)| !everywhere(key, value)).map(|(key, _)| one_line(key)).collect();
        OwnSettings::Different { keys: keys.into_iter().collect() }
    } else if first.effective().is_empty() {
        OwnSettings::None
    } else {
        let settings = first.effective().into_iter().map(owned).collect();
        OwnSettings::Same { settings, written: Written::AsComment }
    };
}

/// The role of the hosts that are time servers of the others, and the servers outside. Only a file that rabbitup wrote comes from such an
/// inventory.
fn time_sources(adoption: &mut Adoption, facts: &Facts) {
    let mut servers: BTreeSet<String> = BTreeSet::new();
    for seen in facts.hosts.keys().filter_map(|name| facts.host(name)) {
        let conf = seen.system.family.platform().map(|platform| platform.time.conf);
        let text = conf.and_then(|conf| seen.file(conf)?.content.as_deref()).unwrap_or_default();
        if is_ours(text) {
            let named = text.lines().filter_map(|line| line.strip_prefix("server ")?.split(' ').next());
            servers.extend(named.map(str::to_owned));
        }
    }
    let is_server = |name: &HostName, address: IpAddr| {
        servers.contains(name.as_str()) || servers.contains(&address.to_string())
    };
    let mut inside: BTreeSet<String> = BTreeSet::new();
    for broker in &mut adoption.brokers {
        broker.serves_time = is_server(&broker.name, broker.address);
        inside.extend(
            broker
                .serves_time
                .then(|| [broker.name.to_string(), broker.address.to_string()])
                .into_iter()
                .flatten(),
        );
    }
    for host in &mut adoption.balancers {
        host.serves_time = is_server(&host.name, host.address);
        inside.extend(
            host.serves_time.then(|| [host.name.to_string(), host.address.to_string()]).into_iter().flatten(),
        );
    }
    adoption.time_servers = servers.difference(&inside).map(|server| one_line(server)).collect();
}
