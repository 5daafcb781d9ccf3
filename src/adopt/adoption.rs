use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use crate::balancer::Software;
use crate::inventory::HostKeys;
use crate::model::{HostName, NameMode, NodeType, Role};
use crate::rabbitmq::listeners::Offered;

/// How all hosts are reached, as the command line says it: `[ssh]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    pub user: Option<String>,
    pub port: Option<NonZeroU16>,
    pub identity: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub jump: Option<String>,
    pub host_keys: HostKeys,
}

/// What becomes the inventory.
#[derive(Clone, Debug)]
pub struct Adoption {
    pub access: Access,
    /// How the operator called the first host, for the file's first line.
    pub asked: String,
    pub names: NameMode,
    /// In the file's order.
    pub brokers: Vec<Broker>,
    pub balancers: Vec<BalancerHost>,
    pub(super) name: ClusterName,
    pub(super) plugins: Option<Vec<String>>,
    pub(super) limit: Option<FileLimit>,
    pub(super) held: Option<Held>,
    pub(super) hosts_file: Manage,
    pub(super) time: Manage,
    /// Time servers outside, where rabbitup wrote the configuration of the time service.
    pub(super) time_servers: Vec<String>,
    pub(super) settings: OwnSettings,
    pub(super) balancer: Option<BalancerSettings>,
    /// What cannot be said by settings, by the table under which it stands.
    pub(super) remarks: Vec<(Table, String)>,
    /// What a plan would still do.
    pub(super) left: Vec<String>,
}

/// The tables under which something is remarked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Cluster,
    Package,
    LoadBalancer,
}

/// One member and its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub name: HostName,
    pub address: IpAddr,
    /// What ssh connects to in the place of the address.
    pub route: Option<String>,
    pub node_type: NodeType,
    pub serves_time: bool,
}

/// A load balancer that the operator named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerHost {
    pub name: HostName,
    pub address: IpAddr,
    /// Its login, if it is another one than that of the brokers.
    pub user: Option<String>,
    pub serves_time: bool,
}

/// Whether rabbitup manages something that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manage {
    /// It changes nothing there now.
    #[default]
    Yes,
    /// It is left alone, since a plan would change it.
    No,
}

/// The cluster's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum ClusterName {
    #[default]
    Unknown,
    /// The one that RabbitMQ makes of the first node's name.
    Default(String),
    Given(String),
}

/// The broker's limit of open files, and the file that sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileLimit {
    pub number: u64,
    pub by: String,
}

/// The version at which every broker's packages are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub version: String,
}

/// The settings of the hosts' own rabbitmq.conf, which stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum OwnSettings {
    /// There are none, or only defaults.
    #[default]
    None,
    /// These, on every node.
    Same { settings: Vec<(String, String)>, written: Written },
    /// The nodes do not have the same.
    Different { keys: Vec<String> },
}

/// Whether `[cluster.config]` is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The file on the hosts is rabbitup's own.
    InForce,
    /// As a comment.
    AsComment,
}

/// `[load_balancer]`, as far as the balancer's own file tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BalancerSettings {
    pub software: Software,
    pub balance: Option<&'static str>,
    pub amqp_port: Option<u16>,
    pub management_port: Option<u16>,
    pub stats_port: Option<u16>,
    pub listeners: Vec<(Offered, u16)>,
    pub state: BalancerState,
}

/// Whether the load balancers are in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BalancerState {
    InForce,
    /// As a comment, since a plan with them would do this.
    AsComment(Vec<String>),
}

impl Adoption {
    /// What the command line says, before any host is asked: one host, which has no name yet.
    pub fn of(access: Access, asked: &str, first: Broker) -> Self {
        Self {
            access,
            asked: asked.to_owned(),
            names: if first.name.is_qualified() { NameMode::Long } else { NameMode::Short },
            brokers: vec![first],
            balancers: Vec::new(),
            name: ClusterName::Unknown,
            plugins: None,
            limit: None,
            held: None,
            hosts_file: Manage::Yes,
            time: Manage::Yes,
            time_servers: Vec::new(),
            settings: OwnSettings::None,
            balancer: None,
            remarks: Vec::new(),
            left: Vec::new(),
        }
    }

    /// With the members in the place of the host that was asked.
    pub fn with_members(self, names: NameMode, brokers: Vec<Broker>) -> Self {
        Self { names, brokers, ..self }
    }

    /// With load balancers of which nothing is known yet.
    pub fn with_balancers(self, balancers: Vec<BalancerHost>) -> Self {
        let found = BalancerSettings {
            software: Software::default(),
            balance: None,
            amqp_port: None,
            management_port: None,
            stats_port: None,
            listeners: Vec::new(),
            state: BalancerState::InForce,
        };
        Self { balancer: (!balancers.is_empty()).then_some(found), balancers, ..self }
    }

    /// Whether the load balancers are part of the inventory, and not only of its comments.
    pub(super) fn has_balancers(&self) -> bool {
        let off =
            self.balancer.as_ref().is_some_and(|found| matches!(found.state, BalancerState::AsComment(_)));
        !self.balancers.is_empty() && !off
    }

    pub(super) fn remark(&mut self, table: Table, text: impl Into<String>) {
        self.remarks.push((table, text.into()));
    }
}

impl Broker {
    pub(super) fn roles(&self) -> Vec<Role> {
        roles(Role::Broker, self.serves_time)
    }
}

impl BalancerHost {
    pub(super) fn roles(&self) -> Vec<Role> {
        roles(Role::LoadBalancer, self.serves_time)
    }
}

fn roles(main: Role, serves_time: bool) -> Vec<Role> {
    [main].into_iter().chain(serves_time.then_some(Role::TimeSource)).collect()
}
