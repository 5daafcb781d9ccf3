//! Pages from made-up plans and facts.

use std::time::{Duration, UNIX_EPOCH};

use rabbitup::cluster::{Finding, health};
use rabbitup::facts::{
    BrokerState, Facts, Observation, Partition, QueueFacts, QueueKind, Unreachable, UnreachableCause,
};
use rabbitup::inventory::Desired;
use rabbitup::model::{NodeName, Problem, Version};
use rabbitup::plan::{Phase, Plan, PlanError, Refusal, RefusalKind};
use rabbitup::report::{
    Detail, Details, ErrorCode, ErrorDocument, ErrorKind, FailureCode, Made, PlanPage, RefusalDocument,
    Routes, Status, StatusDocument, failure_page, run_page, status_page, unreachable_document,
};

use super::fixtures::{NOW, bring_up, cookie, desired, facts, host, node_of, seen};
use super::journals;

fn made() -> Made {
    let at = UNIX_EPOCH + Duration::from_secs(NOW);
    Made { by: "ann@desk".to_owned(), at, from: "production.toml".to_owned() }
}

fn page(plan: &Plan, desired: &Desired) -> String {
    let next = "rabbitup -i production.toml up".to_owned();
    PlanPage { plan, desired, made: made(), next, skipped: Vec::new(), detail: Detail::Folded }.html()
}

pub fn plan() -> (Plan, String) {
    let plan = bring_up();
    let html = page(&plan, &desired(3, 1));
    (plan, html)
}

/// What was seen of a cluster.
pub struct Seen {
    desired: Desired,
    facts: Facts,
    findings: Vec<Finding>,
}

impl Seen {
    fn of(desired: Desired, facts: Facts) -> Self {
        let findings = health(&desired, &facts);
        Self { desired, facts, findings }
    }

    fn status(&self) -> Status<'_> {
        let Self { desired, facts, findings } = self;
        Status { desired, facts, findings, now: NOW }
    }

    pub fn html(&self) -> String {
        status_page(&self.status(), &made())
    }

    pub fn document(&self) -> StatusDocument {
        StatusDocument::from(&self.status())
    }

    pub fn silent(&self) -> usize {
        self.facts.unreachable().count()
    }
}

pub fn states() -> Vec<(&'static str, Seen)> {
    let small = desired(3, 1);
    let healthy = facts(&small, Version::new(4, 0, 5));
    let many = desired(49, 1);
    let all = facts(&many, Version::new(4, 0, 5));
    vec![
        ("status-healthy", Seen::of(small, healthy)),
        ("status-torn", torn()),
        ("status-night", night()),
        ("status-many", Seen::of(many, all)),
    ]
}

fn node_name(name: &str) -> NodeName {
    NodeName::rabbit(&host(name))
}

/// Node 3 on the other side of a partition, with queues that lack a copy.
fn torn() -> Seen {
    let desired = desired(3, 2);
    let mut facts = facts(&desired, Version::new(3, 10, 8));
    for name in ["node1", "node2"] {
        let node = node_of(&mut facts, name);
        node.running.retain(|node| node != &node_name("node3"));
        node.partitions = vec![Partition { node: node_name(name), from: node_name("node3") }];
        node.queues = ["orders", "invoices"].map(queue).to_vec();
    }
    node_of(&mut facts, "node3").running = vec![node_name("node3")];
    node_of(&mut facts, "node1").alarms = vec!["disk on rabbit@node1".to_owned()];
    let balancer = seen(&mut facts, "lb1").load_balancer.as_mut().expect("a load balancer");
    for server in balancer.backends.iter_mut().filter(|server| server.server == "node3") {
        (server.status, server.check) = ("DOWN".to_owned(), "L4CON".to_owned());
    }
    Seen::of(desired, facts)
}

fn queue(name: &str) -> QueueFacts {
    QueueFacts {
        vhost: "/".to_owned(),
        name: name.to_owned(),
        kind: QueueKind::Quorum,
        durable: true,
        exclusive: false,
        leader: Some(node_name("node1")),
        replicas: vec![node_name("node1")],
        in_sync: vec![node_name("node1")],
        wanted: Some(3),
        messages: Some(17),
        bindings: None,
    }
}

/// A host that does not answer, a cookie that differs, a node that is down: 3 a.m.
fn night() -> Seen {
    let desired = desired(5, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    seen(&mut facts, "node2").broker = BrokerState::CookieRefused;
    seen(&mut facts, "node2").cookie.as_mut().expect("a cookie").normalised = cookie("other");
    seen(&mut facts, "node5").broker = BrokerState::Down;
    facts.hosts.insert(host("node4"), silent());
    Seen::of(desired, facts)
}

fn silent() -> Observation {
    Observation::Unreachable(Unreachable {
        cause: UnreachableCause::NoConnection,
        evidence: "ssh: connect to host 192.168.0.44 port 22: Connection timed out".to_owned(),
    })
}

pub fn failures() -> Vec<(&'static str, String, Vec<String>)> {
    let data = Problem::new(
        "it holds data that joining the cluster would destroy",
        "2 queues (`/`/orders with 17 messages, `/`/invoices), 1 vhost (`shop`), 1 user (`shop`)",
        "save what is needed (`rabbitmqctl export_definitions`), then name the node: --destroy-data node3",
    );
    let disk = |name: &str| {
        let problem = Problem::new(
            "too little disk space is free under /var/lib",
            "102 MiB are free, 1024 MiB are needed",
            "free some, or give /var/lib more",
        );
        Refusal { kind: RefusalKind::OwnData, phase: Phase::Preflight, problem: problem.on(&host(name)) }
    };
    let refused = PlanError(vec![
        Refusal { kind: RefusalKind::OwnData, phase: Phase::Join, problem: data.on(&host("node3")) },
        disk("node1"),
        disk("node2"),
    ]);
    let desired = desired(5, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    facts.hosts.insert(host("node4"), silent());
    let unreachable = unreachable_document(&facts, &Routes::from(&desired));
    let advice =
        unreachable.unreachable.iter().flat_map(|entry| &entry.advice).map(|line| line.replace("$ ", ""));
    let mut missed = vec!["node4".to_owned(), "Connection timed out".to_owned()];
    missed.extend(advice);
    let words = [
        "17 messages",
        "node1, node2",
        "--destroy-data node3",
        "No plan: 2 problems to solve first. Nothing was changed.",
    ];
    vec![
        (
            "refused",
            failure(
                ErrorKind::Refused,
                &refused.0[0].problem.what,
                &Details::Refusals(RefusalDocument::from(&refused)),
            ),
            words.map(str::to_owned).to_vec(),
        ),
        (
            "unreachable",
            failure(ErrorKind::Unreachable, "node4 did not answer", &Details::Unreachable(unreachable)),
            missed,
        ),
    ]
}

fn failure(error: ErrorKind, message: &str, details: &Details) -> String {
    let document = ErrorDocument {
        format_version: 1,
        event: "error",
        error,
        code: ErrorCode::Other(FailureCode::Internal),
        exit_code: 1,
        message,
        why: None,
        next: None,
        commands: &[],
        details,
    };
    failure_page("rabbitup plan", "bring-up".to_owned(), &document, &made())
}

/// Runs of the past, each with its name, its journal and its page.
pub fn runs() -> Vec<(&'static str, String, String)> {
    let page = |name, journal: String| {
        let (found, run) = journals::found(&journal);
        let html = run_page(&found, &run, &made());
        (name, journal, html)
    };
    vec![
        page("run-done", journals::bring_up().text()),
        page("run-failed", journals::all_with("start rabbit@node2, which enters the cluster").text()),
        page("run-refused", journals::refused().text()),
        page("run-older", journals::of_older()),
        page("run-many", journals::many(50, 20).text()),
    ]
}

/// A plan and a run with text that looks like a page.
pub fn hostile() -> [String; 2] {
    let text = "</title></style></pre><script>broken = true</script><img src=x onerror=\"broken = true\"> ' onmouseover='broken = true";
    let mut plan = bring_up();
    for step in &mut plan.steps {
        (step.title, step.reason, step.diff) = (text.to_owned(), text.to_owned(), Some(format!("+{text}\n")));
    }
    (plan.cluster, plan.playbook) = (Some(text.to_owned()), text.to_owned());
    plan.notes.iter_mut().for_each(|note| note.text = text.to_owned());
    let (found, run) = journals::found(&journals::all_with(text).text());
    [page(&plan, &desired(3, 1)), run_page(&found, &run, &made())]
}
