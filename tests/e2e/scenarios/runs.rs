//! Interrupts, the JSON output of a run, and imports.

use std::process::Command;

use crate::inventory::Inventory;
use crate::stage::Stage;

/// Ctrl-C lets the running step end, starts no further one, says so, and the same command resumes from there.
pub fn interrupt(stage: &Stage) {
    let inventory = Inventory::whole();
    stage.lab.stdout_of("node2", "systemctl stop rabbitmq-server");
    let mut run = stage.rabbitup(&inventory).args(["up", "--yes"]).spawn();
    // A step of some seconds is announced before it ends.
    run.wait_for("start rabbit@node2 …");
    let pid = run.pid().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
    assert!(sent.success(), "the run still goes on");
    run.wait().expect(130).says("start rabbit@node2 … ok");
    stage.assert_nothing_to_do(&inventory);
    let left = stage.lab.stdout_of("node2", "ls /run | grep rabbitup || true");
    assert!(!left.contains(".stop"), "a file of ours is left in /run: {left}");
}

/// With `--json` every line is an event, and the last one is the result.
pub fn events(stage: &Stage) {
    let inventory = Inventory::whole();
    stage.lab.stdout_of("node3", "systemctl stop rabbitmq-server");
    let run = stage.rabbitup(&inventory).args(["up", "--yes", "--json"]).run().expect(0);
    let events: Vec<serde_json::Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}\n{run}")))
        .collect();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((of("step_started"), of("step_succeeded"), of("apply_ended")), (1, 1, 1), "{run}");
    let last = events.last().expect("there are events");
    assert_eq!((&last["event"], &last["healthy"]), (&"verified".into(), &true.into()), "{run}");
    assert!(events.iter().all(|event| event["format_version"] == 1), "{run}");
}

const DEFINITIONS: &str = r#"{
  "vhosts": [{"name": "shop"}],
  "users": [{"name": "till", "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}],
  "permissions": [{"user": "till", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"}],
  "policies": [{"vhost": "shop", "name": "short-lived", "pattern": ".*", "apply-to": "queues",
                "definition": {"message-ttl": 60000}, "priority": 0}]
}
"#;

/// Definitions are imported once, again when the file has changed, and again when something of them is missing.
pub fn definitions(stage: &Stage) {
    let mut inventory = Inventory::whole();
    inventory.cluster.push("definitions = \"definitions.json\"".to_owned());
    let file = stage.home.borrow().path("definitions.json");
    std::fs::write(&file, DEFINITIONS).expect("the home is writable");
    stage.up(&inventory).expect(0).says("import definitions.json").says("because it was never imported");
    let policies = stage.lab.stdout_of("node1", "rabbitmqctl -q list_policies -p shop");
    assert!(policies.contains("short-lived"), "{policies}");
    stage.assert_nothing_to_do(&inventory);
    stage.lab.stdout_of("node1", "rabbitmqctl -q clear_policy -p shop short-lived");
    stage.plan(&inventory).expect(2).says("because missing from it: policy shop/short-lived");
    std::fs::write(&file, DEFINITIONS.replace("60000", "90000")).expect("the home is writable");
    stage.up(&inventory).expect(0).says("because the file has changed since it was imported");
    let policies = stage.lab.stdout_of("node2", "rabbitmqctl -q list_policies -p shop");
    assert!(policies.contains("90000"), "{policies}");
    stage.assert_nothing_to_do(&inventory);
    // The next scenario finds the cluster as it was.
    stage.lab.stdout_of(
        "node1",
        "rabbitmqctl -q delete_vhost shop && rabbitmqctl -q delete_user till && \
         rabbitmqctl -q clear_global_parameter rabbitup_definitions",
    );
}
