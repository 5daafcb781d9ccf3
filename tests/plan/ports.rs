//! Brokers that listen elsewhere than on RabbitMQ's usual ports.

use std::collections::BTreeMap;

use rabbitup::facts::{Facts, PortState, Purpose, Reach};
use rabbitup::inventory::Desired;
use rabbitup::operation::{BalancerState, Moved, Operation, SwitchServer};
use rabbitup::plan::{Plan, StepId};
use rabbitup::rabbitmq::listeners::{Listener, Listeners};
use rabbitup::report::{Style, plan_text, refusals_text};

use crate::fixtures::{
    BROKERS, INVENTORY, backend, balanced, converged, desired, host, ids, name, node, options, planned,
    running,
};
use crate::order::ancestors;

fn with(line: &str) -> Desired {
    desired(&INVENTORY.replace("heartbeat = 30", &format!("heartbeat = 30\n{line}")))
}

fn nginx(line: &str) -> Desired {
    let text = INVENTORY.replace("stats = { port = 8404 }", "software = \"nginx\"");
    desired(&text.replace("heartbeat = 30", &format!("heartbeat = 30\n{line}")))
}

fn plan(desired: &Desired, facts: &Facts) -> Plan {
    let (plan, after) = planned(desired, facts, &options()).expect("a plan");
    let again = planned(desired, &after, &options()).expect("a plan after all steps").0;
    assert_eq!(ids(&again), Vec::<String>::new(), "nothing is left to do");
    plan
}

fn moved(plan: &Plan, id: &str) -> BTreeMap<String, Moved> {
    let step = plan
        .steps
        .iter()
        .find(|step| step.id.to_string() == id)
        .unwrap_or_else(|| panic!("{id}: {:?}", ids(plan)));
    match &step.operation {
        Operation::SwitchServer(SwitchServer { moved, to: BalancerState::In, .. }) => moved.clone(),
        other => panic!("{id} is {other:?}"),
    }
}

/// The steps that come before one.
fn behind(plan: &Plan, id: &StepId) -> Vec<String> {
    ancestors(plan)[id].iter().map(ToString::to_string).collect()
}

fn to(text: &str, port: u16) -> Moved {
    Moved::To { address: text.parse().expect("an address"), port }
}

#[test]
fn haproxy_looks_for_each_broker_at_its_new_port_after_its_restart() {
    let before = balanced(&desired(INVENTORY));
    let wanted = with("listeners.tcp.default = 5673\nmanagement.path_prefix = \"/mq\"");
    let plan = plan(&wanted, &before);
    insta::assert_snapshot!(plan_text(&plan, Style::plain(110)));
    for (text, address) in [("node1", "192.168.0.41"), ("node3", "192.168.0.43")] {
        assert_eq!(
            moved(&plan, &format!("lb1/in-{text}")),
            [("rabbitmq".to_owned(), to(address, 5673))].into()
        );
    }
    let conf =
        plan.steps.iter().find(|step| step.id.to_string() == "lb1/balancer-conf").expect("it is written");
    let behind = behind(&plan, &conf.id);
    for text in BROKERS {
        let (restart, back) = (format!("{text}/restart"), format!("lb1/in-{text}"));
        assert!(behind.contains(&restart) && behind.contains(&back), "after all restarts: {behind:?}");
    }
}

#[test]
fn a_balancer_is_told_of_brokers_that_moved_before_the_next_one_stops() {
    let wanted = with("listeners.tcp.default = 5673");
    let mut facts = balanced(&desired(INVENTORY));
    let done = converged(&wanted);
    // The run before ended behind node1.
    let (files, node1) = {
        let host = done.host(&name("node1")).expect("a host");
        (host.files.clone(), host.node().expect("it runs").listeners.clone())
    };
    host(&mut facts, "node1").files = files;
    running(&mut facts, "node1").listeners = node1;
    let plan = plan(&wanted, &facts);
    assert_eq!(moved(&plan, "lb1/move-node1"), [("rabbitmq".to_owned(), to("192.168.0.41", 5673))].into());
    let out = plan.steps.iter().find(|step| step.id.to_string() == "node2/restart").expect("it restarts");
    let behind = behind(&plan, &out.id);
    assert!(behind.contains(&"lb1/move-node1".to_owned()), "{behind:?}");
    assert!(!ids(&plan).contains(&"node1/restart".to_owned()));
}

#[test]
fn a_listener_that_goes_from_brokers_and_balancer_at_once_is_not_waited_for() {
    let text = INVENTORY.replace("stats = { port = 8404 }", "listeners = [{ serves = \"mqtt\" }]");
    let text = text.replace("plugins = [", "plugins = [\"rabbitmq_mqtt\", ");
    let mut before = balanced(&desired(
        &text.replace("heartbeat = 30", "heartbeat = 30\nmqtt.listeners.tcp.default = 1884"),
    ));
    let seen = &mut host(&mut before, "lb1").load_balancer.as_mut().expect("it runs").backends;
    seen.extend(BROKERS.map(|text| backend("mqtt-brokers", text, 1884)));
    let plan = plan(&desired(INVENTORY), &before);
    for text in BROKERS {
        assert_eq!(
            moved(&plan, &format!("lb1/in-{text}")),
            [("mqtt-brokers".to_owned(), Moved::Later)].into()
        );
    }
}

#[test]
fn nginx_looks_for_each_broker_at_both_ports_until_all_have_moved() {
    let mut facts = converged(&nginx(""));
    let members: Vec<_> = BROKERS.iter().map(|text| node(text)).collect();
    for text in BROKERS {
        let node = running(&mut facts, text);
        node.links = members.iter().filter(|other| **other != node.name).cloned().collect();
    }
    let plan = plan(&nginx("listeners.tcp.default = 5673"), &facts);
    let of_lb1: Vec<_> = plan.steps.iter().filter(|step| step.host == name("lb1")).collect();
    let titles: Vec<_> = of_lb1.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(
        titles,
        ["write /etc/nginx/nginx.conf with both ports of each broker", "write /etc/nginx/nginx.conf"]
    );
    let both = of_lb1[0].diff.as_deref().unwrap_or_default();
    assert!(both.contains("192.168.0.41:5673 ") && !both.contains("-        server"), "{both}");
    let first = plan.steps.iter().find(|step| step.id.to_string() == "node1/restart").expect("it restarts");
    assert!(behind(&plan, &first.id).contains(&of_lb1[0].id.to_string()));
    let rest = behind(&plan, &of_lb1[1].id);
    assert!(BROKERS.iter().all(|text| rest.contains(&format!("{text}/restart"))), "{rest:?}");
}

#[test]
fn a_change_to_tls_says_what_it_costs() {
    let wanted = with(
        "listeners.tcp = \"none\"\nlisteners.ssl.default = 5671\nmanagement.ssl.port = 15671\n\
         ssl_options.certfile = \"/etc/rabbitmq/a.pem\"\nssl_options.keyfile = \"/etc/rabbitmq/a.key\"",
    );
    let plan = plan(&wanted, &balanced(&desired(INVENTORY)));
    let notes: Vec<_> = plan.notes.iter().map(|note| note.text.clone()).collect();
    insta::assert_snapshot!(notes.join("\n"));
    let node1 = moved(&plan, "lb1/in-node1");
    let wanted =
        [("management".to_owned(), Moved::Later), ("rabbitmq".to_owned(), to("192.168.0.41", 5671))].into();
    assert_eq!(node1, wanted, "a check of the UI in plain text could only fail");
    let conf =
        plan.steps.iter().find(|step| step.id.to_string() == "lb1/balancer-conf").expect("it is written");
    insta::assert_snapshot!("tls", conf.diff.as_deref().unwrap_or_default());
}

/// Advanced.config, or an env file: what the node says of itself counts.
#[test]
fn a_balancer_follows_the_listeners_in_effect() {
    let wanted = desired(INVENTORY);
    let mut facts = balanced(&wanted);
    for text in BROKERS {
        let told = [("amqp", "5700"), ("http", "15672"), ("clustering", "25700")];
        let listeners = told.iter().filter_map(|(protocol, port)| Listener::reported(protocol, "::", port));
        running(&mut facts, text).listeners = Listeners::in_effect(listeners, "");
    }
    let (plan, _) = planned(&wanted, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), ["lb1/balancer-conf"]);
    let diff = plan.steps[0].diff.as_deref().unwrap_or_default();
    assert!(diff.contains("+    server node1 192.168.0.41:5700"), "{diff}");
}

#[test]
fn a_stopped_nodes_environment_counts() {
    let wanted = desired(INVENTORY);
    let mut facts = balanced(&wanted);
    crate::outranked::set(host(&mut facts, "node2"), "NODE_PORT", "5700");
    host(&mut facts, "node2").broker = rabbitup::facts::BrokerState::Down;
    let (plan, _) = planned(&wanted, &facts, &options()).expect("a plan");
    let conf =
        plan.steps.iter().find(|step| step.id.to_string() == "lb1/balancer-conf").expect("it is written");
    let diff = conf.diff.as_deref().unwrap_or_default();
    assert!(diff.contains("+    server node2 192.168.0.42:5700"), "{diff}");
}

fn blocked(facts: &mut Facts, from: &str, to: &str, port: u16, purpose: Purpose) {
    let reach = Reach { peer: name(to), port, purpose, state: PortState::Filtered };
    host(facts, from).reach.push(reach);
}

/// A tight firewall is no reason to refuse what does not need the port.
#[test]
fn only_what_a_step_needs_is_refused() {
    let wanted = desired(INVENTORY);
    let refused = |facts: &Facts| {
        planned(&wanted, facts, &options()).err().map(|refused| refusals_text(&refused, Style::plain(100)))
    };
    let mut facts = balanced(&wanted);
    blocked(&mut facts, "node1", "node2", 25672, Purpose::Distribution);
    blocked(&mut facts, "lb1", "node2", 5672, Purpose::Amqp);
    let idle = plan(&wanted, &facts);
    assert_eq!(ids(&idle), Vec::<String>::new());
    let notes: Vec<_> = idle.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(
        notes.contains(&"it cannot reach node2 on port 5672 (AMQP); no step of this plan needs it"),
        "{notes:?}"
    );

    // node2 is to start, which needs the one and not the other.
    host(&mut facts, "node2").broker = rabbitup::facts::BrokerState::Down;
    insta::assert_snapshot!(refused(&facts).expect("a refusal"));

    // Nodes that listen elsewhere: the usual port is not asked for.
    let elsewhere = with("distribution.listener.port_range.min = 25679");
    let mut facts = balanced(&elsewhere);
    blocked(&mut facts, "node1", "node2", 25672, Purpose::Distribution);
    host(&mut facts, "node2").broker = rabbitup::facts::BrokerState::Down;
    let steps = ids(&planned(&elsewhere, &facts, &options()).expect("a plan").0);
    assert!(steps.contains(&"node2/start".to_owned()), "{steps:?}");
}
