//! Whether the clients of listeners that ask for the PROXY protocol's header come through a load balancer that sends it.

use super::Checker;
use crate::inventory::{Cluster, LoadBalancer};
use crate::rabbitmq::listeners::{Listeners, PROXY_KEYS, Service};

impl Checker<'_> {
    pub(super) fn proxied(&mut self, cluster: &Cluster, balancer: Option<&LoadBalancer>) {
        let settings = cluster.settings();
        let found = Listeners::with_keys(&settings, &cluster.plugins_or_ui());
        let of_balancer = |service| match balancer {
            // The one of the two that it uses passes both.
            Some(_) if [Service::Amqp, Service::AmqpTls].contains(&service) => true,
            Some(balancer) => balancer.listeners.iter().any(|listener| listener.serves.service() == service),
            None => false,
        };
        for key in PROXY_KEYS {
            let value = settings.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
            let Some((value, span)) = value.zip(self.config_keys.get(key).cloned()) else { continue };
            if !["true", "false"].contains(&value) {
                self.error(
                    format!("`{key}` must be true or false"),
                    &span,
                    "RabbitMQ does not start with it",
                    "true, or remove it",
                );
                continue;
            }
            let opened = found
                .iter()
                .map(|found| found.listener.service)
                .find(|service| service.proxy_key() == Some(key));
            let Some(service) = opened.filter(|_| value == "true") else { continue };
            let is_passed = found
                .iter()
                .map(|found| found.listener.service)
                .any(|service| service.proxy_key() == Some(key) && of_balancer(service));
            if !is_passed {
                let hint = match balancer {
                    Some(_) => format!("offer it: a listener under [load_balancer]; or remove `{key}`"),
                    None => format!(
                        "add a [load_balancer], unless another one is in front of the brokers and sends the header; or remove `{key}`"
                    ),
                };
                self.warn(
                    format!("the brokers will close connections for {} that do not begin with the PROXY protocol's header, and no load balancer of this inventory sends it", service.in_words()),
                    &span,
                    "clients that connect to the brokers themselves are shut out",
                    &hint,
                );
            }
        }
    }
}
