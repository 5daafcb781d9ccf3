//! Brokers that change to the PROXY protocol and from it, while they serve.

use std::collections::BTreeMap;

use rabbitup::facts::{Backend, Facts};
use rabbitup::inventory::Desired;
use rabbitup::operation::{Moved, Operation, SwitchServer};
use rabbitup::plan::{Plan, Step};
use rabbitup::report::{Style, plan_text, refusals_text};

use crate::fixtures::{
    BROKERS, INVENTORY, balanced, converged, desired, host, ids, name, options, planned, running,
};

fn proxied() -> Desired {
    desired(&INVENTORY.replace("heartbeat = 30", "heartbeat = 30\nproxy_protocol = true"))
}

fn plan(desired: &Desired, facts: &Facts) -> (Plan, Facts) {
    let (plan, after) = planned(desired, facts, &options()).expect("a plan");
    let again = planned(desired, &after, &options()).expect("a plan after all steps").0;
    assert_eq!(ids(&again), Vec::<String>::new(), "nothing is left to do");
    (plan, after)
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p Step {
    plan.steps
        .iter()
        .find(|step| step.id.to_string() == id)
        .unwrap_or_else(|| panic!("{id}: {:?}", ids(plan)))
}

fn moved(plan: &Plan, id: &str) -> BTreeMap<String, Moved> {
    match &step(plan, id).operation {
        Operation::SwitchServer(SwitchServer { moved, .. }) => moved.clone(),
        other => panic!("{id} is {other:?}"),
    }
}

fn later(backend: &str) -> BTreeMap<String, Moved> {
    [(backend.to_owned(), Moved::Later)].into()
}

#[test]
fn each_broker_is_used_in_the_backend_that_suits_it() {
    let (on, after) = plan(&proxied(), &balanced(&desired(INVENTORY)));
    insta::assert_snapshot!(plan_text(&on, Style::plain(110)));
    insta::assert_snapshot!(
        "between",
        step(&on, "lb1/balancer-conf-ways").diff.as_deref().unwrap_or_default()
    );
    for text in BROKERS {
        assert_eq!(moved(&on, &format!("lb1/in-{text}")), later("rabbitmq"), "it asks for the header now");
    }
    let last = step(&on, "lb1/balancer-conf").diff.as_deref().unwrap_or_default();
    assert!(last.contains("+    server node1 192.168.0.41:5672 send-proxy-v2\n"), "{last}");
    assert!(last.contains("-backend rabbitmq-proxied\n"), "{last}");

    let (off, _) = plan(&desired(INVENTORY), &after);
    for text in BROKERS {
        assert_eq!(moved(&off, &format!("lb1/in-{text}")), later("rabbitmq-proxied"));
    }
    let between = step(&off, "lb1/balancer-conf-ways").diff.as_deref().unwrap_or_default();
    assert!(between.contains("+    server node1 192.168.0.41:5672 disabled\n"), "{between}");
    assert!(between.contains("     server node1 192.168.0.41:5672 send-proxy-v2\n"), "{between}");
}

/// The run before ended behind node1.
#[test]
fn a_change_that_was_interrupted_goes_on() {
    let (before, wanted) = (desired(INVENTORY), proxied());
    let mut facts = balanced(&before);
    let (on, _) = plan(&wanted, &facts);
    let done = converged(&wanted);
    let Operation::WriteFile(write) = &step(&on, "lb1/balancer-conf-ways").operation else {
        panic!("a file")
    };
    let between = write.body.display_text();
    let of_node1 = done.host(&name("node1")).expect("a host");
    let (files, listeners) = (of_node1.files.clone(), of_node1.node().expect("it runs").listeners.clone());
    host(&mut facts, "node1").files = files;
    running(&mut facts, "node1").listeners = listeners;
    let lb1 = host(&mut facts, "lb1");
    lb1.files.get_mut("/etc/haproxy/haproxy.cfg").expect("it is there").content = Some(between);
    let backends = &mut lb1.load_balancer.as_mut().expect("it runs").backends;
    for text in BROKERS {
        let pair = Backend {
            proxy: "rabbitmq-proxied".to_owned(),
            status: if text == "node1" { "UP" } else { "MAINT" }.to_owned(),
            ..backends.iter().find(|backend| backend.server == text).expect("one").clone()
        };
        backends.push(pair);
    }
    backends[0].status = "MAINT".to_owned();

    let findings = rabbitup::cluster::health(&wanted, &facts);
    let told: Vec<_> = findings.iter().map(|finding| finding.problem.what.clone()).collect();
    assert!(!told.iter().any(|what| what.contains("haproxy")), "each is where it belongs: {told:?}");
    let (plan, _) = plan(&wanted, &facts);
    let steps = ids(&plan);
    assert!(!steps.contains(&"node1/restart".to_owned()), "{steps:?}");
    assert!(!steps.iter().any(|id| id.starts_with("lb1/back-") || id.ends_with("-node1")), "{steps:?}");
    assert_eq!(moved(&plan, "lb1/in-node2"), later("rabbitmq"));

    // One that should be there and is not.
    let backends = &mut host(&mut facts, "lb1").load_balancer.as_mut().expect("it runs").backends;
    let missing = backends.iter_mut().find(|it| it.proxy.ends_with("-proxied") && it.server == "node1");
    missing.expect("one").status = "MAINT".to_owned();
    let (plan, _) = self::plan(&wanted, &facts);
    assert_eq!(moved(&plan, "lb1/back-node1"), later("rabbitmq"));
}

#[test]
fn nginx_changes_only_while_no_broker_serves() {
    let nginx = |text: &str| desired(&text.replace("stats = { port = 8404 }", "software = \"nginx\""));
    let wanted = nginx(&INVENTORY.replace("heartbeat = 30", "heartbeat = 30\nproxy_protocol = true"));
    let mut facts = balanced(&nginx(INVENTORY));
    host(&mut facts, "lb1").load_balancer.as_mut().expect("it runs").backends.clear();
    let refused = planned(&wanted, &facts, &options()).expect_err("a refusal");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));

    for text in BROKERS {
        host(&mut facts, text).broker = rabbitup::facts::BrokerState::Down;
    }
    let (plan, _) = planned(&wanted, &facts, &options()).expect("a plan");
    let diff = step(&plan, "lb1/balancer-conf").diff.as_deref().unwrap_or_default();
    assert!(diff.contains("+        proxy_protocol on;"), "{diff}");
}

/// An operator's own template that knows nothing of brokers that change one after the other.
#[test]
fn a_template_without_the_second_backend_changes_only_while_no_broker_serves() {
    use rabbitup::template::Templates;

    let text = "# by rabbitup\nbackend rabbitmq\n{{#each brokers}}\n    server {{name}} {{endpoint}}:{{amqp_port}}{{#if proxied}} send-proxy{{/if}}\n{{/each}}\n";
    let own = [("haproxy".to_owned(), text.to_owned())].into();
    let templates = Templates::new(&own).expect("a template");
    let playbook =
        rabbitup::playbook::Playbook::load("bring-up", std::path::Path::new(".")).expect("embedded");
    let facts = balanced(&desired(INVENTORY));
    let refused =
        rabbitup::plan::plan(&proxied(), &playbook, &templates, &facts, &options()).expect_err("a refusal");
    let told = refusals_text(&refused, Style::plain(100));
    assert!(told.contains("your own template of HAProxy has no backend rabbitmq-proxied"), "{told}");
}

/// What is live on a host against what would be written there.
#[test]
fn the_files_on_the_hosts_are_compared() {
    use rabbitup::plan::Difference::{Form, Lines, Same};
    use rabbitup::plan::LiveFile;
    use rabbitup::template::{TemplateName, Templates};

    let templates = Templates::new(&BTreeMap::new()).expect("the embedded templates");
    let facts = balanced(&desired(INVENTORY));
    let live = |desired: &Desired, facts: &Facts, word: &str| {
        let name = TemplateName::parse(word).expect("a template");
        let found = rabbitup::plan::live(desired, &templates, facts, &options(), (name, None));
        found
            .expect("no refusal")
            .0
            .into_iter()
            .map(|file: LiveFile| (file.host.to_string(), file.difference))
            .collect::<Vec<_>>()
    };
    for word in ["haproxy", "hosts", "rabbitmq", "chrony"] {
        let found = live(&desired(INVENTORY), &facts, word);
        assert!(
            !found.is_empty() && found.iter().all(|(_, difference)| *difference == Same),
            "{word}: {found:?}"
        );
    }
    let found = live(&proxied(), &facts, "rabbitmq");
    let [(_, Lines(first)), _, _] = found.as_slice() else { panic!("{found:?}") };
    assert!(first.contains("+proxy_protocol = true\n"), "{first}");

    let mut facts = facts;
    let conf = "/etc/rabbitmq/rabbitmq.conf";
    let file = host(&mut facts, "node2").files.get_mut(conf).expect("it is there");
    file.content = file.content.take().map(|text| format!("# by hand\n{text}"));
    let found = live(&desired(INVENTORY), &facts, "rabbitmq");
    assert!(matches!(&found[1].1, Form(diff) if diff.contains("-# by hand")), "{found:?}");
    assert!(live(&desired(INVENTORY), &facts, "nginx").is_empty(), "the inventory's is HAProxy");
}
