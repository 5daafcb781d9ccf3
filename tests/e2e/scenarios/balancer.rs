//! Another load balancer, and what it sees of brokers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::steady::wait_for_balancer;
use crate::amqp;
use crate::hosts;
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::load::Load;
use crate::stage::{BROKERS, Stage};
use crate::watch::statistics;

/// nginx replaces HAProxy, and the other way round.
pub fn nginx(stage: &Stage) {
    let lab = &stage.lab;
    let mut nginx = Inventory::whole();
    nginx.balancer = vec![r#"software = "nginx""#.to_owned()];
    let services = hosts::all_services(lab, &BROKERS);
    stage.up(&nginx).expect(0);
    lab.stdout_of("lb1", "nginx -t -q");
    assert_eq!(
        lab.stdout_of("lb1", "systemctl is-active nginx haproxy; systemctl is-enabled nginx; :"),
        "active\ninactive\nenabled"
    );
    stage.assert_amqp("through-nginx");
    stage.assert_nothing_to_do(&nginx);
    stage.rabbitup(&nginx).args(["status"]).run().expect(0).says("nginx");
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "services of the brokers");
    rolling_restart_behind(stage, &nginx);
    let services = hosts::all_services(lab, &BROKERS);
    stage.up(&Inventory::whole()).expect(0);
    assert_eq!(lab.stdout_of("lb1", "systemctl is-active nginx haproxy; :"), "inactive\nactive");
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "services of the brokers");
    stage.assert_serves();
}

/// A reload that the balancer's main process gives up, of which systemd knows nothing: clients stay with the old configuration, and every
/// run says so until the new one is in use.
pub fn refused_reload(stage: &Stage) {
    for software in ["haproxy", "nginx"] {
        let inventory = Inventory::whole().balanced(&format!("software = \"{software}\""));
        stage.up(&inventory).expect(0);
        refuses_to_reload(stage, software, inventory);
    }
    stage.up(&Inventory::whole()).expect(0);
    stage.assert_serves();
}

fn refuses_to_reload(stage: &Stage, software: &str, inventory: Inventory) {
    let lab = &stage.lab;
    let moved = inventory.balanced("amqp_port = 5673");
    let is_there = "ss -Hltn 'sport = :5673' | grep -q .";
    lab.stdout_of(
        "lb1",
        &format!(
            "systemd-run -q --collect --unit=e2e-port perl -MIO::Socket::INET -e \
             'sleep 600 for IO::Socket::INET->new(LocalPort => 5673, Listen => 1)'; \
             for _ in $(seq 100); do ! {is_there} || exit 0; sleep 0.1; done; exit 1"
        ),
    );
    let goes_on = format!("{software} goes on with its old configuration, since it cannot use the new one");
    stage.up(&moved).expect(1).says(&format!("{goes_on}: port 5673 is held by perl"));
    amqp::login(&lab.address(21), ADMIN, ADMIN_PASSWORD).expect("a login at the old port");
    // Its file is right, and what it does is not.
    stage.plan(&moved).expect(2).says(&format!("reload {software}"));
    stage.up(&moved).expect(1).says(&goes_on);
    lab.stdout_of("lb1", "systemctl stop e2e-port");
    stage.up(&moved).expect(0).says("Verified: No changes.");
    stage.assert_nothing_to_do(&moved);
}

/// nginx cannot disable a server at run time: its clients are disconnected, and it tries the next one. Still nothing is
/// lost.
fn rolling_restart_behind(stage: &Stage, nginx: &Inventory) {
    if stage.lab.suite().mirrors() {
        // RabbitMQ 3 takes a dozen seconds for each restart, and what nginx does then is the lost.
        return;
    }
    let load = Load::start(stage, "behind-nginx");
    stage.playbook(nginx, &["rolling-restart", "older-than=0s"]).expect(0).says("Verified: No changes.");
    load.end("rolling-restart behind nginx");
}

/// A broker that accepts connections and answers nothing, and one that serves nobody: HAProxy sends clients to others. It asks the
/// management plugin, and where there is none, AMQP's listener.
pub fn unfit_brokers(stage: &Stage) {
    let lab = &stage.lab;
    hangs(stage, "node1");
    lab.stdout_of("node2", "timeout 60 rabbitmq-upgrade -q drain");
    wait_for_balancer(stage, "node2", "DOWN");
    lab.stdout_of("node2", "timeout 60 rabbitmq-upgrade -q revive");
    wait_for_balancer(stage, "node2", "UP");

    let mut without_ui = Inventory::whole();
    without_ui.plugins = vec!["rabbitmq_prometheus", "rabbitmq_mqtt"];
    without_ui.balancer.push(r#"listeners = [{ serves = "mqtt", port = 1884 }]"#.to_owned());
    stage.up(&without_ui).expect(0).says("tcp-check send-binary");
    stage.assert_nothing_to_do(&without_ui);
    hangs(stage, "node3");
    assert_eq!(mqtt_login(&lab.address(21), 1884), [0x20, 2, 0, 0], "CONNACK, accepted");
    let metrics = |password| statistics(&lab.address(21), "/metrics", password).expect("an answer");
    let refused = metrics("of-nobody");
    assert!(refused.contains(" 401 ") && !refused.contains("haproxy_"), "{refused:.300}");
    let shown = metrics(ADMIN_PASSWORD);
    assert!(shown.contains("haproxy_server_status{"), "{shown:.300}");
    stage.up(&Inventory::whole()).expect(0);
    stage.assert_serves();
}

/// The first bytes that a broker answers to MQTT's CONNECT with the administrator's login (MQTT 3.1.1, sections 3.1 and 3.2).
fn mqtt_login(address: &str, port: u16) -> [u8; 4] {
    let mut connect = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b1100_0010, 0, 60];
    for text in ["e2e", ADMIN, ADMIN_PASSWORD] {
        connect.extend([0, u8::try_from(text.len()).expect("a short text")]);
        connect.extend(text.bytes());
    }
    let length = u8::try_from(connect.len()).expect("a short packet");
    let mut stream = TcpStream::connect((address, port)).expect("a listener");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.write_all(&[&[0x10, length], connect.as_slice()].concat()).expect("written");
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).expect("an answer");
    answer
}

/// All processes of the broker stand still: the kernel accepts connections for them.
fn hangs(stage: &Stage, host: &str) {
    let signal = |signal: &str| {
        stage.lab.stdout_of(host, &format!("systemctl kill -s {signal} rabbitmq-server"));
    };
    signal("STOP");
    wait_for_balancer(stage, host, "DOWN");
    // Only logins: what the cluster does about such a member, and when, is RabbitMQ's affair.
    for _ in 0..6 {
        amqp::login(&stage.lab.address(21), ADMIN, ADMIN_PASSWORD).expect("a login at a broker that serves");
    }
    signal("CONT");
    wait_for_balancer(stage, host, "UP");
}
