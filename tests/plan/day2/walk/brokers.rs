//! Nodes that do not run, are to be taken out of service, or join; and their queues.

use super::Hand::{Does, Instead, NoWay, Nothing};
use super::*;

pub const ROWS: &[Row] = &[
    Row {
        kind: RefusalKind::NodeSilent,
        typed: "up",
        set_up: |world| world.host("node3").broker = BrokerState::Unknown("no answer".to_owned()),
        hand: Does(|world| world.facts = whole()),
    },
    Row { kind: RefusalKind::NodeForgotten, typed: "up", set_up: forgotten, hand: Nothing },
    Row { kind: RefusalKind::NodeForgotten, typed: "run start", set_up: forgotten, hand: Nothing },
    Row {
        kind: RefusalKind::RestartBesideStoppedNode,
        typed: "run rolling-restart",
        set_up: |world| world.stop("node3"),
        hand: Nothing,
    },
    // The host is blank: `start` leaves it to the bring-up.
    Row {
        kind: RefusalKind::RestartBesideStoppedNode,
        typed: "run rolling-restart",
        set_up: |world| {
            world.wipe("node3");
            unlist(&mut world.facts, "node3");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RestartBesideStoppedNode,
        typed: "run rolling-restart",
        set_up: |world| {
            world.wipe("node3");
        },
        hand: Nothing,
    },
    // It runs, and `start` would find nothing to do.
    Row {
        kind: RefusalKind::RestartBesideStoppedNode,
        typed: "run rolling-restart",
        set_up: |world| super::cookies::refused(world, &["node3"]),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RestartBesideStoppedNode,
        typed: "run rolling-restart",
        set_up: forgotten,
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::HeaderForAllOrNone,
        typed: "up",
        set_up: |world| {
            let text = INVENTORY.replace("stats = { port = 8404 }", "software = \"nginx\"");
            world.desired = desired(&text.replace("heartbeat = 30", "heartbeat = 30\nproxy_protocol = true"));
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::AnchorNotStarted,
        typed: "--limit node3 up",
        set_up: |world| {
            BROKERS.iter().for_each(|text| world.stop(text));
            world.host("node3").data.clear();
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::AnchorNotServing,
        typed: "--limit node3 up",
        set_up: |world| {
            for text in ["node1", "node2"] {
                world.stop(text);
            }
            start_alone(&mut world.facts, "node3");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::OwnData,
        typed: "up",
        set_up: |world| {
            start_alone(&mut world.facts, "node3");
            unlist(&mut world.facts, "node3");
            give_data(&mut world.facts, "node3");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::FlagsUnknown,
        typed: "up",
        set_up: |world| {
            start_alone(&mut world.facts, "node3");
            unlist(&mut world.facts, "node3");
            for text in ["node1", "node2"] {
                let seen = running(&mut world.facts, text);
                seen.rabbitmq_version = Version::new(3, 10, 9);
                seen.feature_flags.enabled.insert("newer".to_owned());
                world.host(text).packages.get_mut("rabbitmq-server").expect("it is there").installed =
                    Some(NEXT.to_owned());
            }
            running(&mut world.facts, "node3").feature_flags.known = BTreeSet::from(["older".to_owned()]);
            let package = world.host("node3").packages.get_mut("rabbitmq-server").expect("it is there");
            package.offered = vec![NEXT.to_owned(), VERSION.to_owned()];
        },
        hand: Does(|world| running(&mut world.facts, "node3").feature_flags.known.clear()),
    },
    Row {
        kind: RefusalKind::MembersMovedOn,
        typed: "up",
        set_up: |world| {
            world.stop("node3");
            let gone =
                ["node7", "node3"].map(|text| ClusterMember { node: node(text), node_type: NodeType::Disc });
            world.host("node3").data[0].members = gone.to_vec();
            world.host("node3").broker = BrokerState::Down;
            // It starts, and finds none of them.
            start_alone_with(world, "node3");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::ListedButBlank,
        typed: "up",
        set_up: |world| world.wipe("node3"),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::ForgottenButRunning,
        typed: "up",
        set_up: |world| unlist(&mut world.facts, "node3"),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::OtherCluster,
        typed: "up",
        set_up: |world| {
            start_alone(&mut world.facts, "node3");
            unlist(&mut world.facts, "node3");
            let other = ClusterMember { node: node("other1"), node_type: NodeType::Disc };
            running(&mut world.facts, "node3").members.push(other);
        },
        hand: NoWay("two clusters are not made one"),
    },
    Row {
        kind: RefusalKind::NeverSpared,
        typed: "run rolling-restart",
        set_up: |world| {
            give_queue(&mut world.facts, &queue("thin", QueueKind::Quorum, "node1", &["node1", "node2"]));
        },
        hand: Nothing,
    },
    // It was declared with two replicas, so that `grow-queues` leaves it alone.
    Row {
        kind: RefusalKind::NeverSpared,
        typed: "run rolling-restart",
        set_up: |world| {
            let thin = queue("thin", QueueKind::Quorum, "node1", &["node1", "node2"]);
            give_queue(&mut world.facts, &QueueFacts { wanted: Some(2), ..thin });
        },
        hand: Does(|_| {}),
    },
    Row {
        kind: RefusalKind::NeverSpared,
        typed: "up",
        set_up: |world| {
            let thin = queue("thin", QueueKind::Quorum, "node1", &["node1", "node2"]);
            give_queue(&mut world.facts, &QueueFacts { wanted: Some(2), ..thin });
            world.desired = desired(&format!("{INVENTORY}\n[package]\nversion = \"3.10.9\"\n"));
            offer_next(&mut world.facts);
        },
        hand: Does(|_| {}),
    },
    Row {
        kind: RefusalKind::ClusterIncomplete,
        typed: "run rolling-restart older-than=0s",
        set_up: |world| {
            let lost = node("node3");
            running(&mut world.facts, "node1").running.retain(|member| *member != lost);
        },
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::LastDiscToRam,
        typed: "up",
        set_up: |world| {
            world.edit("address = \"192.168.0.42\"", "address = \"192.168.0.42\"\nnode_type = \"ram\"");
            for text in BROKERS {
                for member in &mut running(&mut world.facts, text).members {
                    member.node_type =
                        if member.node == node("node2") { NodeType::Disc } else { NodeType::Ram };
                }
            }
        },
        hand: Does(|world| {
            world.edit("address = \"192.168.0.43\"", "address = \"192.168.0.43\"\nnode_type = \"disc\"");
        }),
    },
    Row {
        kind: RefusalKind::SyncWithoutNode,
        typed: "run sync-queue queue=jobs",
        set_up: |world| BROKERS.iter().for_each(|text| world.stop(text)),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::SyncUnsupported,
        typed: "run sync-queue queue=jobs",
        set_up: |world| {
            for text in BROKERS {
                running(&mut world.facts, text).rabbitmq_version = Version::new(4, 0, 5);
            }
        },
        hand: NoWay("what was asked for does not exist there"),
    },
    Row {
        kind: RefusalKind::SyncUnknownQueue,
        typed: "run sync-queue queue=job",
        set_up: mirrored,
        hand: Instead,
    },
    Row {
        kind: RefusalKind::SyncUnknownQueue,
        typed: "run sync-queue queue=jobs vhost=shop",
        set_up: mirrored,
        hand: Instead,
    },
    Row {
        kind: RefusalKind::SyncOtherKind,
        typed: "run sync-queue queue=orders",
        set_up: |_| {},
        hand: NoWay("what was asked for does not exist there"),
    },
];

/// node3 was forgotten while it was away, and has its data.
fn forgotten(world: &mut World) {
    world.stop("node3");
    unlist(&mut world.facts, "node3");
}

/// A node that runs alone, beside data that names others.
fn start_alone_with(world: &mut World, text: &str) {
    let data = world.host(text).data.clone();
    start_alone(&mut world.facts, text);
    world.host(text).data = data;
}

fn mirrored(world: &mut World) {
    let mut jobs = queue("jobs", QueueKind::Mirrored, "node1", &BROKERS);
    jobs.in_sync = vec![node("node1")];
    give_queue(&mut world.facts, &jobs);
}
