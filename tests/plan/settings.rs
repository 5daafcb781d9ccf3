//! rabbitmq.conf: settings that its RabbitMQ does not know, and the order in which the brokers get it.

use rabbitup::facts::{BrokerState, Facts};
use rabbitup::inventory::Desired;
use rabbitup::plan::Plan;
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::*;
use crate::order::ancestors;
use rabbitup::operation::{Operation, Validator};

fn with_setting(line: &str) -> Desired {
    desired(&INVENTORY.replace("heartbeat = 30", &format!("heartbeat = 30\n{line}")))
}

/// The complete cluster, with this version of RabbitMQ.
fn whole(version: &str) -> Facts {
    let mut facts = converged(&desired(INVENTORY));
    for text in ["node1", "node2", "node3"] {
        let package = host(&mut facts, text).packages.get_mut("rabbitmq-server").expect("it is installed");
        package.installed = Some(version.to_owned());
    }
    facts
}

fn refused(line: &str, version: &str) -> String {
    let refused = planned(&with_setting(line), &whole(version), &options()).expect_err("a refusal");
    refusals_text(&refused, Style::plain(100))
}

#[test]
fn a_setting_that_the_installed_version_does_not_know_is_refused() {
    insta::assert_snapshot!(
        [
            refused("mqtt.default_user = \"a\"", "4.0.5-6+deb13u2"),
            refused("cluster_queue_limit = 5", "3.10.8-1.1+deb12u1"),
            refused("classic_queue.default_version = 1", "4.0.5-6"),
        ]
        .join("\n")
    );
}

#[test]
fn settings_of_a_newer_version_are_unknown() {
    let notes = |version| -> Vec<String> {
        let (plan, _) =
            planned(&with_setting("mqtt.default_user = \"a\""), &whole(version), &options()).expect("a plan");
        plan.notes
            .into_iter()
            .map(|note| note.text)
            .filter(|text| text.contains("mqtt.default_user"))
            .collect()
    };
    assert_eq!(notes("3.13.7-1"), Vec::<String>::new());
    let newer = notes("4.9.0-1");
    assert!(
        newer[0].starts_with("RabbitMQ 4.9.0 is newer than the settings that rabbitup knows (up to 4.3)"),
        "{newer:?}"
    );
}

#[test]
fn a_setting_without_effect_is_said() {
    let wanted = with_setting("cluster_partition_handling = \"autoheal\"");
    let (plan, _) = planned(&wanted, &whole("4.3.5-1"), &options()).expect("a plan");
    assert!(
        plan.notes.iter().any(|note| note.text.contains("has no effect on RabbitMQ 4.3.5")),
        "{:?}",
        plan.notes
    );
}

/// Which step waits for which, as `later after earlier`.
fn waits(plan: &Plan, later: &str, earlier: &str) -> bool {
    let before = ancestors(plan);
    let found = before.iter().find(|(id, _)| id.as_str() == later).map(|(_, before)| before);
    found.expect("that step is in the plan").iter().any(|id| id.as_str() == earlier)
}

#[test]
fn each_broker_gets_its_file_when_the_one_before_has_started_with_it() {
    let (plan, _) = planned(&with_setting("channel_max = 100"), &whole(VERSION), &options()).expect("a plan");
    assert!(waits(&plan, "node2/conf", "node1/restart") && waits(&plan, "node3/conf", "node2/restart"));
    assert!(!waits(&plan, "node1/conf", "node2/conf"));
    let checks = |operation: &Operation| matches!(operation, Operation::WriteFile(file) if file.validate == Some(Validator::Rabbitmq));
    assert_eq!(
        plan.steps.iter().filter(|step| checks(&step.operation)).count(),
        3,
        "RabbitMQ checks each one ahead"
    );
}

#[test]
fn a_stopped_broker_tries_a_file_before_a_serving_one() {
    let mut facts = whole(VERSION);
    for text in ["node2", "node3"] {
        host(&mut facts, text).broker = BrokerState::Down;
    }
    if let BrokerState::Running(node) = &mut host(&mut facts, "node1").broker {
        node.running.retain(|name| name.host().as_str() == "node1");
    }
    let (plan, _) = planned(&with_setting("channel_max = 100"), &facts, &options()).expect("a plan");
    assert!(waits(&plan, "node3/conf", "node2/start") && waits(&plan, "node1/conf", "node2/start"));
    assert!(!waits(&plan, "node2/conf", "node1/restart"));
}

/// They wait for each other, and none serves whose service could be at risk.
#[test]
fn a_cluster_that_is_down_gets_its_files_together() {
    let mut facts = whole(VERSION);
    for text in ["node1", "node2", "node3"] {
        host(&mut facts, text).broker = BrokerState::Down;
    }
    let (plan, _) = planned(&with_setting("channel_max = 100"), &facts, &options()).expect("a plan");
    assert!(!waits(&plan, "node2/start", "node1/start") && !waits(&plan, "node2/conf", "node1/start"));
}

#[test]
fn a_blank_brokers_file_is_checked_by_its_start() {
    let (plan, _) = planned(&desired(INVENTORY), &fresh(&desired(INVENTORY)), &options()).expect("a plan");
    let checked = plan.steps.iter().filter(
        |step| matches!(&step.operation, Operation::WriteFile(file) if file.validate == Some(Validator::Rabbitmq)),
    );
    assert_eq!(checked.count(), 0);
    assert!(waits(&plan, "node2/conf", "node1/start") && waits(&plan, "node3/conf", "node1/start"));
}

const CONF: &str = "/etc/rabbitmq/rabbitmq.conf";

/// A cluster that was set up by hand, without a rabbitmq.conf, adopted with this one.
fn taken_over(config: &str) -> Vec<String> {
    let mut facts = whole(VERSION);
    for text in ["node1", "node2", "node3"] {
        host(&mut facts, text).files.remove(CONF);
        running(&mut facts, text).file_descriptors = Some(65_536);
    }
    let (plan, _) =
        planned(&desired(&INVENTORY.replace("heartbeat = 30", config)), &facts, &options()).expect("a plan");
    ids(&plan)
}

/// Peer discovery does not matter for a member, and defaults matter for no node.
#[test]
fn a_file_that_would_change_nothing_is_no_reason_to_restart() {
    let nothing = Vec::<String>::new();
    assert_eq!(taken_over(""), nothing);
    assert_eq!(taken_over("heartbeat = 60\n\"listeners.tcp.default\" = 5672"), nothing);
    let restarted = taken_over("heartbeat = 30");
    assert!(restarted.contains(&"node1/conf".to_owned()) && restarted.contains(&"node1/restart".to_owned()));
    let limit = |wanted| {
        let text = INVENTORY
            .replace("heartbeat = 30", "")
            .replace("name = \"orders\"", &format!("name = \"orders\"\nfile_descriptors = {wanted}"));
        let mut facts = whole(VERSION);
        for text in ["node1", "node2", "node3"] {
            host(&mut facts, text).files.remove(CONF);
            running(&mut facts, text).file_descriptors = Some(65_536);
        }
        ids(&planned(&desired(&text), &facts, &options()).expect("a plan").0)
    };
    assert_eq!(limit(65_536), nothing, "its unit has that limit");
    assert!(limit(100_000).contains(&"node1/restart".to_owned()));
}

const DELAY: &str = "cluster_formation.randomized_startup_delay_range";

/// The rabbitmq.conf that the plan writes on node2.
fn written(plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|step| match &step.operation {
        Operation::WriteFile(file) if file.path == CONF && step.host == name("node2") => {
            Some(file.body.display_text())
        }
        _ => None,
    })
}

/// A complete cluster whose joined nodes have that setting since they entered.
fn with_delay(version: &str) -> Facts {
    let mut facts = whole(version);
    for text in ["node1", "node2", "node3"] {
        let file = host(&mut facts, text).files.get_mut(CONF).expect("it was written");
        let text = file.content.get_or_insert_default();
        text.push_str(&format!("{DELAY}.min = 0\n{DELAY}.max = 1\n"));
    }
    facts
}

/// 4.0 does not start with it: on a node that was upgraded by hand it is removed before the start.
#[test]
fn an_outdated_peer_discovery_does_not_prevent_a_start() {
    let planned_on = |facts: &Facts| planned(&desired(INVENTORY), facts, &options()).expect("a plan").0;
    assert_eq!(ids(&planned_on(&with_delay("3.8.9-3+deb11u1"))), Vec::<String>::new());
    assert_eq!(ids(&planned_on(&with_delay("3.13.7-1"))), Vec::<String>::new(), "it is ignored there");
    let mut facts = with_delay("4.0.5-6");
    host(&mut facts, "node2").broker = BrokerState::Down;
    let plan = planned_on(&facts);
    assert!(ids(&plan).contains(&"node2/start".to_owned()), "{:?}", ids(&plan));
    assert!(written(&plan).is_some_and(|text| !text.contains(DELAY)), "{:?}", ids(&plan));
}
