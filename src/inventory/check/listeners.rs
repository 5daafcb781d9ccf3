//! Whether the brokers can open all listeners of `[cluster.config]`.

use super::Checker;
use crate::document::Problem;
use crate::inventory::Cluster;
use crate::rabbitmq::listeners::{EPMD, Found, Listeners, NodePorts};

impl Checker<'_> {
    /// Two listeners on one port: the second cannot be opened, and RabbitMQ does not start.
    pub(super) fn listeners(&mut self, cluster: &Cluster) {
        let settings = cluster.settings();
        let plugins = cluster.plugins.clone().unwrap_or_default();
        let found = Listeners::with_keys(&settings, &plugins);
        for (at, second) in found.iter().enumerate() {
            if let Some(first) = found.iter().take(at).find(|first| first.listener.excludes(&second.listener))
            {
                self.clash(first, second);
            }
        }
        let distribution = cluster.listeners(NodePorts::default()).distribution();
        for listener in &found {
            let port = listener.listener.port;
            let owner = match distribution {
                _ if port == EPMD => "epmd, Erlang's port mapper".to_owned(),
                // Of several ports a node takes one that is free.
                Some(range) if range.single() == Some(port) => {
                    "the brokers' connections to each other".to_owned()
                }
                Some(_) | None => continue,
            };
            let span = |key: &str| self.config_keys.get(key).cloned();
            let Some(here) = listener.key.and_then(span) else { continue };
            let service = listener.listener.service.in_words();
            let mut problem = Problem::error(format!("port {port} is for {service}, and also for {owner}"))
                .at(self.source, here, service)
                .hint("only one listener can use a port: change one of them");
            if let Some(other) = span("distribution.listener.port_range.min").filter(|_| port != EPMD) {
                problem = problem.at(self.source, other, "the brokers' connections");
            }
            self.problems.push(problem);
        }
    }

    fn clash(&mut self, first: &Found<'_>, second: &Found<'_>) {
        let mut problem = Problem::error(format!(
            "two listeners of the brokers have port {}: {} and {}",
            second.listener.port,
            first.listener.service.in_words(),
            second.listener.service.in_words()
        ));
        let mut hint = "only one listener can use a port: change one of them".to_owned();
        for found in [first, second] {
            let service = found.listener.service.in_words();
            match found.key.and_then(|key| self.config_keys.get(key)) {
                Some(span) => problem = problem.at(self.source, span.clone(), service),
                None => hint.push_str(&format!("; {} is the default for {service}", found.listener.port)),
            }
        }
        self.problems.push(problem.hint(hint));
    }
}
