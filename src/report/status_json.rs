use serde::Serialize;

use crate::facts::{Backend, NodeFacts, QueueFacts, QueueKind};
use crate::model::{HostName, MetadataStore, NodeName, Problem};

use super::entrances::{EndpointEntry, LoginEntry, endpoint_entries, login_entry};
use super::status::{Cookie, Row, State, Status, leads, node_type, uptime};
use super::under_way::{UnderWay, under_way};
use crate::cluster::health::membership::running_nodes;
use crate::cluster::health::queues::{teller, unavailable, under_replicated, with_mirrors_behind};
use crate::cluster::health::{Finding, Severity, is_healthy};
use crate::cluster::virtual_address::{Holding, holdings};
use crate::inventory::Host;

/// The version of the status document. Additions do not raise it; incompatible changes do.
const STATUS_FORMAT_VERSION: u32 = 1;

/// The state of a cluster as `rabbitup status --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct StatusDocument {
    pub format_version: u32,
    /// False: at least one finding is an error, and the exit code is 1.
    pub healthy: bool,
    pub cluster: Option<String>,
    pub nodes: Vec<NodeStatus>,
    /// None if no running node reports it.
    pub queues: Option<QueuesStatus>,
    pub load_balancers: Vec<LoadBalancerStatus>,
    /// The addresses that the load balancers share.
    pub virtual_addresses: Vec<VirtualAddressStatus>,
    /// Where AMQP and the management UI are served now.
    pub endpoints: Vec<EndpointEntry>,
    /// How to log in; null if the inventory declares no administrator, or the cluster has none yet.
    pub login: Option<LoginEntry>,
    pub findings: Vec<FindingEntry>,
    /// The rabbitup runs that hold locks on these hosts now.
    pub under_way: Vec<UnderWay>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Finding")]
pub struct FindingEntry {
    pub severity: Severity,
    /// None: it concerns the cluster as a whole.
    pub host: Option<HostName>,
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl From<&Finding> for FindingEntry {
    fn from(finding: &Finding) -> Self {
        let Finding { severity, problem: Problem { host, what, cause } } = finding;
        let advice = cause.advice_text().unwrap_or_default();
        Self { severity: *severity, host: host.clone(), what: what.clone(), advice }
    }
}

/// One broker. Values that a stopped node cannot report are null.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct NodeStatus {
    pub host: HostName,
    pub node: String,
    pub state: State,
    pub rabbitmq_version: Option<String>,
    pub erlang: Option<String>,
    pub node_type: Option<String>,
    /// Where it stores the cluster's metadata.
    pub metadata_store: Option<MetadataStore>,
    pub uptime_s: Option<u64>,
    pub memory_bytes: Option<u64>,
    /// Whether the node is in maintenance mode and accepts no clients.
    pub maintenance: Option<bool>,
    /// The number of queues that it leads, as it reports.
    pub queue_leaders: Option<usize>,
    /// The members as this node sees them.
    pub members: Vec<String>,
    /// The running members as this node sees them.
    pub running: Vec<String>,
    /// Nodes that this one is partitioned from, as reported by any node.
    pub partitioned_from: Vec<String>,
    pub alarms: Vec<String>,
    pub cookie: CookieStatus,
    pub clock_offset_ms: Option<f64>,
    pub clock_uncertainty_ms: Option<f64>,
}

/// How a node's cookie compares to the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CookieStatus {
    Agrees,
    /// The cookie in its file differs from the others'.
    Differs,
    /// The running node's cookie differs from its file.
    RunningDiffers,
    Unknown,
}

/// The cluster's queues, and those of them that lack a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct QueuesStatus {
    /// The number of queues inspected.
    pub total: usize,
    /// False: there are more, or the node could not report them all.
    pub complete: bool,
    /// Quorum queues without a majority of replicas in service: they take and give no messages.
    pub unavailable: Vec<QueueStatus>,
    /// Quorum queues and streams with fewer replicas than they should have.
    pub under_replicated: Vec<QueueStatus>,
    /// Mirrored queues with a mirror that is not in sync with the leader.
    pub unsynchronised: Vec<QueueStatus>,
}

/// One queue and the nodes that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct QueueStatus {
    pub vhost: String,
    pub name: String,
    pub kind: QueueKind,
    pub leader: Option<String>,
    pub replicas: Vec<String>,
    pub in_sync: Vec<String>,
}

/// One load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LoadBalancerStatus {
    pub host: HostName,
    pub runs: bool,
    /// Whether a broker answered an AMQP handshake through it; null if not tried.
    pub amqp_answers: Option<bool>,
    pub backends: Vec<BackendStatus>,
}

/// An address that load balancers share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct VirtualAddressStatus {
    /// With the length of its network's prefix.
    pub address: String,
    /// Who has it: one, if all is well.
    pub holders: Vec<HostName>,
    /// Who can take it over.
    pub standby: Vec<HostName>,
}

impl From<&Holding<'_>> for VirtualAddressStatus {
    fn from(holding: &Holding<'_>) -> Self {
        let names = |hosts: &[&Host]| hosts.iter().map(|host| host.name.clone()).collect();
        Self {
            address: holding.at.to_string(),
            holders: names(&holding.holders),
            standby: names(&holding.standby),
        }
    }
}

/// One server behind a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct BackendStatus {
    pub proxy: String,
    pub server: String,
    pub status: String,
    pub check: String,
    /// The broker's port to which the balancer connects; none if it did not report it.
    pub port: Option<u16>,
}

impl From<&Status<'_>> for StatusDocument {
    fn from(status: &Status<'_>) -> Self {
        let partitions: Vec<_> =
            status.rows().iter().filter_map(|row| row.node).flat_map(|n| &n.partitions).collect();
        let lost_by = |row: &Row<'_>| {
            let name = row.host.node();
            let mut lost: Vec<String> = partitions
                .iter()
                .filter(|pair| pair.node == name)
                .map(|pair| pair.from.to_string())
                .collect();
            lost.sort();
            lost.dedup();
            lost
        };
        Self {
            format_version: STATUS_FORMAT_VERSION,
            healthy: is_healthy(status.findings),
            cluster: status.cluster_name().map(str::to_owned),
            nodes: status.rows().iter().map(|row| node(row, lost_by(row), status.now)).collect(),
            queues: queues(&running_nodes(status.desired, status.facts)),
            load_balancers: status
                .load_balancers()
                .map(|(host, seen)| {
                    let facts = seen.and_then(|seen| seen.load_balancer.as_ref());
                    LoadBalancerStatus {
                        host: host.name.clone(),
                        runs: facts.is_some(),
                        amqp_answers: facts.and_then(|facts| facts.amqp_answers),
                        backends: facts
                            .map(|f| f.backends.iter().map(Into::into).collect())
                            .unwrap_or_default(),
                    }
                })
                .collect(),
            virtual_addresses: holdings(status.desired, status.facts).iter().map(Into::into).collect(),
            endpoints: endpoint_entries(status.desired, status.facts),
            login: login_entry(status.desired, status.facts),
            findings: status.findings.iter().map(FindingEntry::from).collect(),
            under_way: under_way(status.facts),
        }
    }
}

fn node(row: &Row<'_>, partitioned_from: Vec<String>, now: u64) -> NodeStatus {
    let node = row.node;
    NodeStatus {
        host: row.host.name.clone(),
        node: row.host.node().to_string(),
        state: row.state,
        rabbitmq_version: node.map(|n| n.rabbitmq_version.to_string()),
        erlang: node.map(|n| n.erlang.clone()),
        node_type: node.and_then(node_type).map(str::to_owned),
        metadata_store: node.map(|n| n.metadata_store),
        uptime_s: node.and_then(|n| uptime(n, now)),
        memory_bytes: node.and_then(|n| n.memory_bytes),
        maintenance: node.map(|n| n.maintenance),
        queue_leaders: node.map(leads),
        members: node.map(|n| n.members.iter().map(|m| m.node.to_string()).collect()).unwrap_or_default(),
        running: node.map(|n| n.running.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        partitioned_from,
        alarms: node.map(|n| n.alarms.clone()).unwrap_or_default(),
        cookie: match row.cookie {
            Cookie::Agrees => CookieStatus::Agrees,
            Cookie::Differs => CookieStatus::Differs,
            Cookie::RunningDiffers => CookieStatus::RunningDiffers,
            Cookie::Unknown => CookieStatus::Unknown,
        },
        clock_offset_ms: row.clock.map(|clock| clock.offset_ms),
        clock_uncertainty_ms: row.clock.map(|clock| clock.uncertainty_ms),
    }
}

fn queues(nodes: &[(&Host, &NodeFacts)]) -> Option<QueuesStatus> {
    let node = teller(nodes)?;
    let each = |queues: Vec<&QueueFacts>| queues.into_iter().map(Into::into).collect();
    Some(QueuesStatus {
        total: node.queues.len(),
        complete: node.queues_complete,
        unavailable: each(unavailable(nodes, node)),
        under_replicated: each(under_replicated(node)),
        unsynchronised: each(with_mirrors_behind(node)),
    })
}

impl From<&QueueFacts> for QueueStatus {
    fn from(queue: &QueueFacts) -> Self {
        let names = |nodes: &[NodeName]| nodes.iter().map(ToString::to_string).collect();
        Self {
            vhost: queue.vhost.clone(),
            name: queue.name.clone(),
            kind: queue.kind,
            leader: queue.leader.as_ref().map(ToString::to_string),
            replicas: names(&queue.replicas),
            in_sync: names(&queue.in_sync),
        }
    }
}

impl From<&Backend> for BackendStatus {
    fn from(backend: &Backend) -> Self {
        let Backend { proxy, server, status, check, port } = backend.clone();
        Self { proxy, server, status, check, port }
    }
}
