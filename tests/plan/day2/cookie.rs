//! A new cookie, and interrupted rotations.

use rabbitup::facts::CookieShape;

use super::*;

#[test]
fn a_rotation_of_the_cookie() {
    insta::assert_snapshot!(plan("rotate-cookie", &[], &whole()));
    let (verified, _) = Call::of("rotate-cookie", &["restart=yes"]).again(&desired(INVENTORY), &whole());
    assert_eq!(verified, Vec::<String>::new());
}

#[test]
fn a_rotation_waits_for_everybody_between_its_stages() {
    let (plan, _) = Call::of("rotate-cookie", &[]).project(&desired(INVENTORY), &whole()).expect("a plan");
    for step in &plan.steps {
        let kind = step.id.as_str().split_once('/').expect("HOST/WHAT").1;
        let wanted = match kind {
            "switch-cookie" => "stage-cookie",
            "adopt-cookie" => "switch-cookie",
            _ => continue,
        };
        let waits: BTreeSet<String> = step.after.iter().map(ToString::to_string).collect();
        for other in BROKERS.iter().filter(|other| **other != step.host.as_str()) {
            assert!(waits.contains(&format!("{other}/{wanted}")), "{} waits for {waits:?}", step.id);
        }
    }
}

#[test]
fn a_node_that_is_down_gets_the_new_cookie_into_its_file() {
    let mut facts = whole();
    stop(&mut facts, "node3");
    insta::assert_snapshot!(plan("rotate-cookie", &[], &facts));
    lose_host_of_stopped(&mut facts, "node3");
    let (plan, _) =
        Call::of("rotate-cookie", &[]).project(&desired(INVENTORY), &facts).expect("a plan without it");
    assert!(plan.hosts.iter().all(|host| host.name != name("node3")), "it cannot be locked either");
}

/// No partition is reported yet, and both run: a link that is down could not reconnect while they have different cookies.
#[test]
fn no_rotation_if_a_node_does_not_see_a_running_one() {
    let mut facts = whole();
    let lost = node("node3");
    running(&mut facts, "node1").running.retain(|member| *member != lost);
    let refused = plan("rotate-cookie", &[], &facts);
    assert!(refused.contains("rabbit@node1 does not see rabbit@node3, which runs"), "{refused}");
    let mut facts = whole();
    host(&mut facts, "node2").broker = BrokerState::Unknown("no answer".to_owned());
    let refused = plan("rotate-cookie", &[], &facts);
    assert!(refused.contains("rabbit@node2 runs but does not answer, so it cannot get"), "{refused}");
}

/// What a bring-up refuses tells to rotate, while the new host is in the inventory already.
#[test]
fn a_host_without_a_node_has_no_part_in_a_rotation() {
    let fresh = fresh(&desired(INVENTORY));
    let mut facts = whole();
    *host(&mut facts, "node3") = fresh.host(&name("node3")).expect("a host").clone();
    for text in ["node1", "node2"] {
        let left = node("node3");
        let seen = running(&mut facts, text);
        seen.members.retain(|member| member.node != left);
        seen.running.retain(|member| *member != left);
    }
    let (plan, _) = Call::of("rotate-cookie", &[]).project(&desired(INVENTORY), &facts).expect("a plan");
    assert_eq!(plan.steps.len(), 6, "{plan:?}");
    assert!(plan.steps.iter().all(|step| step.host != name("node3")), "{plan:?}");
}

/// Debian's package replaces such a cookie while the node is down for its upgrade.
#[test]
fn no_member_is_upgraded_whose_cookie_would_be_replaced() {
    let mut facts = whole();
    offer_next(&mut facts);
    host(&mut facts, "node2").cookie.as_mut().expect("a cookie").shape = CookieShape::DebianReplaces;
    let refused = plan("upgrade", &[], &facts);
    assert!(refused.contains("rabbit@node2 would not return from its upgrade"), "{refused}");
    assert!(refused.contains("rabbitup run rotate-cookie"), "{refused}");
    host(&mut facts, "node2").cookie.as_mut().expect("a cookie").shape = CookieShape::Generated;
    assert!(plan("upgrade", &[], &facts).contains("upgrade rabbit@node2 to"));
}

fn stage(facts: &mut Facts, text: &str) {
    cookie(facts, text, "staged");
    let host = host(facts, text);
    host.staged_cookie = host.cookie.take();
    cookie(facts, text, "own-cookie-of-node1");
}

#[test]
fn a_rotation_that_failed_before_any_node_switched_is_reverted() {
    let mut facts = whole();
    BROKERS.iter().for_each(|text| runs_with(&mut facts, text, "own-cookie-of-node1"));
    stage(&mut facts, "node1");
    stage(&mut facts, "node2");
    let call = Call::of("rotate-cookie", &[]).on_failure();
    insta::assert_snapshot!(call.text(&desired(INVENTORY), &facts));
    assert_eq!(call.again(&desired(INVENTORY), &facts).0, Vec::<String>::new());
}

#[test]
fn a_rotation_that_failed_after_a_node_switched_is_completed() {
    let mut facts = whole();
    for text in BROKERS {
        stage(&mut facts, text);
        runs_with(&mut facts, text, if text == "node2" { "own-cookie-of-node1" } else { "staged" });
    }
    host(&mut facts, "node2").staged_cookie = None;
    let call = Call::of("rotate-cookie", &[]).on_failure();
    insta::assert_snapshot!(call.text(&desired(INVENTORY), &facts));
    assert_eq!(call.again(&desired(INVENTORY), &facts).0, Vec::<String>::new());
    insta::assert_snapshot!("rotation_back", plan("rotate-cookie", &["back=yes"], &facts));
}

/// As left by a power failure between the second and the third stage: their VMs started with the old file, and wait for
/// a node that refuses them.
#[test]
fn vms_in_which_rabbitmq_does_not_run_take_the_cookie_too() {
    let mut facts = whole();
    runs_with(&mut facts, "node3", "staged");
    cookie(&mut facts, "node3", "staged");
    for (text, state) in
        [("node1", BrokerState::AppStopped), ("node2", BrokerState::Unknown("no answer".to_owned()))]
    {
        stage(&mut facts, text);
        host(&mut facts, text).broker = state;
    }
    host(&mut facts, "node2").units.get_mut("rabbitmq-server").expect("a unit").active =
        "activating".to_owned();
    let call = || Call::of("rotate-cookie", &[]);
    let (plan, _) = call().project(&desired(INVENTORY), &facts).expect("a plan");
    let switched = ["node1/switch-cookie", "node2/switch-cookie"].map(str::to_owned);
    let ids_of_plan = ids(&plan);
    let (first, then) = ids_of_plan.split_at(2);
    assert_eq!(first, switched);
    // Its boot is restarted; the other one was stopped.
    assert_eq!(then, ["node1/adopt-cookie", "node2/adopt-cookie", "node2/start"]);
    assert_eq!(call().again(&desired(INVENTORY), &facts).0, Vec::<String>::new());
    // Before any file contains the new one, the rotation can also be reverted.
    stage(&mut facts, "node3");
    let (back, _) =
        Call::of("rotate-cookie", &["back=yes"]).project(&desired(INVENTORY), &facts).expect("a plan");
    assert!(switched.iter().all(|id| ids(&back).contains(id)), "{:?}", ids(&back));
}

#[test]
fn cookie_files_that_were_changed_behind_the_nodes_backs() {
    let mut facts = whole();
    for text in BROKERS {
        cookie(&mut facts, text, "another");
        host(&mut facts, text).broker = BrokerState::CookieRefused;
    }
    insta::assert_snapshot!(plan("rotate-cookie", &[], &facts));
}

#[test]
fn no_node_is_restarted_before_all_have_the_new_cookie_in_their_files() {
    let call = Call::of("rotate-cookie", &["restart=yes"]);
    let (plan, _) = call.project(&desired(INVENTORY), &whole()).expect("a plan");
    let step = plan.steps.iter().find(|step| step.id.as_str() == "lb1/out-node1").expect("it is rolled");
    let waits: Vec<String> = step.after.iter().map(ToString::to_string).collect();
    for host in BROKERS {
        assert!(waits.contains(&format!("{host}/adopt-cookie")), "{host} in {waits:?}");
    }
}
