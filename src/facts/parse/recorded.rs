//! Output of real hosts, recorded by hand on throw-away hosts (Debian 12 and 13). Their cookies no longer exist.

use proptest::prelude::*;

use super::*;
use crate::facts::{
    BrokerState, Configuration, CookieShape, Lookup, MetadataStore, NodeFacts, PeerPort, Purpose, QueueFacts,
    QueueKind,
};
use crate::model::{CookieDigest, NameMode, NodeName, NodeType, Secret, Version};
use crate::rabbitmq::listeners::Security;

pub(super) const NONCE: &str = "N0NCE";
const BLANK: &[u8] = include_bytes!("../testdata/blank-debian12.txt");
const MNESIA: &[u8] = include_bytes!("../testdata/cluster-3.10.8.txt");
const FOUR: &[u8] = include_bytes!("../testdata/cluster-4.0.5.txt");
const ALONE: &[u8] = include_bytes!("../testdata/standalone-3.10.8.txt");
const QUEUES_THREE: &[u8] = include_bytes!("../testdata/queues-3.10.8.txt");
const QUEUES_FOUR: &[u8] = include_bytes!("../testdata/queues-4.0.5.txt");
pub(super) const REFUSED: &[u8] = include_bytes!("../testdata/cookie-refused-4.0.5.txt");
pub(super) const STOPPED: &[u8] = include_bytes!("../testdata/stopped-4.0.5.txt");
const BALANCER: &[u8] = include_bytes!("../testdata/haproxy-debian12.txt");

fn name(text: &str) -> HostName {
    HostName::parse(text).expect("a host name")
}

pub(super) fn node(text: &str) -> NodeName {
    NodeName::parse(text).expect("a node name")
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// The request to the recorded hosts.
pub(super) fn request(of: &str, reach: &[(&str, u16)]) -> ProbeRequest {
    let peer = |(peer, port): &(&str, u16)| PeerPort {
        peer: name(peer),
        address: "10.0.0.1".parse().expect("an address"),
        port: *port,
        purpose: match port {
            4369 => Purpose::Epmd,
            25672 => Purpose::Distribution,
            _ => Purpose::Amqp,
        },
    };
    ProbeRequest {
        names: vec![name("f1"), name("nosuch"), name("f2")],
        packages: texts(&["rabbitmq-server", "chrony", "haproxy", "logrotate"]),
        installable: Vec::new(),
        broker_version: String::new(),
        candidates: Vec::new(),
        units: texts(&["rabbitmq-server", "chrony.service", "haproxy.service", "systemd-timesyncd"]),
        files: texts(&[
            "/etc/hosts",
            "/etc/hostname",
            "/etc/haproxy/haproxy.cfg",
            "/var/lib/rabbitmq",
            "/etc/localtime",
        ]),
        node: Some(NodeName::rabbit(&name(of))),
        name_mode: NameMode::Short,
        admin: Some("alice".to_owned()),
        plugins: vec!["rabbitmq_management".to_owned()],
        reach: reach.iter().map(peer).collect(),
        load_balancer_port: None,
        load_balancer_security: Security::Plain,
        runtime_socket: None,
        firewall: Lookup::LeftOut,
        virtual_address: Default::default(),
        vips: Vec::new(),
    }
}

fn running(facts: &HostFacts) -> &NodeFacts {
    facts.node().expect("the node runs")
}

#[test]
fn a_blank_host_has_facts_and_no_node() {
    let facts = parse(&request("f4", &[("f1", 4369), ("f3", 25672)]), NONCE, BLANK).expect("complete");
    assert_eq!(facts.system.pretty_name, "Debian GNU/Linux 12 (bookworm)");
    assert!(facts.system.systemd && facts.system.family == OsFamily::Debian && facts.system.id == "debian");
    assert_eq!(facts.host_name.running, "fresh-f4");
    assert_eq!(facts.host_name.persistent.as_deref(), Some("fresh-f4"));
    assert_eq!(facts.broker, BrokerState::Down);
    assert!(facts.cookie.is_none() && facts.data.is_empty() && facts.load_balancer.is_none());
    assert!(facts.package_lock.is_none() && !facts.stale_policy && facts.time_service.running.is_none());
    assert_eq!(facts.installed("rabbitmq-server"), None);
    assert!(!facts.unit("rabbitmq-server").exists && facts.unit("systemd-timesyncd").enabled == "masked");
    assert!(facts.resolution.is_empty());
    let hosts = facts.file("/etc/hosts").expect("it exists");
    assert!(hosts.content.as_deref().is_some_and(|text| text.starts_with("127.0.0.1\tlocalhost\n")));
    assert_eq!((hosts.mode, hosts.owner.as_str(), hosts.group.as_str()), (0o644, "root", "root"));
    assert!(facts.file("/etc/haproxy/haproxy.cfg").is_none());
    assert!(facts.resources.memory_total_kib > facts.resources.memory_available_kib);
    assert!(facts.resources.disk_free_kib > Some(1024 * 1024));
    let states: Vec<_> = facts.reach.iter().map(|reach| (reach.peer.as_str(), reach.state)).collect();
    assert_eq!(states, [("f1", PortState::Open), ("f3", PortState::Refused)]);
}

#[test]
fn a_cluster_with_mnesia_tells_its_members_and_what_it_holds() {
    let facts = parse(&request("f1", &[("f2", 4369), ("f2", 25672)]), NONCE, MNESIA).expect("complete");
    let node_facts = running(&facts);
    assert_eq!(node_facts.rabbitmq_version, Version::new(3, 10, 8));
    assert_eq!(node_facts.erlang, "25 (ERTS 13.1.5)");
    assert_eq!(node_facts.metadata_store, MetadataStore::Mnesia);
    let types: Vec<_> = node_facts.members.iter().map(|m| (m.node.to_string(), m.node_type)).collect();
    assert_eq!(types, [("rabbit@f1".to_owned(), NodeType::Disc), ("rabbit@f2".to_owned(), NodeType::Ram)]);
    assert_eq!(node_facts.running, [node("rabbit@f1"), node("rabbit@f2")]);
    assert_eq!(node_facts.links, [node("rabbit@f2")]);
    assert_eq!(node_facts.alarms, ["memory rabbit@f1"]);
    assert_eq!(node_facts.plugins, ["rabbitmq_management"]);
    assert_eq!(node_facts.definitions_marker.as_deref(), Some("abc123"));
    assert_eq!(node_facts.holdings.vhosts, ["we ird/ü"]);
    assert_eq!(node_facts.holdings.users, ["alice"]);
    assert_eq!(node_facts.holdings.policies, ["//ttl"]);
    assert_eq!(node_facts.holdings.exchanges, ["//myx"]);
    assert!(node_facts.admin_exists && !node_facts.maintenance && node_facts.partitions.is_empty());
    let admin = node_facts.admin.as_ref().expect("the administrator has a password");
    assert!(
        admin.matches(&Secret::new(b"pw123".to_vec())) && !admin.matches(&Secret::new(b"pw124".to_vec()))
    );
    // A connection to the peer proves both of the broker's ports; no port was tried.
    assert!(facts.reach.len() == 2 && facts.reach.iter().all(|reach| reach.state == PortState::Open));
    assert_eq!(facts.data.iter().map(|data| data.node.as_str()).collect::<Vec<_>>(), ["rabbit@f1"]);
    assert_eq!(facts.installed("rabbitmq-server"), Some("3.10.8-1.1+deb12u1"));
    let chrony = &facts.packages["chrony"];
    assert_eq!(chrony.candidate.as_deref(), Some("4.3-2+deb12u3"));
    assert_eq!(chrony.offered, ["4.3-2+deb12u3"]);
    assert!(facts.unit("rabbitmq-server").is_active() && facts.unit("rabbitmq-server").is_enabled());
    assert_eq!(facts.resolution[&name("f1")], ["10.77.217.11".parse::<IpAddr>().expect("an address")]);
    assert_eq!(facts.resolution[&name("f2")], ["10.77.217.12".parse::<IpAddr>().expect("an address")]);
    assert!(!facts.resolution.contains_key(&name("nosuch")));
}

#[test]
fn four_dot_zero_answers_the_same_questions() {
    let facts = parse(&request("t1", &[]), NONCE, FOUR).expect("complete");
    let node_facts = running(&facts);
    assert_eq!(node_facts.rabbitmq_version, Version::new(4, 0, 5));
    assert_eq!(node_facts.running, [node("rabbit@t1"), node("rabbit@t2")]);
    assert_eq!(node_facts.cluster_name, "rabbit@t1");
    assert_eq!(node_facts.holdings.vhosts, ["we ird/ü"]);
    assert!(node_facts.disabled_feature_flags.is_empty() && node_facts.holdings.unreadable.is_empty());
    assert!(node_facts.admin.as_ref().is_some_and(|admin| admin.matches(&Secret::new(b"pw123".to_vec()))));
    assert!(node_facts.memory_bytes > Some(1 << 20) && node_facts.started > Some(1_700_000_000));
    let file = facts.cookie.as_ref().expect("a cookie");
    assert_eq!(node_facts.cookie, Some(file.normalised));
    assert!(file.mode == 0o400 && file.owner == "rabbitmq" && file.shape == CookieShape::Usable);
    let link = facts.file("/etc/localtime").expect("it exists");
    assert_eq!(link.link_to.as_deref(), Some("/usr/share/zoneinfo/Etc/UTC"));
    assert!(link.content.as_deref().is_some_and(|text| text.starts_with("TZif2\0")));
}

#[test]
fn messages_are_counted_where_a_join_could_lose_them() {
    let facts = parse(&request("f2", &[]), NONCE, ALONE).expect("complete");
    let holdings = &running(&facts).holdings;
    let counts: Vec<_> = holdings.queues.iter().map(|queue| (queue.name.as_str(), queue.messages)).collect();
    assert_eq!(counts, [("orders", Some(6)), ("qq", Some(6))]);
    assert!(!holdings.is_empty() && holdings.users.is_empty());
    assert_eq!(running(&facts).disabled_feature_flags, ["drop_unroutable_metric", "empty_basic_get_metric"]);
    let flags = &running(&facts).feature_flags;
    assert!(flags.known.len() == 7 && flags.known == flags.enabled && flags.known.contains("stream_queue"));
}

/// Name, kind, leader, replicas, those in sync, and the wanted number.
fn brief(queue: &QueueFacts) -> (&str, QueueKind, &str, String, String, Option<u32>) {
    let names =
        |nodes: &[NodeName]| nodes.iter().map(|node| node.host().as_str()).collect::<Vec<_>>().join(" ");
    assert!(queue.vhost == "/" && queue.durable && !queue.exclusive);
    let leader = queue.leader.as_ref().map(|node| node.host().as_str()).unwrap_or_default();
    (&queue.name, queue.kind, leader, names(&queue.replicas), names(&queue.in_sync), queue.wanted)
}

fn queue<'a>(
    name: &'a str,
    kind: QueueKind,
    leader: &'a str,
    on: &str,
    wanted: Option<u32>,
) -> (&'a str, QueueKind, &'a str, String, String, Option<u32>) {
    (name, kind, leader, on.to_owned(), on.to_owned(), wanted)
}

#[test]
fn who_holds_which_queue_is_told_by_both_releases() {
    use QueueKind::{Classic, Mirrored, Quorum, Stream};
    let three = parse(&request("node3", &[]), NONCE, QUEUES_THREE).expect("complete");
    let told = running(&three);
    let mut invoices = queue("m.invoices", Mirrored, "node2", "node1 node2 node3", None);
    invoices.4 = "node1 node2".to_owned();
    let wanted = [
        queue("events", Stream, "node2", "node1 node2 node3", None),
        queue("log", Stream, "node2", "node1 node2", Some(2)),
        invoices,
        queue("orders", Quorum, "node2", "node1 node2 node3", None),
        queue("small", Quorum, "node1", "node1", Some(1)),
        queue("tasks", Classic, "node1", "node1", None),
    ];
    assert_eq!(told.queues.iter().map(brief).collect::<Vec<_>>(), wanted);
    assert_eq!(told.mirroring_policies, ["//mirror", "//mirror2"]);
    assert!(told.queues_complete && told.uptime_s == Some(335));
    let four = parse(&request("node1", &[]), NONCE, QUEUES_FOUR).expect("complete");
    let told = running(&four);
    let wanted = [
        queue("events", Stream, "node2", "node1 node2", None),
        queue("log", Stream, "node1", "node1 node2", Some(2)),
        queue("orders", Quorum, "node2", "node1 node2", None),
        queue("small", Quorum, "node1", "node1", Some(1)),
        queue("tasks", Classic, "node1", "node1", None),
    ];
    assert_eq!(told.queues.iter().map(brief).collect::<Vec<_>>(), wanted);
    assert_eq!(
        told.queues.iter().map(|queue| queue.messages).collect::<Vec<_>>(),
        [None, Some(0), None, Some(0), Some(0)]
    );
    assert!(told.queues_complete && told.mirroring_policies.is_empty());
    assert!(told.queues.iter().all(|queue| queue.lacks(&told.members) == 0));
}

#[test]
fn what_a_rotation_and_a_removal_left_behind_is_seen() {
    let facts = parse(&request("node1", &[]), NONCE, QUEUES_FOUR).expect("complete");
    let (file, staged) = (facts.cookie.expect("a cookie"), facts.staged_cookie.expect("another"));
    assert_ne!(file.normalised, staged.normalised);
    // printf Krk3vJv0hQcWmT5eKrk3vJv0hQcWmT5e | md5sum
    assert_eq!(Some(staged.normalised), CookieDigest::from_hex("c965fa100db351686864768ff750d6b5"));
    assert!(staged.mode == 0o400 && staged.owner == "rabbitmq" && staged.shape == CookieShape::Usable);
    assert_eq!(facts.kept, ["rabbit@node1.20261101T012003Z"]);
    let without = parse(&request("node3", &[]), NONCE, QUEUES_THREE).expect("complete");
    assert!(without.staged_cookie.is_none() && without.kept.is_empty());
}

/// The directory of 3.10.8, and a package that was removed but not purged.
#[test]
fn what_tells_which_version_wrote_the_data_is_seen() {
    let output = "N0NCE clock 1\nN0NCE data\nnode=rabbit@t1\nstarted=1795385713\n\
                  flags=[classic_mirrored_queue_version,implicit_default_bindings, 'rabbitmq_4.0.0'].\n\
                  members={[rabbit@t1],[rabbit@t1]}.\nN0NCE packages\nrabbitmq-server rc  3.10.8-1.1+deb12u1\n\
                  N0NCE unpacked\n1795385700 /var/lib/dpkg/info/rabbitmq-server.list\nN0NCE end\n";
    let facts = parse(&request("t1", &[]), NONCE, output.as_bytes()).expect("complete");
    let data = facts.data_of(&node("rabbit@t1")).expect("there are data");
    assert_eq!((data.started, data.members.len()), (Some(1_795_385_713), 1));
    let flags: Vec<&str> = data.feature_flags.iter().map(String::as_str).collect();
    assert_eq!(flags, ["classic_mirrored_queue_version", "implicit_default_bindings", "rabbitmq_4.0.0"]);
    let package = &facts.packages["rabbitmq-server"];
    assert_eq!(
        (package.installed.as_deref(), package.removed.as_deref()),
        (None, Some("3.10.8-1.1+deb12u1"))
    );
    assert_eq!(package.unpacked, Some(1_795_385_700));
}

#[test]
fn a_load_balancer_tells_its_backends_and_whether_a_broker_answers_through_it() {
    let mut request = request("f3", &[("f1", 5672), ("f2", 5672)]);
    request.node = None;
    request.load_balancer_port = Some(5672);
    request.runtime_socket = Some("/run/haproxy/admin.sock".to_owned());
    let facts = parse(&request, NONCE, BALANCER).expect("complete");
    let balancer = facts.load_balancer.as_ref().expect("a load balancer");
    let states: Vec<_> =
        balancer.backends.iter().map(|b| [&b.proxy, &b.server, &b.status, &b.check]).collect();
    assert_eq!(states[..2], [["amqp", "f1", "UP", "L4OK"], ["amqp", "f2", "UP", "L4OK"]]);
    assert_eq!(states[2..], [["down", "f4", "DOWN", "L4CON"]]);
    assert_eq!(balancer.amqp_answers, Some(true));
    // haproxy.cfg and systemd's StateChangeTimestamp are of the same second.
    assert_eq!(balancer.runs_with, Some(Configuration::Current));
    // A reload that failed: the processes that serve are older than systemd's time says.
    let text = String::from_utf8_lossy(BALANCER);
    let with_age = |age: u64| {
        let aged = text.replace("Uptime_sec: 469\n", &format!("Uptime_sec: {age}\nRead_at:1795387433\n"));
        parse(&request, NONCE, aged.as_bytes()).expect("complete").load_balancer?.runs_with
    };
    assert_eq!(with_age(469), Some(Configuration::Current));
    assert_eq!(with_age(470), Some(Configuration::Earlier));
    assert_eq!(facts.time_service.running.as_deref(), Some("chrony"));
    assert_eq!(facts.time_service.synchronised, Some(false));
    assert!(facts.reach.iter().all(|reach| reach.state == PortState::Open));
}

/// Erlang's TLS answers what is not TLS with an alert (Debian 13).
#[test]
fn a_broker_that_speaks_tls_is_known_by_its_alert() {
    let mut request = request("f3", &[]);
    request.node = None;
    request.load_balancer_port = Some(5671);
    request.load_balancer_security = Security::Tls;
    let answers = |output: &[u8]| {
        let facts = parse(&request, NONCE, output).expect("complete");
        facts.load_balancer.and_then(|balancer| balancer.amqp_answers)
    };
    assert_eq!(answers(BALANCER), Some(false), "AMQP without TLS");
    let start = BALANCER.windows(9).position(|bytes| bytes == b" 01 00 00").expect("an answer");
    let alert = [&BALANCER[..start], b" 15 03 03 00 02 02 0a", &BALANCER[start + 33..]].concat();
    assert_eq!(answers(&alert), Some(true));
}

#[test]
fn a_banner_does_no_harm_and_an_early_end_is_no_answer() {
    let mut noisy = b"Last login: yesterday\nN0NCEx end\n\xff\xfe\n".to_vec();
    noisy.extend_from_slice(FOUR);
    noisy.extend_from_slice(b"Connection closed.\n");
    let request = request("t1", &[]);
    assert_eq!(parse(&request, NONCE, &noisy), parse(&request, NONCE, FOUR));
    let (early, _) = FOUR.split_at(FOUR.len() - 4);
    assert_eq!(parse(&request, NONCE, early), Err(ParseError::Incomplete { after: "balancer".to_owned() }));
}

fn recording() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        BLANK,
        MNESIA,
        FOUR,
        ALONE,
        QUEUES_THREE,
        QUEUES_FOUR,
        REFUSED,
        STOPPED,
        BALANCER,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut framed = b"N0NCE clock 1\nN0NCE files\n".to_vec();
        framed.extend_from_slice(&bytes);
        framed.extend_from_slice(b"\nN0NCE end\n");
        for output in [&bytes, &framed] {
            let _ = parse(&request("f1", &[("f2", 1)]), NONCE, output);
            let _ = clock_line(NONCE, output);
        }
    }

    #[test]
    fn no_truncation_passes_for_an_answer(recorded in recording(), cut in 0.0..1.0) {
        // The last line is "N0NCE end" with its newline.
        let at = ((recorded.len() - 1) as f64 * cut) as usize;
        prop_assert!(parse(&request("f1", &[]), NONCE, &recorded[..at]).is_err());
    }

    #[test]
    fn splices_of_real_answers_do_not_make_it_panic(
        a in recording(), b in recording(), from in 0.0..1.0, to in 0.0..1.0, flip in any::<(u16, u8)>(),
    ) {
        let at = |bytes: &[u8], part: f64| (bytes.len() as f64 * part) as usize;
        let mut spliced = [&a[..at(a, from)], &b[at(b, to)..]].concat();
        let index = usize::from(flip.0) % spliced.len().max(1);
        if let Some(byte) = spliced.get_mut(index) {
            *byte ^= flip.1;
        }
        let mut request = request("f1", &[("f2", 4369)]);
        request.load_balancer_port = Some(5672);
        let _ = parse(&request, NONCE, &spliced);
    }
}
