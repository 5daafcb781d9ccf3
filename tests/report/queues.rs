use std::collections::BTreeSet;

use rabbitup::cluster::{Severity, health, is_healthy};
use rabbitup::facts::{BrokerState, Facts, QueueFacts, QueueKind};
use rabbitup::model::{NodeName, Version};
use rabbitup::report::{Status, StatusDocument, Style, findings_text, status_text};

use super::fixtures::{NOW, desired, facts, host, node_of, seen};

const BROKERS: [&str; 3] = ["node1", "node2", "node3"];

fn nodes(names: &[&str]) -> Vec<NodeName> {
    names.iter().map(|name| NodeName::rabbit(&host(name))).collect()
}

/// A queue that the first of the nodes leads.
fn queue(name: &str, kind: QueueKind, on: &[&str]) -> QueueFacts {
    QueueFacts {
        vhost: "/".to_owned(),
        name: name.to_owned(),
        kind,
        durable: true,
        exclusive: false,
        leader: nodes(on).first().cloned(),
        replicas: nodes(on),
        in_sync: nodes(on),
        wanted: None,
        messages: None,
        bindings: None,
    }
}

/// A healthy cluster with these queues, after one more change.
fn cluster(queues: &[QueueFacts], change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = facts(&desired(3, 1), Version::new(3, 13, 7));
    for name in BROKERS {
        node_of(&mut facts, name).queues = queues.to_vec();
    }
    change(&mut facts);
    facts
}

fn found(facts: &Facts) -> String {
    let findings = health(&desired(3, 1), facts);
    assert!(is_healthy(&findings), "{findings:#?}");
    findings_text(&findings, Style::plain(80))
}

#[test]
fn enough_replicas_are_no_finding() {
    let small = QueueFacts { wanted: Some(1), ..queue("small", QueueKind::Quorum, &["node1"]) };
    let large = QueueFacts { wanted: Some(5), ..queue("large", QueueKind::Stream, &BROKERS) };
    let classic = queue("tasks", QueueKind::Classic, &["node2"]);
    let mirrored = queue("mirrored", QueueKind::Mirrored, &["node2", "node3"]);
    assert_eq!(found(&cluster(&[small, large, classic, mirrored], |_| {})), "");
}

#[test]
fn too_few_replicas_name_the_first_five_queues() {
    let one = [queue("orders", QueueKind::Quorum, &["node1", "node2"])];
    let mut many: Vec<_> = (1..=7).map(|n| queue(&format!("q{n}"), QueueKind::Quorum, &["node1"])).collect();
    many[1].kind = QueueKind::Stream;
    many[2].vhost = "shop".to_owned();
    insta::assert_snapshot!([found(&cluster(&one, |_| {})), found(&cluster(&many, |_| {}))].concat(), @r"
    warning: 1 quorum queue has too few replicas: orders
      next: `rabbitup run grow-queues` adds those that it lacks; by hand:
            `rabbitmq-queues grow NODE all`

    warning: 7 quorum queues and streams have too few replicas: q1, q2, q3 (virtual
             host shop), q4, q5 and 2 more
      next: `rabbitup run grow-queues` adds those that they lack; by hand:
            `rabbitmq-queues grow NODE all`
    ");
}

#[test]
fn replicas_on_former_members_and_on_down_nodes_are_distinguished() {
    let queues = [
        queue("orders", QueueKind::Quorum, &["node1", "node2", "old"]),
        queue("events", QueueKind::Stream, &["node1", "node2", "node3", "older"]),
    ];
    insta::assert_snapshot!(found(&cluster(&queues, |_| {})), @r"
    warning: 1 quorum queue has too few replicas: orders
      next: `rabbitup run grow-queues` adds those that it lacks; by hand:
            `rabbitmq-queues grow NODE all`
    warning: 1 quorum queue lists a replica on rabbit@old, which is not a member of
             the cluster: orders
      next: `rabbitmq-queues shrink rabbit@old` on a broker removes it; then
            `rabbitup run grow-queues`
    warning: 1 stream lists a replica on rabbit@older, which is not a member of the
             cluster: events
      next: `rabbitmq-streams delete_replica events rabbit@older` on a broker
            removes it; then `rabbitup run grow-queues`
    ");
    // The cluster while node3 restarts; that it is down is not tested here.
    let queues =
        [queue("orders", QueueKind::Quorum, &BROKERS), queue("tasks", QueueKind::Classic, &["node3"])];
    let down = cluster(&queues, |f| {
        for name in ["node1", "node2"] {
            node_of(f, name).running.truncate(2);
        }
    });
    let findings = health(&desired(3, 1), &down);
    let warnings: Vec<_> = findings.into_iter().filter(|f| f.problem.what.contains("replica")).collect();
    insta::assert_snapshot!(findings_text(&warnings, Style::plain(80)), @r"
    warning: 1 quorum queue has a replica on rabbit@node3, which does not run:
             orders
      next: `rabbitup up` starts it; if it does not come back: `rabbitup run
            recover-node` or `replace-node`
    ");
}

/// The queue's replicas on these nodes are not in service.
fn idle_on(facts: &mut Facts, names: &[&str], queue: &str) {
    for name in names {
        node_of(facts, name).idle_replicas = Some(BTreeSet::from([("/".to_owned(), queue.to_owned())]));
    }
}

fn unavailable(facts: &Facts) -> String {
    let mut findings = health(&desired(3, 1), facts);
    findings.retain(|found| found.problem.what.contains("replicas") && found.severity != Severity::Warning);
    findings_text(&findings, Style::plain(80))
}

#[test]
fn a_queue_without_a_majority_in_service_is_an_error() {
    let queues = [queue("orders", QueueKind::Quorum, &BROKERS), queue("bills", QueueKind::Quorum, &BROKERS)];
    // A leader that lost its followers still leads.
    let idle = cluster(&queues, |f| idle_on(f, &["node2", "node3"], "orders"));
    let down = cluster(&queues, |f| {
        for name in ["node2", "node3"] {
            seen(f, name).broker = BrokerState::Down;
        }
        node_of(f, "node1").running.truncate(1);
        node_of(f, "node1").links.clear();
    });
    insta::assert_snapshot!([unavailable(&idle), unavailable(&down)].concat(), @r"
    error: 1 quorum queue takes and gives no messages, since most of its replicas
           are not in service, although their nodes run: orders
      next: `rabbitmq-queues quorum_status orders` on a broker shows its replicas

    error: 2 quorum queues take and give no messages, since most nodes of their
           replicas do not run: orders, bills
      next: `rabbitup up` starts the nodes
    ");
    let document = status_of(&idle, |status| StatusDocument::from(status).queues.expect("a node tells"));
    let listed: Vec<_> = document.unavailable.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(listed, ["orders"]);
}

/// A replica that may be in service counts as such: of a node that does not tell, or hangs.
#[test]
fn a_queue_that_may_have_a_majority_is_no_error() {
    let queues = [queue("orders", QueueKind::Quorum, &BROKERS)];
    let one_is_idle = cluster(&queues, |f| idle_on(f, &["node2"], "orders"));
    assert_eq!(unavailable(&one_is_idle), "");
    let one_hangs = cluster(&queues, |f| {
        idle_on(f, &["node3"], "orders");
        seen(f, "node2").broker = BrokerState::Unknown("it hangs".to_owned());
        for name in ["node1", "node3"] {
            node_of(f, name).running.retain(|node| !node.to_string().ends_with("node2"));
            node_of(f, name).links = nodes(&["node2"]);
        }
    });
    assert_eq!(unavailable(&one_hangs), "");
    let one_is_silent = cluster(&queues, |f| {
        idle_on(f, &["node1"], "orders");
        node_of(f, "node2").idle_replicas = None;
    });
    insta::assert_snapshot!(unavailable(&one_is_silent), @r"
    note: rabbit@node2 did not tell which of its replicas of quorum queues are in
          service
      next: `rabbitmq-queues quorum_status QUEUE` on a broker shows one queue's
            replicas
    ");
}

#[test]
fn mirrors_that_are_behind_are_synchronised_by_a_command_that_can_be_pasted() {
    let behind = |name: &str, vhost: &str| QueueFacts {
        vhost: vhost.to_owned(),
        in_sync: nodes(&["node1"]),
        ..queue(name, QueueKind::Mirrored, &BROKERS)
    };
    let one = [behind("m.invoices", "/")];
    let two = [behind("it's new", "the shop"), behind("m.invoices", "/")];
    insta::assert_snapshot!([found(&cluster(&one, |_| {})), found(&cluster(&two, |_| {}))].concat(), @r"
    warning: 1 queue has mirrors that are not in sync: m.invoices
      next: `rabbitup run sync-queue queue=m.invoices`

    warning: 2 queues have mirrors that are not in sync: it's new (virtual host the
             shop), m.invoices
      next: `rabbitup run sync-queue queue='it'\''s new' vhost='the shop'`; the same
            for each of the others
    ");
}

#[test]
fn uninspected_queues_are_mentioned() {
    let facts = cluster(&[queue("tasks", QueueKind::Classic, &["node2"])], |f| {
        BROKERS.iter().for_each(|name| node_of(f, name).queues_complete = false);
    });
    assert!(found(&facts).starts_with("note: not all queues were inspected, only the first 1"));
}

fn status_of<T>(facts: &Facts, read: impl FnOnce(&Status<'_>) -> T) -> T {
    let desired = desired(3, 1);
    let findings = health(&desired, facts);
    read(&Status { desired: &desired, facts, findings: &findings, now: NOW })
}

fn some_queues() -> Vec<QueueFacts> {
    let mut invoices = queue("m.invoices", QueueKind::Mirrored, &["node2", "node3"]);
    invoices.in_sync = nodes(&["node2"]);
    let orders = queue("orders", QueueKind::Quorum, &["node1", "node2"]);
    vec![invoices, orders, queue("events", QueueKind::Stream, &BROKERS)]
}

#[test]
fn the_table_counts_leaders_and_shows_maintenance() {
    let facts = cluster(&some_queues(), |f| {
        node_of(f, "node3").maintenance = true;
        node_of(f, "node3").queues_complete = false;
    });
    let head = |width: usize| {
        let text = status_of(&facts, |status| status_text(status, Style::plain(width)));
        text.lines().take(8).map(|line| format!("{line}\n")).collect::<String>()
    };
    insta::assert_snapshot!([head(80), head(120)].concat(), @r"
    Cluster orders: 3 of 3 nodes run, metadata in Mnesia

      NODE          STATE        VERSION  UP       MEMORY   SEES    COOKIE  CLOCK
      rabbit@node1  running      3.13.7   3 d 3 h  143 MiB  3 of 3  ✔       -2 ms
      rabbit@node2  running      3.13.7   3 d 4 h  150 MiB  3 of 3  ✔       ±1 ms
      rabbit@node3  maintenance  3.13.7   3 d 5 h  157 MiB  3 of 3  ✔       +4 ms
      TYPE: disc
      LEADERS: 2 (rabbit@node1), 1 (rabbit@node2), 0+ (rabbit@node3)
    Cluster orders: 3 of 3 nodes run, metadata in Mnesia

      NODE          STATE        VERSION  ERLANG            TYPE  UP       MEMORY   LEADERS  SEES    COOKIE  CLOCK
      rabbit@node1  running      3.13.7   25 (erts 13.1.5)  disc  3 d 3 h  143 MiB  2        3 of 3  ✔       -2 ms
      rabbit@node2  running      3.13.7   25 (erts 13.1.5)  disc  3 d 4 h  150 MiB  1        3 of 3  ✔       ±1 ms
      rabbit@node3  maintenance  3.13.7   25 (erts 13.1.5)  disc  3 d 5 h  157 MiB  0+       3 of 3  ✔       +4 ms

    Load balancer lb1 (haproxy): AMQP answers on port 5672
    ");
}

#[test]
fn json_lists_queues_that_lack_a_copy() {
    let facts = cluster(&some_queues(), |f| node_of(f, "node3").maintenance = true);
    let document =
        status_of(&facts, |status| serde_json::to_string(&StatusDocument::from(status)).expect("a document"));
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(document["nodes"][2]["maintenance"], true);
    assert_eq!(document["nodes"][0]["queue_leaders"], 2);
    let names = |nodes: &[&str]| nodes.iter().map(|node| format!("rabbit@{node}")).collect::<Vec<_>>();
    let wanted = serde_json::json!({
        "total": 3,
        "complete": true,
        "unavailable": [],
        "under_replicated": [{
            "vhost": "/",
            "name": "orders",
            "kind": "quorum",
            "leader": "rabbit@node1",
            "replicas": names(&["node1", "node2"]),
            "in_sync": names(&["node1", "node2"]),
        }],
        "unsynchronised": [{
            "vhost": "/",
            "name": "m.invoices",
            "kind": "mirrored",
            "leader": "rabbit@node2",
            "replicas": names(&["node2", "node3"]),
            "in_sync": names(&["node2"]),
        }],
    });
    assert_eq!(document["queues"], wanted);
}
