//! The data of the desired state that the template of a load balancer gets.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::{BalancerCheck, BalancerListener, Desired, Host, LoadBalancer, Metrics, Stats, short_duration};
use crate::balancer::{Bind, Share, Software};
use crate::model::{Role, Version};
use crate::platform::{Platform, platforms};
use crate::rabbitmq::listeners::{AMQP, Door, Endpoint, MANAGEMENT, NodePorts, Preamble, Security};
use crate::template::{
    BackendLine, BalancerContext, GreetingLine, HealthLine, ListenerBroker, ListenerLine, StatsLine,
    TemplateName, Templates, secret_sign,
};

impl Desired {
    /// Every broker where a load balancer reaches it, by this inventory alone.
    pub fn backends(&self) -> Vec<(&Host, Endpoint)> {
        let endpoint = self.cluster.listeners(NodePorts::default()).endpoint();
        self.brokers().map(|host| (host, endpoint.clone())).collect()
    }

    /// Whether the brokers ask for the PROXY protocol's header, and a load balancer's template makes the same of that as if they did not.
    pub(crate) fn leaves_header_out(&self, templates: &Templates, software: Software) -> bool {
        let balancer = self.load_balancer.iter().find(|balancer| balancer.software == software);
        let asked = self.backends();
        let mut plain = asked.clone();
        for (_, endpoint) in &mut plain {
            endpoint.amqp.iter_mut().for_each(|port| port.preamble = Preamble::Nothing);
        }
        let Some((balancer, platform)) = balancer.zip(platforms().next()).filter(|_| asked != plain) else {
            return false;
        };
        let text = |backends| {
            let context = self.balancer_context(balancer, &BalancerAt::new_host(platform, backends));
            templates.render(TemplateName::Balancer(software), &context).ok()
        };
        text(&asked) == text(&plain)
    }

    /// For the load balancer's template.
    pub fn balancer_context(&self, balancer: &LoadBalancer, at: &BalancerAt<'_>) -> BalancerContext {
        let BalancerAt { platform, version, backends, .. } = at;
        let ui = backends.iter().find(|(_, endpoint)| endpoint.management.is_some());
        let path_prefix = ui.map(|(_, endpoint)| endpoint.path_prefix.as_str()).unwrap_or_default();
        let security = ui.and_then(|(_, endpoint)| endpoint.management).map(|port| port.security);
        let software = balancer.software.balancer();
        let packaged = platform.packages_of(software);
        let dual_stack = self.with_role(Role::LoadBalancer).any(|host| host.address.is_ipv6());
        let binds = |port: u16, addresses: &[IpAddr]| {
            let everywhere = if dual_stack { Bind::All(port) } else { Bind::Ipv4(port) };
            let given = addresses.iter().map(|address| Bind::At(SocketAddr::new(*address, port)));
            let all: Vec<Bind> = if addresses.is_empty() { vec![everywhere] } else { given.collect() };
            all.into_iter().map(software.bind).collect::<Vec<String>>()
        };
        let way = if at.checks == Checks::OfGreetings { Way::Plain } else { Way::Asked };
        let (health, greeting) = asked(balancer, at, path_prefix);
        let connections = balancer.max_connections.unwrap_or(CONNECTIONS);
        let tls = security == Some(Security::Tls);
        BalancerContext {
            user: packaged.user.to_owned(),
            modules_conf: packaged.modules_conf.to_owned(),
            socket: packaged.socket.to_owned(),
            alive: alive(balancer, platform).map(str::to_owned),
            cluster: self.cluster.name.clone(),
            balance: balancer.balance.directive.map(str::to_owned),
            slow_start: (balancer.balance.share == Share::Growing).then(|| SLOW_START.to_owned()),
            // A version that is yet to be installed is not an old one.
            idle_probes: version
                .is_none_or(|version| (version.major, version.minor) >= software.idle_probes_since),
            max_connections: balancer.max_connections,
            worker_connections: connections.saturating_mul(2).saturating_add(WORKERS_OWN),
            worker_files: connections.saturating_mul(2).saturating_add(2 * WORKERS_OWN),
            check_tls: if health.is_some() { tls } else { greeting.as_ref().is_some_and(|asked| asked.tls) },
            health,
            greeting,
            dual_stack,
            amqp_port: balancer.amqp_port,
            management_port: balancer.management_port,
            amqp_binds: binds(balancer.amqp_port, &balancer.bind),
            management_binds: balancer
                .management_port
                .map(|port| binds(port, &balancer.bind))
                .unwrap_or_default(),
            listeners: balancer
                .listeners
                .iter()
                .map(|listener| ListenerLine {
                    name: listener.serves.as_str().to_owned(),
                    binds: binds(listener.port, &listener.bind),
                    proxied: is_proxied(
                        backends
                            .iter()
                            .filter_map(|(_, at)| at.offered.get(&listener.serves))
                            .map(|door| door.preamble),
                    ),
                    brokers: backends.iter().filter_map(|at| listener_broker(listener, at, way)).collect(),
                    proxied_brokers: backends
                        .iter()
                        .filter(|_| way == Way::Plain && listener.serves.service().proxy_key().is_some())
                        .filter_map(|at| listener_broker(listener, at, Way::Proxied))
                        .collect(),
                })
                .collect(),
            management_path: format!("{path_prefix}/"),
            management_tls: tls,
            client_timeout: short_duration(balancer.client_timeout),
            check_interval: short_duration(balancer.check_interval),
            proxied: is_proxied(backends.iter().filter_map(|(_, at)| at.amqp).map(|port| port.preamble)),
            brokers: backends.iter().map(|at| backend(at, way)).collect(),
            proxied_brokers: backends
                .iter()
                .filter(|_| way == Way::Plain)
                .map(|at| backend(at, Way::Proxied))
                .collect(),
            shares: (1..=backends.len()).collect(),
            broker_count: backends.len(),
            stats: balancer.stats.as_ref().map(|stats| StatsLine {
                port: stats.port,
                user: stats.user.clone(),
                metrics: stats.metrics == Metrics::Offered,
                password: stats.user.as_ref().map(|_| secret_sign(&Stats::secret())),
            }),
        }
    }
}

/// Where a load balancer's configuration is rendered for.
#[derive(Clone, Copy, Debug)]
pub struct BalancerAt<'a> {
    pub platform: &'a Platform,
    /// The software's, where its host has it or is going to get it.
    pub version: Option<Version>,
    /// Every broker with the place where it is reached.
    pub backends: &'a [(&'a Host, Endpoint)],
    pub checks: Checks,
}

impl<'a> BalancerAt<'a> {
    /// A host that is yet to get the software.
    pub fn new_host(platform: &'a Platform, backends: &'a [(&'a Host, Endpoint)]) -> Self {
        Self { platform, version: None, backends, checks: Checks::AsWanted }
    }
}

/// Which checks a configuration has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    AsWanted,
    /// Of connections only: while brokers change the place of their management UI one after the other, no question suits them all.
    OfConnections,
    /// Of AMQP's greeting, with the PROXY protocol's header and without it: while brokers change to it or from it, each is in two backends.
    OfGreetings,
}

/// The time in which a broker that comes back gets its share of new connections.
const SLOW_START: &str = "30s";

/// Clients at once where the inventory names no number, for software that derives none from the limit of its process.
const CONNECTIONS: u32 = 20_000;

/// Descriptors that a worker of nginx uses besides: its listeners, logs, and channels to others.
const WORKERS_OWN: u32 = 100;

/// What a check asks a broker: its management UI, or its AMQP listener, or nothing.
fn asked(
    balancer: &LoadBalancer,
    at: &BalancerAt<'_>,
    path_prefix: &str,
) -> (Option<HealthLine>, Option<GreetingLine>) {
    let ways = at.checks == Checks::OfGreetings;
    let amqp = |endpoint: &Endpoint| {
        let port = endpoint.amqp?;
        Some((port.security == Security::Tls, !ways && port.preamble == Preamble::ProxyHeader))
    };
    let amqps: BTreeSet<_> = at.backends.iter().map(|(_, endpoint)| amqp(endpoint)).collect();
    let greeting = amqps.first().copied().flatten().filter(|_| amqps.len() == 1);
    // HAProxy's own header has no addresses if it is for a check, which older versions of RabbitMQ do not survive (3.10 logs a crash); and one that is
    // written by hand cannot come before TLS.
    let greeting = greeting.filter(|asked| *asked != (true, true));
    let greeting = greeting.map(|(tls, proxied)| GreetingLine { tls, proxied });
    match at.checks {
        Checks::OfConnections => return (None, None),
        Checks::OfGreetings => return (None, greeting),
        Checks::AsWanted if balancer.check == BalancerCheck::Connect => return (None, None),
        Checks::AsWanted => {}
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._~-".contains(c);
    let uis: BTreeSet<_> = at.backends.iter().map(|(_, endpoint)| endpoint.management).collect();
    let one = uis.first().copied().flatten().filter(|_| uis.len() == 1 && path_prefix.chars().all(plain));
    if balancer.management_port.is_some() {
        return (one.map(|ui| HealthLine { port: ui.number }), None);
    }
    (None, greeting)
}

/// Where a balancer says whether it works, where somebody asks.
pub(crate) fn alive(balancer: &LoadBalancer, platform: &Platform) -> Option<&'static str> {
    let socket = platform.packages_of(balancer.software.balancer()).alive;
    (balancer.vip.is_some() && !socket.is_empty()).then_some(socket)
}

/// A broker behind a listener; none where it does not serve that.
fn listener_broker(
    listener: &BalancerListener,
    (host, at): &(&Host, Endpoint),
    way: Way,
) -> Option<ListenerBroker> {
    let Door { port, preamble } = *at.offered.get(&listener.serves)?;
    let (name, endpoint) = (host.name.to_string(), before_port(host.address));
    Some(ListenerBroker { name, endpoint, port, proxied: way.proxies(preamble), rests: !way.suits(preamble) })
}

/// How a backend's servers are connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As each broker asks for it.
    Asked,
    /// All of them without the PROXY protocol's header, or with it: a pair of backends, in one of which each broker rests.
    Plain,
    Proxied,
}

impl Way {
    fn proxies(self, asked: Preamble) -> bool {
        match self {
            Self::Asked => asked == Preamble::ProxyHeader,
            Self::Plain => false,
            Self::Proxied => true,
        }
    }

    fn suits(self, asked: Preamble) -> bool {
        self.proxies(asked) == (asked == Preamble::ProxyHeader)
    }
}

/// Whether a broker asks for the header.
fn is_proxied(mut asked: impl Iterator<Item = Preamble>) -> bool {
    asked.any(|preamble| preamble == Preamble::ProxyHeader)
}

/// An address as it stands before a port.
fn before_port(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn backend((host, at): &(&Host, Endpoint), way: Way) -> BackendLine {
    let asked = at.amqp.map_or(Preamble::Nothing, |port| port.preamble);
    BackendLine {
        name: host.name.to_string(),
        address: host.address.to_string(),
        endpoint: before_port(host.address),
        amqp_port: at.amqp.map_or(AMQP, |port| port.number),
        management_port: at.management.map_or(MANAGEMENT, |port| port.number),
        proxied: way.proxies(asked),
        rests: !way.suits(asked),
    }
}
