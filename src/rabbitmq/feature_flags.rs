use std::collections::BTreeSet;

use crate::model::Version;

/// A feature flag and the first version that supports it. A node that starts blank enables all stable ones.
/// From `rabbit_core_ff.erl` at each series' tag; those since 4.0 are named after their version.
const SINCE: [(&str, Version); 7] = [
    ("stream_queue", Version::new(3, 9, 0)),
    ("direct_exchange_routing_v2", Version::new(3, 11, 0)),
    ("restart_streams", Version::new(3, 12, 0)),
    ("message_containers", Version::new(3, 13, 0)),
    ("rabbitmq_4.0.0", Version::new(4, 0, 0)),
    ("rabbitmq_4.1.0", Version::new(4, 1, 0)),
    ("rabbitmq_4.2.0", Version::new(4, 2, 0)),
];

/// A feature flag and the first version that does not start without it (release notes of these versions, "required feature
/// flags").
const REQUIRED: [(&str, Version); 4] = [
    ("quorum_queue", Version::new(3, 11, 0)),
    ("direct_exchange_routing_v2", Version::new(3, 12, 0)),
    ("message_containers", Version::new(4, 0, 0)),
    ("rabbitmq_4.0.0", Version::new(4, 3, 0)),
];

/// Whether data with these enabled feature flags can be from this version: it supports them, and all flags that it requires are
/// enabled.
pub fn may_be_of(enabled: &BTreeSet<String>, version: Version) -> bool {
    let knows = |(flag, since): &(&str, Version)| version >= *since || !enabled.contains(*flag);
    let has = |(flag, from): &(&str, Version)| version < *from || enabled.contains(*flag);
    !enabled.is_empty() && SINCE.iter().all(knows) && REQUIRED.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_tell_which_versions_data_can_be_of() {
        let flags = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        // As written by Debian's 3.10.8 and 4.0.5.
        let old = flags(&["classic_mirrored_queue_version", "quorum_queue", "stream_queue", "user_limits"]);
        let new = flags(&[
            "quorum_queue",
            "stream_queue",
            "direct_exchange_routing_v2",
            "restart_streams",
            "message_containers",
            "rabbitmq_4.0.0",
        ]);
        let fits = |flags: &BTreeSet<String>, version: &str| {
            may_be_of(flags, Version::parse(version).expect("a version"))
        };
        assert!(
            fits(&old, "3.10.8") && fits(&old, "3.11.2") && !fits(&old, "3.8.9") && !fits(&old, "3.12.1")
        );
        assert!(fits(&new, "4.0.5") && fits(&new, "4.3.6") && !fits(&new, "3.13.7"));
        assert!(!fits(&old, "4.0.5") && !fits(&BTreeSet::new(), "3.10.8"));
    }
}
