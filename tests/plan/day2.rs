//! What the day-2 playbooks plan: for a cluster that is whole, and for the states that they are there for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rabbitup::facts::{
    Backend, BrokerState, ClusterMember, Facts, LoadBalancerFacts, NodeFacts, Observation, PackageFacts,
    QueueFacts, QueueHolding, QueueKind, Unreachable, UnreachableCause,
};
use rabbitup::inventory::Desired;
use rabbitup::model::{NodeType, Version};
use rabbitup::plan::{Moment, Options, Plan, PlanError, Strangers, project};
use rabbitup::playbook::{Arguments, Playbook};
use rabbitup::report::{Style, plan_text, refusals_text};
use rabbitup::template::Templates;

use crate::fixtures::*;

const BROKERS: [&str; 3] = ["node1", "node2", "node3"];
const NEXT: &str = "3.10.9-1";

/// A playbook with its values.
struct Call {
    playbook: Playbook,
    options: Options,
}

impl Call {
    fn of(name: &str, words: &[&str]) -> Self {
        let playbook = Playbook::load(name, Path::new("/nonexistent")).expect("an embedded playbook");
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let arguments = Arguments::parse(&playbook, &words).expect("good values");
        Self { playbook, options: Options { arguments, ..options() } }
    }

    fn on_failure(self) -> Self {
        Self { playbook: self.playbook.after_failure().expect("it has phases for that"), ..self }
    }

    /// As the command line does, the playbooks that remove a node want a cluster without it.
    fn desired(&self, desired: &Desired) -> Desired {
        let removes = ["remove-node", "replace-node"].contains(&self.playbook.name.as_str());
        match self.options.arguments.subject().filter(|_| removes) {
            Some(node) => desired.clone().without(node.clone()),
            None => desired.clone(),
        }
    }

    fn project(&self, desired: &Desired, facts: &Facts) -> Result<(Plan, Facts), PlanError> {
        let templates = Templates::new(&BTreeMap::new()).expect("the embedded templates");
        project(&self.desired(desired), &self.playbook, &templates, facts, &self.options)
    }

    fn text(&self, desired: &Desired, facts: &Facts) -> String {
        match self.project(desired, facts) {
            Ok((plan, _)) => plan_text(&plan, Style::plain(110)),
            Err(refused) => refusals_text(&refused, Style::plain(110)),
        }
    }

    /// What is left to do after all of it was done, for the look that verifies, and for a second call.
    fn again(mut self, desired: &Desired, facts: &Facts) -> (Vec<String>, Vec<String>) {
        let (_, after) = self.project(desired, facts).expect("a plan");
        let second = self.project(desired, &after).map(|(plan, _)| ids(&plan)).unwrap_or_default();
        self.options.moment = Moment::After(Duration::from_secs(60));
        let (verified, _) = self.project(desired, &after).expect("a plan that verifies");
        (ids(&verified), second)
    }
}

fn plan(name: &str, words: &[&str], facts: &Facts) -> String {
    Call::of(name, words).text(&desired(INVENTORY), facts)
}

fn running<'f>(facts: &'f mut Facts, text: &str) -> &'f mut NodeFacts {
    match &mut host(facts, text).broker {
        BrokerState::Running(node) => node,
        other => panic!("{text} does not run: {other:?}"),
    }
}

/// A whole cluster that has run for an hour, with HAProxy's servers up and queues of two kinds.
fn whole() -> Facts {
    let mut facts = converged(&desired(INVENTORY));
    let members: Vec<_> = BROKERS.iter().map(|text| node(text)).collect();
    for text in BROKERS {
        let queues = vec![
            queue("orders", QueueKind::Quorum, "node1", &BROKERS),
            queue("stock", QueueKind::Quorum, "node2", &BROKERS),
        ];
        runs_with(&mut facts, text, "own-cookie-of-node1");
        let node = running(&mut facts, text);
        node.uptime_s = 3600;
        node.links = members.iter().filter(|other| **other != node.name).cloned().collect();
        node.queues = queues;
    }
    let backend = |text: &&str| Backend {
        proxy: "rabbitmq".to_owned(),
        server: (*text).to_owned(),
        status: "UP".to_owned(),
        check: "L4OK".to_owned(),
    };
    host(&mut facts, "lb1").load_balancer = Some(LoadBalancerFacts {
        backends: BROKERS.iter().map(backend).collect(),
        amqp_answers: Some(true),
        loaded: Some(1_800_000_000),
    });
    facts
}

fn queue(name: &str, kind: QueueKind, leader: &str, replicas: &[&str]) -> QueueFacts {
    let replicas: Vec<_> = replicas.iter().map(|text| node(text)).collect();
    QueueFacts {
        vhost: "/".to_owned(),
        name: name.to_owned(),
        kind,
        durable: true,
        exclusive: false,
        leader: Some(node(leader)),
        in_sync: replicas.clone(),
        replicas,
        wanted: None,
        messages: Some(14),
    }
}

fn give_queue(facts: &mut Facts, queue: &QueueFacts) {
    for text in BROKERS {
        if let BrokerState::Running(node) = &mut host(facts, text).broker {
            node.queues.push(queue.clone());
            node.holdings.queues.push(QueueHolding {
                vhost: "/".to_owned(),
                name: queue.name.clone(),
                messages: None,
            });
        }
    }
}

/// The broker is stopped; the others see it.
fn stop(facts: &mut Facts, text: &str) {
    let gone = node(text);
    let members = running(facts, text).members.clone();
    let others = running(facts, text).links.clone();
    host(facts, text).data[0].members = members;
    host(facts, text).data[0].outlived_by = others;
    host(facts, text).broker = BrokerState::Down;
    host(facts, text).units.get_mut("rabbitmq-server").expect("a unit").active = "inactive".to_owned();
    for other in BROKERS {
        if let BrokerState::Running(node) = &mut host(facts, other).broker {
            node.running.retain(|member| *member != gone);
            node.links.retain(|member| *member != gone);
        }
    }
}

fn lose_host(facts: &mut Facts, text: &str) {
    stop(facts, text);
    let why = Unreachable { cause: UnreachableCause::NoConnection, evidence: "no route".to_owned() };
    facts.hosts.insert(name(text), Observation::Unreachable(why));
}

fn offer_next(facts: &mut Facts) {
    for text in BROKERS {
        host(facts, text).packages.insert(
            "rabbitmq-server".to_owned(),
            PackageFacts {
                installed: Some(VERSION.to_owned()),
                candidate: Some(NEXT.to_owned()),
                offered: vec![NEXT.to_owned(), VERSION.to_owned()],
                held: false,
            },
        );
    }
}

#[test]
fn a_rolling_restart() {
    insta::assert_snapshot!(plan("rolling-restart", &[], &whole()));
    let (verified, second) = Call::of("rolling-restart", &[]).again(&desired(INVENTORY), &whole());
    assert_eq!((verified, second), (vec![], vec![]), "who was restarted a moment ago is not restarted again");
}

#[test]
fn a_rolling_restart_goes_on_where_it_ended() {
    let mut facts = whole();
    running(&mut facts, "node1").uptime_s = 90;
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

#[test]
fn no_restart_while_a_node_is_down() {
    let mut facts = whole();
    stop(&mut facts, "node3");
    insta::assert_snapshot!(plan("rolling-restart", &[], &facts));
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

fn lose_host_of_stopped(facts: &mut Facts, text: &str) {
    let why = Unreachable { cause: UnreachableCause::NoConnection, evidence: "no route".to_owned() };
    facts.hosts.insert(name(text), Observation::Unreachable(why));
}

fn stage(facts: &mut Facts, text: &str) {
    cookie(facts, text, "staged");
    let host = host(facts, text);
    host.staged_cookie = host.cookie.take();
    cookie(facts, text, "own-cookie-of-node1");
}

fn runs_with(facts: &mut Facts, text: &str, which: &str) {
    cookie(facts, text, which);
    let digest = host(facts, text).cookie.as_ref().map(|cookie| cookie.normalised);
    running(facts, text).cookie = digest;
    cookie(facts, text, "own-cookie-of-node1");
}

#[test]
fn a_rotation_that_failed_before_any_node_switched_goes_back() {
    let mut facts = whole();
    BROKERS.iter().for_each(|text| runs_with(&mut facts, text, "own-cookie-of-node1"));
    stage(&mut facts, "node1");
    stage(&mut facts, "node2");
    let call = Call::of("rotate-cookie", &[]).on_failure();
    insta::assert_snapshot!(call.text(&desired(INVENTORY), &facts));
    assert_eq!(call.again(&desired(INVENTORY), &facts).0, Vec::<String>::new());
}

#[test]
fn a_rotation_that_failed_after_a_node_switched_goes_on() {
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
fn a_node_is_removed() {
    insta::assert_snapshot!(plan("remove-node", &["node=node3"], &whole()));
    let (verified, second) = Call::of("remove-node", &["node=node3"]).again(&desired(INVENTORY), &whole());
    assert_eq!((verified, second), (vec![], vec![]));
}

#[test]
fn a_node_whose_host_is_gone_is_removed() {
    let mut facts = whole();
    lose_host(&mut facts, "node3");
    insta::assert_snapshot!(plan("remove-node", &["node=node3"], &facts));
}

#[test]
fn a_node_that_the_others_wait_for_is_forgotten_offline() {
    let mut facts = whole();
    BROKERS.iter().for_each(|text| stop(&mut facts, text));
    lose_host_of_stopped(&mut facts, "node3");
    insta::assert_snapshot!(plan("remove-node", &["node=node3"], &facts));
    // Killed together, each of them believes that the other lived longer.
    host(&mut facts, "node2").data[0].outlived_by.push(node("node1"));
    insta::assert_snapshot!("nobody_can_forget_it", plan("remove-node", &["node=node3"], &facts));
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
    call.options.strangers = Strangers::Remove;
    insta::assert_snapshot!("stranger_removed", call.text(&desired(INVENTORY), &with_stranger(true)));
    insta::assert_snapshot!("stranger_down_removed", call.text(&desired(INVENTORY), &with_stranger(false)));
    assert_eq!(call.again(&desired(INVENTORY), &with_stranger(false)), (vec![], vec![]));
}

/// The cluster of three, and node4 as the provider hands it over.
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
    // It remembers node1 alone, which the others do not list any more.
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
    let gone = node("node3");
    for text in ["node1", "node2"] {
        running(&mut facts, text).members.retain(|member| member.node != gone);
    }
    insta::assert_snapshot!(plan("recover-node", &["node=node3"], &facts));
}

#[test]
fn nothing_to_recover() {
    insta::assert_snapshot!(plan("recover-node", &["node=node3"], &whole()));
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
fn mirrors_of_a_queue() {
    let mut facts = whole();
    let mut mirrored = queue("jobs", QueueKind::Mirrored, "node1", &BROKERS);
    mirrored.in_sync = vec![node("node1")];
    give_queue(&mut facts, &mirrored);
    let text = [
        plan("sync-queue", &["queue=jobs"], &facts),
        plan("cancel-sync-queue", &["queue=jobs"], &facts),
        plan("sync-queue", &["queue=job"], &facts),
        plan("sync-queue", &["queue=orders"], &facts),
        plan("sync-queue", &["queue=jobs", "vhost=shop"], &facts),
    ];
    insta::assert_snapshot!(text.join("\n"));
    let (verified, second) = Call::of("sync-queue", &["queue=jobs"]).again(&desired(INVENTORY), &facts);
    assert_eq!((verified, second), (vec![], vec![]));
    BROKERS.iter().for_each(|text| running(&mut facts, text).rabbitmq_version = Version::new(4, 0, 5));
    insta::assert_snapshot!("no_mirrors_on_4", plan("sync-queue", &["queue=jobs"], &facts));
}

#[test]
fn replicas_and_leaders() {
    let mut facts = whole();
    give_queue(&mut facts, &queue("thin", QueueKind::Quorum, "node1", &["node1", "node2"]));
    give_queue(&mut facts, &queue("log", QueueKind::Stream, "node1", &["node1"]));
    insta::assert_snapshot!([plan("grow-queues", &[], &facts), plan("rebalance", &[], &facts)].join("\n"));
    for name in ["grow-queues", "rebalance"] {
        let (verified, second) = Call::of(name, &[]).again(&desired(INVENTORY), &facts);
        assert_eq!((verified, second), (vec![], vec![]), "{name}");
    }
}

#[test]
fn what_is_whole_needs_nothing() {
    let text: Vec<String> = ["start", "grow-queues", "rebalance", "upgrade"]
        .iter()
        .map(|name| plan(name, &[], &whole()))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}
