//! Where clients and operators get in, once a cluster serves: its addresses for AMQP and the management UI, and the login.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::endpoints::endpoint;
use super::health::load_balancer::serves;
use super::virtual_address::holdings;
use crate::facts::{Facts, HostFacts, NodeFacts};
use crate::inventory::{Admin, BalancerListener, Desired, Host, LoadBalancer};
use crate::model::{HostName, Role, SecretSource};
use crate::rabbitmq::listeners::{Endpoint, Offered, Port, Preamble, Security};

/// What is served at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    Amqp,
    Management,
}

/// What a client connects to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// The address that the load balancers share.
    VirtualAddress,
    LoadBalancer(HostName),
    Broker(HostName),
}

/// One address that serves now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    pub served: Served,
    /// `amqp://192.168.0.44:5672`, `https://192.168.0.44:15671/mq/`.
    pub url: String,
    pub through: Through,
}

/// The administrator that the inventory declares and the cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    pub user: &'a str,
    /// None: the inventory does not say.
    pub password: Option<&'a SecretSource>,
}

/// Every address that serves now: the virtual addresses, else those of load balancers, else those of the brokers themselves.
pub fn entrances(desired: &Desired, facts: &Facts) -> Vec<Entrance> {
    let Some(behind) = serving(desired, facts).map(|(host, _)| endpoint(desired, facts, host)).next() else {
        return Vec::new();
    };
    if let Some(balancer) = &desired.load_balancer {
        let found = through_balancers(desired, facts, balancer, &behind);
        if !found.is_empty() {
            return found;
        }
    }
    let brokers = serving(desired, facts).map(|(host, _)| {
        let at = endpoint(desired, facts, host);
        let through = Through::Broker(host.name.clone());
        let ports = [(Served::Amqp, at.amqp), (Served::Management, at.management)];
        let at = &at;
        ports.map(|(served, port)| port.map(|port| entrance(served, port, host.address, at, through.clone())))
    });
    in_order(brokers.flatten().flatten())
}

/// The login, unless guest is all that a cluster has: that is a finding of its own.
pub fn login<'a>(desired: &'a Desired, facts: &Facts) -> Option<Login<'a>> {
    let admin = desired.cluster.admin.as_ref()?;
    let has_it = serving(desired, facts).any(|(_, node)| node.admin_exists);
    let password = desired.secret_sources.get(&Admin::secret());
    has_it.then_some(Login { user: &admin.user, password })
}

fn serving<'a>(desired: &'a Desired, facts: &'a Facts) -> impl Iterator<Item = (&'a Host, &'a NodeFacts)> {
    let nodes =
        desired.brokers().filter_map(|host| Some((host, facts.host(&host.name).and_then(HostFacts::node)?)));
    nodes.filter(|(_, node)| !node.maintenance)
}

fn through_balancers(
    desired: &Desired,
    facts: &Facts,
    balancer: &LoadBalancer,
    behind: &Endpoint,
) -> Vec<Entrance> {
    let mut found = Vec::new();
    if let Some(vip) = &balancer.vip {
        let held = holdings(desired, facts).into_iter().filter(|holding| !holding.holders.is_empty());
        for holding in held {
            let own = vip.addresses.first().map_or(holding.at.address, |first| first.address);
            found.extend(offered(balancer, behind, holding.at.address, own, &Through::VirtualAddress));
        }
    }
    if found.is_empty() {
        let up =
            desired.with_role(Role::LoadBalancer).filter(|host| facts.host(&host.name).is_some_and(serves));
        for host in up {
            let through = Through::LoadBalancer(host.name.clone());
            found.extend(offered(balancer, behind, host.address, host.address, &through));
        }
    }
    in_order(found)
}

/// What a balancer offers at an address. Where it listens on some addresses only and this is none of them, the first of those counts.
fn offered(
    balancer: &LoadBalancer,
    behind: &Endpoint,
    address: IpAddr,
    own: IpAddr,
    through: &Through,
) -> Vec<Entrance> {
    let security = |port: Option<Port>| port.map(|port| port.security);
    let number = |number: u16, security| Port { number, security, preamble: Preamble::Nothing };
    let amqp = security(behind.amqp).map(|security| (Served::Amqp, number(balancer.amqp_port, security)));
    let management = security(behind.management)
        .zip(balancer.management_port)
        .map(|(security, port)| (Served::Management, number(port, security)));
    let main = amqp.into_iter().chain(management).map(|(served, port)| (served, port, &balancer.bind));
    let more = balancer.listeners.iter().filter_map(|BalancerListener { serves, port, bind }| {
        let served = match serves {
            Offered::Amqps => Served::Amqp,
            Offered::ManagementTls => Served::Management,
            Offered::Mqtt
            | Offered::Mqtts
            | Offered::Stomp
            | Offered::Stomps
            | Offered::WebMqtt
            | Offered::WebMqttTls
            | Offered::WebStomp
            | Offered::WebStompTls
            | Offered::Prometheus => return None,
        };
        Some((served, number(*port, Security::Tls), bind))
    });
    main.chain(more)
        .filter_map(|(served, port, bind)| {
            let at = reachable(bind, address, own)?;
            Some(entrance(served, port, at, behind, through.clone()))
        })
        .collect()
}

/// The address at which a listener with these addresses is reached. None: only from its own host.
fn reachable(bind: &[IpAddr], address: IpAddr, own: IpAddr) -> Option<IpAddr> {
    let everywhere = bind.is_empty() || bind.iter().any(IpAddr::is_unspecified);
    if everywhere || bind.contains(&address) {
        return Some(address);
    }
    let others = || bind.iter().copied().filter(|at| !at.is_loopback());
    others().find(|at| at.is_ipv4() == own.is_ipv4()).or_else(|| others().next())
}

fn entrance(served: Served, port: Port, address: IpAddr, at: &Endpoint, through: Through) -> Entrance {
    let (scheme, path) = match (served, port.security) {
        (Served::Amqp, Security::Plain) => ("amqp", String::new()),
        (Served::Amqp, Security::Tls) => ("amqps", String::new()),
        (Served::Management, Security::Plain) => ("http", folder(&at.path_prefix)),
        (Served::Management, Security::Tls) => ("https", folder(&at.path_prefix)),
    };
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    Entrance { served, url: format!("{scheme}://{host}:{}{path}", port.number), through }
}

/// The UI answers at `/mq/`, and at `/mq` not on every version.
fn folder(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}

/// AMQP first, each address once.
fn in_order(found: impl IntoIterator<Item = Entrance>) -> Vec<Entrance> {
    let mut once = BTreeMap::new();
    for (at, entrance) in found.into_iter().enumerate() {
        once.entry(entrance.url.clone()).or_insert((at, entrance));
    }
    let mut all: Vec<(usize, Entrance)> = once.into_values().collect();
    all.sort_by_key(|(at, entrance)| (entrance.served != Served::Amqp, *at));
    all.into_iter().map(|(_, entrance)| entrance).collect()
}
