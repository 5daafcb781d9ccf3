//! Which version may be installed over the data of a stopped broker.

use super::*;
use rabbitup::operation::{InstallPackages, Operation, UpgradeBroker};

/// Offered everywhere: an older series, a skipped series, the next patch release, and the installed version.
fn offer(facts: &mut Facts, versions: &[&str]) {
    for text in BROKERS {
        let package = host(facts, text).packages.get_mut("rabbitmq-server").expect("it is there");
        package.candidate = versions.first().map(|version| (*version).to_owned());
        package.offered = versions.iter().map(|version| (*version).to_owned()).collect();
    }
}

const ALL_OFFERED: [&str; 5] = ["4.0.5-1", "3.11.28-1", NEXT, VERSION, "3.9.27-1"];

fn pinned(version: &str) -> Desired {
    desired(&format!("{INVENTORY}\n[package]\nversion = \"{version}\"\n"))
}

fn stopped(which: &[&str]) -> Facts {
    let mut facts = whole();
    offer(&mut facts, &ALL_OFFERED);
    which.iter().for_each(|text| stop(&mut facts, text));
    facts
}

fn limited(to: &str) -> Call {
    let mut call = Call::of("bring-up", &[]);
    call.options.limit = Limit::Only(BTreeSet::from([name(to)]));
    call
}

/// The versions that a plan installs, by step.
fn installs(plan: &Plan) -> Vec<(String, String)> {
    let packages = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::InstallPackages(InstallPackages { packages, .. })
        | Operation::UpgradeBroker(UpgradeBroker { packages, .. }) => {
            Some((step.id.to_string(), packages[0].version.clone().unwrap_or_default()))
        }
        _ => None,
    });
    packages.collect()
}

/// The plan's steps for packages, as shown.
fn changes(plan: &Plan) -> Vec<Change> {
    let installs = |step: &&Step| matches!(step.operation, Operation::InstallPackages(_));
    plan.steps.iter().filter(installs).map(|step| step.change).collect()
}

#[test]
fn a_stopped_broker_is_as_protected_as_a_running_one() {
    let all = stopped(&BROKERS);
    let one = stopped(&["node3"]);
    let mut told = Vec::new();
    for version in ["3.9.27", "4.0.5", "3.11.28"] {
        let wanted = pinned(version);
        told.push(Call::of("bring-up", &[]).text(&wanted, &all));
        for (call, facts) in [(limited("node3"), &one), (limited("node3"), &all)] {
            let refused = call.text(&wanted, facts);
            assert!(refused.contains("over this data"), "{version}: {refused}");
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn within_its_series_a_stopped_broker_is_brought_to_the_inventorys_version() {
    let (plan, _) = Call::of("bring-up", &[]).project(&pinned("3.10.9"), &stopped(&BROKERS)).expect("a plan");
    assert_eq!(installs(&plan), BROKERS.map(|text| (format!("{text}/packages"), NEXT.to_owned())));
    assert_eq!(changes(&plan), [Change::Change; 3], "what is there becomes another version: ~");
}

/// Also if only the revision of the package differs.
#[test]
fn no_older_revision_of_the_same_version_either() {
    let mut facts = stopped(&["node3"]);
    offer(&mut facts, &[VERSION, "3.10.8-1"]);
    let refused = limited("node3").text(&pinned("3.10.8-1"), &facts);
    assert!(refused.contains("cannot be downgraded"), "{refused}");
}

/// The package changed while the node was stopped: its version does not tell which one wrote the data.
#[test]
fn a_package_that_changed_after_the_last_start_proves_nothing() {
    let mut facts = stopped(&["node3"]);
    let package = host(&mut facts, "node3").packages.get_mut("rabbitmq-server").expect("it is there");
    (package.installed, package.unpacked) = (Some("3.10.9-1".to_owned()), Some(1_700_000_900));
    host(&mut facts, "node3").data[0].started = Some(1_700_000_500);
    let refused = limited("node3").text(&pinned("3.11.28"), &facts);
    assert!(refused.contains("so the version that wrote its data"), "{refused}");
    host(&mut facts, "node3").data[0].started = None;
    let refused = limited("node3").text(&pinned("3.11.28"), &facts);
    assert!(refused.contains("so the version that wrote its data"), "{refused}");
}

fn remove_package(facts: &mut Facts, text: &str, flags: &[&str]) {
    let host = host(facts, text);
    let package = host.packages.get_mut("rabbitmq-server").expect("it is there");
    (package.removed, package.installed) = (package.installed.take(), None);
    host.data[0].feature_flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
}

/// No version is requested, the repositories have newer ones, and a broker lost its package.
#[test]
fn the_repositories_candidate_does_not_come_over_data() {
    let flags = ["quorum_queue", "stream_queue"];
    let mut facts = stopped(&BROKERS);
    BROKERS.iter().for_each(|text| remove_package(&mut facts, text, &flags));
    let bring_up = |facts: &Facts| Call::of("bring-up", &[]).project(&desired(INVENTORY), facts);
    // The previous version is still offered.
    let (plan, _) = bring_up(&facts).expect("a plan");
    assert_eq!(installs(&plan), BROKERS.map(|text| (format!("{text}/packages"), VERSION.to_owned())));
    assert_eq!(changes(&plan), [Change::Add; 3], "a package that is gone comes new: +");
    offer(&mut facts, &["4.0.5-1"]);
    insta::assert_snapshot!(Call::of("bring-up", &[]).text(&desired(INVENTORY), &facts));
    // Nor if nothing shows the previous version.
    offer(&mut facts, &[VERSION]);
    for text in BROKERS {
        remove_package(&mut facts, text, &["quorum_queue", "stream_queue", "rabbitmq_4.0.0"]);
        host(&mut facts, text).packages.get_mut("rabbitmq-server").expect("it is there").removed = None;
    }
    let refused = bring_up(&facts).expect_err("their version is not known");
    assert_eq!(refused.0.len(), 3, "{refused:?}");
}

/// Feature flags in the data show that another version than the removed package used them last.
#[test]
fn feature_flags_unknown_to_a_removed_package_make_the_version_unknown() {
    let mut facts = stopped(&["node3"]);
    remove_package(&mut facts, "node3", &["quorum_queue", "stream_queue", "rabbitmq_4.0.0"]);
    let refused = limited("node3").text(&desired(INVENTORY), &facts);
    assert!(refused.contains("nothing on the host shows which version wrote its data"), "{refused}");
    remove_package(&mut facts, "node3", &["quorum_queue", "stream_queue"]);
    host(&mut facts, "node3").packages.get_mut("rabbitmq-server").expect("it is there").removed =
        Some(VERSION.to_owned());
    let (plan, _) = limited("node3").project(&desired(INVENTORY), &facts).expect("a plan");
    assert_eq!(installs(&plan), [("node3/packages".to_owned(), VERSION.to_owned())]);
}

/// A version that is refused for a running member is not installed on its stopped peer.
#[test]
fn a_stopped_member_is_not_taken_behind_those_that_run() {
    let mut facts = stopped(&["node3"]);
    for text in ["node1", "node2"] {
        running(&mut facts, text).rabbitmq_version = Version::new(3, 10, 9);
        host(&mut facts, text).packages.get_mut("rabbitmq-server").expect("it is there").installed =
            Some(NEXT.to_owned());
    }
    remove_package(&mut facts, "node3", &["quorum_queue", "stream_queue"]);
    let refused = limited("node3").text(&pinned("3.10.8"), &facts);
    assert!(refused.contains("rabbit@node1 runs 3.10.9"), "{refused}");
}

#[test]
fn without_data_any_version_comes() {
    let wanted = pinned("3.9.27");
    let mut facts = converged(&desired(INVENTORY));
    for text in BROKERS {
        let host = host(&mut facts, text);
        (host.broker, host.data) = (BrokerState::Down, Vec::new());
    }
    offer(&mut facts, &ALL_OFFERED);
    let (plan, _) = Call::of("bring-up", &[]).project(&wanted, &facts).expect("a plan");
    let all = BROKERS.map(|text| (format!("{text}/packages"), "3.9.27-1".to_owned()));
    assert_eq!(installs(&plan), all);
}

/// For every playbook: the data of such a node and whether it can be stopped is unknown, and its peers do not know it either.
#[test]
fn no_playbook_touches_a_version_without_a_needed_question() {
    let why = "the running node (RabbitMQ 4.4.0) cannot be asked which alarms are raised (alarm): undef";
    for unsupported in [&["node3"][..], &["node1", "node2", "node3"]] {
        let mut facts = whole();
        for text in unsupported {
            host(&mut facts, text).broker = BrokerState::Unsupported(why.to_owned());
        }
        for (playbook, words) in [
            ("bring-up", &[][..]),
            ("rolling-restart", &["older-than=0s"]),
            ("upgrade", &[]),
            ("rotate-cookie", &[]),
            ("remove-node", &["node=node3"]),
            ("recover-node", &["node=node3"]),
            ("grow-queues", &[]),
            ("rebalance", &[]),
            ("stop", &[]),
        ] {
            let said = Call::of(playbook, words).text(&desired(INVENTORY), &facts);
            assert!(
                said.contains("the node itself may be healthy"),
                "{playbook} with {unsupported:?}:\n{said}"
            );
        }
    }
}

/// Package lists of different age: an upgrade of some hosts only would leave two versions in the cluster.
#[test]
fn an_upgrade_of_all_or_none() {
    let mut facts = whole();
    offer(&mut facts, &[NEXT, VERSION]);
    let package = host(&mut facts, "node3").packages.get_mut("rabbitmq-server").expect("it is there");
    (package.candidate, package.offered) = (Some(VERSION.to_owned()), vec![VERSION.to_owned()]);
    let behind = Call::of("upgrade", &[]).text(&desired(INVENTORY), &facts);
    let package = host(&mut facts, "node3").packages.get_mut("rabbitmq-server").expect("it is there");
    (package.candidate, package.offered) = (None, Vec::new());
    let unknown = Call::of("upgrade", &[]).text(&desired(INVENTORY), &facts);
    insta::assert_snapshot!(format!("{behind}\n---\n{unknown}"));
}
