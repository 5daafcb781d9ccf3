use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::Range;
use std::time::Duration;

use super::Checker;
use crate::balancer::{Algorithm, Software, StatisticsPage};
use crate::document::{At, Problem, listed, nearest};
use crate::inventory::raw::{RawHost, RawLoadBalancer, RawStats};
use crate::inventory::raw_values::DurationText;
use crate::inventory::{BalancerListener, Cluster, LoadBalancer, Metrics, Stats};
use crate::model::Role;
use crate::rabbitmq::listeners::{
    AMQP, AMQP_TLS, EPMD, Endpoint, Listeners, MANAGEMENT, MANAGEMENT_TLS, NodePorts, Security, Service,
    has_ui,
};

impl Checker<'_> {
    pub(super) fn load_balancer(
        &mut self,
        table: Option<&At<RawLoadBalancer>>,
        cluster: &Cluster,
        hosts: &[At<RawHost>],
    ) -> Option<LoadBalancer> {
        let raw = &table?.value;
        let software = raw.software.unwrap_or_default();
        let balance = self.balance(software, raw.balance.as_ref());
        let here = table.map(|table| self.source.first_line(table.span.clone())).unwrap_or_default();
        let endpoint = cluster.listeners(NodePorts::default()).endpoint();
        self.amqp_endpoint(&endpoint, &here);
        let usual = match endpoint.amqp.map(|port| port.security) {
            Some(Security::Tls) => AMQP_TLS,
            Some(Security::Plain) | None => AMQP,
        };
        let amqp_port = raw.amqp_port.as_ref().map_or(usual, |port| port.get());
        let management_port = self.management_port(raw, cluster, &endpoint);
        let stats = raw.stats.as_ref().and_then(|stats| self.stats(software, stats));
        let place = |port: Option<&At<NonZeroU16>>| port.map_or(here.clone(), |port| port.span.clone());
        let mut ports = vec![("amqp_port", amqp_port, place(raw.amqp_port.as_ref()))];
        ports.extend(
            management_port.map(|port| ("management_port", port, place(raw.management_port.as_ref()))),
        );
        ports.extend(
            stats
                .as_ref()
                .map(|stats| ("stats.port", stats.port, place(raw.stats.as_ref().map(|stats| &stats.port)))),
        );
        let bind = raw.bind.as_deref().unwrap_or_default();
        let listeners = self.offered(raw, &endpoint, &mut ports);
        self.ports(&ports, cluster, hosts);
        self.bound(bind, hosts);
        Some(LoadBalancer {
            software,
            balance,
            amqp_port,
            management_port,
            listeners,
            bind: bind.iter().map(|address| address.value).collect(),
            stats,
            client_timeout: self.at_least_a_second("client_timeout", raw.client_timeout.as_ref(), 3 * 3600),
            check_interval: self.at_least_a_second("check_interval", raw.check_interval.as_ref(), 2),
            check: raw.check.as_ref().map(|check| check.value).unwrap_or_default(),
            max_connections: raw.max_connections,
            vip: self.vip(raw, hosts),
        })
    }

    fn balance(&mut self, software: Software, given: Option<&At<String>>) -> &'static Algorithm {
        let balancer = software.balancer();
        let Some(text) = given else { return &balancer.default };
        let typed = text.value.as_str();
        if let Some(algorithm) = balancer.algorithm(typed) {
            return algorithm;
        }
        let choices: Vec<&str> = balancer.algorithms().map(|algorithm| algorithm.word).collect();
        let shown: String = typed.chars().take(40).collect();
        let (label, hint) = match nearest(typed, choices.iter().copied()) {
            _ if Software::ALL.iter().any(|any| any.balancer().beyond_tcp.contains(&typed)) => (
                "works only for HTTP or RDP".to_owned(),
                format!("AMQP needs one of {}", listed(&choices, "or")),
            ),
            Some(word) => (format!("did you mean \"{word}\"?"), format!("choose {}", listed(&choices, "or"))),
            None => ("not a choice".to_owned(), format!("choose {}", listed(&choices, "or"))),
        };
        self.error(format!("{} cannot balance AMQP with `{shown}`", balancer.name), &text.span, &label, hint);
        &balancer.default
    }

    /// The UI's port, if the UI is enabled where the balancer can reach it.
    fn management_port(
        &mut self,
        raw: &RawLoadBalancer,
        cluster: &Cluster,
        endpoint: &Endpoint,
    ) -> Option<u16> {
        let has_ui = cluster.plugins.as_deref().map(has_ui);
        match (&raw.management_port, has_ui) {
            (Some(port), Some(false)) => {
                self.warn(
                    "management_port is set, but rabbitmq_management is not in the plugins",
                    &port.span,
                    "this has no effect",
                    "add \"rabbitmq_management\" to cluster.plugins, or remove the port",
                );
                None
            }
            (Some(port), _) if endpoint.management.is_none() => {
                self.contradiction(
                    "the load balancer offers the management UI, which no other host can reach",
                    ("management.", "it listens on the loopback address only"),
                    (&port.span, "this port would lead nowhere"),
                    "change the address of the UI, or remove management_port",
                );
                None
            }
            (Some(port), _) => Some(port.get()),
            (None, Some(true)) => endpoint.management.map(|port| match port.security {
                Security::Plain => MANAGEMENT,
                Security::Tls => MANAGEMENT_TLS,
            }),
            (None, _) => None,
        }
    }

    /// The listeners beside those for AMQP and the UI. Each needs one of every broker behind it.
    fn offered(
        &mut self,
        raw: &RawLoadBalancer,
        endpoint: &Endpoint,
        ports: &mut Vec<(&'static str, u16, Range<usize>)>,
    ) -> Vec<BalancerListener> {
        let mut found: Vec<BalancerListener> = Vec::new();
        for listener in raw.listeners.iter().flatten() {
            let serves = listener.serves.value;
            let word = serves.as_str();
            if found.iter().any(|known| known.serves == serves) {
                self.error(
                    format!("the load balancer has two listeners for {}", serves.service().in_words()),
                    &listener.serves.span,
                    "again",
                    "one is enough: it may bind several addresses",
                );
                continue;
            }
            if !endpoint.offered.contains_key(&serves) {
                self.error(
                    format!("no broker serves {} to other hosts", serves.service().in_words()),
                    &listener.serves.span,
                    "here",
                    format!("it takes {} under [cluster]; or remove this listener", serves.opened_by()),
                );
            }
            let port = listener.port.as_ref().map_or(serves.usual_port(), |port| port.get());
            let place = listener.port.as_ref().map_or(&listener.serves.span, |port| &port.span);
            ports.push((word, port, place.clone()));
            let bind = listener.bind.as_ref().or(raw.bind.as_ref()).into_iter().flatten();
            found.push(BalancerListener { serves, port, bind: bind.map(|address| address.value).collect() });
        }
        found
    }

    /// Refuses the address of one load balancer where there are several, which would all bind it.
    fn bound(&mut self, bind: &[At<IpAddr>], hosts: &[At<RawHost>]) {
        let balancers: Vec<_> = hosts
            .iter()
            .filter(|host| host.roles.iter().any(|role| role.value == Role::LoadBalancer))
            .collect();
        if balancers.len() < 2 {
            return;
        }
        for address in bind {
            if balancers.iter().any(|host| *host.address == address.value.to_string()) {
                self.error(
                    format!("`bind` is the address of one of {} load balancers", balancers.len()),
                    &address.span,
                    "the others do not have it",
                    "leave `bind` out: every load balancer would write it",
                );
            }
        }
    }

    /// The brokers must listen where the load balancer can reach them.
    fn amqp_endpoint(&mut self, endpoint: &Endpoint, table: &Range<usize>) {
        if endpoint.amqp.is_none() {
            self.contradiction(
                "the brokers have no AMQP listener that the load balancer can reach",
                ("listeners.", "nothing that other hosts can reach"),
                (table, "the load balancer would have no server"),
                "set listeners.tcp.default or listeners.ssl.default to a port, or remove [load_balancer]",
            );
        }
    }

    /// An error with the lines of `[cluster.config]` that begin so, and the line of `[load_balancer]`.
    fn contradiction(
        &mut self,
        message: &str,
        (keys, label): (&str, &str),
        (span, consequence): (&Range<usize>, &str),
        hint: &str,
    ) {
        let mut problem = Problem::error(message);
        let keys = self.config_keys.iter().filter(|(key, _)| key.starts_with(keys));
        for (_, place) in keys.take(MOST_LINES) {
            problem = problem.at(self.source, place.clone(), label);
        }
        self.problems.push(problem.at(self.source, span.clone(), consequence).hint(hint));
    }

    fn stats(&mut self, software: Software, raw: &At<RawStats>) -> Option<Stats> {
        if let StatisticsPage::Missing { why } = software.balancer().statistics {
            let offers = |other: &&Software| matches!(other.balancer().statistics, StatisticsPage::Offered);
            let others: Vec<String> = Software::ALL
                .iter()
                .filter(offers)
                .map(|other| format!("software = \"{}\"", other.as_str()))
                .collect();
            let advice = format!("remove `stats`, or use {}", others.join(" or "));
            self.warn(why, &raw.port.span, "this has no effect", &advice);
            return None;
        }
        match (&raw.user, &raw.password) {
            (Some(user), None) => self.error(
                "the statistics page has a user but no password",
                &user.span,
                "this user",
                "add password = { from = \"env\", name = \"RABBITUP_STATS_PASSWORD\" }",
            ),
            (None, Some(password)) => self.error(
                "the statistics page has a password but no user",
                &password.span,
                "this password",
                "add user = \"ops\"",
            ),
            _ => {}
        }
        if let Some(password) = &raw.password {
            // haproxy.cfg has it in single quotes, where only the single quote is special.
            self.secret(Stats::secret(), "the password of the statistics page", password, &["'"]);
        }
        if let Some(user) = &raw.user
            && (user.is_empty() || !user.chars().all(|c| c.is_ascii_alphanumeric() || "._@-".contains(c)))
        {
            self.error(
                "this cannot be a user of the statistics page",
                &user.span,
                "here",
                "letters, digits and . _ @ -",
            );
        }
        let metrics = if raw.metrics == Some(false) { Metrics::Missing } else { Metrics::Offered };
        Some(Stats { port: raw.port.get(), metrics, user: raw.user.as_ref().map(|user| user.value.clone()) })
    }

    fn ports(&mut self, ports: &[(&str, u16, Range<usize>)], cluster: &Cluster, hosts: &[At<RawHost>]) {
        for (at, (name, port, span)) in ports.iter().enumerate() {
            if let Some((other, _, first)) = ports.iter().take(at).find(|(_, other, _)| other == port) {
                self.problems.push(
                    Problem::error(format!("`{other}` and `{name}` are both {port}"))
                        .at(self.source, first.clone(), format!("`{other}`"))
                        .at(self.source, span.clone(), format!("`{name}`"))
                        .hint("only one listener can use a port: change one of them"),
                );
            }
        }
        let both = hosts.iter().find(|host| {
            let has = |role| host.roles.iter().any(|given| given.value == role);
            has(Role::Broker) && has(Role::LoadBalancer)
        });
        let Some(host) = both else { return };
        for (name, port, span) in ports {
            if let Some(owner) = owner(cluster, *port) {
                self.error(
                    format!("`{name}` is {port}, and on `{}` that is {owner}", *host.name),
                    span,
                    "here",
                    "the host is a broker and a load balancer: use another port for the balancer, or a separate host",
                );
            }
        }
    }

    fn at_least_a_second(&mut self, key: &str, given: Option<&At<DurationText>>, default: u64) -> Duration {
        let Some(duration) = given else { return Duration::from_secs(default) };
        if duration.value.0 < Duration::from_secs(1) {
            self.error(
                format!("`{key}` is shorter than a second"),
                &duration.span,
                "here",
                "the minimum is \"1s\"",
            );
        }
        duration.value.0
    }
}

/// How many lines of a contradiction are shown on its first side.
const MOST_LINES: usize = 3;

/// What has this port on a broker's host.
fn owner(cluster: &Cluster, port: u16) -> Option<String> {
    if port == EPMD {
        return Some("epmd, Erlang's port mapper".to_owned());
    }
    let listeners = cluster.listeners(NodePorts::default());
    if listeners.distribution().is_some_and(|range| range.contains(port)) {
        return Some(Service::Distribution.in_words().to_owned());
    }
    let taken = Listeners::with_keys(&cluster.settings(), &cluster.plugins_or_ui());
    let service = taken.iter().find(|found| found.listener.port == port)?.listener.service;
    Some(format!("the broker's listener for {}", service.in_words()))
}
