//! Journals of made-up runs.

use rabbitup::history::{Found, PastRun, past_run};
use serde_json::{Value, json};

/// The lines of a journal, with times in milliseconds since the command began.
pub struct Lines(Vec<Value>);

/// 2026-11-29, a quarter past eight.
fn at(ms: u64) -> String {
    let (minute, second) = (15 + ms / 60_000, ms / 1000 % 60);
    format!("2026-11-29T{:02}:{:02}:{second:02}.{:03}Z", 8 + minute / 60, minute % 60, ms % 1000)
}

/// `HOST/WHAT`, its title, and what it waits for.
type Planned<'a> = (&'a str, &'a str, &'a [&'a str]);

fn planned(steps: &[Planned<'_>]) -> Value {
    let step = |(id, title, after): &Planned<'_>| {
        let host = id.split('/').next();
        json!({"id": id, "title": title, "host": host, "phase": "start", "change": "add", "after": after})
    };
    steps.iter().map(step).collect()
}

/// A cluster as a run saw it; every part in the same condition.
fn seen(title: &str, verdict: &str, condition: &str, parts: &[(&str, &[&str])]) -> Value {
    let part =
        |(name, lines): &(&str, &[&str])| json!({"name": name, "condition": condition, "lines": lines});
    let parts = |names: &[&str]| -> Value {
        parts.iter().filter(|(name, _)| names.iter().any(|start| name.starts_with(start))).map(part).collect()
    };
    json!({"title": title, "verdict": verdict, "addresses": parts(&["192."]), "balancers": parts(&["lb"]),
        "brokers": parts(&["node"]), "others": parts(&["client"])})
}

impl Lines {
    pub fn begin(text: &str, hosts: &[String], steps: &[Planned<'_>]) -> Self {
        Self(vec![json!({
            "format_version": 1, "at": at(0), "command": text, "playbook": text, "run": text,
            "plan": "5d8962856ae8", "hosts": hosts, "steps": planned(steps), "operator": text,
            "inventory": text, "cluster": text, "rabbitup": text, "locked": true,
        })])
    }

    pub fn line(&mut self, ms: u64, event: &str, more: Value) {
        let mut line = json!({"at": at(ms), "event": event});
        let fields = line.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        self.0.push(line);
    }

    /// The lines of a step: its begin, and how it ended.
    fn step(&mut self, id: &str, (begin, end): (u64, u64)) {
        let step = json!({"step": id, "host": id.split('/').next()});
        self.line(begin, "step_started", step.clone());
        let took = json!({"secs": (end - begin) / 1000, "nanos": (end - begin) % 1000 * 1_000_000});
        self.of(end, "step_succeeded", id, json!({"elapsed": took}));
    }

    fn of(&mut self, ms: u64, event: &str, id: &str, mut more: Value) {
        let fields = more.as_object_mut().expect("an object");
        fields.insert("step".to_owned(), id.into());
        fields.insert("host".to_owned(), id.split('/').next().into());
        self.line(ms, event, more);
    }

    pub fn text(&self) -> String {
        self.0.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The values, as `history show --json` has them.
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}

/// A journal and its run.
pub fn found(text: &str) -> (Found, PastRun) {
    let run = past_run(text.as_bytes()).expect("a journal");
    let path = "/home/ann/.local/state/rabbitup/journal/20261129T081502Z-7.jsonl".into();
    (Found { path, bytes: text.len() as u64, run: Ok(run.clone()) }, run)
}

fn hosts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// How the configuration of each broker changes.
const CONFIGURED: &str = "--- /etc/rabbitmq/rabbitmq.conf\n+++ /etc/rabbitmq/rabbitmq.conf\n@@ -1 +1,5 @@\n-# nothing yet\n\
    +cluster_name = orders\n+cluster_formation.peer_discovery_backend = classic_config\n\
    +cluster_formation.classic_config.nodes.1 = rabbit@node1\n+cluster_partition_handling = pause_minority\n";

/// A bring-up as README.md shows one.
pub fn bring_up() -> Lines {
    let packages = "install rabbitmq-server 4.0.5-8, chrony 4.6.1-3";
    let config = "write /etc/rabbitmq/rabbitmq.conf";
    let enters = |node: &str| format!("start rabbit@{node}, which enters the cluster of rabbit@node1");
    let (second, third) = (enters("node2"), enters("node3"));
    let steps: &[Planned<'_>] = &[
        ("node1/packages", packages, &[]),
        ("node2/packages", packages, &[]),
        ("node3/packages", packages, &["node1/packages"]),
        ("lb1/packages", "install haproxy 3.0.11-1, chrony 4.6.1-3", &["node1/packages"]),
        ("node1/config", config, &[]),
        ("node1/start", "start rabbit@node1", &[]),
        ("lb1/haproxy", "write /etc/haproxy/haproxy.cfg", &[]),
        ("node2/config", config, &["node1/start"]),
        ("node2/start", &second, &["node1/start"]),
        ("node3/config", config, &["node2/start"]),
        ("node3/start", &third, &["node2/start"]),
    ];
    let mut lines = Lines::begin("bring-up", &hosts(&["node1", "node2", "node3", "lb1"]), steps);
    let head = lines.0[0].as_object_mut().expect("an object");
    for (field, value) in [
        ("command", "rabbitup -i production.toml up"),
        ("run", "5aa20990aa0b4c6d8e9f00112233445f"),
        ("operator", "ann@desk"),
        ("inventory", "/home/ann/production.toml"),
        ("cluster", "orders"),
        ("rabbitup", "0.1.0"),
    ] {
        head.insert(field.to_owned(), value.into());
    }
    let absent: &[&str] = &["down"];
    let before = [("node1", absent), ("node2", absent), ("node3", absent), ("lb1", &["does not run"])];
    head.insert("seen".to_owned(), seen("Cluster orders", "0 of 3 nodes run.", "bad", &before));
    head.insert("notes".to_owned(), json!([{"host": "lb1", "text": "clients use lb1:5672"}]));
    for step in head["steps"].as_array_mut().expect("steps") {
        let id = step["id"].as_str().expect("an id").to_owned();
        let step = step.as_object_mut().expect("a step");
        step.insert("reason".to_owned(), "the host has another".into());
        if id.ends_with("config") {
            step.insert("diff".to_owned(), CONFIGURED.into());
        }
    }
    let all = json!(["node1", "node2", "node3", "lb1"]);
    lines.line(2_100, "apply_started", json!({"steps": steps.len(), "hosts": all}));
    for (id, begin, end) in [
        ("node1/packages", 23, 80),
        ("node2/packages", 23, 80),
        ("node1/config", 80, 81),
        ("node3/packages", 80, 152),
        ("lb1/packages", 80, 122),
        ("node1/start", 81, 128),
        ("lb1/haproxy", 122, 125),
        ("node2/config", 128, 130),
        ("node2/start", 130, 181),
        ("node3/config", 181, 183),
        ("node3/start", 183, 235),
    ] {
        lines.step(id, (begin * 100, end * 100));
    }
    let done = json!({"secs": 21, "nanos": 500_000_000});
    lines.line(23_600, "apply_ended", json!({"outcome": "done", "elapsed": done, "hosts": {}}));
    lines.line(27_000, "verified", json!({"healthy": true, "findings": [
        {"severity": "warning", "host": "lb1", "what": "the statistics page has no password", "advice": "set [load_balancer] stats"},
    ]}));
    let runs: &[&str] = &["running 4.0.5", "sees 3 of 3 nodes"];
    let after = [("node1", runs), ("node2", runs), ("node3", runs), ("lb1", &["serves clients"])];
    let verdict = "3 of 3 nodes run, 1 load balancer serves them; 1 warning.";
    lines.line(27_050, "cluster_seen", seen("Cluster orders", verdict, "good", &after));
    lines.line(27_100, "run_ended", json!({"result": "done", "exit_code": 0, "code": null, "message": null}));
    lines
}

/// A run in which everything is that a run can have, with this text wherever any text can be.
pub fn all_with(text: &str) -> Lines {
    let steps: &[Planned<'_>] = &[
        ("node1/packages", text, &[]),
        ("node2/packages", text, &["node1/packages", text]),
        ("node1/start", text, &[]),
        ("node2/start", text, &["node1/start"]),
        ("lb1/haproxy", text, &["node2/start"]),
        ("node1/late", text, &[]),
        (text, text, &[]),
    ];
    let mut lines = Lines::begin(text, &hosts(&["node1", "node2", "lb1"]), steps);
    let words: &[&str] = &[text, text];
    let parts = [("node1", words), ("node2", words), ("lb1", words), ("192.0.2.9", words), ("client", words)];
    let head = lines.0[0].as_object_mut().expect("an object");
    head.insert("seen".to_owned(), seen(text, text, "warning", &parts));
    head.insert("notes".to_owned(), json!([{"host": "lb1", "text": text}, {"host": null, "text": text}]));
    for step in head["steps"].as_array_mut().expect("steps") {
        let step = step.as_object_mut().expect("a step");
        step.insert("reason".to_owned(), text.into());
        step.insert(
            "diff".to_owned(),
            format!("--- {text}\n+++ {text}\n@@ -1 +1 @@\n-{text}\n+{text}\n").into(),
        );
    }
    let started = json!({"steps": steps.len(), "hosts": ["node1", "node2", "lb1"]});
    lines.line(2_000, "apply_started", started.clone());
    lines.step("node1/packages", (2_100, 9_000));
    lines.of(9_000, "step_told", "node1/packages", json!({"text": text}));
    lines.of(9_000, "step_told", "node1/packages", json!({"text": format!("$ {text}")}));
    lines.step("node2/packages", (9_000, 12_000));
    lines.step("node1/start", (9_000, 15_000));
    lines.of(15_000, "step_started", "node2/start", json!({}));
    let output: Vec<&str> = std::iter::repeat_n(text, 40).collect();
    let failure = json!({"kind": "command", "code": 1, "cause": text, "advice": text, "output": output});
    let took = json!({"secs": 31, "nanos": 0});
    lines.of(46_000, "step_failed", "node2/start", json!({"elapsed": took, "failure": failure}));
    lines.of(46_000, "step_blocked", "lb1/haproxy", json!({"because_of": "node2/start"}));
    lines.line(46_000, "interrupted", json!({"running": []}));
    lines.line(46_100, text, json!({}));
    let found = |host: Value, consequence: bool| {
        json!({"cause": text, "host": host, "peer": "node1", "what": text,
        "why": format!("{text}\n{text}"), "advice": format!("{text}\n$ {text}"), "consequence": consequence})
    };
    lines.line(
        46_500,
        "diagnosed",
        json!({"findings": [found("node2".into(), false), found(Value::Null, true)]}),
    );
    let recovery = json!({"pass": "recovery", "run": text, "plan": text, "hosts": ["node1", "node2", "lb1"],
        "steps": planned(&steps[2..4])});
    lines.line(47_000, "pass_started", recovery);
    lines.line(47_000, "apply_started", started);
    lines.step("node1/start", (47_000, 49_000));
    lines.of(49_000, "step_started", "node2/start", json!({}));
    lines.of(50_000, "step_output", "node2/start", json!({"line": text}));
    lines.line(
        60_000,
        "verified",
        json!({"healthy": false, "findings": [
            {"severity": "error", "host": "node2", "what": text, "advice": text},
            {"severity": "note", "host": null, "what": text, "advice": format!("$ {text}")},
        ]}),
    );
    lines.line(60_500, "cluster_seen", seen(text, text, "bad", &parts));
    let problem = json!({"code": text, "host": "node2", "what": text, "why": text, "advice": text});
    lines.line(
        61_000,
        "run_ended",
        json!({"result": "failed", "exit_code": 1, "code": text, "message": text, "problems": [problem]}),
    );
    lines
}

/// A run of so many hosts with so many steps each, of which the last host's last one failed.
pub fn many(hosts: usize, steps: usize) -> Lines {
    let names: Vec<String> = (1..=hosts).map(|host| format!("node{host}")).collect();
    let ids: Vec<String> =
        names.iter().flat_map(|name| (0..steps).map(move |step| format!("{name}/step-{step}"))).collect();
    let firsts: Vec<&str> = ids.iter().step_by(steps).map(String::as_str).collect();
    let none: &[&str] = &[];
    let of_ids = ids.iter().enumerate().map(|(at, id)| {
        let waits = if at % steps == 1 { &firsts[..] } else { none };
        (id.as_str(), "put the file /etc/rabbitmq/conf.d/10-rabbitup.conf in place", waits)
    });
    let planned: Vec<Planned<'_>> = of_ids.collect();
    let mut lines = Lines::begin("rolling-restart", &names, &planned);
    lines.line(2_000, "apply_started", json!({"steps": ids.len(), "hosts": names}));
    for (at, id) in ids.iter().enumerate() {
        let begin = 2_000 + (at % steps) as u64 * 3_000;
        if at + 1 < ids.len() {
            lines.step(id, (begin, begin + 2_000 + (at % 7) as u64 * 100));
        } else {
            lines.of(begin, "step_started", id, json!({}));
            let failure =
                json!({"kind": "timed_out", "code": null, "cause": null, "advice": null, "output": []});
            let took = json!({"secs": 2, "nanos": 0});
            lines.of(begin + 2_000, "step_failed", id, json!({"elapsed": took, "failure": failure}));
        }
    }
    let end = 3_000 + steps as u64 * 3_000;
    lines.line(end, "run_ended", json!({"result": "failed", "exit_code": 1, "code": null, "message": null}));
    lines
}

/// A run that was refused before its first step.
pub fn refused() -> Lines {
    let mut lines = Lines::begin("bring-up", &hosts(&["node1", "node2"]), &[]);
    let head = lines.0[0].as_object_mut().expect("an object");
    head.insert("plan".to_owned(), Value::Null);
    head.insert("command".to_owned(), "rabbitup up --yes".into());
    let problem = json!({"code": "refused.own-data", "host": "node2", "what": "it has data of its own",
        "why": "2 queues", "advice": "look:\n$ rabbitup status"});
    let more = json!({"result": "refused", "exit_code": 3, "code": "refused.own-data",
        "message": "node2: it has data of its own", "problems": [problem]});
    lines.line(1_200, "run_ended", more);
    lines
}

/// The journal of a killed run as an older version wrote it: without operator, inventory, cluster, hosts and `after` of steps.
pub fn of_older() -> String {
    let whole = bring_up();
    let mut head = whole.0[0].clone();
    let fields = head.as_object_mut().expect("an object");
    ["operator", "inventory", "cluster", "rabbitup", "locked", "notes", "seen"].iter().for_each(|field| {
        fields.remove(*field);
    });
    for step in fields["steps"].as_array_mut().expect("steps") {
        let step = step.as_object_mut().expect("a step");
        ["host", "phase", "change", "after", "reason", "diff"].iter().for_each(|field| {
            step.remove(*field);
        });
    }
    let lines = std::iter::once(&head).chain(&whole.0[1..13]);
    lines.map(|line| format!("{line}\n")).collect()
}
