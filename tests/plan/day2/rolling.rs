//! Restarts, upgrades, stops and starts.

use super::*;
use rabbitup::operation::{InstallPackages, Operation, RestartBroker, StopCheck, UpgradeBroker};

#[test]
fn a_rolling_restart() {
    insta::assert_snapshot!(plan("rolling-restart", &[], &whole()));
    let (verified, second) = Call::of("rolling-restart", &[]).again(&desired(INVENTORY), &whole());
    assert_eq!((verified, second), (vec![], vec![]), "who was restarted a moment ago is not restarted again");
}

#[test]
fn a_rolling_restart_resumes_where_it_stopped() {
    let mut facts = whole();
    running(&mut facts, "node1").uptime_s = Some(90);
    running(&mut facts, "node2").maintenance = true;
    host(&mut facts, "lb1").load_balancer.as_mut().expect("it is there").backends[1].status =
        "MAINT".to_owned();
    insta::assert_snapshot!(plan("rolling-restart", &[], &facts));
    let all = Call::of("rolling-restart", &["older-than=0s"]);
    let (plan, _) = all.project(&desired(INVENTORY), &facts).expect("a plan");
    assert!(ids(&plan).contains(&"node1/restart".to_owned()));
    assert_eq!(
        all.again(&desired(INVENTORY), &facts).0,
        Vec::<String>::new(),
        "the look that verifies restarts nothing"
    );
}

/// It does not count as started a moment ago, which would tell the operator that it was restarted.
#[test]
fn a_node_that_does_not_report_how_long_it_has_run_is_named() {
    let mut facts = whole();
    running(&mut facts, "node1").uptime_s = None;
    let (plan, _) = Call::of("rolling-restart", &[]).project(&desired(INVENTORY), &facts).expect("a plan");
    assert!(
        !ids(&plan).contains(&"node1/restart".to_owned()) && ids(&plan).contains(&"node2/restart".to_owned())
    );
    let notes: Vec<&str> = plan.notes.iter().map(|note| note.text.as_str()).collect();
    let wanted =
        "does not report how long it has run, so it is not restarted; older-than=0s restarts it anyway";
    assert!(notes.contains(&wanted), "{notes:?}");
    let all = Call::of("rolling-restart", &["older-than=0s"]);
    let (plan, _) = all.project(&desired(INVENTORY), &facts).expect("a plan");
    assert!(ids(&plan).contains(&"node1/restart".to_owned()));
}

/// The balancer is switched for brokers within the limit, and for no other.
#[test]
fn a_limit_rolls_the_brokers_that_it_names() {
    let mut facts = whole();
    offer_next(&mut facts);
    for (playbook, what) in [("rolling-restart", "restart"), ("upgrade", "upgrade")] {
        let only = |text: &str| {
            let mut call = Call::of(playbook, &[]);
            call.options.limit = Limit::Only(BTreeSet::from([name(text)]));
            call
        };
        let (plan, _) = only("node3").project(&desired(INVENTORY), &facts).expect("a plan");
        assert_eq!(
            ids(&plan),
            ["lb1/out-node3".to_owned(), format!("node3/{what}"), "lb1/in-node3".to_owned()]
        );
        assert_eq!(only("node3").again(&desired(INVENTORY), &facts), (vec![], vec![]), "{playbook}");
        let (plan, _) = only("lb1").project(&desired(INVENTORY), &facts).expect("a plan");
        assert_eq!(ids(&plan), Vec::<String>::new(), "{playbook}");
    }
}

#[test]
fn no_restart_while_a_node_is_down() {
    let mut facts = whole();
    stop(&mut facts, "node3");
    insta::assert_snapshot!(plan("rolling-restart", &[], &facts));
}

#[test]
fn a_booting_node_is_distinguished_from_a_stopped_one() {
    let mut facts = whole();
    stop(&mut facts, "node3");
    let unit = host(&mut facts, "node3").units.get_mut("rabbitmq-server").expect("a unit");
    unit.active = "activating".to_owned();
    let refused = plan("rolling-restart", &[], &facts);
    assert!(refused.contains("rabbit@node3 is a member and is starting"), "{refused}");
}

#[test]
fn an_upgrade() {
    let mut facts = whole();
    offer_next(&mut facts);
    for text in BROKERS {
        running(&mut facts, text).disabled_feature_flags = vec!["stream_queue".to_owned()];
    }
    insta::assert_snapshot!(plan("upgrade", &[], &facts));
    let (verified, second) = Call::of("upgrade", &[]).again(&desired(INVENTORY), &facts);
    assert_eq!((verified, second), (vec![], vec![]));
}

/// dpkg was killed in the middle: the next run completes it, and only with the version that was begun.
#[test]
fn an_interrupted_upgrade_is_completed() {
    let mut facts = whole();
    offer_next(&mut facts);
    let package = host(&mut facts, "node1").packages.get_mut("rabbitmq-server").expect("it is there");
    (package.installed, package.half_installed) = (None, Some(NEXT.to_owned()));
    let steps = |name: &str, words: &[&str], facts: &Facts| {
        let (plan, _) = Call::of(name, words).project(&desired(INVENTORY), facts).expect("a plan");
        let packages = plan.steps.into_iter().filter_map(|step| match step.operation {
            Operation::InstallPackages(InstallPackages { packages, .. })
            | Operation::UpgradeBroker(UpgradeBroker { packages, .. }) => {
                Some((step.id.to_string(), packages[0].version.clone().unwrap_or_default()))
            }
            _ => None,
        });
        packages.collect::<Vec<_>>()
    };
    let of = |id: &str| (id.to_owned(), NEXT.to_owned());
    assert_eq!(steps("bring-up", &[], &facts), [of("node1/upgrade")]);
    assert_eq!(steps("upgrade", &[], &facts), BROKERS.map(|text| of(&format!("{text}/upgrade"))));
    assert_eq!(Call::of("bring-up", &[]).again(&desired(INVENTORY), &facts), (vec![], vec![]));
    let refused = plan("upgrade", &[&format!("version={VERSION}")], &facts);
    assert!(refused.contains("RabbitMQ cannot be downgraded"), "{refused}");

    stop(&mut facts, "node1");
    assert_eq!(steps("bring-up", &[], &facts), [of("node1/packages")]);
    assert_eq!(Call::of("bring-up", &[]).again(&desired(INVENTORY), &facts), (vec![], vec![]));
}

#[test]
fn a_version_in_the_inventory_is_part_of_every_plan() {
    let mut facts = whole();
    offer_next(&mut facts);
    let wanted = desired(&format!("{INVENTORY}\n[package]\nversion = \"3.10.9\"\n"));
    let (plan, after) = Call::of("bring-up", &[]).project(&wanted, &facts).expect("a plan");
    assert!(ids(&plan).contains(&"node2/upgrade".to_owned()), "{:?}", ids(&plan));
    let (again, _) = Call::of("bring-up", &[]).project(&wanted, &after).expect("a plan");
    assert_eq!(ids(&again), Vec::<String>::new());
}

#[test]
fn upgrades_that_rabbitmq_does_not_support() {
    let mut facts = whole();
    offer_next(&mut facts);
    for text in BROKERS {
        let package = host(&mut facts, text).packages.get_mut("rabbitmq-server").expect("it is there");
        package.offered = vec!["4.0.5-3".to_owned(), "3.9.1-1".to_owned()];
    }
    let text = [
        plan("upgrade", &["version=4.0.5"], &facts),
        plan("upgrade", &["version=3.9.1"], &facts),
        plan("upgrade", &["version=3.11.*"], &facts),
    ];
    insta::assert_snapshot!(text.join("\n"));
    for text in BROKERS {
        let host = host(&mut facts, text);
        host.packages.get_mut("rabbitmq-server").expect("it is there").installed =
            Some("3.13.7-1".to_owned());
        let node = running(&mut facts, text);
        node.rabbitmq_version = Version::new(3, 13, 7);
        node.mirroring_policies = vec!["//ha-all".to_owned()];
    }
    insta::assert_snapshot!("upgrade_with_mirrored_queues", plan("upgrade", &["version=4.0.5"], &facts));
}

/// A running node's rabbitmq.conf may have settings with which the next version does not start.
#[test]
fn an_upgrade_that_the_old_configuration_would_stop() {
    let mut facts = whole();
    offer_next(&mut facts);
    for text in BROKERS {
        let host = host(&mut facts, text);
        let package = host.packages.get_mut("rabbitmq-server").expect("it is there");
        package.installed = Some("3.13.7-1".to_owned());
        package.offered = vec!["4.0.5-3".to_owned()];
        let conf = host.files.get_mut("/etc/rabbitmq/rabbitmq.conf").expect("it is there");
        conf.content = Some("heartbeat = 30\nmqtt.default_user = a\n".to_owned());
        running(&mut facts, text).rabbitmq_version = Version::new(3, 13, 7);
    }
    insta::assert_snapshot!(plan("upgrade", &["version=4.0.5"], &facts));
}

/// A playbook that restarts no broker writes no file that would take effect at an unplanned restart.
#[test]
fn a_file_without_a_following_restart_is_not_written() {
    let wanted = desired(&INVENTORY.replace("heartbeat = 30", "heartbeat = 31"));
    let (plan, _) = Call::of("recover-node", &["node=node3"]).project(&wanted, &whole()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
    let note = &plan.notes.iter().find(|note| note.text.contains("rabbitmq.conf")).expect("it is said").text;
    assert!(note.contains("is left unchanged"), "{note}");
}

#[test]
fn a_stop_and_a_start() {
    insta::assert_snapshot!(plan("stop", &[], &whole()));
    let (verified, second) = Call::of("stop", &[]).again(&desired(INVENTORY), &whole());
    assert_eq!((verified, second), (vec![], vec![]));
    let (_, stopped) = Call::of("stop", &[]).project(&desired(INVENTORY), &whole()).expect("a plan");
    insta::assert_snapshot!("a_start", plan("start", &[], &stopped));
}

#[test]
fn a_complete_cluster_needs_nothing() {
    let text: Vec<String> = ["start", "grow-queues", "rebalance", "upgrade"]
        .iter()
        .map(|name| plan(name, &[], &whole()))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn with_two_replicas_none_is_stopped_without_consent_to_a_gap() {
    for kind in [QueueKind::Quorum, QueueKind::Stream] {
        let mut facts = whole();
        give_queue(&mut facts, &queue("thin", kind, "node1", &["node1", "node2"]));
        let refused = plan("rolling-restart", &[], &facts);
        assert!(refused.contains("rabbit@node1 cannot be taken out of service"), "{refused}");
        assert!(refused.contains("thin") && !refused.contains("node3:"), "{refused}");
        let (borne, _) =
            Call::of("rolling-restart", &["gap=yes"]).project(&desired(INVENTORY), &facts).expect("a plan");
        let gates: Vec<StopCheck> = borne
            .steps
            .iter()
            .filter_map(|step| match step.operation {
                Operation::RestartBroker(RestartBroker { stop_check, .. }) => Some(stop_check),
                _ => None,
            })
            .collect();
        assert_eq!(gates, [StopCheck::Drain, StopCheck::Drain, StopCheck::QuorumCritical]);
        // A bring-up continues with its other steps.
        let wanted = desired(&INVENTORY.replace("heartbeat = 30", "heartbeat = 45"));
        let (noted, _) = Call::of("bring-up", &[]).project(&wanted, &facts).expect("a plan");
        assert!(
            !ids(&noted).contains(&"node1/restart".to_owned())
                && ids(&noted).contains(&"node3/restart".to_owned())
        );
        assert!(noted.notes.iter().any(|note| note.text.contains("gap=yes")), "{:?}", noted.notes);
    }
}

/// Two members with Khepri, or with a stream: the shared component has no majority without either.
fn two(store: MetadataStore) -> (String, Facts) {
    let third = "[[host]]\nname = \"node3\"\naddress = \"192.168.0.43\"\nroles = [\"broker\"]\n";
    let text = INVENTORY.replace(third, "");
    let mut facts = whole();
    facts.hosts.remove(&name("node3"));
    unlist(&mut facts, "node3");
    for text in ["node1", "node2"] {
        let node = running(&mut facts, text);
        node.metadata_store = store;
        node.links.retain(|other| *other != crate::fixtures::node("node3"));
        node.queues.clear();
    }
    let balancer = host(&mut facts, "lb1").load_balancer.as_mut().expect("it is there");
    balancer.backends.retain(|backend| backend.server != "node3");
    (text, facts)
}

#[test]
fn of_two_members_none_is_spared_where_their_metadata_need_a_majority() {
    let (text, facts) = two(MetadataStore::Khepri);
    let told = |name: &str, words: &[&str]| Call::of(name, words).text(&desired(&text), &facts);
    let changed = desired(&text.replace("heartbeat = 30", "heartbeat = 45"));
    let all = [
        told("rolling-restart", &[]),
        told("rolling-restart", &["gap=yes"]),
        Call::of("bring-up", &[]).text(&changed, &facts),
        Call::of("bring-up", &["gap=yes"]).text(&changed, &facts),
    ];
    insta::assert_snapshot!(all.join("\n"));
    for (call, wanted) in [
        (Call::of("rolling-restart", &["gap=yes"]), &desired(&text)),
        (Call::of("bring-up", &["gap=yes"]), &changed),
        (Call::of("bring-up", &[]), &changed),
    ] {
        assert_eq!(call.again(wanted, &facts), (vec![], vec![]));
    }
}

#[test]
fn of_two_members_with_mnesia_one_is_spared_unless_there_are_streams() {
    let (text, mut facts) = two(MetadataStore::Mnesia);
    let (plan, _) = Call::of("rolling-restart", &[]).project(&desired(&text), &facts).expect("a plan");
    assert!(ids(&plan).contains(&"node2/restart".to_owned()));
    for node in ["node1", "node2"] {
        running(&mut facts, node).queues = vec![queue("log", QueueKind::Stream, "node1", &["node1"])];
    }
    let refused = Call::of("rolling-restart", &[]).text(&desired(&text), &facts);
    assert!(refused.contains("no stream can be declared"), "{refused}");
}

/// Every playbook that restarts brokers accepts the operator's consent to a gap.
#[test]
fn every_playbook_that_restarts_takes_gap() {
    for name in ["bring-up", "rolling-restart", "upgrade", "rotate-cookie"] {
        assert_eq!(Call::of(name, &["gap=yes"]).options.arguments.gap, Some(Answer::Yes), "{name}");
    }
}

/// Its rabbitmq.conf sets how a blank node of the old version enters, which the new one ignores and a later one refuses.
#[test]
fn an_upgrade_takes_what_only_the_old_version_needs_out_of_the_file() {
    let delay = "cluster_formation.randomized_startup_delay_range.min = 0\n";
    let mut facts = whole();
    offer_next(&mut facts);
    let conf =
        host(&mut facts, "node2").files.get_mut("/etc/rabbitmq/rabbitmq.conf").expect("it was written");
    conf.content.get_or_insert_default().push_str(delay);
    let (plan, _) = Call::of("upgrade", &[]).project(&desired(INVENTORY), &facts).expect("a plan");
    let at = |id: &str| ids(&plan).iter().position(|step| step == id);
    assert!(at("node2/conf").expect("it is written") < at("node2/upgrade").expect("it is upgraded"));
    assert_eq!((at("node1/conf"), at("node3/conf")), (None, None));
    // Other differences are left to the next bring-up.
    let conf =
        host(&mut facts, "node2").files.get_mut("/etc/rabbitmq/rabbitmq.conf").expect("it was written");
    conf.content.get_or_insert_default().push_str("channel_max = 100\n");
    let (plan, _) = Call::of("upgrade", &[]).project(&desired(INVENTORY), &facts).expect("a plan");
    assert!(!ids(&plan).contains(&"node2/conf".to_owned()));
}

/// What an upgrade would cost besides the restarts is in its plan, before the first broker is touched.
#[test]
fn an_upgrade_that_would_remove_packages_or_lose_plugins_is_refused() {
    let mut facts = whole();
    offer_next(&mut facts);
    host(&mut facts, "node2").packages.get_mut("rabbitmq-server").expect("it is known").removes =
        vec!["their-consumer".to_owned()];
    let removes = plan("upgrade", &[], &facts);

    let mut facts = whole();
    offer_next(&mut facts);
    let has = |facts: &mut Facts, text: &str, plugin: &str, file: &str| {
        running(facts, text).plugins.push(plugin.to_owned());
        let files = host(facts, text).plugins.files.entry(plugin.to_owned()).or_default();
        files.extend((!file.is_empty()).then(|| file.to_owned()));
    };
    // Of the old version alone, of no version, for another series, gone since.
    has(
        &mut facts,
        "node1",
        "their_audit",
        "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/their_audit-1.0.ez",
    );
    has(&mut facts, "node1", "their_metrics", "");
    has(&mut facts, "node2", "their_audit", "/usr/lib/rabbitmq/plugins/their_audit-1.0.ez");
    running(&mut facts, "node2")
        .plugins_require
        .insert("their_audit".to_owned(), vec!["3.8.16".to_owned(), "3.9.0".to_owned()]);
    has(&mut facts, "node3", "rabbitmq_management_agent_of_old", "");
    let plugins = plan("upgrade", &[], &facts);

    // For the new version, or for the whole series.
    let mut facts = whole();
    offer_next(&mut facts);
    has(
        &mut facts,
        "node1",
        "their_audit",
        "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.9/plugins/their_audit-1.1.ez",
    );
    has(&mut facts, "node2", "their_audit", "/usr/lib/rabbitmq/plugins/their_audit-1.0.ez");
    running(&mut facts, "node2").plugins_require.insert("their_audit".to_owned(), vec!["3.10.0".to_owned()]);
    has(&mut facts, "node3", "rabbitmq_shovel", "");
    let fine = plan("upgrade", &[], &facts);
    assert!(!fine.contains("plugin"), "{fine}");
    insta::assert_snapshot!([removes, plugins].join("\n---\n"));
}
