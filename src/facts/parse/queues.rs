//! The lines of a node's report about the location of queues.

use std::collections::{BTreeMap, BTreeSet};

use super::base64::decoded;
use crate::facts::{QueueFacts, QueueKind};
use crate::model::NodeName;

/// Reads `VHOST NAME DURABLE EXCLUSIVE LEADER KIND …`. After the kind come the nodes with a replica; for a mirrored queue its
/// mirrors and those in sync; and if known `bound N` and `wanted N`. Every word but the last ends in a space; vhost, name and
/// nodes may be empty. `counts` has the messages by `VHOST NAME`, as written in the line.
pub(super) fn queue(line: &str, counts: &BTreeMap<&str, u64>) -> Option<QueueFacts> {
    let mut words = line.split(' ');
    let (vhost, name) = (words.next()?, words.next()?);
    let (durable, exclusive) = (truth(words.next()?)?, truth(words.next()?)?);
    let leader = nodes(words.next()?)?.into_iter().next();
    let kind = match words.next()? {
        "classic" => QueueKind::Classic,
        "mirrored" => QueueKind::Mirrored,
        "quorum" => QueueKind::Quorum,
        "stream" => QueueKind::Stream,
        _ => QueueKind::Other,
    };
    let mut replicas = match kind {
        QueueKind::Classic => BTreeSet::new(),
        _ => nodes(words.next()?)?,
    };
    let mut in_sync = match kind {
        QueueKind::Mirrored => nodes(words.next()?)?,
        _ => replicas.clone(),
    };
    // The leader of a quorum queue or a stream is one of its nodes. Another leader is from before a shrink.
    let leads = |node: &NodeName| !kind.is_replicated() || replicas.contains(node);
    let leader = leader.filter(leads);
    replicas.extend(leader.clone());
    in_sync.extend(leader.clone());
    let (mut bindings, mut wanted) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "bound" => bindings = words.next()?.parse().ok(),
            "wanted" => wanted = words.next()?.parse().ok(),
            _ => {}
        }
    }
    // Until the end of the line: both words and the space between them.
    let messages = counts.get(line.get(..vhost.len() + 1 + name.len())?).copied();
    Some(QueueFacts {
        vhost: decoded(vhost)?,
        name: decoded(name)?,
        kind,
        durable,
        exclusive,
        leader,
        replicas: replicas.into_iter().collect(),
        in_sync: in_sync.into_iter().collect(),
        wanted,
        messages,
        bindings,
    })
}

fn truth(word: &str) -> Option<bool> {
    match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Names separated by commas. A replica with an unparsable node must not disappear.
fn nodes(word: &str) -> Option<BTreeSet<NodeName>> {
    word.split(',').filter(|node| !node.is_empty()).map(|node| NodeName::parse(node).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<QueueFacts> {
        queue(line, &BTreeMap::from([("Lw== cXE=", 7)]))
    }

    fn names(nodes: &[NodeName]) -> Vec<&str> {
        nodes.iter().map(|node| node.host().as_str()).collect()
    }

    #[test]
    fn every_kind_is_read() {
        let quorum = read("Lw== cXE= true false r@b quorum r@b,r@a,r@c wanted 5").expect("a queue");
        assert_eq!(
            (quorum.vhost.as_str(), quorum.name.as_str(), quorum.kind),
            ("/", "qq", QueueKind::Quorum)
        );
        assert!(quorum.durable && !quorum.exclusive && quorum.replicas == quorum.in_sync);
        assert_eq!((names(&quorum.replicas), quorum.wanted), (vec!["a", "b", "c"], Some(5)));
        assert_eq!(
            (quorum.leader.map(|node| node.to_string()), quorum.messages),
            (Some("r@b".to_owned()), Some(7))
        );
        let classic = read("Lw== cQ== false true r@a classic ").expect("a queue");
        assert_eq!((names(&classic.replicas), classic.kind), (vec!["a"], QueueKind::Classic));
        assert!(
            !classic.durable && classic.exclusive && classic.messages.is_none() && classic.wanted.is_none()
        );
        let mirrored = read("Lw== cQ== true false r@a mirrored r@b,r@c r@c ").expect("a queue");
        assert_eq!(
            (names(&mirrored.replicas), names(&mirrored.in_sync)),
            (vec!["a", "b", "c"], vec!["a", "c"])
        );
        assert_eq!(mirrored.unsynchronised().map(ToString::to_string).collect::<Vec<_>>(), ["r@b"]);
        assert_eq!(mirrored.bindings, None);
        let bound = read("Lw== cQ== true false r@a classic bound 3 ").expect("a queue");
        assert_eq!((bound.bindings, bound.wanted), (Some(3), None));
        let bound = read("Lw== cQ== true false r@a quorum r@a bound 0 wanted 5").expect("a queue");
        assert_eq!((bound.bindings, bound.wanted), (Some(0), Some(5)));
        let stream = read("Lw==  true false  stream r@a wanted 2").expect("a queue with an empty name");
        assert_eq!((stream.kind, stream.leader, stream.wanted), (QueueKind::Stream, None, Some(2)));
        let mqtt = read("Lw== cQ== false true r@a other  ").expect("a queue");
        assert_eq!((mqtt.kind, names(&mqtt.replicas)), (QueueKind::Other, vec!["a"]));
    }

    #[test]
    fn a_leader_that_holds_no_replica_is_none() {
        let queue = read("Lw== cQ== true false r@gone quorum r@a,r@b ").expect("a queue");
        assert_eq!((queue.leader, names(&queue.replicas)), (None, vec!["a", "b"]));
    }

    #[test]
    fn half_a_line_is_no_queue() {
        for line in [
            "",
            "Lw== cQ==",
            "Lw== cQ== true false r@a",
            "Lw== cQ== true false r@a quorum",
            "Lw== cQ== true false r@a quorum not-a-node ",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
