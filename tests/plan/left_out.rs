//! `--without`: a host that nobody asked is never taken for one that has nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rabbitup::facts::{BrokerState, Facts, Observation, PortState, Purpose, Reach, UnitFacts};
use rabbitup::plan::{Limit, Options, Plan, RefusalKind};

use crate::fixtures::*;
use crate::laws::{Past, WANTED, hosts, past};

const ALL: [&str; 4] = ["node1", "node2", "node3", "lb1"];

fn without(facts: &Facts, text: &str) -> Facts {
    let mut facts = facts.clone();
    facts.hosts.insert(name(text), Observation::LeftOut);
    facts
}

/// The same host, inspected, with its node stopped, and to be left unchanged.
fn stopped(facts: &Facts, text: &str) -> (Facts, Options) {
    let mut facts = facts.clone();
    let runs = host(&mut facts, text).node().is_some();
    host(&mut facts, text).broker = BrokerState::Down;
    for other in BROKERS.into_iter().filter(|other| runs && *other != text) {
        if let BrokerState::Running(node) = &mut host(&mut facts, other).broker {
            node.running.retain(|running| *running != crate::fixtures::node(text));
        }
    }
    let others = ALL.into_iter().filter(|other| *other != text).map(name).collect();
    (facts, Options { limit: Limit::Only(others), ..options() })
}

/// What a member of a complete cluster may have become since.
fn member() -> impl Strategy<Value = Past> {
    prop::sample::select(vec![
        Past::Converged,
        Past::ConvergedAndStopped,
        Past::ConvergedUnderOldConfiguration,
    ])
}

fn operations(plan: &Plan) -> BTreeSet<String> {
    plan.steps.iter().map(|step| format!("{} {:?}", step.id, step.operation)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the host has: if a plan that sees it stopped refuses, leaving it out refuses too, and no step is planned that the other
    /// plan does not have. Its own running node, which the others see, only makes less possible.
    #[test]
    fn leaving_a_broker_out_plans_no_more_than_seeing_it_stopped(
        pasts in prop_oneof![[past(), past(), past()], [member(), member(), member()]],
        balancer in past(),
        at in 0..3_usize,
    ) {
        let (desired, facts) = (&*WANTED, hosts(&pasts, balancer));
        let text = BROKERS[at];
        let (seen, limited) = stopped(&facts, text);
        let Ok((plan, _)) = planned(desired, &without(&seen, text), &options()) else { return Ok(()) };
        match planned(desired, &seen, &limited) {
            Ok((other, _)) => {
                let beyond: Vec<String> = operations(&plan).difference(&operations(&other)).cloned().collect();
                prop_assert!(beyond.is_empty(), "without {} only: {:#?}", text, beyond);
            }
            Err(refused) => prop_assert!(plan.steps.is_empty(), "without {}: {:?}, although seeing it stopped refuses: {:#?}", text, ids(&plan), refused),
        }
        prop_assert!(plan.steps.iter().all(|step| step.host.as_str() != text), "it is changed: {:?}", ids(&plan));
        prop_assert!(plan.hosts.iter().all(|host| host.name.as_str() != text), "it would be locked");
    }
}

fn kinds(facts: &Facts) -> Vec<RefusalKind> {
    match planned(&WANTED, facts, &options()) {
        Ok((plan, _)) => panic!("{:?}", ids(&plan)),
        Err(refused) => refused.0.iter().map(|refusal| refusal.kind).collect(),
    }
}

#[test]
fn the_others_are_set_up_while_a_member_is_away() {
    let mut facts = converged(&WANTED);
    host(&mut facts, "node1").host_name.running = "elsewhere".to_owned();
    let (plan, _) = planned(&WANTED, &without(&facts, "node3"), &options()).expect("a plan");
    assert!(ids(&plan).iter().any(|id| id.starts_with("node1/")), "{:?}", ids(&plan));
    assert!(plan.notes.iter().any(|note| note.text.contains("left out with --without")), "{:?}", plan.notes);
}

#[test]
fn no_cluster_is_begun_and_none_is_entered_while_a_broker_was_not_asked() {
    assert_eq!(
        kinds(&without(&fresh(&WANTED), "node3")),
        [RefusalKind::BrokerLeftOut],
        "it may have the cluster"
    );
    let mut facts = converged(&WANTED);
    host(&mut facts, "node2").broker = BrokerState::Down;
    cookie(&mut facts, "node2", "another-cookie");
    assert_eq!(kinds(&without(&facts, "node3")), [RefusalKind::BrokerLeftOut], "whose cookie is right?");
}

/// The absent one may have the cluster, or its newest data.
#[test]
fn a_cluster_of_which_nothing_runs_is_not_started_without_one_of_its_nodes() {
    let facts =
        hosts(&[Past::Converged, Past::ConvergedAndStopped, Past::ConvergedAndStopped], Past::Converged);
    assert_eq!(kinds(&without(&facts, "node1")), [RefusalKind::BrokerLeftOut]);
    let facts = hosts(&[Past::Converged, Past::ConvergedAndStopped, Past::Converged], Past::Converged);
    let (plan, _) = planned(&WANTED, &without(&facts, "node1"), &options()).expect("node3 runs");
    assert!(ids(&plan).contains(&"node2/start".to_owned()), "{:?}", ids(&plan));
}

/// It answers on no port while it is away, which is no firewall in the way.
#[test]
fn ports_of_a_machine_that_is_away_hinder_nothing() {
    let mut facts = converged(&WANTED);
    let lb1 = host(&mut facts, "lb1");
    lb1.units.insert("haproxy".to_owned(), UnitFacts::default());
    let state = PortState::Filtered;
    lb1.reach.push(Reach { peer: name("node3"), port: 5672, purpose: Purpose::Amqp, state });
    assert_eq!(kinds(&facts), [RefusalKind::PortBlocked], "it is there, and out of reach");
    let (plan, _) = planned(&WANTED, &without(&facts, "node3"), &options()).expect("a plan");
    assert!(ids(&plan).iter().any(|id| id.starts_with("lb1/")), "{:?}", ids(&plan));
}

#[test]
fn a_load_balancer_that_is_away_hinders_nothing() {
    let (plan, _) = planned(&WANTED, &without(&fresh(&WANTED), "lb1"), &options()).expect("a plan");
    assert!(ids(&plan).iter().any(|id| id.starts_with("node3/")), "{:?}", ids(&plan));
}
