//! What the load balancer offers beside AMQP and the management UI: AMQP over TLS, which it passes through, and metrics.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::hosts::{self, on_all};
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::lab::Lab;
use crate::program::until;
use crate::stage::{BROKERS, Stage, say};
use crate::traffic::Traffic;
use crate::tunnel::{self, Tunnel};

const AMQPS: u16 = 5671;
const METRICS: u16 = 15692;

/// A certificate authority of the test's own, whose key stays here, and a certificate of it on each broker.
fn certificates(stage: &Stage) -> PathBuf {
    let directory = stage.home.borrow().path("authority");
    let script = "set -e; mkdir -p $0; cd $0; key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        openssl req -x509 $key -days 2 -subj '/CN=authority of the tests' -keyout ca.key -out ca.pem
        for host; do
          openssl req $key -subj /CN=$host -keyout $host.key -out $host.csr
          echo subjectAltName=DNS:$host >$host.ext
          openssl x509 -req -in $host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $host.ext -out $host.pem
        done";
    let made = Command::new("sh").arg("-c").arg(script).arg(&directory).args(BROKERS).output();
    let made = made.expect("sh runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lab = &stage.lab;
    let read = |name: String| std::fs::read_to_string(directory.join(name)).expect("openssl has written it");
    on_all(&BROKERS, |host| {
        let files = [
            ("ca.pem", read("ca.pem".to_owned())),
            ("cert.pem", read(format!("{host}.pem"))),
            ("key.pem", read(format!("{host}.key"))),
        ];
        lab.stdout_of(host, "install -d /etc/rabbitmq/e2e-tls");
        for (name, text) in files {
            let lay = format!(
                "cd /etc/rabbitmq/e2e-tls && printf '%s' '{text}' >{name} && chown rabbitmq {name} && chmod 600 {name}"
            );
            lab.stdout_of(host, &lay);
        }
    });
    directory.join("ca.pem")
}

/// The brokers listen on these ports; the load balancer's own stay.
fn offering(amqps: u16, metrics: u16) -> Inventory {
    let mut inventory = Inventory::whole();
    inventory.config.extend([
        format!("listeners.ssl.default = {amqps}"),
        r#"ssl_options.cacertfile = "/etc/rabbitmq/e2e-tls/ca.pem""#.to_owned(),
        r#"ssl_options.certfile = "/etc/rabbitmq/e2e-tls/cert.pem""#.to_owned(),
        r#"ssl_options.keyfile = "/etc/rabbitmq/e2e-tls/key.pem""#.to_owned(),
        format!("prometheus.tcp.port = {metrics}"),
    ]);
    inventory.balanced(r#"listeners = [{ serves = "amqps" }, { serves = "prometheus" }]"#)
}

/// TLS reaches the brokers and their certificates the clients; when the brokers' ports move, the load balancer follows, and clients with
/// TLS lose nothing. Then the brokers see those clients' addresses.
pub fn over_tls(stage: &Stage) {
    let lab = &stage.lab;
    let authority = certificates(stage);
    let balancer = lab.address(21);
    let (far, near) = (format!("{balancer}:{AMQPS}"), balancer.replacen("10.", "127.", 1));
    let usual = offering(AMQPS, METRICS);
    stage.up(&usual).expect(0).says("Verified: No changes.");
    let tunnel = Tunnel::start(&near, &far, authority.clone());
    serves(stage, &usual, &authority);
    quiet(lab);

    let traffic = Traffic::start(&near, (ADMIN, ADMIN_PASSWORD), "over-tls", "quorum");
    traffic.wait_for(100);
    assert_eq!(peers(lab), [balancer.as_str()], "TLS ends at the brokers, and HAProxy is their client");
    let moved = offering(5681, 15693);
    stage.up(&moved).expect(0).says("Verified: No changes.");
    traffic.wait_for(100);
    serves(stage, &moved, &authority);
    let conf = lab.stdout_of("lb1", "cat /etc/haproxy/haproxy.cfg");
    assert!(conf.contains(":5681\n") && conf.contains("bind :5671\n"), "{conf}");

    let mut proxied = moved.clone();
    proxied.config.push("proxy_protocol = true".to_owned());
    stage.up(&proxied).expect(0).says("Verified: No changes.");
    traffic.wait_for(100);
    assert_eq!(peers(lab), [lab.address(1)], "the header comes before TLS");
    serves(stage, &proxied, &authority);
    quiet(lab);
    stage.up(&usual).expect(0).says("Verified: No changes.");
    traffic.wait_for(100);
    let tally = traffic.stop();
    say(&format!(
        "{:8}           brokers move and change to the PROXY protocol, TLS: {tally}",
        lab.suite().name()
    ));
    tally.assert_none_lost();
    drop(tunnel);
    stage.up(&Inventory::whole()).expect(0);
    stage.assert_serves();
}

/// Through the load balancer: the certificate of a broker and none of its own, no other authority, and metrics; status and doctor agree.
#[track_caller]
fn serves(stage: &Stage, inventory: &Inventory, authority: &std::path::Path) {
    let lab = &stage.lab;
    let far = format!("{}:{AMQPS}", lab.address(21));
    let subject = tunnel::subject(&far, authority).expect("a certificate of the authority");
    assert!(BROKERS.iter().any(|host| subject.replace(' ', "") == format!("CN={host}")), "{subject}");
    let other = std::path::Path::new("/dev/null");
    assert!(tunnel::subject(&far, other).is_err(), "without the authority nothing is trusted");
    until("metrics of a broker", Duration::from_secs(10), || {
        let ask = format!("curl -s --max-time 5 http://{}:{METRICS}/metrics", lab.address(21));
        let output = Command::new("sh").arg("-c").arg(ask).output().ok()?;
        String::from_utf8_lossy(&output.stdout).contains("rabbitmq_identity_info").then_some(())
    });
    stage.assert_nothing_to_do(inventory);
    stage.rabbitup(inventory).args(["status"]).run().expect(0);
    stage.rabbitup(inventory).args(["doctor"]).run().expect(0);
}

/// Where the brokers see their clients with TLS.
fn peers(lab: &Lab) -> Vec<String> {
    let listed = lab.stdout_of("node1", "rabbitmqctl -q list_connections ssl peer_host");
    let with = |line: &str| {
        let (is, host) = line.split_once('\t')?;
        (is == "true").then(|| host.to_owned())
    };
    let mut peers: Vec<String> = listed.lines().filter_map(with).collect();
    peers.sort();
    peers.dedup();
    peers
}

/// HAProxy's checks leave nothing in the brokers' logs.
fn quiet(lab: &Lab) {
    let lines = "cat /var/log/rabbitmq/*@*.log | grep -c -i -E '\\[(error|warning|notice)\\]|crash' || :";
    let count = || hosts::on_all(&BROKERS, |host| lab.stdout_of(host, lines));
    // What commands of before still leave there: RabbitMQ 3.8 warns of every connection that ends with its greeting.
    let before = until("the logs are at rest", Duration::from_secs(30), || {
        let before = count();
        std::thread::sleep(Duration::from_secs(3));
        (before == count()).then_some(before)
    });
    std::thread::sleep(Duration::from_secs(6));
    let shown = || on_all(&BROKERS, |host| lab.stdout_of(host, "tail -n 5 /var/log/rabbitmq/*@*.log"));
    assert_eq!(before, count(), "{:?}", shown());
}
