//! What outsiders can reach of a cluster whose inventory has little more than the hosts' names.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::inventory::Inventory;
use crate::stage::{BROKERS, Stage, octet};

/// guest's well-known password, the statistics page, and connections that never send their request.
pub fn strangers(stage: &Stage) {
    let lab = &stage.lab;
    let log_in = "setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups env HOME=/var/lib/rabbitmq \
                  timeout 60 rabbitmqctl -q authenticate_user guest guest";
    assert!(!lab.run_on("node1", log_in).status.success(), "guest logs in with its well-known password");
    let users = lab.stdout_of("node1", "timeout 60 rabbitmqctl -q list_users");
    assert!(users.contains("guest"), "the user itself stays:\n{users}");

    let balancer = lab.address(octet("lb1"));
    let page = page_without_login(&balancer).expect("with a login the page listens on every address");
    assert!(page.contains(" 401 "), "the page, without the login: {page}");
    let mut open = Inventory::whole();
    open.balancer = vec!["stats = { port = 8404 }".to_owned()];
    stage.up(&open).expect(0);
    assert!(page_without_login(&balancer).is_none(), "a page without a login is open to everybody");
    let ask =
        "exec 3<>/dev/tcp/127.0.0.1/8404; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; timeout 10 head -n 1 <&3";
    let page = lab.stdout_of("lb1", &format!("bash -c \"{ask}\""));
    assert!(page.contains("200"), "the page, on the load balancer itself: {page}");

    let mut slow = TcpStream::connect((balancer.as_str(), 15672)).expect("the management UI listens");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: lb1\r\n").expect("it is sent");
    slow.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).expect("HAProxy closes a connection whose request does not come");

    // This machine is an outsider, too. In a private network that is one line, and nothing is unhealthy.
    let inventory = Inventory::whole();
    let status = stage.rabbitup(&inventory).args(["status"]).run().expect(0);
    status.says("note: node1, node2, node3: ports 4369, 15672, 25672 are open to outsiders");
    let findings = stage.rabbitup(&inventory).args(["status", "--json"]).run().expect(0).json();
    let findings = findings["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let noted = |host: &str| {
        let is_note = |finding: &&Value| finding["severity"] == "note" && finding["host"] == host;
        let what = |finding: &Value| {
            finding["what"].as_str().is_some_and(|what| what.contains("4369, 15672, 25672"))
        };
        findings.iter().filter(is_note).any(what)
    };
    assert!(BROKERS.iter().all(|host| noted(host)) && !noted("lb1"), "{findings:#?}");

    // guest gets its password back: that is drift.
    lab.stdout_of("node1", "timeout 60 rabbitmqctl -q change_password guest guest");
    stage.rabbitup(&inventory).args(["status"]).run().expect(0).says("guest has its well-known password");
    stage.plan(&inventory).says("remove the password of the user guest");
    stage.up(&inventory).expect(0);
    assert!(!lab.run_on("node1", log_in).status.success(), "guest is closed again");
}

/// The first bytes of HAProxy's statistics page without a login; None if the port is closed.
fn page_without_login(balancer: &str) -> Option<String> {
    let mut stream = TcpStream::connect((balancer, 8404)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    Some(page)
}
