//! What the day-2 playbooks plan: for a complete cluster, and for the states that they are made for.

mod cookie;
mod membership;
mod queues;
mod rolling;
mod room;
mod versions;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rabbitup::facts::{
    Access, Backend, BrokerState, ClusterMember, Configuration, DataPlace, Facts, LEAST_TO_WRITE,
    LoadBalancerFacts, Observation, PackageFacts, QueueFacts, QueueHolding, QueueKind, Storage, Unreachable,
    UnreachableCause,
};
use rabbitup::inventory::Desired;
use rabbitup::model::{MetadataStore, NodeType, Version};
use rabbitup::plan::{
    Change, Destruction, Limit, Options, Pass, Plan, PlanError, Step, UnknownMembers, project,
};
use rabbitup::playbook::{Answer, Arguments, Playbook};
use rabbitup::report::{Style, destruction_text, plan_text, refusals_text};
use rabbitup::template::Templates;

use crate::fixtures::*;
use crate::order::assert_ordered;

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
        let command = match name {
            "bring-up" => "rabbitup up".to_owned(),
            _ => ["rabbitup", "run", name]
                .into_iter()
                .map(str::to_owned)
                .chain(words)
                .collect::<Vec<_>>()
                .join(" "),
        };
        Self { playbook, options: Options { arguments, command, ..options() } }
    }

    fn on_failure(self) -> Self {
        Self { playbook: self.playbook.after_failure().expect("it has phases for that"), ..self }
    }

    /// As on the command line, playbooks that remove a node plan for a cluster without it.
    fn desired(&self, desired: &Desired) -> Desired {
        let removes = ["remove-node", "replace-node"].contains(&self.playbook.name.as_str());
        match self.options.arguments.subject().filter(|_| removes) {
            Some(node) => desired.clone().without(node.clone()),
            None => desired.clone(),
        }
    }

    fn project(&self, desired: &Desired, facts: &Facts) -> Result<(Plan, Facts), PlanError> {
        let templates = Templates::new(&BTreeMap::new()).expect("the embedded templates");
        let projected = project(&self.desired(desired), &self.playbook, &templates, facts, &self.options)?;
        let ids = ids(&projected.0);
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "no run takes a plan in which two steps have one id: {ids:?}");
        assert_ordered(&projected.0);
        Ok(projected)
    }

    fn text(&self, desired: &Desired, facts: &Facts) -> String {
        match self.project(desired, facts) {
            Ok((plan, _)) => plan_text(&plan, Style::plain(110)),
            Err(refused) => refusals_text(&refused, Style::plain(110)),
        }
    }

    /// The plans after all steps: for the verification, and for a second call.
    fn again(mut self, desired: &Desired, facts: &Facts) -> (Vec<String>, Vec<String>) {
        let (_, after) = self.project(desired, facts).expect("a plan");
        let second = self.project(desired, &after).map(|(plan, _)| ids(&plan)).unwrap_or_default();
        self.options.pass = Pass::After(Duration::from_secs(60));
        let (verified, _) = self.project(desired, &after).expect("a plan that verifies");
        (ids(&verified), second)
    }
}

/// A limited plan is complete in itself: after it nothing is left to do on any host.
#[test]
fn a_limited_plan_is_complete() {
    let mut facts = whole();
    offer_next(&mut facts);
    let mut stopped = whole();
    BROKERS.iter().for_each(|text| stop(&mut stopped, text));
    let calls: [(&str, &[&str], &Facts); 8] = [
        ("bring-up", &[], &facts),
        ("rolling-restart", &[], &facts),
        ("upgrade", &[], &facts),
        ("rotate-cookie", &["restart=yes"], &facts),
        ("stop", &[], &facts),
        ("start", &[], &stopped),
        ("grow-queues", &[], &facts),
        ("remove-node", &["node=node3"], &facts),
    ];
    for (playbook, words, facts) in calls {
        for only in BROKERS.into_iter().chain(["lb1"]) {
            let mut call = Call::of(playbook, words);
            call.options.limit = Limit::Only(BTreeSet::from([name(only)]));
            // A part of an indivisible plan is refused.
            if call.project(&desired(INVENTORY), facts).is_ok() {
                let left = call.again(&desired(INVENTORY), facts);
                assert_eq!(left, (vec![], vec![]), "{playbook} --limit {only}");
            }
        }
    }
}

fn plan(name: &str, words: &[&str], facts: &Facts) -> String {
    Call::of(name, words).text(&desired(INVENTORY), facts)
}

/// A complete cluster that has run for an hour, with HAProxy's servers up and queues of two kinds.
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
        node.uptime_s = Some(3600);
        node.links = members.iter().filter(|other| **other != node.name).cloned().collect();
        node.queues = queues;
    }
    let backend = |text: &&str| Backend {
        proxy: "rabbitmq".to_owned(),
        server: (*text).to_owned(),
        status: "UP".to_owned(),
        check: "L4OK".to_owned(),
        port: Some(5672),
    };
    host(&mut facts, "lb1").load_balancer = Some(LoadBalancerFacts {
        backends: BROKERS.iter().map(backend).collect(),
        amqp_answers: Some(true),
        runs_with: Some(Configuration::Current),
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
        bindings: Some(2),
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
                ..PackageFacts::default()
            },
        );
    }
}

fn lose_host_of_stopped(facts: &mut Facts, text: &str) {
    let why = Unreachable { cause: UnreachableCause::NoConnection, evidence: "no route".to_owned() };
    facts.hosts.insert(name(text), Observation::Unreachable(why));
}

fn runs_with(facts: &mut Facts, text: &str, which: &str) {
    cookie(facts, text, which);
    let digest = host(facts, text).cookie.as_ref().map(|cookie| cookie.normalised);
    running(facts, text).cookie = digest;
    cookie(facts, text, "own-cookie-of-node1");
}
