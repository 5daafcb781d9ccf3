use std::collections::BTreeMap;

use super::listeners::AMQP;
use super::{KeySupport, known_keys};
use crate::model::Version;

/// rabbitmq.conf as the broker reads it: keys and values, without comments and spaces.
///
/// The format is cuttlefish's: one `key = value` per line, `#` starts a comment, the last of two equal keys wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf(BTreeMap<String, String>);

/// The defaults of these settings, on every version since 3.8 (`PROJECT_ENV` in deps/rabbit/Makefile). Only settings that no
/// other key can also set.
const DEFAULTS: [(&str, &str); 8] = [
    ("channel_max", "2047"),
    ("cluster_keepalive_interval", "10000"),
    ("cluster_partition_handling", "ignore"),
    ("collect_statistics_interval", "5000"),
    ("frame_max", "131072"),
    ("handshake_timeout", "10000"),
    ("heartbeat", "60"),
    ("num_acceptors.tcp", "10"),
];

/// The key of the default listener, used if no other one is configured.
const DEFAULT_LISTENER: &str = "listeners.tcp.default";

impl Conf {
    /// Parses a rabbitmq.conf. A line that is neither a comment nor a setting is kept as a key, so that it counts as a
    /// difference.
    pub fn parse(text: &str) -> Self {
        let mut settings = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            settings.insert(key.trim().to_owned(), value.trim().to_owned());
        }
        Self(settings)
    }

    /// The settings that matter for a node with a database: a difference in them takes effect at its next start. Excludes peer
    /// discovery (`cluster_formation.*`), which such a node ignores, and settings equal to the default.
    pub fn effective(&self) -> BTreeMap<&str, &str> {
        self.settings()
            .filter(|(key, _)| !key.starts_with(super::CLUSTER_FORMATION))
            .filter(|setting| !DEFAULTS.contains(setting) && !self.is_default_listener(*setting))
            .collect()
    }

    /// Whether this release does not start with the peer discovery settings of this file, but would with the other.
    pub fn outlived(&self, other: &Self, release: Version) -> bool {
        let is_gone = |key: &str| {
            key.starts_with(super::CLUSTER_FORMATION)
                && matches!(known_keys().standing(key, release), KeySupport::Gone { .. })
        };
        self.settings().any(|(key, _)| is_gone(key) && other.get(key).is_none())
    }

    /// Whether it sets the delay before a blank node of RabbitMQ before 3.8.18 enters its cluster.
    pub fn has_startup_delay(&self) -> bool {
        self.0.keys().any(|key| key.starts_with("cluster_formation.randomized_startup_delay_range."))
    }

    fn is_default_listener(&self, setting: (&str, &str)) -> bool {
        let is_listener = |key: &&str| key.starts_with("listeners.tcp");
        let (key, value) = setting;
        key == DEFAULT_LISTENER
            && value.parse() == Ok(AMQP)
            && self.settings().map(|(key, _)| key).filter(is_listener).count() == 1
    }

    /// All settings, by key.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_order_and_spaces_do_not_count() {
        let by_hand = Conf::parse("# mine\nb=2\n a  =  1 \n\n");
        assert_eq!(by_hand, Conf::parse("a = 1\nb = 2\n"));
        assert_ne!(by_hand, Conf::parse("a = 1\nb = 3\n"));
        assert_ne!(by_hand, Conf::parse("a = 1\nb = 2\ngarbage\n"));
    }

    #[test]
    fn how_a_blank_node_finds_its_cluster_is_no_reason_to_restart() {
        let seed = Conf::parse("a = 1\n");
        let joiner = Conf::parse("a = 1\ncluster_formation.classic_config.nodes.1 = rabbit@node1\n");
        assert_eq!(seed.effective(), joiner.effective());
    }

    #[test]
    fn what_says_no_more_than_the_default_sets_nothing() {
        let nothing = Conf::parse("# only comments\n");
        let defaults = DEFAULTS.map(|(key, value)| format!("{key} = {value}\n")).concat();
        assert_eq!(Conf::parse(&defaults).effective(), nothing.effective());
        assert_eq!(Conf::parse("listeners.tcp.default = 5672\n").effective(), nothing.effective());
        assert_ne!(Conf::parse("heartbeat = 30\n").effective(), nothing.effective());
        // With another listener, the default one exists only if it is named.
        let both = Conf::parse("listeners.tcp.default = 5672\nlisteners.tcp.local = 127.0.0.1:5673\n");
        assert_ne!(both.effective(), Conf::parse("listeners.tcp.local = 127.0.0.1:5673\n").effective());
    }
}
