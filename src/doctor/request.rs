use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::facts::command_text;
use crate::inventory::Desired;
use crate::model::{HostName, NameMode, NodeName};

/// The parameters of an examination on one broker's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExamineRequest {
    pub node: NodeName,
    pub name_mode: NameMode,
    /// Every broker of the inventory with its address, including this one.
    pub peers: Vec<(HostName, IpAddr)>,
}

const EXAMINE: &str = concat!(
    include_str!("../facts/erlang_tool.sh"),
    include_str!("../facts/erl_call.sh"),
    include_str!("../facts/broker_user.sh"),
    include_str!("../facts/broker_environment.sh"),
    include_str!("../facts/broker_logs.sh"),
    include_str!("examine.sh")
);

/// The requests for all brokers, by host.
pub fn examine_requests(desired: &Desired) -> BTreeMap<HostName, ExamineRequest> {
    let peers: Vec<_> = desired.brokers().map(|host| (host.name.clone(), host.address)).collect();
    let request = |node| ExamineRequest { node, name_mode: desired.cluster.names, peers: peers.clone() };
    desired.brokers().map(|host| (host.name.clone(), request(host.node()))).collect()
}

impl ExamineRequest {
    /// The command text that a POSIX shell runs, as root, to answer this request. Its output is for [`super::parse_examination`],
    /// with the same nonce. It contains no secret.
    pub fn command(&self, nonce: &str) -> String {
        let peer =
            |(name, address): &(HostName, IpAddr)| format!("{name} {address} {}", NodeName::rabbit(name));
        let peers: Vec<String> = self.peers.iter().map(peer).collect();
        let values = [
            ("nonce", nonce.to_owned()),
            ("node", self.node.to_string()),
            ("name_flag", self.name_mode.flag().to_owned()),
            ("peers", peers.join("\n")),
        ];
        command_text(&values, EXAMINE)
    }
}
