//! The data of the desired state that templates get.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{BalancerAt, ConfigValue, Desired, Host, JoinMethod, TimeServer, Vip};
use crate::model::{HostName, NodeName, NodeType, Role};
use crate::platform::{TimeService, platforms};
use crate::template::{
    ChronyContext, ConfigLine, Formation, HostLine, HostsContext, KeepalivedContext, LimitsContext,
    NumberedNode, RabbitmqContext, TemplateError, TemplateName, Templates, secret_sign,
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
