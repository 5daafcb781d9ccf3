use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cluster::endpoints::distribution;
use crate::facts::{Facts, command_text};
use crate::inventory::{Desired, Host};
use crate::model::{HostName, NameMode, NodeName};

/// The parameters of an examination on one broker's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExamineRequest {
    pub node: NodeName,
    pub name_mode: NameMode,
    /// Every broker of the inventory, including this one.
    pub peers: Vec<PeerNode>,
}

/// Where another broker's node should answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNode {
    pub name: HostName,
    pub address: IpAddr,
    /// The port to try if epmd names none: the one in effect, or of the configuration. None: one of a range.
    pub port: Option<u16>,
}

const EXAMINE: &str = concat!(
    include_str!("../facts/script_head.sh"),
    include_str!("../facts/erlang_tool.sh"),
    include_str!("../facts/erl_call.sh"),
    include_str!("../facts/broker_user.sh"),
    include_str!("../facts/broker_environment.sh"),
    include_str!("../facts/broker_logs.sh"),
    include_str!("examine.sh")
);

/// The requests for all brokers, by host.
pub fn examine_requests(desired: &Desired, facts: &Facts) -> BTreeMap<HostName, ExamineRequest> {
    let peer = |host: &Host| PeerNode {
        name: host.name.clone(),
        address: host.address,
        port: distribution(desired, facts, host).first().and_then(|range| range.single()),
    };
    let peers: Vec<_> = desired.brokers().map(peer).collect();
    let request = |node| ExamineRequest { node, name_mode: desired.cluster.names, peers: peers.clone() };
    desired.brokers().map(|host| (host.name.clone(), request(host.node()))).collect()
}

impl ExamineRequest {
    /// The command text that a POSIX shell runs, as root, to answer this request. Its output is for [`super::parse_examination`],
    /// with the same nonce. It contains no secret.
    pub fn command(&self, nonce: &str) -> String {
        let peer = |PeerNode { name, address, port }: &PeerNode| {
            let port = port.map(|port| port.to_string()).unwrap_or_default();
            format!("{name} {address} {} {port}", NodeName::rabbit(name))
        };
        let peers: Vec<String> = self.peers.iter().map(peer).collect();
        let values = [
            ("nonce", nonce.to_owned()),
            ("node", self.node.to_string()),
            ("name_flag", self.name_mode.flag().to_owned()),
            ("port", self.port().map(|port| port.to_string()).unwrap_or_default()),
            ("peers", peers.join("\n")),
        ];
        command_text(&values, EXAMINE)
    }

    /// The port of this host's own node.
    pub(super) fn port(&self) -> Option<u16> {
        self.peers.iter().find(|peer| NodeName::rabbit(&peer.name) == self.node)?.port
    }
}
