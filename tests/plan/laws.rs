//! Properties of every plan, in all states of the hosts.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use rabbitup::facts::{BrokerState, Facts, HoldingCounts};
use rabbitup::inventory::Desired;
use rabbitup::model::HostName;
use rabbitup::plan::{Limit, Phase, Plan, Step};

use crate::fixtures::*;
use crate::order::ancestors;
use rabbitup::operation::{JoinCluster, Operation, Proof};

/// The possible history of a broker's host.
#[derive(Clone, Copy, Debug)]
pub enum Past {
    Fresh,
    NamedOnly,
    Installed,
    CookieCopied,
    StartedAlone,
    StartedAloneCookieReplaced,
    StartedAloneWithData,
    Converged,
    ConvergedAndStopped,
    ConvergedUnderOldConfiguration,
}

pub fn past() -> impl Strategy<Value = Past> {
    prop::sample::select(vec![
        Past::Fresh,
        Past::NamedOnly,
        Past::Installed,
        Past::CookieCopied,
        Past::StartedAlone,
        Past::StartedAloneCookieReplaced,
        Past::StartedAloneWithData,
        Past::Converged,
        Past::ConvergedAndStopped,
        Past::ConvergedUnderOldConfiguration,
    ])
}

pub static WANTED: LazyLock<Desired> = LazyLock::new(|| desired(INVENTORY));
static DONE: LazyLock<Facts> = LazyLock::new(|| converged(&WANTED));

pub fn hosts(pasts: &[Past; 3], balancer_is_done: Past) -> Facts {
    let done = &*DONE;
    let mut facts = fresh(&WANTED);
    // Only complete clusters are possible histories: no node was a member alone.
    let members = pasts.iter().all(|past| {
        matches!(past, Past::Converged | Past::ConvergedAndStopped | Past::ConvergedUnderOldConfiguration)
    });
    for (text, past) in BROKERS.into_iter().zip(pasts) {
        match past {
            Past::Fresh => {}
            Past::NamedOnly => host(&mut facts, text).host_name.running = text.to_owned(),
            Past::Installed => install(&mut facts, text),
            Past::CookieCopied => {
                install(&mut facts, text);
                cookie(&mut facts, text, "own-cookie-of-node1");
            }
            Past::StartedAlone => start_alone(&mut facts, text),
            Past::StartedAloneCookieReplaced => {
                start_alone(&mut facts, text);
                cookie(&mut facts, text, "own-cookie-of-node1");
                host(&mut facts, text).broker = BrokerState::CookieRefused;
            }
            Past::StartedAloneWithData => {
                start_alone(&mut facts, text);
                give_data(&mut facts, text);
            }
            _ if !members => {}
            _ => {
                let seen = done.hosts.get(&name(text)).cloned().expect("the same inventory");
                facts.hosts.insert(name(text), seen);
                if matches!(past, Past::ConvergedAndStopped) {
                    host(&mut facts, text).broker = BrokerState::Down;
                }
                if matches!(past, Past::ConvergedUnderOldConfiguration) {
                    let conf = host(&mut facts, text).files.get_mut("/etc/rabbitmq/rabbitmq.conf");
                    conf.expect("it was written").content = Some("heartbeat = 60\n".to_owned());
                }
            }
        }
    }
    if matches!(balancer_is_done, Past::Converged) {
        let seen = done.hosts.get(&name("lb1")).cloned().expect("the same inventory");
        facts.hosts.insert(name("lb1"), seen);
    }
    facts
}

/// Every step waits only for earlier steps on other hosts: the plan's own order works.
fn assert_acyclic(plan: &Plan) {
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        for id in &step.after {
            assert!(seen.contains(id), "{} waits for {id}, which does not stand before it", step.id);
            assert!(
                !id.as_str().starts_with(&format!("{}/", step.host)),
                "{} waits for its own host",
                step.id
            );
        }
        assert!(seen.insert(step.id.clone()), "{} stands twice", step.id);
    }
}

/// The broker's files that a step changes.
fn changes_file(step: &Step) -> Option<&str> {
    match &step.operation {
        Operation::WriteFile(file) if file.proof == Proof::BrokerStart => Some(&file.path),
        _ => None,
    }
}

/// No broker gets a file before the first one that gets it has started with it, unless no one serves that could be kept
/// from serving: members of a cluster that is down as a whole start together.
fn assert_proved(plan: &Plan, facts: &Facts) {
    let serves = facts.hosts.keys().any(|host| facts.host(host).is_some_and(|seen| seen.node().is_some()));
    let has_data = |host: &HostName| facts.host(host).is_some_and(|seen| !seen.data.is_empty());
    let before = ancestors(plan);
    for (at, step) in plan.steps.iter().enumerate() {
        let Some(path) = changes_file(step) else { continue };
        let starts = |other: &&Step| other.host == step.host && other.operation.nature().broker.reads_files();
        let start = plan.steps[at..].iter().find(starts);
        assert!(start.is_some(), "{} changes {path}, and nothing starts that would read it", step.id);
        let first = plan.steps.iter().find(|other| changes_file(other).is_some()).expect("this one at least");
        if first.host == step.host || (!serves && has_data(&step.host)) {
            continue;
        }
        let proof = plan
            .steps
            .iter()
            .find(|other| other.host == first.host && other.operation.nature().broker.reads_files());
        let proof = proof.expect("it starts, as above");
        assert!(before[&step.id].contains(&proof.id), "{} does not wait for {}", step.id, proof.id);
    }
}

fn entering(plan: &Plan) -> Vec<&HostName> {
    let enters =
        |operation: &Operation| matches!(operation, Operation::JoinCluster(_) | Operation::EnterCluster(_));
    plan.steps.iter().filter(|step| enters(&step.operation)).map(|step| &step.host).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn after_all_effects_nothing_is_left_to_do(pasts in [past(), past(), past()], balancer in past()) {
        let (desired, facts) = (&*WANTED, hosts(&pasts, balancer));
        let anchor = rabbitup::cluster::anchor(desired, &facts).expect("a broker");
        let seen = facts.host(&anchor.name).expect("it was reached");
        // The data of a stopped node are seen only when it runs: its cluster's name may need a second plan.
        let is_known = seen.node().is_some() || seen.data_of(&anchor.node()).is_none();
        if let Ok((plan, after)) = planned(desired, &facts, &options()) {
            assert_acyclic(&plan);
            assert_proved(&plan, &facts);
            let (again, after) = planned(desired, &after, &options()).map_err(|refused| TestCaseError::fail(format!("{refused:?}")))?;
            let allowed = if is_known { vec![] } else { vec![Phase::ClusterName] };
            prop_assert!(again.steps.iter().all(|step| allowed.contains(&step.phase)), "{:?} after {:?}", ids(&again), ids(&plan));
            let (last, _) = planned(desired, &after, &options()).map_err(|refused| TestCaseError::fail(format!("{refused:?}")))?;
            prop_assert_eq!(ids(&last), Vec::<String>::new());
        }
    }

    #[test]
    fn the_same_hosts_give_the_same_plan(pasts in [past(), past(), past()]) {
        let (desired, facts) = (&*WANTED, hosts(&pasts, Past::Fresh));
        let json = || planned(desired, &facts, &options()).map(|(plan, _)| serde_json::to_string(&plan).expect("JSON"));
        prop_assert_eq!(json(), json());
    }

    #[test]
    fn who_holds_data_never_enters_another_cluster(pasts in [past(), past(), past()]) {
        let (desired, facts) = (&*WANTED, hosts(&pasts, Past::Fresh));
        if let Ok((plan, _)) = planned(desired, &facts, &options()) {
            for host in entering(&plan) {
                let holds = facts.host(host).and_then(|h| h.node()).is_some_and(|node| !node.holdings.is_empty());
                prop_assert!(!holds, "{} holds data and enters a cluster", host);
            }
            for step in &plan.steps {
                let destroys = matches!(&step.operation, Operation::JoinCluster(JoinCluster { may_destroy, .. }) if *may_destroy != HoldingCounts::NOTHING);
                prop_assert!(!destroys, "nobody asked for {}", step.id);
            }
        }
    }

    #[test]
    fn a_cluster_that_is_whole_is_entered_by_nobody(pasts in [past(), past(), past()]) {
        let (desired, facts) = (&*WANTED, hosts(&pasts, Past::Fresh));
        let anchor = rabbitup::cluster::anchor(desired, &facts).expect("a broker").name.clone();
        if let Ok((plan, _)) = planned(desired, &facts, &options()) {
            prop_assert!(!entering(&plan).contains(&&anchor), "the anchor {} would be wiped", anchor);
        }
    }

    #[test]
    fn limit_keeps_changes_on_its_hosts(pasts in [past(), past(), past()], which in 0..4_usize) {
        let (desired, facts) = (&*WANTED, hosts(&pasts, Past::Fresh));
        let only = desired.hosts[which].name.clone();
        let mut options = options();
        options.limit = Limit::Only(BTreeSet::from([only.clone()]));
        if let Ok((plan, _)) = planned(desired, &facts, &options) {
            assert_acyclic(&plan);
            for step in &plan.steps {
                prop_assert_eq!(&step.host, &only);
            }
        }
    }

    #[test]
    fn no_plan_holds_a_secret(pasts in [past(), past(), past()]) {
        let (desired, facts) = (&*WANTED, hosts(&pasts, Past::Fresh));
        if let Ok((plan, _)) = planned(desired, &facts, &options()) {
            let json = serde_json::to_string(&plan).expect("JSON");
            prop_assert!(!json.contains("brand-new-cookie"));
            for text in BROKERS {
                let digest = facts.host(&name(text)).and_then(|host| host.cookie.as_ref()).map(|c| c.raw.to_hex());
                prop_assert!(digest.is_none_or(|digest| !json.contains(&digest)));
            }
        }
    }
}

#[test]
fn a_saved_plan_reads_back() {
    let (plan, _) = planned(&WANTED, &fresh(&WANTED), &options()).expect("a plan");
    let text = serde_json::to_string(&plan).expect("JSON");
    let again: Plan = serde_json::from_str(&text).expect("the same form");
    assert_eq!(again.steps, plan.steps);
    assert_eq!(again.fingerprint, plan.fingerprint);
}
