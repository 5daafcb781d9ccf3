use std::num::NonZeroU16;
use std::ops::Range;
use std::time::Duration;

use super::Checker;
use crate::balancer::{Algorithm, Software, StatisticsPage};
use crate::document::{At, Problem, listed, nearest};
use crate::inventory::raw::{RawCluster, RawHost, RawLoadBalancer, RawStats};
use crate::inventory::raw_values::DurationText;
use crate::inventory::{LoadBalancer, Stats};
use crate::model::Role;

/// Ports in use on a broker's host.
const BROKER_PORTS: [(u16, &str); 4] = [
    (4369, "epmd, Erlang's port mapper"),
    (5672, "the broker's own AMQP listener"),
    (15672, "the broker's own management UI"),
    (25672, "the brokers' connections to each other"),
];

impl Checker<'_> {
    pub(super) fn load_balancer(
        &mut self,
        table: Option<&At<RawLoadBalancer>>,
        cluster: &RawCluster,
        hosts: &[At<RawHost>],
    ) -> Option<LoadBalancer> {
        let raw = &table?.value;
        let software = raw.software.unwrap_or_default();
        let balance = self.balance(software, raw.balance.as_ref());
        let amqp_port = raw.amqp_port.as_ref().map_or(5672, |port| port.get());
        let management_port = self.management_port(raw, cluster);
        let stats = raw.stats.as_ref().and_then(|stats| self.stats(software, stats));
        let here = table.map(|table| self.source.first_line(table.span.clone())).unwrap_or_default();
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
        self.ports(&ports, hosts);
        Some(LoadBalancer {
            software,
            balance,
            amqp_port,
            management_port,
            stats,
            client_timeout: self.at_least_a_second("client_timeout", raw.client_timeout.as_ref(), 3 * 3600),
            check_interval: self.at_least_a_second("check_interval", raw.check_interval.as_ref(), 2),
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

    /// The UI's port, if the UI is enabled.
    fn management_port(&mut self, raw: &RawLoadBalancer, cluster: &RawCluster) -> Option<u16> {
        let has_ui = cluster
            .plugins
            .as_ref()
            .map(|plugins| plugins.iter().any(|name| name.value == "rabbitmq_management"));
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
            (Some(port), _) => Some(port.get()),
            (None, Some(true)) => Some(15672),
            (None, _) => None,
        }
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
        Some(Stats { port: raw.port.get(), user: raw.user.as_ref().map(|user| user.value.clone()) })
    }

    fn ports(&mut self, ports: &[(&str, u16, Range<usize>)], hosts: &[At<RawHost>]) {
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
            if let Some((_, owner)) = BROKER_PORTS.iter().find(|(taken, _)| taken == port) {
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
