//! Nodes that leave, replace others, or come back.

use super::*;
use rabbitup::operation::{ForgetNode, Operation, RetireBroker};

#[test]
fn a_node_is_removed() {
    insta::assert_snapshot!(plan("remove-node", &["node=node3"], &whole()));
    let (verified, second) = Call::of("remove-node", &["node=node3"]).again(&desired(INVENTORY), &whole());
    assert_eq!((verified, second), (vec![], vec![]));
}

#[test]
fn a_node_whose_host_is_lost_is_removed() {
    let mut facts = whole();
    lose_host(&mut facts, "node3");
    insta::assert_snapshot!(plan("remove-node", &["node=node3"], &facts));
}

#[test]
fn a_node_that_the_others_wait_for_is_forgotten_offline() {
    let mut facts = whole();
    BROKERS.iter().for_each(|text| stop(&mut facts, text));
    lose_host_of_stopped(&mut facts, "node3");
    insta::assert_snapshot!("forgotten_offline_by_name_only", plan("remove-node", &["node=node3"], &facts));
    let mut call = Call::of("remove-node", &["node=node3"]);
    call.options.destroy_data = BTreeSet::from([name("node3")]);
    insta::assert_snapshot!(call.text(&desired(INVENTORY), &facts));
    // Killed together, each of them records that the other stopped later.
    host(&mut facts, "node2").data[0].outlived_by.push(node("node1"));
    insta::assert_snapshot!("nobody_can_forget_it", plan("remove-node", &["node=node3"], &facts));
}

/// Khepri does not record which node stopped last, and does not need it.
#[test]
fn with_khepri_a_majority_starts_and_forgets_the_lost_node() {
    let mut facts = whole();
    BROKERS.iter().for_each(|text| stop(&mut facts, text));
    lose_host_of_stopped(&mut facts, "node3");
    for text in ["node1", "node2"] {
        let host = host(&mut facts, text);
        for data in &mut host.data {
            (data.members, data.outlived_by) = (Vec::new(), Vec::new());
            data.feature_flags = BTreeSet::from(["khepri_db".to_owned()]);
        }
    }
    let refused = plan("remove-node", &["node=node3"], &facts);
    assert!(refused.contains("rabbit@node3 may have the only copy of some queues"), "{refused}");
    let mut call = Call::of("remove-node", &["node=node3"]);
    call.options.destroy_data = BTreeSet::from([name("node3")]);
    let (plan, _) = call.project(&desired(INVENTORY), &facts).expect("it was named");
    let forget = plan.steps.iter().find(|step| step.id.as_str() == "node1/forget-node3").expect("a step");
    assert_eq!(ids(&plan)[1..3], ["node1/start", "node2/start"], "{:?}", ids(&plan));
    assert!(forget.after.iter().any(|id| id.as_str() == "node2/start"), "{:?}", forget.after);
    let starts = plan.steps.iter().filter(|step| step.id.as_str().ends_with("/start"));
    assert!(starts.into_iter().all(|step| step.after.is_empty()), "neither waits for the other");
}

#[test]
fn a_node_with_the_only_copy_of_a_queue_is_not_removed() {
    let mut facts = whole();
    give_queue(&mut facts, &queue("invoices", QueueKind::Classic, "node3", &["node3"]));
    insta::assert_snapshot!(plan("remove-node", &["node=node3"], &facts));
    let mut call = Call::of("remove-node", &["node=node3"]);
    call.options.destroy_data = BTreeSet::from([name("node3")]);
    insta::assert_snapshot!("removed_with_its_queue", call.text(&desired(INVENTORY), &facts));
}

#[test]
fn the_last_disc_node_is_not_removed() {
    let mut facts = whole();
    for text in BROKERS {
        for member in &mut running(&mut facts, text).members {
            member.node_type = if member.node == node("node3") { NodeType::Disc } else { NodeType::Ram };
        }
    }
    insta::assert_snapshot!(plan("remove-node", &["node=node3"], &facts));
}

/// node4 is a member and not in the inventory.
fn with_stranger(runs: bool) -> Facts {
    let mut facts = whole();
    for text in BROKERS {
        let seen = running(&mut facts, text);
        seen.members.push(ClusterMember { node: node("node4"), node_type: NodeType::Disc });
        if runs {
            seen.running.push(node("node4"));
            seen.links.push(node("node4"));
        }
    }
    facts
}

#[test]
fn strangers_are_reported_and_removed_where_that_is_asked_for() {
    insta::assert_snapshot!("stranger_reported", plan("bring-up", &[], &with_stranger(true)));
    let mut call = Call::of("bring-up", &[]);
    call.options.unknown_members = UnknownMembers::Remove { at_most: 1 };
    insta::assert_snapshot!("stranger_removed", call.text(&desired(INVENTORY), &with_stranger(true)));
    insta::assert_snapshot!("stranger_down_removed", call.text(&desired(INVENTORY), &with_stranger(false)));
    assert_eq!(call.again(&desired(INVENTORY), &with_stranger(false)), (vec![], vec![]));
}

#[test]
fn more_strangers_than_were_named_are_refused() {
    let mut facts = with_stranger(true);
    for text in BROKERS {
        let seen = running(&mut facts, text);
        seen.members.push(ClusterMember { node: node("node5"), node_type: NodeType::Disc });
        seen.running.push(node("node5"));
        seen.links.push(node("node5"));
    }
    let mut call = Call::of("bring-up", &[]);
    call.options.command = "rabbitup -i lab.toml --limit @broker up".to_owned();
    call.options.unknown_members = UnknownMembers::Remove { at_most: 1 };
    insta::assert_snapshot!("strangers_more_than_named", call.text(&desired(INVENTORY), &facts));
    call.options.unknown_members = UnknownMembers::Remove { at_most: 2 };
    let plan = call.project(&desired(INVENTORY), &facts).expect("two may leave").0;
    insta::assert_snapshot!(
        "strangers_as_many_as_named",
        destruction_text(&Destruction::of(&plan), Style::plain(100))
    );
}

/// A node that became a member after the plan: the operator has not agreed to its removal.
#[test]
fn a_plan_that_grew_destroys_more_than_was_shown() {
    let mut call = Call::of("bring-up", &[]);
    call.options.unknown_members = UnknownMembers::Remove { at_most: 1 };
    let of = |facts: &Facts| Destruction::of(&call.project(&desired(INVENTORY), facts).expect("a plan").0);
    let (shown, now) = (of(&whole()), of(&with_stranger(true)));
    assert!(!shown.destroys() && now.destroys());
    assert_eq!(shown.beyond(&now), now);
    assert!(now.beyond(&now).is_empty() && now.beyond(&shown).is_empty());
    // Down or up, the same member is removed.
    assert!(now.beyond(&of(&with_stranger(false))).is_empty());
}

/// The cluster of three, and node4 as a new host.
fn four() -> (Desired, Facts) {
    let more = "[[host]]\nname = \"node4\"\naddress = \"192.168.0.45\"\nroles = [\"broker\"]\n";
    let wanted = desired(&INVENTORY.replace("[load_balancer]", &format!("{more}[load_balancer]")));
    let mut facts = whole();
    let four = fresh(&wanted);
    facts.hosts.insert(name("node4"), four.hosts[&name("node4")].clone());
    (wanted, facts)
}

#[test]
fn a_node_is_replaced() {
    let (wanted, facts) = four();
    let words = ["old=node3", "new=node4"];
    insta::assert_snapshot!(Call::of("replace-node", &words).text(&wanted, &facts));
    let (verified, second) = Call::of("replace-node", &words).again(&wanted, &facts);
    assert_eq!((verified, second), (vec![], vec![]));
}

#[test]
fn a_wiped_host_is_recovered() {
    let mut facts = whole();
    stop(&mut facts, "node3");
    host(&mut facts, "node3").data.clear();
    insta::assert_snapshot!(plan("recover-node", &["node=node3"], &facts));
    let (verified, second) = Call::of("recover-node", &["node=node3"]).again(&desired(INVENTORY), &facts);
    assert_eq!((verified, second), (vec![], vec![]));
}

#[test]
fn a_node_that_slept_while_its_peers_moved_on_is_recovered() {
    let mut facts = whole();
    stop(&mut facts, "node2");
    // It remembers only node1, which the others no longer list.
    host(&mut facts, "node2").data[0].members =
        ["node1", "node2"].map(|text| ClusterMember { node: node(text), node_type: NodeType::Disc }).to_vec();
    let gone = node("node1");
    running(&mut facts, "node3").members.retain(|member| member.node != gone);
    running(&mut facts, "node3").running.retain(|member| *member != gone);
    start_alone(&mut facts, "node1");
    let wanted = desired(&INVENTORY.replacen(
        "[[host]]\nname = \"node1\"\naddress = \"192.168.0.41\"\nroles = [\"broker\"]\n",
        "",
        1,
    ));
    facts.hosts.remove(&name("node1"));
    insta::assert_snapshot!(Call::of("recover-node", &["node=node2"]).text(&wanted, &facts));
}

#[test]
fn a_node_that_was_forgotten_with_its_data_starts_over() {
    let mut facts = whole();
    stop(&mut facts, "node3");
    unlist(&mut facts, "node3");
    insta::assert_snapshot!(plan("recover-node", &["node=node3"], &facts));
}

#[test]
fn data_elsewhere_does_not_count_as_lost() {
    let mut facts = whole();
    stop(&mut facts, "node3");
    let node3 = host(&mut facts, "node3");
    node3.data.clear();
    node3.environment.data_base = "/srv/rabbit".to_owned();
    node3.data_place.elsewhere = vec!["/var/lib/rabbitmq/mnesia/rabbit@node3".to_owned()];
    insta::assert_snapshot!(plan("recover-node", &["node=node3"], &facts));
}

/// node3 is stopped, and its data is not at its place.
fn without_data() -> Facts {
    let mut facts = whole();
    stop(&mut facts, "node3");
    host(&mut facts, "node3").data.clear();
    facts
}

#[test]
fn a_disk_that_is_not_mounted_is_not_taken_for_lost_data() {
    let mut facts = without_data();
    host(&mut facts, "node3").data_place.unmounted = vec!["/var/lib/rabbitmq".to_owned()];
    let mut call = Call::of("recover-node", &["node=node3"]);
    let refused = call.text(&desired(INVENTORY), &facts);
    insta::assert_snapshot!(refused);
    // Naming the node does not mount its disk.
    call.options.destroy_data = BTreeSet::from([name("node3")]);
    assert_eq!(call.text(&desired(INVENTORY), &facts), refused);
    host(&mut facts, "node3").data_place =
        DataPlace { emptied: Some("/var/lib/rabbitmq/mnesia".to_owned()), ..DataPlace::default() };
    insta::assert_snapshot!("an_empty_disk_is_named_first", plan("recover-node", &["node=node3"], &facts));
    let named = call.text(&desired(INVENTORY), &facts);
    assert!(named.contains("forget rabbit@node3") && !named.contains("cannot be seen"), "{named}");
}

#[test]
fn a_wiped_node_with_the_only_copy_of_a_queue_is_recovered_by_name_only() {
    let mut facts = without_data();
    give_queue(&mut facts, &QueueFacts { messages: None, ..only("invoices") });
    insta::assert_snapshot!(plan("recover-node", &["node=node3"], &facts));
    let mut call = Call::of("recover-node", &["node=node3"]);
    call.options.destroy_data = BTreeSet::from([name("node3")]);
    insta::assert_snapshot!("recovered_by_name", call.text(&desired(INVENTORY), &facts));
}

/// A classic queue on node3.
fn only(text: &str) -> QueueFacts {
    queue(text, QueueKind::Classic, "node3", &["node3"])
}

/// What the plan's steps may delete, by their ids.
fn may_go(call: &Call, facts: &Facts) -> Vec<(String, Option<u64>, Option<u64>)> {
    let (plan, _) = call.project(&desired(INVENTORY), facts).expect("it was named");
    let steps = plan.steps.iter();
    let go = steps.filter_map(|step| match step.operation {
        Operation::RetireBroker(RetireBroker { may_go, .. })
        | Operation::ForgetNode(ForgetNode { may_go, .. }) => {
            Some((step.id.to_string(), may_go.queues, may_go.uncounted))
        }
        _ => None,
    });
    go.collect()
}

#[test]
fn an_empty_queue_is_an_only_copy_too_and_consent_is_for_what_was_shown() {
    let mut facts = whole();
    give_queue(&mut facts, &QueueFacts { messages: Some(0), durable: false, ..only("replies") });
    insta::assert_snapshot!("an_empty_only_copy", plan("remove-node", &["node=node3"], &facts));
    give_queue(&mut facts, &QueueFacts { messages: None, ..only("silent") });
    let mut call = Call::of("remove-node", &["node=node3"]);
    call.options.destroy_data = BTreeSet::from([name("node3")]);
    let shown = [("node1/forget-node3", 2, 1), ("node3/retire", 2, 1)];
    let mut go = may_go(&call, &facts);
    go.sort();
    assert_eq!(go, shown.map(|(id, queues, silent)| (id.to_owned(), Some(queues), Some(silent))));
    // Consent covers an unknown number if it was shown as unknown; it is refused if no node is named.
    running(&mut facts, "node3").queues_complete = false;
    assert!(may_go(&call, &facts).iter().all(|(_, queues, silent)| (queues, silent) == (&None, &None)));
    let refused = plan("remove-node", &["node=node3"], &facts);
    assert!(
        refused.contains("more queues than could be inspected") && refused.contains("--destroy-data node3"),
        "{refused}"
    );
}

#[test]
fn a_quorum_queue_with_its_only_replica_here_is_not_given_up_while_it_runs() {
    let mut facts = whole();
    give_queue(&mut facts, &queue("it's one", QueueKind::Quorum, "node3", &["node3"]));
    let mut call = Call::of("remove-node", &["node=node3"]);
    call.options.destroy_data = BTreeSet::from([name("node3")]);
    insta::assert_snapshot!("only_replica", call.text(&desired(INVENTORY), &facts));
}

#[test]
fn a_stranger_with_an_only_copy_is_not_pruned() {
    let mut facts = with_stranger(true);
    give_queue(&mut facts, &queue("theirs", QueueKind::Classic, "node4", &["node4"]));
    let mut call = Call::of("bring-up", &[]);
    call.options.unknown_members = UnknownMembers::Remove { at_most: 1 };
    insta::assert_snapshot!("stranger_with_a_queue", call.text(&desired(INVENTORY), &facts));
}

#[test]
fn nothing_to_recover() {
    insta::assert_snapshot!(plan("recover-node", &["node=node3"], &whole()));
}

/// node3 was forgotten, and is still in the inventory with its data.
fn forgotten() -> Facts {
    let mut facts = whole();
    stop(&mut facts, "node3");
    unlist(&mut facts, "node3");
    facts
}

fn on_khepri(facts: &mut Facts) {
    for text in ["node1", "node2"] {
        running(facts, text).metadata_store = MetadataStore::Khepri;
    }
    host(facts, "node3").data[0].members.clear();
}

#[test]
fn a_forgotten_node_is_not_started() {
    let mut facts = forgotten();
    insta::assert_snapshot!(plan("bring-up", &[], &facts));
    assert!(plan("start", &[], &facts).contains("rabbit@node3 cannot start"));
    // With Khepri the disk does not show it; a disabled unit does.
    on_khepri(&mut facts);
    let unit = host(&mut facts, "node3").units.get_mut("rabbitmq-server").expect("a unit");
    unit.enabled = "disabled".to_owned();
    let retired = plan("bring-up", &[], &facts);
    assert!(retired.contains("its unit is disabled, as by remove-node"), "{retired}");
    assert!(retired.contains("rabbitup run recover-node node=node3"), "{retired}");
    let (recovers, _) =
        Call::of("recover-node", &["node=node3"]).project(&desired(INVENTORY), &facts).expect("a plan");
    assert!(ids(&recovers).contains(&"node3/keep-data".to_owned()), "{:?}", ids(&recovers));
}

/// `--prune` stops RabbitMQ remotely on a host that it cannot reach: the Erlang VM there keeps running.
#[test]
fn a_node_that_was_taken_out_from_afar_is_not_started() {
    let mut facts = forgotten();
    on_khepri(&mut facts);
    host(&mut facts, "node3").broker = BrokerState::AppStopped;
    host(&mut facts, "node3").units.get_mut("rabbitmq-server").expect("a unit").active = "active".to_owned();
    let refused = plan("bring-up", &[], &facts);
    assert!(refused.contains("RabbitMQ in its Erlang VM was stopped"), "{refused}");
    assert!(refused.contains("rabbitup run recover-node node=node3"), "{refused}");
}

#[test]
fn a_node_that_may_be_forgotten_is_started_with_a_note() {
    let mut facts = forgotten();
    on_khepri(&mut facts);
    let (plan, _) = Call::of("bring-up", &[]).project(&desired(INVENTORY), &facts).expect("a plan");
    assert!(ids(&plan).contains(&"node3/start".to_owned()), "{:?}", ids(&plan));
    let told = |note: &&rabbitup::plan::Note| note.text.contains("rabbitup run recover-node node=node3");
    assert_eq!(plan.notes.iter().filter(told).count(), 1, "{:?}", plan.notes);
    // A standalone broker: Mnesia's data names no other node.
    let mut own = forgotten();
    host(&mut own, "node3").data[0].members.retain(|member| member.node == node("node3"));
    let (plan, _) = Call::of("bring-up", &[]).project(&desired(INVENTORY), &own).expect("a plan");
    assert!(ids(&plan).contains(&"node3/start".to_owned()), "{:?}", ids(&plan));
    assert!(!plan.notes.iter().any(|note| told(&note)), "{:?}", plan.notes);
}
