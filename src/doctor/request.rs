use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::inventory::Desired;
use crate::model::{HostName, NameMode, NodeName, quote};

/// What to ask one broker's host about the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExamineRequest {
    pub node: NodeName,
    pub name_mode: NameMode,
    /// Every broker of the inventory with its address, this one among them.
    pub peers: Vec<(HostName, IpAddr)>,
}

const EXAMINE: &str = concat!(include_str!("../facts/erlang_tool.sh"), include_str!("examine.sh"));

/// The requests for all brokers, by host.
pub fn examine_requests(desired: &Desired) -> BTreeMap<HostName, ExamineRequest> {
    let peers: Vec<_> = desired.brokers().map(|host| (host.name.clone(), host.address)).collect();
    let request = |node| ExamineRequest { node, name_mode: desired.cluster.names, peers: peers.clone() };
    desired.brokers().map(|host| (host.name.clone(), request(host.node()))).collect()
}

impl ExamineRequest {
    /// The command text that a POSIX shell runs, as root, to answer this request. What it prints is for
    /// [`super::parse_examination`], with the same nonce. Nothing in it is secret.
    pub fn command(&self, nonce: &str) -> String {
        let name_flag = match self.name_mode {
            NameMode::Short => "-sname",
            NameMode::Long => "-name",
        };
        let peer =
            |(name, address): &(HostName, IpAddr)| format!("{name} {address} {}", NodeName::rabbit(name));
        let peers: Vec<String> = self.peers.iter().map(peer).collect();
        let values = [
            ("nonce", nonce.to_owned()),
            ("node", self.node.to_string()),
            ("name_flag", name_flag.to_owned()),
            ("peers", peers.join("\n")),
        ];
        let mut command: String =
            values.iter().map(|(name, value)| format!("{name}={}\n", quote(value))).collect();
        for line in EXAMINE.lines().filter(|line| !line.trim_start().starts_with('#')) {
            command.push_str(line.trim_start());
            command.push('\n');
        }
        command
    }
}
