use std::collections::BTreeMap;

use super::{Standing, known_keys};
use crate::model::Version;

/// rabbitmq.conf as the broker understands it: keys and values, whatever comments and spaces surround them.
///
/// The format is cuttlefish's: one `key = value` per line, `#` starts a comment, the last of two equal keys wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf(BTreeMap<String, String>);

/// What RabbitMQ does without these settings, on every version from 3.8 on (`PROJECT_ENV` in deps/rabbit/Makefile). Only
/// settings that no other key can set as well.
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

/// Where clients are served without a listener of another name.
const DEFAULT_LISTENER: (&str, &str) = ("listeners.tcp.default", "5672");

impl Conf {
    /// Reads a rabbitmq.conf. A line that is neither comment nor setting is kept as a key of its own, so that it
    /// counts as a difference.
    pub fn parse(text: &str) -> Self {
        let mut settings = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            settings.insert(key.trim().to_owned(), value.trim().to_owned());
        }
        Self(settings)
    }

    /// The settings by which a node with a database differs from one without any: what a difference in them changes shows at
    /// its next start. How a blank node finds its cluster (`cluster_formation.*`) is not among them, since such a node
    /// ignores it, nor is what says no more than the default.
    pub fn effective(&self) -> BTreeMap<&str, &str> {
        self.settings()
            .filter(|(key, _)| !key.starts_with(super::CLUSTER_FORMATION))
            .filter(|setting| !DEFAULTS.contains(setting) && !self.is_default_listener(*setting))
            .collect()
    }

    /// Whether a node of this release does not start with this file, for how a blank node is to find its cluster, and would
    /// with the other.
    pub fn outlived(&self, other: &Self, release: Version) -> bool {
        let is_gone = |key: &str| {
            key.starts_with(super::CLUSTER_FORMATION)
                && matches!(known_keys().standing(key, release), Standing::Gone { .. })
        };
        self.settings().any(|(key, _)| is_gone(key) && other.get(key).is_none())
    }

    /// Whether it says how long a blank node of RabbitMQ before 3.8.18 waits before it enters its cluster.
    pub fn has_startup_delay(&self) -> bool {
        self.0.keys().any(|key| key.starts_with("cluster_formation.randomized_startup_delay_range."))
    }

    fn is_default_listener(&self, setting: (&str, &str)) -> bool {
        let is_listener = |key: &&str| key.starts_with("listeners.tcp");
        setting == DEFAULT_LISTENER && self.settings().map(|(key, _)| key).filter(is_listener).count() == 1
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
        // Beside another listener the default one is there only where it is named.
        let both = Conf::parse("listeners.tcp.default = 5672\nlisteners.tcp.local = 127.0.0.1:5673\n");
        assert_ne!(both.effective(), Conf::parse("listeners.tcp.local = 127.0.0.1:5673\n").effective());
    }
}
