//! Problems between two hosts. The nodes' connections stay up in all cases: only new ones are affected, as after a firewall
//! change, and doctor must detect that before the next restart.

use serde_json::Value;

use super::Act::Run;
use super::{CASE, Case, Fix};
use crate::stage::Stage;

/// How node2 treats new connections from node1 to this port.
macro_rules! blocked {
    ($port:literal, $verdict:literal) => {
        concat!(
            "nft 'add table ip e2e; add chain ip e2e input { type filter hook input priority 0; }; \
             add rule ip e2e input ip saddr {node1} tcp dport ",
            $port,
            " tcp flags & (syn|ack) == syn ",
            $verdict,
            "'"
        )
    };
}

/// What comes from node1 for this port gets another one.
macro_rules! redirected {
    ($port:literal, $to:literal) => {
        concat!(
            "nft 'add table ip e2e; add chain ip e2e to { type nat hook prerouting priority -100; }; \
             add rule ip e2e to ip saddr {node1} tcp dport ",
            $port,
            " redirect to :",
            $to,
            "'"
        )
    };
}

const OPEN: Fix = Fix::ByHand(&[Run("node2", "nft delete table ip e2e")]);

/// Seen by node1, about node2.
const PAIR: Case = Case { host: "node1", peer: Some("node2"), ..CASE };

pub const CASES: &[Case] = &[
    Case {
        name: "a name that does not resolve",
        breaks: &[Run("node1", "sed -i '/ node2$/d' /etc/hosts")],
        cause: "name-unresolved",
        evidence: &["node2"],
        ..PAIR
    },
    Case {
        name: "a peer's name on the loopback address",
        breaks: &[Run("node1", "sed -i 's/.* node2$/127.0.1.1 node2/' /etc/hosts")],
        cause: "name-loopback",
        evidence: &["127.0.1.1"],
        ..PAIR
    },
    Case {
        name: "a name that leads to another host",
        breaks: &[Run("node1", "sed -i 's/.* node2$/{node3} node2/' /etc/hosts")],
        cause: "name-elsewhere",
        evidence: &["{node3}", "{node2}"],
        ..PAIR
    },
    Case {
        name: "epmd's port closed",
        breaks: &[Run("node2", blocked!("4369", "reject with tcp reset"))],
        cause: "epmd-refused",
        meanwhile: rules_are_shown,
        evidence: &["4369"],
        fix: OPEN,
        ..PAIR
    },
    Case {
        name: "epmd's port filtered",
        breaks: &[Run("node2", blocked!("4369", "drop"))],
        cause: "epmd-filtered",
        meanwhile: rules_are_shown,
        evidence: &["4369"],
        fix: OPEN,
        ..PAIR
    },
    Case {
        name: "an epmd that does not know the node",
        breaks: &[
            Run("node2", "systemd-run --quiet --unit=e2e-epmd epmd -port 4370"),
            Run("node2", redirected!("4369", "4370")),
        ],
        cause: "epmd-without-node",
        evidence: &["4369"],
        fix: Fix::ByHand(&[Run("node2", "nft delete table ip e2e; systemctl stop e2e-epmd")]),
        ..PAIR
    },
    Case {
        name: "the distribution port closed",
        breaks: &[Run("node2", blocked!("25672", "reject with tcp reset"))],
        cause: "distribution-refused",
        meanwhile: rules_are_shown,
        evidence: &["25672"],
        fix: OPEN,
        ..PAIR
    },
    Case {
        name: "the distribution port filtered",
        breaks: &[Run("node2", blocked!("25672", "drop"))],
        cause: "distribution-filtered",
        meanwhile: rules_are_shown,
        evidence: &["25672"],
        fix: OPEN,
        ..PAIR
    },
];

/// The printed read-only command shows the blocking rule.
fn rules_are_shown(_: &Stage, finding: &Value) {
    let lines = finding["remedy"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let look = lines.filter(|line| line.starts_with("ssh ")).map(super::on_this_machine);
    let shown: String = look.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).collect();
    assert!(shown.contains("table ip e2e"), "{finding}\n{shown}");
}
