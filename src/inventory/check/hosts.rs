use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use super::Checker;
use crate::document::{At, Problem};
use crate::inventory::Host;
use crate::inventory::raw::{RawHost, RawLoadBalancer, RawSsh};
use crate::model::{AddressFamily, HostName, HostNameError, NameMode, NodeType, Role};

impl Checker<'_> {
    pub(super) fn hosts(&mut self, raw: &[At<RawHost>], ssh: Option<&RawSsh>, names: NameMode) -> Vec<Host> {
        self.no_two(raw.iter().map(|host| &host.name), "name");
        self.no_two(raw.iter().map(|host| &host.address), "address");
        let common = self.common_ssh(ssh);
        let mut hosts = Vec::new();
        for host in raw {
            let name = self.host_name(&host.name, names);
            let address = self.address(&host.address);
            let ssh = self.host_ssh(&common, host);
            let mut roles: Vec<Role> = Vec::new();
            for role in &host.roles {
                if roles.contains(role) {
                    self.warn(
                        format!("`{}` has the role {} twice", *host.name, role.as_str()),
                        &role.span,
                        "again",
                        "remove one of them",
                    );
                } else {
                    roles.push(role.value);
                }
            }
            let (Some(name), Some(address)) = (name, address) else { continue };
            hosts.push(Host {
                name,
                address,
                roles,
                node_type: host.node_type.as_ref().map(|kind| kind.value),
                ssh,
            });
        }
        hosts
    }

    fn no_two<'h>(&mut self, texts: impl Iterator<Item = &'h At<String>>, what: &str) {
        let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
        for text in texts {
            // Addresses are compared as addresses: ::1 and 0:0::1 are one.
            let same = text
                .parse::<IpAddr>()
                .map_or_else(|_| text.to_ascii_lowercase(), |address| address.to_string());
            match seen.get(&same) {
                Some(first) => self.problems.push(
                    Problem::error(format!("two hosts have the {what} `{}`", text.value))
                        .at(self.source, first.clone(), "first here")
                        .at(self.source, text.span.clone(), "again here")
                        .hint("each host needs its own; if the second one is a copy, correct it"),
                ),
                None => {
                    seen.insert(same, text.span.clone());
                }
            }
        }
    }

    fn host_name(&mut self, text: &At<String>, names: NameMode) -> Option<HostName> {
        let name = match HostName::parse(text) {
            Ok(name) => name,
            Err(why) => {
                let suggestion = suggested_name(text, &why);
                let label =
                    suggestion.as_ref().map_or("here".to_owned(), |name| format!("perhaps \"{name}\"?"));
                let hint = "use labels of a-z, 0-9 and hyphens, as in \"node1\" (RFC 1123)";
                let shown: String = text.chars().take(60).collect();
                self.error(format!("`{shown}` is not a host name: {why}"), &text.span, &label, hint);
                return None;
            }
        };
        let (short, domain) = (name.short().to_owned(), name.is_qualified());
        match names {
            _ if short == "localhost" => self.error(
                "a host of a cluster cannot be named `localhost`",
                &text.span,
                "here",
                "every host is its own localhost; use the name by which the others know it",
            ),
            NameMode::Short if domain => self.error(
                format!("`{name}` has a domain, and this cluster uses short names"),
                &text.span,
                &format!("use \"{short}\""),
                "write the first label only, or set names = \"long\" in [cluster] for node names like rabbit@node1.example.com",
            ),
            NameMode::Long if !domain => self.error(
                format!("`{name}` has no domain, and this cluster uses long names"),
                &text.span,
                &format!("\"{name}.example.com\"?"),
                "write the full name with its domain, or remove names = \"long\" from [cluster]",
            ),
            _ => return Some(name),
        }
        None
    }

    fn address(&mut self, text: &At<String>) -> Option<IpAddr> {
        let shown: String = text.chars().take(60).collect();
        let hint = "write the address at which the other hosts reach this one";
        let Ok(address) = text.parse::<IpAddr>() else {
            let (message, hint) = if text.trim() == "localhost" {
                ("`localhost` is a different machine on every host".to_owned(), hint)
            } else if text.contains(':') && text.matches(':').count() == 1 || text.contains('@') {
                (
                    format!("`{shown}` is not just an address"),
                    "write only the address; user and port belong in ssh = { user = \"ops\", port = 2222 }",
                )
            } else {
                (
                    format!("`{shown}` is not an IP address"),
                    "write one like \"192.168.0.41\": it is written to /etc/hosts; a name for ssh belongs in ssh = { host \
                     = \"…\" }",
                )
            };
            self.error(message, &text.span, "here", hint);
            return None;
        };
        let why = match address {
            _ if address.is_loopback() => "a loopback address, which means the host itself on every host",
            _ if address.is_unspecified() => "the unspecified address",
            _ if address.is_multicast() => "a multicast address",
            IpAddr::V4(v4) if v4.is_broadcast() => "the broadcast address",
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                "a link-local address, which needs an interface name"
            }
            _ => return Some(address),
        };
        self.error(format!("`{address}` is {why}"), &text.span, "here", hint);
        None
    }

    /// Checks that the roles are consistent.
    pub(super) fn roles(&mut self, raw: &[At<RawHost>], load_balancer: Option<&At<RawLoadBalancer>>) {
        for host in raw.iter().filter(|host| host.roles.is_empty()) {
            self.error(
                format!("`{}` has no role", *host.name),
                &host.name.span,
                "this host",
                format!("give it one or more of {}, or remove the host", words()),
            );
        }
        let brokers: Vec<&At<RawHost>> = raw.iter().filter(|host| has(host, Role::Broker)).collect();
        match (raw.first(), brokers.as_slice()) {
            (None, _) => self.problems.push(
                Problem::error("the inventory has no hosts")
                    .hint("add a [[host]] table for each, or use `rabbitup init HOST…`"),
            ),
            (Some(first), []) if raw.iter().any(|host| !host.roles.is_empty()) => self.error(
                "no host is a broker",
                &first.name.span,
                "for example this one",
                "a cluster needs at least one host with roles = [\"broker\"]",
            ),
            (_, [_, .., last]) if brokers.len().is_multiple_of(2) => self.warn(
                quorum(brokers.len()),
                &last.name.span,
                if brokers.len() == 2 { "the second of two" } else { "the last of them" },
                match brokers.len() {
                    2 => "add a third broker: three tolerate the loss of one".to_owned(),
                    n => format!("use {} or {} brokers", n - 1, n + 1),
                },
            ),
            _ => {}
        }
        self.node_types(raw, &brokers);
        self.one_family(&brokers);
        let balancer = raw.iter().find(|host| has(host, Role::LoadBalancer));
        match (balancer, load_balancer) {
            (Some(host), None) => {
                let span = host
                    .roles
                    .iter()
                    .find(|role| role.value == Role::LoadBalancer)
                    .map(|role| role.span.clone());
                self.error(
                    format!("`{}` is a load balancer, but there is no [load_balancer]", *host.name),
                    &span.unwrap_or(host.name.span.clone()),
                    "this role",
                    "add a [load_balancer] table; every setting in it has a default",
                );
            }
            (None, Some(table)) => self.warn(
                "[load_balancer] is set, but no host has the role load-balancer",
                &self.source.first_line(table.span.clone()),
                "this has no effect",
                "give a host roles = [\"load-balancer\"], or remove the table",
            ),
            _ => {}
        }
    }

    /// A node uses one address family for all others (kernel's inet_tcp_dist.erl, inet6_tcp_dist.erl).
    fn one_family(&mut self, brokers: &[&At<RawHost>]) {
        let of_host = |host: &&At<RawHost>| Some(AddressFamily::from(host.address.parse::<IpAddr>().ok()?));
        let Some((first, family)) = brokers.iter().find_map(|host| Some((host, of_host(host)?))) else {
            return;
        };
        let Some(other) = brokers.iter().find(|host| of_host(host) == Some(family.other())) else { return };
        self.problems.push(
            Problem::error(format!(
                "`{}` has an {family} address and `{}` an {} address: brokers connect to each other over one of the two",
                *first.name,
                *other.name,
                family.other()
            ))
            .at(self.source, first.address.span.clone(), format!("{family} here"))
            .at(self.source, other.address.span.clone(), format!("{} here", family.other()))
            .hint("write addresses of one kind for all brokers; hosts with other roles may have the other kind"),
        );
    }

    fn node_types(&mut self, raw: &[At<RawHost>], brokers: &[&At<RawHost>]) {
        let ram =
            |host: &RawHost| host.node_type.as_ref().filter(|kind| kind.value == NodeType::Ram).cloned();
        match brokers.first().and_then(|seed| Some((seed, ram(seed)?))) {
            Some((_, kind)) if brokers.iter().all(|host| ram(host).is_some()) => self.error(
                "no node is a disc node: the cluster would lose all its data when it stops",
                &kind.span,
                "the first of them",
                "at least the seed node must be a disc node: remove its node_type",
            ),
            Some((seed, kind)) => self.error(
                format!("`{}` is the seed node and cannot be a ram node", *seed.name),
                &kind.span,
                "the first broker is the seed node",
                "the others copy the cluster's metadata from it: put a disc node first, or remove its node_type",
            ),
            None => {}
        }
        for host in raw.iter().filter(|host| !has(host, Role::Broker)) {
            if let Some(kind) = &host.node_type {
                self.warn(
                    format!("`{}` is not a broker: node_type has no effect here", *host.name),
                    &kind.span,
                    "this has no effect",
                    "remove it, or give the host the role broker",
                );
            }
        }
    }
}

fn has(host: &RawHost, role: Role) -> bool {
    host.roles.iter().any(|given| given.value == role)
}

fn words() -> String {
    crate::document::listed(Role::ALL.map(|role| format!("\"{}\"", role.as_str())), "and")
}

fn quorum(brokers: usize) -> String {
    if brokers == 2 {
        "two brokers: when one is down, or the two cannot see each other, neither has a majority, and quorum queues \
             stop (with RabbitMQ 4 also all changes of queues and users); a single broker is safer"
            .to_owned()
    } else {
        format!(
            "{brokers} brokers tolerate the loss of {}, no more than {} would: a majority of an even number needs one more",
            (brokers - 1) / 2,
            brokers - 1
        )
    }
}

/// A suggestion for the name: only the characters that RFC 1123 allows.
fn suggested_name(text: &str, why: &HostNameError) -> Option<String> {
    if matches!(why, HostNameError::Numeric | HostNameError::TooLong(_) | HostNameError::LabelTooLong(_)) {
        return None;
    }
    let plain: String =
        text.to_lowercase().chars().map(|c| if c == '_' || c == ' ' { '-' } else { c }).collect();
    let name = plain.trim_matches(['-', '.']);
    HostName::parse(name).is_ok().then(|| name.to_owned())
}
