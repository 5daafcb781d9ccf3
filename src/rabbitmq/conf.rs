use std::collections::BTreeMap;

/// rabbitmq.conf as the broker understands it: keys and values, whatever comments and spaces surround them.
///
/// The format is cuttlefish's: one `key = value` per line, `#` starts a comment, the last of two equal keys wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf(BTreeMap<String, String>);

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

    /// The settings that a node reads at every start. How a blank node finds its cluster (`cluster_formation.*`)
    /// is not among them: a node with a database ignores it, so a difference there needs no restart.
    pub fn effective(&self) -> BTreeMap<&str, &str> {
        self.0
            .iter()
            .filter(|(key, _)| !key.starts_with(super::CLUSTER_FORMATION))
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
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
}
