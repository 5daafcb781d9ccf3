use std::net::Ipv4Addr;
use std::process::Command;

use proptest::prelude::*;
use rabbitup::doctor::{Answer, ExamineRequest, PeerNode, parse_examination};
use rabbitup::facts::PortState;
use rabbitup::model::{NameMode, NodeName};

use super::fixtures::host;

fn peer(name: &str) -> PeerNode {
    PeerNode { name: host(name), address: Ipv4Addr::LOCALHOST.into(), port: Some(25672) }
}

fn request() -> ExamineRequest {
    ExamineRequest {
        node: NodeName::rabbit(&host("node1")),
        name_mode: NameMode::Short,
        peers: ["node1", "node2", "node3"].map(peer).to_vec(),
    }
}

/// Output of Debian 12, with a peer that refuses and one behind a firewall.
const RECORDED: &str = "Welcome!\nN begin\nN vm\npid=635\nargument=-proto_dist\nargument=inet_tls\n\
    environment=RABBITMQ_USE_LONGNAME=true\n\
    /var/log nonsense\nN flags\n[quorum_queue,stream_queue,\n 'virtual_host_metadata'].\n\nN unit\nResult=exit-code\n\
    NRestarts=3\nActiveState=activating\nSubState=auto-restart\nN failure\n--\ncookie hash : dGVzdA==\nBOOT FAILED\n\n\
    N log\n\nN journal\nStarting\nN peers\nnode1 epmd 4369 open\nlocalhost epmd 4369 open\nlocalhost answered\n\
    node1 answered\nnode1 name rabbit 25673\nnode1 distribution 25673 open\nnode1 asked 0 {ok, rabbit@node1}\n\
    node2 epmd 4369 Connection refused\nnode2 asked 1 erl_call: failed to connect to node rabbit@node2\n\
    node3 asked 124 \nN end\n";

#[test]
fn output_of_a_host_is_parsed() {
    let seen = parse_examination(&request(), "N", RECORDED.as_bytes()).expect("complete");
    let vm = seen.vm.as_ref().expect("a VM");
    assert_eq!((vm.pid, vm.proto_dist.as_deref()), (635, Some("inet_tls")));
    assert_eq!(vm.environment["RABBITMQ_USE_LONGNAME"], "true");
    assert_eq!(seen.feature_flags.as_ref().expect("flags").len(), 3);
    assert_eq!((seen.unit.sub.as_str(), seen.unit.restarts), ("auto-restart", Some(3)));
    assert!(!format!("{seen:?}").contains("dGVzdA"), "no hash of a cookie goes on from here");
    let peer = |name| &seen.peers[&host(name)];
    assert_eq!((peer("node1").epmd, peer("node1").port_of("rabbit")), (Some(PortState::Open), Some(25673)));
    assert_eq!(peer("node1").ports[&25673], PortState::Open);
    assert_eq!(peer("node1").answer, Answer::Name("rabbit@node1".to_owned()));
    assert_eq!((peer("node2").epmd, &peer("node2").names), (Some(PortState::Refused), &None));
    assert!(matches!(&peer("node2").answer, Answer::Refused(said) if said.contains("failed to connect")));
    assert_eq!((peer("node3").epmd, &peer("node3").answer), (Some(PortState::Filtered), &Answer::TimedOut));
    assert_eq!(seen.loopback.names, Some(Default::default()), "it answered, and knows nobody");
}

#[test]
fn a_truncated_answer_is_rejected() {
    for end in [10, 40, RECORDED.len() - 3] {
        assert!(parse_examination(&request(), "N", &RECORDED.as_bytes()[..end]).is_err());
    }
}

#[test]
fn this_machine_answers_in_every_installed_shell() {
    let mut tried = 0;
    for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
        let run = Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(request().command("N")).output();
        let Ok(output) = run else { continue };
        tried += 1;
        let seen = parse_examination(&request(), "N", &output.stdout);
        let seen = seen
            .unwrap_or_else(|why| panic!("{shell:?}: {why}\n{}", String::from_utf8_lossy(&output.stderr)));
        assert!(seen.peers[&host("node1")].epmd.is_some(), "{shell:?} tried the ports: {seen:?}");
    }
    assert!(tried > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_examination(&request(), "N", &bytes);
    }

    #[test]
    fn no_change_of_a_line_makes_it_panic(at in 0usize..40, with in "(?s).{0,30}") {
        let mut lines: Vec<&str> = RECORDED.lines().collect();
        let at = at % lines.len();
        lines[at] = &with;
        let _ = parse_examination(&request(), "N", format!("{}\n", lines.join("\n")).as_bytes());
    }
}
