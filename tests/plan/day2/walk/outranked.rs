//! What a host sets that outranks the inventory.

use rabbitup::facts::{CookieSetting, MainConfiguration};
use rabbitup::model::{CookieDigest, Secret};

use super::Hand::{Does, NoWay, Nothing};
use super::*;
use crate::outranked::set;

const ENV: &str = "/etc/rabbitmq/rabbitmq-env.conf";

pub const ROWS: &[Row] = &[
    Row {
        kind: RefusalKind::EnvironmentUnknown,
        typed: "up",
        set_up: |world| world.host("node2").environment.evaluated = false,
        hand: Does(|world| world.host("node2").environment.evaluated = true),
    },
    Row {
        kind: RefusalKind::OtherNodeName,
        typed: "up",
        set_up: |world| {
            world.facts = fresh(&world.desired);
            install(&mut world.facts, "node2");
            set(world.host("node2"), "NODENAME", "hare");
        },
        hand: Does(|world| world.host("node2").environment.settings.clear()),
    },
    Row {
        kind: RefusalKind::LongNodeName,
        typed: "up",
        set_up: |world| {
            world.facts = fresh(&world.desired);
            install(&mut world.facts, "node2");
            set(world.host("node2"), "USE_LONGNAME", "true");
        },
        hand: Does(|world| world.host("node2").environment.settings.clear()),
    },
    Row {
        kind: RefusalKind::DataOfNextStart,
        typed: "up",
        set_up: |world| {
            world.wipe("node2");
            let there = world.host("node2");
            set(there, "MNESIA_BASE", "/srv/rabbit");
            there.environment.data_base = "/srv/rabbit".to_owned();
            there.data_place.elsewhere = vec!["/var/lib/rabbitmq/mnesia/rabbit@node2".to_owned()];
        },
        hand: Does(|world| {
            world.facts = whole();
            world.stop("node2");
        }),
    },
    Row {
        kind: RefusalKind::CookieElsewhere,
        typed: "up",
        set_up: |world| {
            world.host("node2").environment.cookies = vec![CookieSetting {
                variable: "SERVER_ADDITIONAL_ERL_ARGS".to_owned(),
                by: ENV.to_owned(),
                digest: Some(CookieDigest::of(&Secret::new(b"LabArgCookie01".to_vec()))),
            }];
        },
        hand: Does(|world| world.host("node2").environment.cookies.clear()),
    },
    Row {
        kind: RefusalKind::ToolsElsewhere,
        typed: "up",
        set_up: |world| set(world.host("node2"), "ERL_EPMD_PORT", "4370"),
        hand: Does(|world| world.host("node2").environment.settings.clear()),
    },
    Row {
        kind: RefusalKind::ToolsElsewhere,
        typed: "up",
        set_up: |world| set(world.host("node2"), "HOME", "/srv/home"),
        hand: Does(|world| world.host("node2").environment.settings.clear()),
    },
    Row {
        kind: RefusalKind::SettingOutranked,
        typed: "up",
        set_up: |world| {
            let old = "/etc/rabbitmq/rabbitmq.config";
            let there = world.host("node2");
            there.files.insert(old.to_owned(), written("[{rabbit, [{heartbeat, 10}]}]."));
            there.environment.main = MainConfiguration::ErlangTerms(old.to_owned());
        },
        hand: Does(|world| world.host("node2").environment = Default::default()),
    },
    Row {
        kind: RefusalKind::SettingOutranked,
        typed: "up",
        set_up: |world| {
            let later = "/etc/rabbitmq/conf.d/90-mine.conf";
            let there = world.host("node2");
            there.files.insert(later.to_owned(), written("heartbeat = 10\n"));
            there.environment.additional = vec![later.to_owned()];
        },
        hand: Does(|world| world.host("node2").environment = Default::default()),
    },
    Row {
        kind: RefusalKind::SettingOutranked,
        typed: "up",
        set_up: |world| set(world.host("node2"), "ENABLED_PLUGINS", "rabbitmq_shovel"),
        hand: Does(|world| world.host("node2").environment = Default::default()),
    },
    Row {
        kind: RefusalKind::OtherAddressFamily,
        typed: "up",
        set_up: |world| {
            set(world.host("node2"), "SERVER_ADDITIONAL_ERL_ARGS", "-proto_dist inet6_tcp");
        },
        hand: Does(|world| world.host("node2").environment.settings.clear()),
    },
    Row {
        kind: RefusalKind::AddressFamilyOfCluster,
        typed: "up",
        set_up: |world| {
            world.desired = desired(&INVENTORY.replace("192.168.0.", "fd00::"));
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::SettingUnknown,
        typed: "up",
        set_up: |world| {
            world.edit(
                "heartbeat = 30",
                "heartbeat = 30\ndeprecated_features.permit.transient_nonexcl_queues = true",
            )
        },
        hand: Does(|world| world.desired = desired(INVENTORY)),
    },
    Row {
        kind: RefusalKind::PluginMissing,
        typed: "up",
        set_up: |world| world.edit("\"rabbitmq_management\"", "\"rabbitmq_management\", \"their_plugin\""),
        hand: Does(|world| {
            let files = vec!["/usr/lib/rabbitmq/plugins/their_plugin-1.0.ez".to_owned()];
            for text in BROKERS {
                world.host(text).plugins.files.insert("their_plugin".to_owned(), files.clone());
            }
        }),
    },
    Row {
        kind: RefusalKind::DefinitionsNotAccepted,
        typed: "up",
        set_up: |world| {
            let wanted = crate::packages::with_definitions(
                r#"{"vhosts": [], "users": [], "permissions": [{"user": "nobody", "vhost": "/"}]}"#,
            );
            world.desired.cluster.definitions = wanted.cluster.definitions;
        },
        hand: Does(|world| world.desired = desired(INVENTORY)),
    },
    Row {
        kind: RefusalKind::OtherNodeRuns,
        typed: "up",
        set_up: |world| renamed(world, true),
        hand: NoWay("the inventory gets another name for the host, or its data is moved away"),
    },
    Row {
        kind: RefusalKind::RenamedWithData,
        typed: "up",
        set_up: |world| renamed(world, false),
        hand: Does(|world| world.host("node3").data.clear()),
    },
    Row {
        kind: RefusalKind::EmptyBesideData,
        typed: "up",
        set_up: |world| {
            world.stop("node3");
            unlist(&mut world.facts, "node3");
            world.host("node3").data[0].node = "rabbit@old3".to_owned();
        },
        hand: Does(|world| world.host("node3").data.clear()),
    },
    Row {
        kind: RefusalKind::DataPlaceUnknown,
        typed: "run recover-node node=node3",
        set_up: |world| {
            world.wipe("node3");
            world.host("node3").data_place.unmounted = vec!["/var/lib/rabbitmq".to_owned()];
        },
        hand: Does(|world| {
            world.facts = whole();
            world.stop("node3");
        }),
    },
    Row {
        kind: RefusalKind::DataPlaceUnknown,
        typed: "run recover-node node=node3",
        set_up: |world| {
            world.wipe("node3");
            world.host("node3").data_place.emptied = Some("/var/lib/rabbitmq".to_owned());
        },
        hand: Does(|_| {}),
    },
    Row {
        kind: RefusalKind::DataNotMoved,
        typed: "run remove-node node=node3",
        set_up: |world| world.host("node3").environment.data_dir = Some("/srv/node3".to_owned()),
        hand: Does(|world| {
            world.stop("node3");
            world.host("node3").data.clear();
        }),
    },
];

/// node3's host had another name when its data was written.
fn renamed(world: &mut World, runs: bool) {
    give_data(&mut world.facts, "node3");
    if runs {
        running(&mut world.facts, "node3").name = node("old3");
    } else {
        world.stop("node3");
    }
    unlist(&mut world.facts, "node3");
    let host = world.host("node3");
    host.host_name.running = "old3".to_owned();
    host.data[0].node = "rabbit@old3".to_owned();
}
