//! What goes into each rendered file, from the desired state. `rabbitup render` prints exactly these.

use std::time::Duration;

use crate::inventory::{ConfigValue, Desired, Host, JoinMethod, LoadBalancer, Software, Stats, TimeServer};
use crate::model::{HostName, NodeName, NodeType, Role};
use crate::rabbitmq::CLUSTER_FORMATION;
use crate::template::{
    BackendLine, BalancerContext, ChronyContext, ConfigLine, Formation, HostLine, HostsContext,
    LimitsContext, NumberedNode, RabbitmqContext, Rendered, StatsLine, TemplateError, TemplateName,
    Templates, secret_sign,
};

/// The block of /etc/hosts: every host of the inventory.
///
/// # Errors
/// As [`Templates::render`], here and below.
pub fn hosts_block(templates: &Templates, desired: &Desired) -> Result<String, TemplateError> {
    let alias = |host: &Host| {
        let short = host.name.short();
        let unique = desired.hosts.iter().filter(|other| other.name.short() == short).count() == 1;
        (host.name.is_qualified() && unique).then(|| short.to_owned())
    };
    let line = |host: &Host| HostLine {
        address: host.address.to_string(),
        name: host.name.to_string(),
        alias: alias(host),
    };
    templates.render(TemplateName::Hosts, &HostsContext { hosts: desired.hosts.iter().map(line).collect() })
}

/// rabbitmq.conf of one broker. Only a node that is to enter the cluster of `seed` at its first start is told of it.
pub fn rabbitmq_conf(
    templates: &Templates,
    desired: &Desired,
    host: &Host,
    seed: &NodeName,
) -> Result<Rendered, TemplateError> {
    let entries = desired.cluster.config.iter().map(|entry| ConfigLine {
        key: entry.key.clone(),
        value: match &entry.value {
            ConfigValue::Text(text) => text.clone(),
            ConfigValue::Secret(name) => secret_sign(name),
        },
    });
    let formation = enters_at_first_start(desired, host, seed).then(|| Formation {
        seed: seed.to_string(),
        nodes: [seed.to_string(), host.node().to_string()]
            .into_iter()
            .enumerate()
            .map(|(at, node)| NumberedNode { number: at + 1, node })
            .collect(),
        retry_limit: 30,
        retry_interval: 500,
    });
    templates.render_file(TemplateName::Rabbitmq, &RabbitmqContext { entries: entries.collect(), formation })
}

/// Whether a blank node on this host would find its cluster by itself. RAM nodes are joined by command, which knows
/// of node types; an inventory that sets `cluster_formation` itself has its own way.
pub(super) fn enters_at_first_start(desired: &Desired, host: &Host, seed: &NodeName) -> bool {
    let own_way = desired.cluster.config.iter().any(|entry| entry.key.starts_with(CLUSTER_FORMATION));
    &host.node() != seed
        && desired.cluster.join == JoinMethod::FirstStart
        && host.node_type != Some(NodeType::Ram)
        && !own_way
}

/// The load balancer's configuration, HAProxy's or nginx's.
pub fn load_balancer(
    templates: &Templates,
    desired: &Desired,
    balancer: &LoadBalancer,
) -> Result<Rendered, TemplateError> {
    let broker = |host: &Host| BackendLine {
        name: host.name.to_string(),
        address: host.address.to_string(),
        endpoint: if host.address.is_ipv6() {
            format!("[{}]", host.address)
        } else {
            host.address.to_string()
        },
    };
    let stats = |stats: &Stats| StatsLine {
        port: stats.port,
        user: stats.user.clone(),
        password: stats.user.as_ref().map(|_| secret_sign(&Stats::secret())),
    };
    let context = BalancerContext {
        cluster: desired.cluster.name.clone(),
        balance: Some(balancer.balance.clone()).filter(|balance| !balance.is_empty()),
        amqp_port: balancer.amqp_port,
        management_port: balancer.management_port,
        client_timeout: duration(balancer.client_timeout),
        check_interval: duration(balancer.check_interval),
        brokers: desired.brokers().map(broker).collect(),
        stats: balancer.stats.as_ref().map(stats),
    };
    templates.render_file(balancer_template(balancer.software), &context)
}

/// The template that a load balancer's software reads.
pub fn balancer_template(software: Software) -> TemplateName {
    match software {
        Software::Haproxy => TemplateName::Haproxy,
        Software::Nginx => TemplateName::Nginx,
    }
}

/// chrony.conf of one host; None where the inventory names neither a server nor a source, so that the package's own
/// configuration serves.
pub fn chrony_conf(
    templates: &Templates,
    desired: &Desired,
    host: &Host,
) -> Result<Option<Rendered>, TemplateError> {
    let serves = host.has(Role::TimeSource) || is_server(desired, &host.name);
    let address = |server: &TimeServer| match server {
        TimeServer::Host(name) if name == &host.name => None,
        TimeServer::Host(name) => desired.host(name).map(|h| h.address.to_string()),
        TimeServer::External(server) => Some(server.clone()),
    };
    let servers: Vec<String> = desired.time.servers.iter().filter_map(address).collect();
    if servers.is_empty() && !serves {
        return Ok(None);
    }
    let clients =
        desired.hosts.iter().filter(|h| serves && h.name != host.name).map(|h| h.address.to_string());
    let context = ChronyContext { host: host.name.to_string(), servers, serves, clients: clients.collect() };
    templates.render_file(TemplateName::Chrony, &context).map(Some)
}

fn is_server(desired: &Desired, name: &HostName) -> bool {
    desired.time.servers.contains(&TimeServer::Host(name.clone()))
}

/// The systemd drop-in with the broker's limits, where the inventory sets one.
pub fn limits(templates: &Templates, desired: &Desired) -> Result<Option<Rendered>, TemplateError> {
    desired
        .cluster
        .file_descriptors
        .map(|file_descriptors| {
            templates.render_file(TemplateName::Limits, &LimitsContext { file_descriptors })
        })
        .transpose()
}

/// A duration as HAProxy and nginx both read it: in the largest unit that is whole.
fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis >= size && millis % size == 0 {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_what_haproxy_and_nginx_read() {
        assert_eq!(duration(Duration::from_secs(3 * 3600)), "3h");
        assert_eq!(duration(Duration::from_secs(90)), "90s");
        assert_eq!(duration(Duration::from_millis(1500)), "1500ms");
    }
}
