//! A node's own data is never destroyed unless the node is named, and then no more than the plan shows.

use std::collections::BTreeSet;

use rabbitup::facts::{BrokerState, Facts, HoldingCounts, Holdings, NodeData, QueueHolding};
use rabbitup::inventory::Desired;
use rabbitup::model::NodeName;
use rabbitup::plan::{Limit, Options, Plan};
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::*;
use rabbitup::operation::{JoinCluster, Operation};

fn destroying(texts: &[&str]) -> Options {
    Options { destroy_data: texts.iter().map(|text| name(text)).collect::<BTreeSet<_>>(), ..options() }
}

/// node1 has data and so the others join it; node3 runs alone.
fn two_with_data() -> (Desired, Facts) {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    for text in ["node1", "node3"] {
        start_alone(&mut facts, text);
        give_data(&mut facts, text);
    }
    (desired, facts)
}

fn holdings<'f>(facts: &'f mut Facts, text: &str) -> &'f mut Holdings {
    match &mut host(facts, text).broker {
        BrokerState::Running(node) => &mut node.holdings,
        other => panic!("{text} does not run: {other:?}"),
    }
}

fn allowed(plan: &Plan, text: &str) -> HoldingCounts {
    let of = |operation: &Operation| match operation {
        Operation::JoinCluster(JoinCluster { node: joins, may_destroy, .. }) if *joins == node(text) => {
            Some(may_destroy.clone())
        }
        _ => None,
    };
    plan.steps
        .iter()
        .find_map(|step| of(&step.operation))
        .unwrap_or_else(|| panic!("{text} joins: {:?}", ids(plan)))
}

fn notes(plan: &Plan) -> String {
    plan.notes.iter().map(|note| format!("{}\n", note.text)).collect()
}

#[test]
fn a_nodes_own_data_of_any_kind_prevents_a_join() {
    let none = Holdings::default;
    let word = || vec!["x".to_owned()];
    let queue = QueueHolding { vhost: "/".to_owned(), name: "q".to_owned(), messages: Some(0) };
    let cases = [
        Holdings { queues: vec![queue], ..none() },
        Holdings { vhosts: word(), ..none() },
        Holdings { users: word(), ..none() },
        Holdings { policies: word(), ..none() },
        Holdings { exchanges: word(), ..none() },
        Holdings { parameters: word(), ..none() },
        Holdings { bindings: word(), ..none() },
        Holdings { unreadable: vec!["binding".to_owned()], ..none() },
    ];
    let (desired, mut facts) = two_with_data();
    for held in cases {
        *holdings(&mut facts, "node3") = held.clone();
        let refused = planned(&desired, &facts, &options()).expect_err("it holds something");
        let text = refusals_text(&refused, Style::plain(100));
        assert!(
            text.contains("has data of its own") && text.contains("--destroy-data node3"),
            "{held:?}: {text}"
        );
    }
}

#[test]
fn what_would_be_destroyed_is_listed_by_name_and_count() {
    let (desired, mut facts) = two_with_data();
    let held = holdings(&mut facts, "node3");
    let queue =
        |name: &str, messages| QueueHolding { vhost: "/".to_owned(), name: name.to_owned(), messages };
    held.queues.extend([
        queue("a-empty", Some(0)),
        queue("zz fu\"ll 🐰", Some(90_000)),
        queue("silent", None),
    ]);
    held.policies = vec!["//ttl".to_owned()];
    held.parameters = vec!["global /mqtt".to_owned()];
    held.bindings = vec!["//amq.topic → amq.direct".to_owned()];
    let (plan, _) = planned(&desired, &facts, &destroying(&["node3"])).expect("it was named");
    insta::assert_snapshot!(notes(&plan));
    let counts = allowed(&plan, "node3");
    assert_eq!(counts.in_order(), [Some(4), None, Some(1), Some(1), Some(1), Some(0), Some(1), Some(1)]);
    assert_eq!(plan.steps.iter().filter(|step| step.id.as_str() == "node1/join").count(), 0);
}

#[test]
fn a_named_node_may_lose_what_was_counted_and_no_more() {
    let (desired, facts) = two_with_data();
    let (plan, _) = planned(&desired, &facts, &destroying(&["node3"])).expect("it was named");
    assert_eq!(allowed(&plan, "node3").in_order(), [1, 14, 1, 1, 0, 0, 0, 0].map(Some));
    // Naming another node destroys nothing more.
    let (plan, _) = planned(&desired, &facts, &destroying(&["node1", "node2", "node3"])).expect("named");
    let said = notes(&plan);
    assert!(said.contains("--destroy-data node1 has no effect: the others join it"), "{said}");
    assert!(said.contains("--destroy-data node2 has no effect: nothing in this plan"), "{said}");
}

#[test]
fn a_named_node_outside_the_limit_loses_nothing() {
    let (desired, facts) = two_with_data();
    let mut options = destroying(&["node3"]);
    options.limit = Limit::Only(BTreeSet::from([name("node1")]));
    let (plan, _) = planned(&desired, &facts, &options).expect("node1 has something to do");
    assert!(plan.steps.iter().all(|step| step.host == name("node1")), "{:?}", ids(&plan));
    let said = notes(&plan);
    assert!(
        said.contains("--destroy-data node3 has no effect") && !said.contains("joining destroys"),
        "{said}"
    );
}

#[test]
fn naming_a_node_is_no_consent_to_lose_unseen_data() {
    let (desired, mut facts) = two_with_data();
    for state in [BrokerState::Down, BrokerState::AppStopped, BrokerState::CookieRefused] {
        host(&mut facts, "node3").broker = state.clone();
        let (plan, _) =
            planned(&desired, &facts, &destroying(&["node3"])).expect("it is started, and looked at");
        assert_eq!(allowed(&plan, "node3"), HoldingCounts::NOTHING, "{state:?}");
        assert!(
            notes(&plan).contains("the data of rabbit@node3 can be seen only while it runs"),
            "{state:?}"
        );
    }
}

#[test]
fn a_renamed_host_does_not_start_blank_beside_its_old_data() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    install(&mut facts, "node2");
    let host = host(&mut facts, "node2");
    (host.host_name.running, host.host_name.persistent) = ("node2".to_owned(), Some("node2".to_owned()));
    let data = |node: &str| NodeData { node: node.to_owned(), ..NodeData::default() };
    host.data = vec![data("rabbit@old-name")];
    let refused = planned(&desired, &facts, &options()).expect_err("it would start empty");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));
    // With data under its own name it is right; other data beside it is from the past.
    crate::fixtures::host(&mut facts, "node2").data.push(data("rabbit@node2"));
    planned(&desired, &facts, &options()).expect("it has data of its own");
}

#[test]
fn a_broker_with_data_under_the_old_name_is_refused() {
    let (desired, mut facts) = two_with_data();
    let host = host(&mut facts, "node3");
    host.host_name.running = "old-name".to_owned();
    host.data[0].node = "rabbit@old-name".to_owned();
    if let BrokerState::Running(node) = &mut host.broker {
        node.name = NodeName::parse("rabbit@old-name").expect("a node name");
        node.members[0].node = node.name.clone();
    }
    let refused =
        planned(&desired, &facts, &destroying(&["node3"])).expect_err("a join is not what it needs");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));
}

#[test]
fn the_data_of_a_blank_broker_with_the_old_name_is_put_aside() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    start_alone(&mut facts, "node2");
    let host = host(&mut facts, "node2");
    host.host_name.running = "old-name".to_owned();
    host.data[0].node = "rabbit@old-name".to_owned();
    if let BrokerState::Running(node) = &mut host.broker {
        node.name = NodeName::parse("rabbit@old-name").expect("a node name");
        node.members[0].node = node.name.clone();
    }
    let (plan, after) = planned(&desired, &facts, &options()).expect("a plan");
    let steps = ids(&plan);
    let at =
        |id: &str| steps.iter().position(|step| step == id).unwrap_or_else(|| panic!("{id} in {steps:?}"));
    assert!(at("node2/stop") < at("node2/keep-data") && at("node2/keep-data") < at("node2/host-name"));
    let data =
        after.host(&name("node2")).map(|host| host.data.iter().map(|d| d.node.clone()).collect::<Vec<_>>());
    assert_eq!(data, Some(vec!["rabbit@node2".to_owned()]));
}
