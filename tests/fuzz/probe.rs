//! A host's answers: the probe's frames, and the node's report in them.

use proptest::prelude::*;
use rabbitup::facts::{Facts, Lookup, Observation, PeerPort, ProbeRequest, Purpose, clock_line, parse};
use rabbitup::model::{DigestKey, HostName, NameMode, NodeName};
use rabbitup::plan::fingerprint;
use rabbitup::rabbitmq::listeners::Security;

use super::mutation::{MUCH, assert_linear, damaged, kept};

const NONCE: &str = "N0NCE";
fn samples() -> Vec<Vec<u8>> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/facts/testdata");
    let mut paths: Vec<_> = std::fs::read_dir(directory).expect("recorded answers").flatten().collect();
    paths.sort_by_key(std::fs::DirEntry::path);
    let samples: Vec<_> = paths.iter().map(|path| std::fs::read(path.path()).expect("a file")).collect();
    assert!(samples.len() > 8, "the samples are there");
    samples
}

fn request() -> ProbeRequest {
    let name = |text: &str| HostName::parse(text).expect("a host name");
    let peer = |port, purpose| PeerPort {
        peer: name("f2"),
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port,
        purpose,
    };
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    ProbeRequest {
        names: vec![name("f1"), name("nosuch"), name("f2")],
        packages: texts(&["rabbitmq-server", "chrony", "haproxy"]),
        installable: Vec::new(),
        candidates: Vec::new(),
        broker_version: String::new(),
        units: texts(&["rabbitmq-server", "chrony.service", "haproxy.service"]),
        files: texts(&["/etc/hosts", "/etc/haproxy/haproxy.cfg", "/etc/localtime"]),
        node: Some(NodeName::rabbit(&name("f1"))),
        name_mode: NameMode::Short,
        admin: Some("alice".to_owned()),
        plugins: vec!["rabbitmq_management".to_owned()],
        reach: vec![peer(4369, Purpose::Epmd), peer(25672, Purpose::Distribution)],
        load_balancer_port: Some(5672),
        load_balancer_security: Security::Plain,
        runtime_socket: Some("/run/haproxy/admin.sock".to_owned()),
        virtual_address: Default::default(),
        vips: Vec::new(),
        firewall: Lookup::Wanted,
    }
}

/// Parses an answer, and computes the fingerprint from it.
fn read(answer: &[u8]) {
    let _ = clock_line(NONCE, answer);
    if let Ok(host) = parse(&request(), NONCE, answer) {
        let name = HostName::parse("f1").expect("a host name");
        let facts = Facts { hosts: [(name, Observation::Reached(Box::new(host)))].into() };
        fingerprint(&facts, DigestKey::fixed(1));
        let json = serde_json::to_vec(&facts).expect("facts have a JSON form");
        serde_json::from_slice::<Facts>(&json).expect("and read back");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damaged_answer_brings_the_parser_down(answer in damaged(samples())) {
        read(&answer);
    }

    #[test]
    fn no_answer_with_another_nonce_is_taken(answer in damaged(samples())) {
        let other = format!("{NONCE}-other");
        prop_assert!(parse(&request(), &other, &answer).is_err());
    }
}

#[test]
fn past_failures_are_fixed() {
    kept("probe").iter().for_each(|answer| read(answer));
}

/// A section with one piece repeated many times, in an otherwise complete answer.
fn filled(section: &str, before: &str, piece: impl Fn(usize) -> String, after: &str) -> Vec<u8> {
    let mut text = format!("{NONCE} clock 1\n{NONCE} {section}\n{before}");
    let mut n = 0;
    while text.len() < MUCH {
        text.push_str(&piece(n));
        n += 1;
    }
    text.push_str(&format!("{after}\n{NONCE} end\n"));
    text.into_bytes()
}

#[test]
fn large_input_is_read_within_a_second() {
    let fixed = |text: &'static str| move |_: usize| text.to_owned();
    let answer =
        "{ok, [\"state running\", \"name rabbit@f1\", \"version My4xMC44\", \"member disc rabbit@f1\", ";
    let end = "\"end\"]}";
    let node = |n: usize| format!("r@h{n}");
    let cases = [
        ("line ends", filled("system", "", fixed("\n"), "")),
        ("one line", filled("system", "", fixed("x"), "")),
        ("sections", filled("system", "", |n| format!("{NONCE} s{n}\n"), "")),
        ("marks", filled("system", "", fixed("N0NCE system\n"), "")),
        ("files", filled("files", "", |n| format!("stat 41ed root root 1 0 {n} /f{n}\n"), "")),
        ("links", filled("files", "", |n| format!("link /f{n}\t/t\n"), "")),
        ("data", filled("data", "", |n| format!("node=rabbit@h{n}\nmembers={{[r@a],[r@a]}}\n"), "")),
        ("members", filled("data", "node=rabbit@f1\nmembers={[", |n| format!("{},", node(n)), "],[]}")),
        (
            "members of two lists",
            filled(
                "data",
                "node=rabbit@f1\nmembers={[",
                |n| if n == 60_000 { "x@x],[x@x".to_owned() } else { format!(",{}", node(n % 60_000)) },
                "]}",
            ),
        ),
        (
            "addresses",
            filled(
                "resolve",
                "0.0.0.1 STREAM\n",
                |n| format!("10.{}.{}.{}\n", n >> 16, n >> 8 & 255, n & 255),
                "",
            ),
        ),
        ("units", filled("units", "", |n| format!("Id=u{n}\nNames=u{n} v\n\n"), "")),
        ("names of a unit", filled("units", "Id=u\nNames=", |n| format!("u{n} "), "")),
        ("packages", filled("packages", "", |n| format!("p{n} ii  1\n"), "")),
        ("versions", filled("policy", "chrony:\n", |n| format!("     1.{n} 500\n"), "")),
        ("reach", filled("tried", "", |n| format!("h{n} 4369 open\n"), "")),
        ("HAProxy", filled("haproxy", "# pxname,svname,status\n", |n| format!("p,s{n},UP\n"), "")),
        ("HAProxy's columns", filled("haproxy", "# pxname,svname,status", |n| format!(",c{n}"), "\np,s,UP")),
        ("AMQP", filled("amqp", "", fixed("01 "), "")),
        ("members of a node", filled("answer", answer, |n| format!("\"member disc {}\", ", node(n)), end)),
        ("running nodes", filled("answer", answer, |n| format!("\"running {}\", ", node(n)), end)),
        ("queues", filled("answer", answer, |n| format!("\"queue Lw== cXE{n:08}\", "), end)),
        (
            "held queues",
            filled("answer", answer, |n| format!("\"held Lw== {n:08} true false r@a classic \", "), end),
        ),
        ("messages", filled("answer", answer, |n| format!("\"messages Lw== {n:08} 7\", "), end)),
        (
            "replicas",
            filled(
                "answer",
                &format!("{answer}\"held Lw== cQ== true false r@a quorum r@a"),
                |n| format!(",{}", node(n)),
                &format!("\", {end}"),
            ),
        ),
        (
            "Base64",
            filled("answer", &format!("{answer}\"cluster_name "), fixed("QUFB"), &format!("\", {end}")),
        ),
        ("JSON", filled("answer", "", fixed("["), "")),
        ("JSON, line by line", filled("answer", "", fixed("{\"value\":\n"), "")),
        ("a refusal", filled("refusal", "", fixed("erl_call: failed to connect\n"), "")),
        ("NTP", filled("time", "", fixed("leap=\n"), "")),
    ];
    for (what, answer) in cases {
        assert_linear(what, &answer, read);
    }
}
