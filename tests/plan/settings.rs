//! rabbitmq.conf: what the RabbitMQ that will read it does not know, and in which order the brokers get it.

use rabbitup::facts::{BrokerState, Facts};
use rabbitup::inventory::Desired;
use rabbitup::plan::{Action, Plan, Validator};
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::*;
use crate::order::ancestors;

fn with_setting(line: &str) -> Desired {
    desired(&INVENTORY.replace("heartbeat = 30", &format!("heartbeat = 30\n{line}")))
}

/// The whole cluster, with this version of RabbitMQ.
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
fn what_a_newer_version_knows_nobody_can_say() {
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
        newer[0].starts_with("RabbitMQ 4.9.0 is newer than the settings that rabbitup knows (to 4.3)"),
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

/// Who waits for whom, as `later after earlier`.
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
    let checks = |action: &Action| matches!(action, Action::WriteFile(file) if file.validate == Some(Validator::Rabbitmq));
    assert_eq!(
        plan.steps.iter().filter(|step| checks(&step.action)).count(),
        3,
        "RabbitMQ checks each one ahead"
    );
}

#[test]
fn a_broker_that_is_down_proves_the_file_before_one_that_serves_gets_it() {
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

/// They wait for each other, and none serves that could be kept from it.
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
        |step| matches!(&step.action, Action::WriteFile(file) if file.validate == Some(Validator::Rabbitmq)),
    );
    assert_eq!(checked.count(), 0);
    assert!(waits(&plan, "node2/conf", "node1/start") && waits(&plan, "node3/conf", "node1/start"));
}
