//! What is known of packages, plugins and definitions before anything is changed.

use rabbitup::facts::{Clock, Facts, PackageFacts, PluginFiles, TimeService};
use rabbitup::inventory::Desired;
use rabbitup::operation::Operation;
use rabbitup::report::{Style, plan_text, refusals_text};

use crate::fixtures::*;

fn text(desired: &Desired, facts: &Facts) -> String {
    match planned(desired, facts, &options()) {
        Ok((plan, _)) => plan_text(&plan, Style::plain(240)),
        Err(refused) => refusals_text(&refused, Style::plain(240)),
    }
}

fn installed(facts: &mut Facts, text: &str, package: &str) {
    let known = PackageFacts { installed: Some("1.0-1".to_owned()), ..PackageFacts::default() };
    host(facts, text).packages.insert(package.to_owned(), known);
}

/// Debian installs systemd-timesyncd by default; chrony replaces it.
#[test]
fn a_time_service_that_chrony_replaces_is_named() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    installed(&mut facts, "node2", "systemd-timesyncd");
    let running = TimeService { running: Some("systemd-timesyncd".to_owned()), synchronised: Some(false) };
    host(&mut facts, "node2").time_service = running;
    let (plan, after) = planned(&desired, &facts, &options()).expect("a plan");
    let removed = |text: &str| {
        plan.steps.iter().find_map(|step| match &step.operation {
            Operation::InstallPackages(install) if step.host == name(text) => {
                Some((install.removes.clone(), step.reason.clone()))
            }
            _ => None,
        })
    };
    // The lists of this host name no chrony.
    let missing = "not installed; 1 version is known only after apt-get update";
    let reason = format!("{missing}; removes systemd-timesyncd, which chrony replaces");
    assert_eq!(removed("node2"), Some((vec!["systemd-timesyncd".to_owned()], reason)));
    assert_eq!(removed("node1"), Some((Vec::new(), missing.to_owned())));
    assert_eq!(ids(&planned(&desired, &after, &options()).expect("a plan").0), [""; 0]);
    // In sync, it stays.
    host(&mut facts, "node2").time_service.synchronised = Some(true);
    assert!(!text(&desired, &facts).contains("chrony replaces"));
}

#[test]
fn whatever_else_would_be_removed_is_refused() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    let broker = host(&mut facts, "node2").packages.get_mut("rabbitmq-server").expect("it is known");
    broker.removes = vec!["esl-erlang".to_owned(), "their-consumer".to_owned()];
    insta::assert_snapshot!(text(&desired, &facts));
}

fn off(facts: &mut Facts, text: &str, seconds: f64) {
    host(facts, text).clock = Some(Clock { offset_ms: seconds * 1000.0, uncertainty_ms: 20.0 });
}

#[test]
fn a_clock_with_which_no_package_can_be_fetched_is_refused() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    off(&mut facts, "node1", 0.0);
    off(&mut facts, "node2", -21_600.3);
    off(&mut facts, "node3", 90.0);
    insta::assert_snapshot!(text(&desired, &facts));
    off(&mut facts, "node2", 8.0 * 86_400.0);
    assert!(
        text(&desired, &facts).contains(r"date -s '\''691200 seconds ago'\''"),
        "{}",
        text(&desired, &facts)
    );
    // chrony corrects it where all packages are there.
    let mut facts = converged(&desired);
    off(&mut facts, "node2", -21_600.0);
    host(&mut facts, "node2").time_service = TimeService::default();
    assert!(text(&desired, &facts).contains("6 h behind this machine's; no time service runs yet"));
}

fn with_plugin(plugin: &str) -> Desired {
    desired(&INVENTORY.replace("\"rabbitmq_management\"", &format!("\"rabbitmq_management\", \"{plugin}\"")))
}

const DELAYED: &str = "rabbitmq_delayed_message_exchange";

fn place(facts: &mut Facts, file: &str) {
    for text in ["node1", "node2", "node3"] {
        let own = "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins".to_owned();
        let mut plugins = PluginFiles { directories: vec![own], ..PluginFiles::default() };
        plugins.files.insert(DELAYED.to_owned(), vec![file.to_owned()]);
        host(facts, text).plugins = plugins;
    }
}

#[test]
fn a_plugin_without_a_file_is_refused() {
    let wanted = with_plugin(DELAYED);
    let mut new = fresh(&wanted);
    insta::assert_snapshot!(text(&wanted, &new));
    place(&mut new, "/usr/lib/rabbitmq/plugins/rabbitmq_delayed_message_exchange-3.10.2.ez");
    assert!(!text(&wanted, &new).contains("is not on this host"), "{}", text(&wanted, &new));
    // On running nodes.
    let mut running = converged(&desired(INVENTORY));
    assert!(text(&wanted, &running).contains("is not on this host"));
    place(
        &mut running,
        "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/rabbitmq_delayed_message_exchange-3.10.2.ez",
    );
    assert!(text(&wanted, &running).contains("rabbitmq_delayed_message_exchange not enabled"));
    place(
        &mut running,
        "/usr/lib/rabbitmq/lib/rabbitmq_server-3.9.4/plugins/rabbitmq_delayed_message_exchange-3.9.0.ez",
    );
    assert!(
        text(&wanted, &running).contains("does not read /usr/lib/rabbitmq/lib/rabbitmq_server-3.9.4/plugins")
    );
    // One that RabbitMQ ships, and not this version.
    let later = with_plugin("rabbitmq_shovel_prometheus");
    assert!(text(&later, &fresh(&later)).contains("RabbitMQ 3.10.8 does not ship it"));
}

const DEFINITIONS: &str = r#"{
    "vhosts": [{"name": "shop"}],
    "users": [{"name": "till", "password_hash": "x", "tags": []}],
    "permissions": [{"user": "nobody", "vhost": "depot", "configure": "", "write": "", "read": ""}],
    "policies": [
        {"vhost": "shop", "name": "groups", "pattern": "", "definition": {"target-group-size": 5}},
        {"vhost": "shop", "name": "more-groups", "pattern": "", "definition": {"target-group-size": 3, "max-length": 1}},
        {"vhost": "shop", "name": "shards", "pattern": "", "definition": {"shards-per-node": 2}}
    ],
    "exchanges": [{"vhost": "shop", "name": "later", "type": "x-delayed-message"}],
    "parameters": [{"vhost": "shop", "component": "shovel", "name": "over", "value": {}}],
    "queues": [
        {"vhost": "shop", "name": "carts", "durable": false, "arguments": {}},
        {"vhost": "shop", "name": "orders", "durable": false, "arguments": {"x-queue-type": "quorum"}}
    ]
}"#;

pub fn with_definitions(definitions: &str) -> Desired {
    // Tests of one process run side by side.
    let own = format!("rabbitup-{}-{:?}", std::process::id(), std::thread::current().id());
    let directory = std::env::temp_dir().join(own);
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let file = directory.join("defined.json");
    std::fs::write(&file, definitions).expect("the temporary directory is writable");
    let line = format!("[cluster]\ndefinitions = \"{}\"\n", file.display());
    let wanted = desired(&INVENTORY.replacen("[cluster]\n", &line, 1));
    std::fs::remove_dir_all(&directory).expect("it is ours");
    wanted
}

fn of_version(facts: &mut Facts, version: &str) {
    for text in ["node1", "node2", "node3"] {
        let package = host(facts, text).packages.get_mut("rabbitmq-server").expect("it is known");
        package.candidate = Some(version.to_owned());
        package.offered = vec![version.to_owned()];
    }
}

#[test]
fn definitions_that_the_version_does_not_accept_are_refused() {
    let wanted = with_definitions(DEFINITIONS);
    let mut facts = fresh(&wanted);
    let told = text(&wanted, &facts);
    insta::assert_snapshot!(told);
    of_version(&mut facts, "4.3.5-1");
    let told =
        text(&with_definitions(&DEFINITIONS.replace("nobody", "till").replace("depot", "shop")), &facts);
    assert!(!told.contains("target-group-size") && told.contains("shop/carts: durable = false"), "{told}");
    let mirrored = DEFINITIONS.replace("target-group-size", "ha-mode");
    let told = text(&with_definitions(&mirrored), &facts);
    assert!(told.contains("the key ha-mode: RabbitMQ 3.13 was the last version with it"), "{told}");
}

#[test]
fn definitions_that_it_accepts_are_imported_as_before() {
    let good = r#"{"vhosts": [{"name": "shop"}], "users": [{"name": "till", "password_hash": "x", "tags": ""}],
        "permissions": [{"user": "till", "vhost": "shop", "configure": "", "write": "", "read": ""}],
        "policies": [{"vhost": "shop", "name": "short", "pattern": "", "definition": {"message-ttl": 5}}],
        "queues": [{"vhost": "shop", "name": "carts", "durable": false, "arguments": {}}]}"#;
    let wanted = with_definitions(good);
    let facts = fresh(&wanted);
    let (plan, after) = planned(&wanted, &facts, &options()).expect("a plan");
    assert!(ids(&plan).contains(&"node1/definitions".to_owned()));
    assert!(planned(&wanted, &after, &options()).expect("a plan").0.steps.is_empty());
}

#[test]
fn the_lock_that_is_held_is_named() {
    let wanted = desired(INVENTORY);
    let mut facts = fresh(&wanted);
    host(&mut facts, "node2").package_lock = Some(
        serde_json::from_value(serde_json::json!({
            "pid": 812, "command": "apt-get -qq -y update", "file": "/var/lib/apt/lists/lock"
        }))
        .expect("a lock"),
    );
    let said = "apt-get -qq -y update (process 812) holds the package lists; an installation waits for it";
    assert!(text(&wanted, &facts).contains(said), "{}", text(&wanted, &facts));
}
