//! The plugins that RabbitMQ ships, by version. Any other has to be put into the plugins directory of each node.

use std::sync::LazyLock;

use super::KeySupport;
use super::conf_keys::KnownKeys;
use crate::model::Version;

/// `PLUGIN PLUGIN SPAN…`, extracted by extract.sh from plugins.mk in RabbitMQ's own repository.
const TABLE: &str = include_str!("shipped.txt");

static SHIPPED: LazyLock<KnownKeys> = LazyLock::new(|| KnownKeys::read(TABLE));

/// Whether a release ships a plugin. None if the release is newer than the list, and no known one ships it.
pub fn ships(release: Version, plugin: &str) -> Option<bool> {
    match SHIPPED.standing(plugin, release) {
        KeySupport::Known => Some(true),
        KeySupport::NotYet { .. } | KeySupport::Gone { .. } | KeySupport::Unknown { .. } => Some(false),
        KeySupport::ReleaseUnknown => None,
    }
}

/// Whether any release ships it.
pub fn is_ever_shipped(plugin: &str) -> bool {
    SHIPPED.has(plugin)
}

/// The plugins that RabbitMQ ships and that people enable.
pub const SHIPPED_PLUGINS: [&str; 33] = [
    "rabbitmq_amqp1_0",
    "rabbitmq_auth_backend_cache",
    "rabbitmq_auth_backend_http",
    "rabbitmq_auth_backend_internal_loopback",
    "rabbitmq_auth_backend_ldap",
    "rabbitmq_auth_backend_oauth2",
    "rabbitmq_auth_mechanism_ssl",
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_event_exchange",
    "rabbitmq_federation",
    "rabbitmq_federation_management",
    "rabbitmq_federation_prometheus",
    "rabbitmq_jms_topic_exchange",
    "rabbitmq_management",
    "rabbitmq_management_agent",
    "rabbitmq_mqtt",
    "rabbitmq_peer_discovery_aws",
    "rabbitmq_peer_discovery_consul",
    "rabbitmq_peer_discovery_etcd",
    "rabbitmq_peer_discovery_k8s",
    "rabbitmq_prometheus",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
    "rabbitmq_sharding",
    "rabbitmq_shovel",
    "rabbitmq_shovel_management",
    "rabbitmq_stomp",
    "rabbitmq_stream",
    "rabbitmq_stream_management",
    "rabbitmq_top",
    "rabbitmq_tracing",
    "rabbitmq_trust_store",
    "rabbitmq_web_mqtt",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_come_with_releases() {
        let at = |release: &str, plugin| ships(Version::parse(release).expect("a version"), plugin);
        assert_eq!(at("3.8.9", "rabbitmq_management"), Some(true));
        assert_eq!(at("3.10.8", "rabbitmq_shovel_prometheus"), Some(false));
        assert_eq!(at("4.0.5", "rabbitmq_shovel_prometheus"), Some(true));
        assert_eq!(at("4.0.5", "rabbitmq_delayed_message_exchange"), Some(false));
        assert_eq!(at("5.0.0", "rabbitmq_delayed_message_exchange"), None);
        assert!(!is_ever_shipped("rabbitmq_delayed_message_exchange"));
        assert!(SHIPPED_PLUGINS.iter().all(|plugin| is_ever_shipped(plugin)));
        assert_eq!(SHIPPED.count() + 1, TABLE.lines().count());
    }
}
