//! Brokers that see their clients' addresses, by the PROXY protocol.

use crate::amqp;
use crate::hosts;
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::load::Load;
use crate::stage::{BROKERS, Stage};

fn proxied(mut inventory: Inventory) -> Inventory {
    inventory.config.push("proxy_protocol = true".to_owned());
    inventory
}

/// On and off again, one broker after the other, while clients publish and consume through HAProxy; first where it asks the management
/// UI, then where it greets the brokers' AMQP listener.
pub fn behind_haproxy(stage: &Stage) {
    let whole = Inventory::whole();
    there_and_back(stage, &whole, "proxied");
    let without_ui = Inventory { plugins: vec!["rabbitmq_prometheus"], ..Inventory::whole() };
    stage.up(&without_ui).expect(0);
    there_and_back(stage, &without_ui, "proxied-greeted");
    stage.up(&whole).expect(0);
    stage.assert_serves();
}

fn there_and_back(stage: &Stage, plain: &Inventory, name: &'static str) {
    let wanted = proxied(plain.clone());
    let render = ["render", "haproxy", "--diff", "--detailed-exitcode"];
    let load = Load::start(stage, name);
    assert_eq!(peers(stage), [stage.lab.address(21)], "without it, clients are HAProxy");
    stage.rabbitup(plain).args(render).run().expect(0).says("no difference");
    let run = stage.up(&wanted).expect(0).says("Verified: No changes.");
    run.says("with each broker in two backends")
        .says("each closes connections that do not come through HAProxy");
    load.goes_on();
    assert_eq!(peers(stage), [stage.lab.address(1)], "the clients' own address");
    ended(load, "a change to the PROXY protocol, one broker after the other");

    stage.assert_nothing_to_do(&wanted);
    stage.rabbitup(&wanted).args(["status"]).run().expect(0).says("AMQP answers on port 5672");
    stage.rabbitup(&wanted).args(["doctor"]).run().expect(0);
    stage.rabbitup(&wanted).args(render).run().expect(0).says("no difference");
    let of_brokers = ["render", "rabbitmq", "--diff", "--detailed-exitcode"];
    let differs = stage.rabbitup(plain).args(of_brokers).run().expect(2);
    differs.says("node1  /etc/rabbitmq/rabbitmq.conf: differs").says("-proxy_protocol = true");
    stage.assert_amqp("proxied");
    let direct = amqp::login(&stage.lab.address(11), ADMIN, ADMIN_PASSWORD);
    assert!(direct.is_err(), "a client that does not come through HAProxy");
    quiet(stage);

    let load = Load::start(stage, "plain-again");
    let run = stage.up(plain).expect(0).says("Verified: No changes.");
    run.says("the brokers change from the PROXY protocol");
    load.goes_on();
    assert_eq!(peers(stage), [stage.lab.address(21)]);
    ended(load, "a change from the PROXY protocol");
}

/// No message is lost, and each broker's restart costs each of the two clients of a queue one connection at most.
fn ended(load: Load<'_>, what: &str) {
    for tally in load.close(what) {
        tally.assert_none_lost();
        assert!(tally.reconnects <= 2 * BROKERS.len(), "{tally}");
    }
}

/// Where the brokers see their clients.
fn peers(stage: &Stage) -> Vec<String> {
    let listed = stage.lab.stdout_of("node1", "rabbitmqctl -q list_connections peer_host");
    let mut peers: Vec<String> =
        listed.lines().map(str::to_owned).filter(|line| line != "peer_host").collect();
    peers.sort();
    peers.dedup();
    peers
}

/// HAProxy's checks and rabbitup's attempts leave no error in the brokers' logs.
fn quiet(stage: &Stage) {
    const ERRORS: &str = "cat /var/log/rabbitmq/*@*.log | grep -c -i -E '\\[error\\]|crash|proxy header'";
    let lab = &stage.lab;
    let count = || hosts::on_all(&BROKERS, |host| lab.stdout_of(host, &format!("{ERRORS} || :")));
    let before = count();
    std::thread::sleep(std::time::Duration::from_secs(6));
    let after = count();
    assert_eq!(before, after, "errors in the logs of the brokers");
}

/// nginx sends the header to all brokers or to none: the change takes a stop of the cluster.
pub fn behind_nginx(stage: &Stage) {
    let plain = Inventory { balancer: vec![r#"software = "nginx""#.to_owned()], ..Inventory::whole() };
    let wanted = proxied(plain.clone());
    stage.up(&plain).expect(0);
    stage
        .plan(&wanted)
        .expect(1)
        .says("cannot change to the PROXY protocol, or from it, one after the other");
    stage.playbook(&wanted, &["stop"]).expect(0);
    stage.up(&wanted).expect(0).says("Verified: No changes.");
    let load = Load::start(stage, "proxied-by-nginx");
    assert_eq!(peers(stage), [stage.lab.address(1)]);
    load.end("clients of nginx with the PROXY protocol");
    stage.assert_nothing_to_do(&wanted);
    stage.rabbitup(&wanted).args(["status"]).run().expect(0).says("AMQP answers on port 5672");
    stage.playbook(&plain, &["stop"]).expect(0);
    stage.up(&Inventory::whole()).expect(0);
    stage.assert_serves();
}
