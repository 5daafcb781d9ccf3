//! Packages, and which version may run on which data.

use rabbitup::facts::NodeData;

use super::Hand::{Does, NoWay, Nothing};
use super::*;

pub const ROWS: &[Row] = &[
    Row {
        kind: RefusalKind::VersionNotOffered,
        typed: "up",
        set_up: |world| {
            world.wipe("node3");
            unlist(&mut world.facts, "node3");
            pin(world, "3.9.27");
            package(world, "node3").installed = None;
        },
        hand: Does(|world| world.desired = desired(INVENTORY)),
    },
    Row {
        kind: RefusalKind::VersionOfOthersNotOffered,
        typed: "up",
        set_up: |world| {
            world.wipe("node3");
            unlist(&mut world.facts, "node3");
            let package = package(world, "node3");
            (package.installed, package.offered) = (None, vec![NEXT.to_owned()]);
        },
        hand: Does(|world| package(world, "node3").offered.push(VERSION.to_owned())),
    },
    Row {
        kind: RefusalKind::OfferUnknownOverData,
        typed: "up",
        set_up: |world| {
            for text in BROKERS {
                world.stop(text);
                *package(world, text) = PackageFacts::default();
            }
        },
        hand: Does(|world| {
            for text in BROKERS {
                let package = package(world, text);
                (package.candidate, package.offered) = (Some(VERSION.to_owned()), vec![VERSION.to_owned()]);
                package.removed = Some(VERSION.to_owned());
                world.host(text).data[0].feature_flags =
                    ["quorum_queue", "stream_queue"].map(str::to_owned).into_iter().collect();
            }
        }),
    },
    Row {
        kind: RefusalKind::RemovesOthers,
        typed: "up",
        set_up: |world| {
            world.facts = fresh(&world.desired);
            package(world, "node2").removes = vec!["their-agent".to_owned()];
        },
        hand: Does(|world| package(world, "node2").removes.clear()),
    },
    Row {
        kind: RefusalKind::NoVersionNumber,
        typed: "up",
        set_up: |world| {
            world.wipe("node3");
            unlist(&mut world.facts, "node3");
            *package(world, "node3") = PackageFacts {
                candidate: Some("git-main".to_owned()),
                offered: vec!["git-main".to_owned()],
                ..PackageFacts::default()
            };
            for text in ["node1", "node2"] {
                *package(world, text) =
                    PackageFacts { installed: Some("git-main".to_owned()), ..PackageFacts::default() };
            }
        },
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::PackageRemovedUnderneath,
        typed: "up",
        set_up: |world| {
            for text in BROKERS {
                let package = package(world, text);
                (package.installed, package.candidate) = (None, Some(NEXT.to_owned()));
                package.offered = vec![NEXT.to_owned(), VERSION.to_owned()];
            }
        },
        hand: Does(|world| pin(world, "3.10.8")),
    },
    Row {
        kind: RefusalKind::DataOfUnknownVersion,
        typed: "up",
        set_up: |world| {
            all_stopped(world);
            offer(world, &["4.0.5-1", VERSION]);
            pin(world, "4.0.5");
            BROKERS.iter().for_each(|text| world.host(text).data[0].started = None);
        },
        hand: Does(|world| {
            world.facts = whole();
            world.desired = desired(INVENTORY);
        }),
    },
    Row {
        kind: RefusalKind::DataOfNewerVersion,
        typed: "up",
        set_up: |world| {
            all_stopped(world);
            offer(world, &[VERSION, "3.9.27-1"]);
            pin(world, "3.9.27");
        },
        hand: Does(|world| world.desired = desired(INVENTORY)),
    },
    Row {
        kind: RefusalKind::SeriesEndsFirst,
        typed: "run upgrade version=3.12.14",
        set_up: |world| {
            offer(world, &["3.12.14-1", "3.11.28-1", VERSION]);
            BROKERS.iter().for_each(|text| runs_version(world, text, Version::new(3, 11, 1), "3.11.1-1"));
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::SeriesEndsFirst,
        typed: "up",
        set_up: |world| {
            offer(world, &["3.12.14-1", "3.11.28-1", VERSION]);
            for text in BROKERS {
                runs_version(world, text, Version::new(3, 11, 1), "3.11.1-1");
            }
            all_stopped(world);
            pin(world, "3.12.14");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::SeriesBetween,
        typed: "run upgrade version=4.0.5",
        set_up: |world| offer(world, &["4.0.5-1", "3.13.7-1", "3.12.14-1", "3.11.28-1", VERSION]),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::SeriesBetween,
        typed: "up",
        set_up: |world| {
            offer(world, &["4.0.5-1", "3.13.7-1", "3.12.14-1", "3.11.28-1", VERSION]);
            all_stopped(world);
            pin(world, "4.0.5");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::FlagsNeedRunningNode,
        typed: "up",
        set_up: |world| {
            offer(world, &["3.11.28-1", VERSION]);
            all_stopped(world);
            pin(world, "3.11.28");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::ExperimentalKhepri,
        typed: "run upgrade version=4.0.5",
        set_up: |world| {
            offer(world, &["4.0.5-1", VERSION]);
            for text in BROKERS {
                runs_version(world, text, Version::new(3, 13, 7), "3.13.7-1");
                running(&mut world.facts, text).metadata_store = MetadataStore::Khepri;
            }
        },
        hand: NoWay("RabbitMQ has none for this data"),
    },
    Row {
        kind: RefusalKind::MirroringPolicies,
        typed: "run upgrade version=4.0.5",
        set_up: |world| {
            offer(world, &["4.0.5-1", VERSION]);
            for text in BROKERS {
                runs_version(world, text, Version::new(3, 13, 7), "3.13.7-1");
                running(&mut world.facts, text).mirroring_policies = vec!["ha-all".to_owned()];
            }
        },
        hand: Does(|world| {
            for text in BROKERS {
                running(&mut world.facts, text).mirroring_policies.clear();
            }
        }),
    },
    Row {
        kind: RefusalKind::UpgradeOfferUnknown,
        typed: "run upgrade",
        set_up: |world| offer(world, &[]),
        hand: Does(|world| offer(world, &[NEXT, VERSION])),
    },
    Row {
        kind: RefusalKind::UpgradeNotOffered,
        typed: "run upgrade version=3.10.25",
        set_up: |_| {},
        hand: Does(|world| offer(world, &["3.10.25-1", VERSION])),
    },
    Row {
        kind: RefusalKind::UpgradeOfferedElsewhere,
        typed: "run upgrade",
        set_up: |world| {
            offer(world, &[NEXT, VERSION]);
            let package = package(world, "node3");
            (package.candidate, package.offered) = (Some(VERSION.to_owned()), vec![VERSION.to_owned()]);
        },
        hand: Does(|world| offer(world, &[NEXT, VERSION])),
    },
    Row {
        kind: RefusalKind::UpgradeOfStoppedNode,
        typed: "run upgrade",
        set_up: |world| {
            offer(world, &[NEXT, VERSION]);
            world.stop("node3");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::UpgradeOfStoppedNode,
        typed: "run upgrade",
        set_up: |world| {
            offer(world, &[NEXT, VERSION]);
            world.stop("node3");
            let package = package(world, "node3");
            (package.installed, package.half_installed) = (None, Some(NEXT.to_owned()));
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::UpgradeOfStoppedNode,
        typed: "run upgrade",
        set_up: |world| {
            offer(world, &[NEXT, VERSION]);
            world.wipe("node3");
            unlist(&mut world.facts, "node3");
        },
        hand: Nothing,
    },
];

fn package<'w>(world: &'w mut World, text: &str) -> &'w mut PackageFacts {
    world.host(text).packages.entry("rabbitmq-server".to_owned()).or_default()
}

fn pin(world: &mut World, version: &str) {
    world.desired = desired(&format!("{INVENTORY}\n[package]\nversion = \"{version}\"\n"));
}

fn offer(world: &mut World, versions: &[&str]) {
    for text in BROKERS {
        let package = package(world, text);
        package.candidate = versions.first().map(|version| (*version).to_owned());
        package.offered = versions.iter().map(|version| (*version).to_owned()).collect();
    }
}

fn runs_version(world: &mut World, text: &str, version: Version, installed: &str) {
    package(world, text).installed = Some(installed.to_owned());
    running(&mut world.facts, text).rabbitmq_version = version;
}

fn all_stopped(world: &mut World) {
    for text in BROKERS {
        package(world, text).unpacked = Some(1_700_000_000);
        world.stop(text);
        let data: &mut NodeData = &mut world.host(text).data[0];
        data.started = Some(1_700_000_500);
    }
}
