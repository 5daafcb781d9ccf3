//! Whom erl_call asks, and where rabbitmqctl is used instead, in real shells.

use std::fs;
use std::process::Command;

use crate::model::shells::shells;

const TEXT: &str = include_str!("../facts/erl_call.sh");

/// The arguments with which erl_call is called; none where it is not.
fn called(shell: &[&str], environment_file: &str, node: &str) -> Option<String> {
    let dir = std::env::temp_dir().join(format!(
        "rabbitup-erl-call-{}-{:x}",
        std::process::id(),
        rand::random::<u64>()
    ));
    fs::create_dir(&dir).expect("a directory");
    let conf = dir.join("rabbitmq-env.conf");
    fs::write(&conf, environment_file).expect("a file");
    let text = TEXT
        .replace("/etc/rabbitmq/rabbitmq-env.conf", &conf.display().to_string())
        // This machine's own name and kernel do not count.
        .replace("$(uname -n)", "node1.lab.example")
        .replace("/proc/sys/net/ipv6/bindv6only", &dir.join("bindv6only").display().to_string());
    let script =
        format!("{text}\n{} -c \"$unless_other_carrier$as_c_node\" echo -sname \"$1\" -e", shell.join(" "));
    let output =
        Command::new(shell[0]).args(&shell[1..]).args(["-c", &script, "sh", node]).output().expect("it runs");
    let _ = fs::remove_dir_all(&dir);
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.code() {
        Some(0) => Some(
            said.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')).expect("-h NAME").1.to_owned(),
        ),
        code => {
            assert_eq!((code, said.as_str()), (Some(69), ""), "{}", String::from_utf8_lossy(&output.stderr));
            None
        }
    }
}

#[test]
fn nodes_on_other_hosts_are_asked_by_rabbitmqctl_over_ipv6_and_tls() {
    let six =
        "SERVER_ADDITIONAL_ERL_ARGS=\"-proto_dist inet6_tcp\"\nCTL_ERL_ARGS=\"-proto_dist inet6_tcp\"\n";
    let tls = "# -proto_dist inet6_tcp\nSERVER_ADDITIONAL_ERL_ARGS=\"+K true -proto_dist  inet_tls\"\n";
    for shell in shells() {
        for (file, node, wanted) in [
            ("", "rabbit@node2", Some("rabbit@node2")),
            ("# -proto_dist inet6_tcp\n", "rabbit@node2", Some("rabbit@node2")),
            (six, "rabbit@node2", None),
            // The own node, by the name that its family cannot look up.
            (six, "rabbit@node1", Some("rabbit@localhost")),
            (six, "rabbit@node1.lab.example", Some("rabbit@localhost")),
            (six, "rabbit@localhost", Some("rabbit@localhost")),
            (tls, "rabbit@localhost", None),
        ] {
            let wanted = wanted.map(|node| format!("-sname {node} -e"));
            assert_eq!(called(shell, file, node), wanted, "{shell:?}, {file:?}, {node}");
        }
    }
}
