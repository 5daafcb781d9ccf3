//! Mirrors out of sync, missing replicas, leaders concentrated on one node.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::amqp;
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::program::{Run, until};
use crate::release::Suite;
use crate::stage::Stage;

pub const LOGIN: (&str, &str) = (ADMIN, ADMIN_PASSWORD);

/// A virtual host and a queue with names that are special to a shell, a regular expression and a table.
const SHOP: &str = "shop|floor 2";
const ODD: &str = "o'hara \"big\" $orders";

/// The messages of the queue whose mirrors do not have them.
const MESSAGES: usize = 2_000;

/// Asks the management API of the node on this host. Unlike AMQP it declares a queue without an open client.
pub fn api(stage: &Stage, octet: u8, method: &str, path: &str, body: &str) -> String {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{ADMIN}:{ADMIN_PASSWORD}"));
    let request = format!(
        "{method} /api/{path} HTTP/1.0\r\nAuthorization: Basic {login}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream =
        TcpStream::connect((stage.lab.address(octet), 15672)).expect("the management API listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket takes a timeout");
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text");
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    assert!(status.starts_with('2'), "{method} {path} {body}\n{answer}");
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

/// A name as a part of a URL's path.
fn part(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Declares a durable queue of this type through the node on the host.
pub fn declare(stage: &Stage, octet: u8, vhost: &str, name: &str, kind: &str) {
    let body = format!(r#"{{"durable":true,"arguments":{{"x-queue-type":"{kind}"}}}}"#);
    api(stage, octet, "PUT", &format!("queues/{}/{}", part(vhost), part(name)), &body);
}

/// Publishes one persistent message, which the queue has when this returns.
fn publish(stage: &Stage, octet: u8, vhost: &str, name: &str) {
    let body = serde_json::json!({
        "properties": {"delivery_mode": 2}, "routing_key": name, "payload": "message", "payload_encoding": "string"
    });
    let path = format!("exchanges/{}/amq.default/publish", part(vhost));
    let answer = api(stage, octet, "POST", &path, &body.to_string());
    assert!(answer.contains("true"), "{name} took no message: {answer}");
}

/// The queues of a virtual host as a node lists them: `list_queues` with these columns.
pub fn list(stage: &Stage, host: &str, vhost: &str, columns: &str) -> Vec<serde_json::Value> {
    let command =
        format!("timeout 60 rabbitmqctl -q list_queues -p {} {columns} --formatter json", quoted(vhost));
    let text = stage.lab.stdout_of(host, &command);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("list_queues on {host}: {error}\n{text}"))
}

/// The queues of a virtual host, those with replicas with the nodes that have one.
pub fn members(stage: &Stage, host: &str, vhost: &str) -> Vec<serde_json::Value> {
    if stage.lab.suite().streams() {
        return list(stage, host, vhost, "name members");
    }
    // The column came with a later one than 3.8.9.
    let ask = format!(
        "Queues = [maps:merge(#{{name => element(4, amqqueue:get_name(Q))}}, case amqqueue:get_type(Q) of \
         rabbit_quorum_queue -> #{{members => maps:get(nodes, amqqueue:get_type_state(Q))}}; _ -> #{{}} end) \
         || Q <- rabbit_amqqueue:list(base64:decode(\"{}\"))], base64:encode_to_string(rabbit_json:encode(Queues)).",
        BASE64_STANDARD.encode(vhost)
    );
    let text = stage.lab.stdout_of(host, &format!("timeout 60 rabbitmqctl -q eval {}", quoted(&ask)));
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
    let text =
        BASE64_STANDARD.decode(&text).unwrap_or_else(|error| panic!("queues on {host}: {error}\n{text}"));
    serde_json::from_slice(&text).expect("JSON")
}

/// How many messages each queue of `/` has.
pub fn messages(stage: &Stage, host: &str, name: &str) -> u64 {
    // What a quorum queue counts is told with the node's next tick.
    let queues = list(stage, host, "/", "name messages");
    let queue = queues.iter().find(|queue| queue["name"] == name);
    queue
        .and_then(|queue| queue["messages"].as_u64())
        .unwrap_or_else(|| panic!("{name} is not in {queues:?}"))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Mirrors out of sync are named and synchronised on request, and the last one in sync is never stopped.
pub fn mirrors(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    if !lab.suite().mirrors() {
        let run = stage.playbook(&inventory, &["sync-queue", "queue=orders"]).expect(1);
        run.says("has no mirrored queues, so there is nothing to synchronise")
            .says("mirroring was removed in 4.0")
            .says("Nothing was changed.");
        stage
            .playbook(&inventory, &["cancel-sync-queue", "queue=orders"])
            .expect(1)
            .says("has no mirrored queues");
        return;
    }
    amqp::publish(&lab.address(11), LOGIN, "mirrored", "classic", MESSAGES).expect("messages on node1");
    api(stage, 11, "PUT", &format!("vhosts/{}", part(SHOP)), "");
    api(
        stage,
        11,
        "PUT",
        &format!("permissions/{}/{ADMIN}", part(SHOP)),
        r#"{"configure":".*","write":".*","read":".*"}"#,
    );
    declare(stage, 11, SHOP, ODD, "classic");
    publish(stage, 11, SHOP, ODD);
    for vhost in ["/", SHOP] {
        let policy = format!(
            "timeout 60 rabbitmqctl -q set_policy -p {} --apply-to queues behind '.*' \
             '{{\"ha-mode\":\"all\",\"ha-sync-mode\":\"manual\"}}'",
            quoted(vhost)
        );
        lab.stdout_of("node1", &policy);
    }
    mirrors_are_named(stage, &inventory);
    no_restart_without_mirrors(stage, &inventory);
    synchronise(stage, &inventory);
    let forget = format!(
        "rabbitmqctl -q clear_policy behind && rabbitmqctl -q delete_queue mirrored && rabbitmqctl -q delete_vhost {}",
        quoted(SHOP)
    );
    lab.stdout_of("node1", &forget);
}

/// `status` tells which they are and what to type; a mistake in a name is answered with the right one.
fn mirrors_are_named(stage: &Stage, inventory: &Inventory) {
    until("the mirrors are there", Duration::from_secs(20), || {
        let queues = list(stage, "node1", "/", "name slave_pids");
        let mirrors = queues.iter().filter_map(|queue| queue["slave_pids"].as_array()).map(Vec::len);
        (mirrors.sum::<usize>() == 2).then_some(())
    });
    let status = stage.rabbitup(inventory).args(["status"]).run().expect(0);
    status
        .says("2 queues have mirrors that are not in sync: ")
        .says(&format!("{ODD} (virtual host {SHOP})"))
        .says("`rabbitup run sync-queue queue=");
    let sync = |words: &[&str]| stage.playbook(inventory, words).expect(1);
    sync(&["sync-queue", "queue=mirored"])
        .says("there is no queue mirored in the virtual host /")
        .says("did you mean this one? $ rabbitup run sync-queue queue=mirrored");
    sync(&["sync-queue", "queue=mirrored", "vhost=shop"])
        .says("there is one in the virtual host /:")
        .says("run sync-queue queue=mirrored vhost=/");
    let run = stage.playbook(inventory, &["sync-queue"]).expect(64);
    run.says("the playbook sync-queue needs `queue=`: the queue's name");
}

/// The only node in sync is not stopped, and the message names the fix.
fn no_restart_without_mirrors(stage: &Stage, inventory: &Inventory) {
    let playbooks = stage.home.borrow().path("playbooks");
    std::fs::create_dir_all(&playbooks).expect("the home is writable");
    let impatient = "name = \"impatient\"\nsummary = \"Restart, and wait for nobody\"\n\
                     [optional]\nolder-than = \"how old\"\n\
                     [[phase]]\nuse = \"rolling-restart\"\npatience = \"5s\"\n";
    std::fs::write(playbooks.join("impatient.toml"), impatient).expect("the home is writable");
    let before = crate::hosts::starts(&stage.lab, &["node1"]);
    let run = stage.playbook(inventory, &["impatient", "older-than=0s"]).expect(1);
    run.says("rabbitup run sync-queue");
    assert_eq!(
        crate::hosts::starts(&stage.lab, &["node1"]),
        before,
        "the node with the only copy was stopped"
    );
    assert_eq!(messages(stage, "node1", "mirrored"), MESSAGES as u64);
    std::fs::remove_dir_all(playbooks).expect("the directory is ours");
    // What the failed run left out of service.
    stage.up(inventory).expect(0);
}

fn synchronise(stage: &Stage, inventory: &Inventory) {
    // No synchronisation runs, which only the queue itself knows; mirrors out of sync stay so.
    let cancelled = stage.playbook(inventory, &["cancel-sync-queue", "queue=mirrored"]).expect(0);
    cancelled.says("cancel the synchronisation of mirrored").says("mirrors that are out of sync stay so");

    let run = stage.playbook(inventory, &["sync-queue", "queue=mirrored"]).expect(0);
    run.says(
        "its mirrors on rabbit@node2 and rabbit@node3 are out of sync; the queue accepts no messages until they are in sync",
    )
    .says("synchronise mirrored … ok");
    stage
        .playbook(inventory, &["sync-queue", "queue=mirrored"])
        .expect(0)
        .says("every mirror of mirrored is in sync")
        .says("No changes.");
    let run = stage.playbook(inventory, &["cancel-sync-queue", "queue=mirrored"]).expect(0);
    run.says("every mirror of mirrored is in sync: there is nothing to cancel").says("No changes.");
    let (queue, vhost) = (format!("queue={ODD}"), format!("vhost={SHOP}"));
    let odd = ["sync-queue", queue.as_str(), vhost.as_str()];
    stage.playbook(inventory, &odd).expect(0).says(&format!("synchronise {ODD} (virtual host {SHOP})"));
    stage.playbook(inventory, &odd).expect(0).says("No changes.");
    stage.rabbitup(inventory).args(["status"]).run().expect(0).says("Healthy");
    assert_eq!(messages(stage, "node3", "mirrored"), MESSAGES as u64);
}

/// Names that a regular expression, a table or a shell would read otherwise.
const NAMES: [&str; 3] = ["a.b|c d", "größe", "it's \"x\" (y)*"];

/// Removed replicas are added again, and leaders on one node are spread.
pub fn grow_and_rebalance(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    api(stage, 11, "PUT", &format!("vhosts/{}", part(SHOP)), "");
    let permissions = r#"{"configure":".*","write":".*","read":".*"}"#;
    api(stage, 11, "PUT", &format!("permissions/{}/{ADMIN}", part(SHOP)), permissions);
    for vhost in ["/", SHOP] {
        for name in NAMES {
            declare(stage, 11, vhost, name, "quorum");
            publish(stage, 11, vhost, name);
            let command = format!(
                "timeout 60 rabbitmq-queues -q delete_member -p {} {} rabbit@node3 >/dev/null",
                quoted(vhost),
                quoted(name)
            );
            lab.stdout_of("node1", &command);
        }
    }
    let status = stage.rabbitup(&inventory).args(["status"]).run().expect(0);
    status.says("6 quorum queues have too few replicas: ").says("größe").says("`rabbitup run grow-queues`");
    let run = stage.playbook(&inventory, &["grow-queues"]).expect(0);
    run.says("grow queues onto rabbit@node3").says("6 queues without a replica there: ");
    for vhost in ["/", SHOP] {
        // Classic queues of other scenarios have no members.
        let queues = members(stage, "node2", vhost);
        for queue in queues.iter().filter(|queue| queue["members"].is_array()) {
            assert_eq!(queue["members"].as_array().map(Vec::len), Some(3), "{queue} in {vhost}");
        }
    }
    stage
        .playbook(&inventory, &["grow-queues"])
        .expect(0)
        .says("every quorum queue and stream has its replicas")
        .says("No changes.");
    stage.playbook(&inventory, &["grow-queues", "node=node2"]).expect(0).says("No changes.");

    let run = stage.playbook(&inventory, &["rebalance"]).expect(0);
    run.says("rabbit@node1 leads ").says(" replicated queues").says("spread queue leaders over the nodes");
    stage.playbook(&inventory, &["rebalance"]).expect(0).says("are spread evenly").says("No changes.");
    for name in NAMES {
        assert_eq!(take_count(stage, name), 1, "messages in {name}");
    }
    lab.stdout_of("node1", &format!("rabbitmqctl -q delete_vhost {}", quoted(SHOP)));
    without_majority(stage, &inventory);
}

/// Stops or restarts a queue's replicas on these hosts, whose nodes run on.
pub fn replicas(stage: &Stage, verb: &str, queue: &str, hosts: &[&str]) {
    let lab = &stage.lab;
    // Ra had no systems before 2.0 (RabbitMQ 3.9).
    let system = if lab.suite() == Suite::Bullseye { "" } else { "quorum_queues, " };
    let nodes: Vec<String> = hosts.iter().map(|host| format!("rabbit@{host}")).collect();
    let each = format!(
        "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>)), {{Ra, _}} = amqqueue:get_pid(Q), \
         [ok = ra:{verb}_server({system}{{Ra, N}}) || N <- [{}]].",
        nodes.join(", ")
    );
    lab.stdout_of("node1", &format!("timeout 60 rabbitmqctl -q eval {}", quoted(&each)));
}

/// Two of a queue's three replicas stop while their nodes run: status says so although it has a leader still, and runs go on.
fn without_majority(stage: &Stage, inventory: &Inventory) {
    let lab = &stage.lab;
    declare(stage, 11, "/", "idle", "quorum");
    let replicas = |verb: &str| replicas(stage, verb, "idle", &["node2", "node3"]);
    let says_so = |run: &Run| {
        run.out.contains("1 quorum queue takes and gives no messages") && run.out.contains(": idle")
    };
    let status = || stage.rabbitup(inventory).args(["status"]).run();
    replicas("stop");
    let found = until("status says that the queue has no majority", Duration::from_secs(30), || {
        Some(status()).filter(says_so)
    });
    found.expect(1).says("although their nodes run");
    stage.rabbitup(inventory).args(["plan"]).run().expect(0).says("No changes.");
    replicas("restart");
    until("it has a majority again", Duration::from_secs(30), || Some(status()).filter(|run| !says_so(run)))
        .expect(0);
    lab.stdout_of("node1", "rabbitmqctl -q delete_queue idle");
}

/// Consumes the messages of a queue of `/`, and deletes it.
fn take_count(stage: &Stage, name: &str) -> usize {
    let mut count = 0;
    while amqp::take(&stage.lab.address(12), LOGIN, name).expect("the queue answers").is_some() {
        count += 1;
    }
    api(stage, 12, "DELETE", &format!("queues/{}/{}", part("/"), part(name)), "");
    count
}
