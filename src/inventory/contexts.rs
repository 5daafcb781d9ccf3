//! The data of the desired state that templates get.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::{
    BalancerCheck, BalancerListener, ConfigValue, Desired, Host, JoinMethod, LoadBalancer, Metrics, Stats,
    TimeServer, Vip, short_duration,
};
use crate::balancer::{Bind, Share};
use crate::model::{HostName, NodeName, NodeType, Role, Version};
use crate::platform::{Platform, TimeService, platforms};
use crate::rabbitmq::listeners::{AMQP, Endpoint, MANAGEMENT, NodePorts, Security};
use crate::template::{
    BackendLine, BalancerContext, ChronyContext, ConfigLine, Formation, GreetingLine, HealthLine, HostLine,
    HostsContext, KeepalivedContext, LimitsContext, ListenerBroker, ListenerLine, NumberedNode,
    RabbitmqContext, StatsLine, TemplateError, TemplateName, Templates, secret_sign,
};
use crate::virtual_address::{self, NetworkAddress};

/// How long a joiner tries to find the seed node at its first start: thirty seconds, ten attempts a second.
const RETRY_LIMIT: u32 = 300;
const RETRY_INTERVAL: u32 = 100;

impl Desired {
    /// For hosts.hbs: every host, in the inventory's order.
    pub fn hosts_context(&self, full_names: &BTreeMap<HostName, String>) -> HostsContext {
        let line = |host: &Host| {
            let short = host.name.short();
            let is_unique = self.hosts.iter().filter(|other| other.name.short() == short).count() == 1;
            let alias = (host.name.is_qualified() && is_unique).then(|| short.to_owned());
            let full = full_names.get(&host.name).cloned();
            HostLine { address: host.address.to_string(), name: host.name.to_string(), full, alias }
        };
        HostsContext { hosts: self.hosts.iter().map(line).collect() }
    }

    /// Whether a blank node on this host finds the cluster of `seed` by itself when it starts. RAM nodes are joined by the
    /// command, which supports node types.
    pub fn enters_at_first_start(&self, host: &Host, seed: &NodeName) -> bool {
        self.cluster.join == JoinMethod::FirstStart
            && host.node_type != Some(NodeType::Ram)
            && host.node() != *seed
    }

    /// For rabbitmq.conf.hbs on one broker. The seed node has no peer discovery.
    pub fn rabbitmq_context(&self, host: &Host, seed: &NodeName) -> RabbitmqContext {
        let entry = |entry: &super::ConfigEntry| ConfigLine {
            key: entry.key.clone(),
            value: match &entry.value {
                ConfigValue::Text(text) => text.clone(),
                ConfigValue::Secret(name) => secret_sign(name),
            },
        };
        let formation = self.enters_at_first_start(host, seed).then(|| {
            let nodes = [seed.clone(), host.node()].into_iter().enumerate();
            Formation {
                seed: seed.to_string(),
                nodes: nodes
                    .map(|(at, node)| NumberedNode { number: at + 1, node: node.to_string() })
                    .collect(),
                retry_limit: RETRY_LIMIT,
                retry_interval: RETRY_INTERVAL,
            }
        });
        let mut entries: Vec<ConfigLine> = self.cluster.config.iter().map(entry).collect();
        entries.extend(self.ipv6_listeners(host));
        RabbitmqContext { entries, formation }
    }

    /// The plugins' HTTP listeners that use IPv4 only unless told otherwise, unlike those of AMQP (rabbitmq.com/docs/networking).
    fn ipv6_listeners(&self, host: &Host) -> Vec<ConfigLine> {
        const HTTP: [(&str, &str); 2] =
            [("rabbitmq_management", "management"), ("rabbitmq_prometheus", "prometheus")];
        let is_set = |start: &str| self.cluster.config.iter().any(|entry| entry.key.starts_with(start));
        let is_enabled = |plugin: &str| {
            self.cluster.plugins.iter().flatten().any(|enabled| enabled == plugin) && host.address.is_ipv6()
        };
        let enabled = HTTP.iter().filter(|(plugin, _)| is_enabled(plugin));
        enabled
            .flat_map(|(_, key)| {
                let (tcp, tls) = (format!("{key}.tcp."), format!("{key}.ssl."));
                // A setting of one kind of listener opens it.
                let opens_tcp = is_set(&tcp) || !is_set(&tls);
                [(tcp, opens_tcp), (tls.clone(), is_set(&tls))]
            })
            .filter(|(start, opens)| *opens && !is_set(&format!("{start}ip")))
            .map(|(start, _)| ConfigLine { key: format!("{start}ip"), value: "::".to_owned() })
            .collect()
    }

    /// Every broker where a load balancer reaches it, by this inventory alone.
    pub fn backends(&self) -> Vec<(&Host, Endpoint)> {
        let endpoint = self.cluster.listeners(NodePorts::default()).endpoint();
        self.brokers().map(|host| (host, endpoint.clone())).collect()
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
                .filter(|known| known.major > 0)
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
                    brokers: backends.iter().filter_map(|at| listener_broker(listener, at)).collect(),
                })
                .collect(),
            management_path: format!("{path_prefix}/"),
            management_tls: tls,
            client_timeout: short_duration(balancer.client_timeout),
            check_interval: short_duration(balancer.check_interval),
            brokers: backends.iter().map(|(host, endpoint)| backend(host, endpoint)).collect(),
            stats: balancer.stats.as_ref().map(|stats| StatsLine {
                port: stats.port,
                user: stats.user.clone(),
                metrics: stats.metrics == Metrics::Offered,
                password: stats.user.as_ref().map(|_| secret_sign(&Stats::secret())),
            }),
        }
    }

    /// For keepalived.conf.hbs on one load balancer.
    pub fn keepalived_context(&self, host: &Host, vip: &Vip, interface: &str) -> KeepalivedContext {
        let balancers = || self.with_role(Role::LoadBalancer);
        let place = balancers().position(|other| other.name == host.name).unwrap_or_default();
        let others = balancers().filter(|other| other.name != host.name);
        // An IPv6 address that moves must not be chosen for connections to brokers, which would break when it does.
        let line = |at: NetworkAddress| match at.address {
            IpAddr::V4(_) => format!("{at} dev {interface}"),
            IpAddr::V6(_) => format!("{at} dev {interface} preferred_lft 0"),
        };
        let (own, companions) = vip.by_family(host.address);
        let loopback = if host.address.is_ipv4() { "127.0.0.1" } else { "::1" };
        KeepalivedContext {
            host: host.name.to_string(),
            check: virtual_address::CHECK.to_owned(),
            check_user: virtual_address::CHECK_USER.to_owned(),
            interface: interface.to_owned(),
            router_id: vip.router_id,
            priority: virtual_address::priority(place),
            address: host.address.to_string(),
            peers: others.map(|other| other.address.to_string()).collect(),
            loopback: loopback.to_owned(),
            addresses: own.into_iter().map(line).collect(),
            companions: companions.into_iter().map(line).collect(),
        }
    }

    /// For chrony.conf.hbs on one host. A host that is itself a time server does not query itself.
    pub fn chrony_context(&self, host: &Host, time: &TimeService) -> ChronyContext {
        let address = |server: &TimeServer| match server {
            TimeServer::Host(name) if *name == host.name => None,
            TimeServer::Host(name) => self.address_of(name).map(|address| address.to_string()),
            TimeServer::External(name) => Some(name.clone()),
        };
        let serves = host.has(Role::TimeSource);
        let others = self.hosts.iter().filter(|other| other.name != host.name);
        ChronyContext {
            host: host.name.to_string(),
            servers: self.time.servers.iter().filter_map(address).collect(),
            drift_file: time.drift_file.to_owned(),
            serves,
            clients: if serves {
                others.map(|other| other.address.to_string()).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// For limits.conf.hbs, where the inventory sets a limit.
    pub fn limits_context(&self) -> Option<LimitsContext> {
        self.cluster.file_descriptors.map(|file_descriptors| LimitsContext { file_descriptors })
    }

    /// Renders a template with all the data of this inventory.
    ///
    /// # Errors
    /// The template uses a value that this inventory does not set.
    pub fn try_template(&self, templates: &Templates, name: TemplateName) -> Result<(), TemplateError> {
        match name {
            TemplateName::Hosts => templates.render(name, &self.hosts_context(&BTreeMap::new())).map(drop),
            TemplateName::Rabbitmq => self.brokers().try_for_each(|host| {
                let seed = self.brokers().next().unwrap_or(host).node();
                templates.render(name, &self.rabbitmq_context(host, &seed)).map(drop)
            }),
            TemplateName::Balancer(software) => {
                let balancer = self.load_balancer.iter().find(|balancer| balancer.software == software);
                balancer.map_or(Ok(()), |balancer| {
                    platforms().try_for_each(|platform| {
                        let backends = self.backends();
                        let context =
                            self.balancer_context(balancer, &BalancerAt::new_host(platform, &backends));
                        templates.render(name, &context).map(drop)
                    })
                })
            }
            TemplateName::Keepalived => {
                let Some(vip) = self.load_balancer.as_ref().and_then(|balancer| balancer.vip.as_ref()) else {
                    return Ok(());
                };
                self.with_role(Role::LoadBalancer).try_for_each(|host| {
                    templates.render(name, &self.keepalived_context(host, vip, "eth0")).map(drop)
                })
            }
            TemplateName::Chrony => platforms().try_for_each(|platform| {
                self.hosts.iter().try_for_each(|host| {
                    templates.render(name, &self.chrony_context(host, &platform.time)).map(drop)
                })
            }),
            TemplateName::Limits => {
                self.limits_context().map_or(Ok(()), |context| templates.render(name, &context).map(drop))
            }
        }
    }

    fn address_of(&self, name: &HostName) -> Option<IpAddr> {
        self.host(name).map(|host| host.address)
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
    if at.checks == Checks::OfConnections || balancer.check == BalancerCheck::Connect {
        return (None, None);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._~-".contains(c);
    let uis: BTreeSet<_> = at.backends.iter().map(|(_, endpoint)| endpoint.management).collect();
    let one = uis.first().copied().flatten().filter(|_| uis.len() == 1 && path_prefix.chars().all(plain));
    if balancer.management_port.is_some() {
        return (one.map(|ui| HealthLine { port: ui.number }), None);
    }
    let amqps: BTreeSet<_> =
        at.backends.iter().map(|(_, endpoint)| endpoint.amqp.map(|port| port.security)).collect();
    let greeting = amqps.first().copied().flatten().filter(|_| amqps.len() == 1);
    (None, greeting.map(|security| GreetingLine { tls: security == Security::Tls }))
}

/// Where a balancer says whether it works, where somebody asks.
pub(crate) fn alive(balancer: &LoadBalancer, platform: &Platform) -> Option<&'static str> {
    let socket = platform.packages_of(balancer.software.balancer()).alive;
    (balancer.vip.is_some() && !socket.is_empty()).then_some(socket)
}

/// A broker behind a listener; none where it does not serve that.
fn listener_broker(listener: &BalancerListener, (host, at): &(&Host, Endpoint)) -> Option<ListenerBroker> {
    let port = *at.offered.get(&listener.serves)?;
    Some(ListenerBroker { name: host.name.to_string(), endpoint: before_port(host.address), port })
}

/// An address as it stands before a port.
fn before_port(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn backend(host: &Host, at: &Endpoint) -> BackendLine {
    BackendLine {
        name: host.name.to_string(),
        address: host.address.to_string(),
        endpoint: before_port(host.address),
        amqp_port: at.amqp.map_or(AMQP, |port| port.number),
        management_port: at.management.map_or(MANAGEMENT, |port| port.number),
    }
}
