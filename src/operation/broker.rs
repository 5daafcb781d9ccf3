use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shell::Beside;
use super::world::{WILL_START, disabled_unit, running_unit, stopped_unit};
use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, trial};
use crate::facts::{BrokerState, ClusterMember, FeatureFlags, Guest, HostFacts, NodeData, NodeFacts};
use crate::model::{NameMode, NodeName, NodeType, SecretName, Version};
use crate::rabbitmq::{
    BROKER_PACKAGE, BROKER_UNIT, CONF_FILE, Conf, PLUGINS_FILE, internals, parse_enabled_plugins,
};

/// Functions that run commands as the broker's user.
pub(super) const USER: Shell = Shell::of("broker_user", include_str!("../facts/broker_user.sh"));

/// Functions that find out with what the broker is started, and where its data is.
pub(super) const ENVIRONMENT: Shell =
    Shell { on: &[&USER], ..Shell::of("broker_environment", include_str!("../facts/broker_environment.sh")) };

pub(super) const SHELL: Shell = Shell {
    asks: &[internals::SERVING, internals::MEMBERS],
    beside: Beside::Asking,
    // Every start of a broker is the trial of its files.
    on: &[&USER, &trial::SHELL],
    ..Shell::of(
        "broker",
        concat!(
            include_str!("../facts/erl_call.sh"),
            include_str!("../facts/broker_logs.sh"),
            include_str!("broker.sh")
        ),
    )
};

/// Enables and starts the broker and waits until it serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartBroker {
    pub node: NodeName,
    pub names: NameMode,
    pub patience_s: u64,
}

impl Operate for StartBroker {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Starts, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("start_broker", &self.node, self.names).seconds(self.patience_s);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        starts(world, &self.node);
        world.is_back(&self.node);
    }
}

/// `rabbitmqctl start_app` on a VM whose RabbitMQ is stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartApp {
    pub node: NodeName,
    pub names: NameMode,
    pub patience_s: u64,
}

impl Operate for StartApp {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Resumes, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("start_app", &self.node, self.names).seconds(self.patience_s);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        restarts(world);
    }
}

/// Stops the broker and waits until epmd has dropped its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopBroker {
    pub node: NodeName,
}

impl Operate for StopBroker {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Stops, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("stop_broker").node(&self.node);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        stops(world, &self.node, AtBoot::Starts);
    }
}

/// Stops a node whose boot waits in vain, unless it serves by now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterruptBoot {
    pub node: NodeName,
    pub names: NameMode,
}

impl Operate for InterruptBoot {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Stops, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("interrupt_boot", &self.node, self.names);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        stops(world, &self.node, AtBoot::Starts);
        world.on_host(|host| host.met = None);
    }
}

/// A node without data starts alone, one with data as its directory records.
pub(super) fn starts(world: &mut World<'_>, node: &NodeName) {
    let peers = world.may_be_peers(node);
    world.on_host(|host| {
        host.units.insert(BROKER_UNIT.to_owned(), running_unit());
        host.broker = BrokerState::Running(Box::new(awakened(host, node, peers)));
        if host.data_of(node).is_none() {
            host.data.push(NodeData { node: node.to_string(), ..NodeData::default() });
        }
        opens_data(host);
    });
}

/// A restarted node is the same node with the current cookie and configuration files.
pub(super) fn restarts(world: &mut World<'_>) {
    let of_host = NodeName::rabbit(world.host);
    let peers = world.may_be_peers(&of_host);
    let Some(host) = world.here() else { return };
    let node = match &host.broker {
        BrokerState::Running(node) => (**node).clone(),
        _ => awakened(host, &of_host, peers),
    };
    let cookie = host.cookie.as_ref().map(|cookie| cookie.normalised);
    let name = node.name.clone();
    let installed = host.installed(BROKER_PACKAGE).and_then(|v| Version::parse(v).ok());
    let rabbitmq_version = installed.unwrap_or(node.rabbitmq_version);
    host.units.insert(BROKER_UNIT.to_owned(), running_unit());
    // The flags of another version are known once it runs.
    let same_version = rabbitmq_version == node.rabbitmq_version;
    let node = NodeFacts {
        cookie,
        rabbitmq_version,
        listeners: host.listeners_at_start().unwrap_or_default(),
        feature_flags: if same_version { node.feature_flags.clone() } else { FeatureFlags::default() },
        started: Some(WILL_START),
        file_descriptors: host.environment.file_descriptors.or(node.file_descriptors),
        changed: Some(BTreeMap::new()),
        uptime_s: Some(0),
        maintenance: false,
        ..node
    };
    host.broker = BrokerState::Running(Box::new(node));
    opens_data(host);
    world.is_back(&name);
}

/// Whether the unit of a stopped node starts with its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtBoot {
    Starts,
    StaysDown,
}

pub(super) fn stops(world: &mut World<'_>, node: &NodeName, at_boot: AtBoot) {
    world.on_host(|host| {
        let unit = match at_boot {
            AtBoot::Starts => stopped_unit(),
            AtBoot::StaysDown => disabled_unit(),
        };
        // A node records its cluster on disk, so a later start finds it.
        let known = host.node().map(|node| (node.members.clone(), node.running.clone()));
        if let (Some((members, mut running)), Some(data)) =
            (known, host.data.iter_mut().find(|data| data.node == node.to_string()))
        {
            running.retain(|member| member != node);
            data.members = members;
            data.outlived_by = running;
        }
        host.units.insert(BROKER_UNIT.to_owned(), unit);
        host.broker = BrokerState::Down;
    });
    world.is_gone(node);
}

fn opens_data(host: &mut HostFacts) {
    host.data.iter_mut().for_each(|data| data.started = Some(WILL_START));
}

/// A starting node, with the members that its data directory records. Khepri records none there: it is taken for a member of the
/// cluster of `peers`, since a join that turns out not to be needed would be worse than one that the next plan adds.
fn awakened(host: &HostFacts, node: &NodeName, peers: Vec<NodeName>) -> NodeFacts {
    let blank = blank_node(host, node);
    let Some(data) = host.data_of(node) else { return blank };
    if !data.members.is_empty() {
        return NodeFacts { members: data.members.clone(), ..blank };
    }
    let peers = peers.into_iter().map(|node| ClusterMember { node, node_type: NodeType::Disc });
    let mut members: Vec<ClusterMember> = blank.members.iter().cloned().chain(peers).collect();
    members.sort();
    NodeFacts { members, ..blank }
}

fn blank_node(host: &HostFacts, node: &NodeName) -> NodeFacts {
    let version = host.installed(BROKER_PACKAGE).and_then(|v| Version::parse(v).ok());
    let plugins = host.file(PLUGINS_FILE).and_then(|f| f.content.as_deref());
    NodeFacts {
        cookie: host.cookie.as_ref().map(|cookie| cookie.normalised),
        plugins: plugins.and_then(parse_enabled_plugins).unwrap_or_default(),
        listeners: host.listeners_at_start().unwrap_or_default(),
        guest: if names_default_user(host) { Guest::Absent } else { Guest::Open },
        started: Some(WILL_START),
        uptime_s: Some(0),
        ..NodeFacts::blank(node, version.unwrap_or(Version::new(0, 0, 0)))
    }
}

/// Whether a blank node creates another first user than guest (`default_user` in rabbitmq.conf).
fn names_default_user(host: &HostFacts) -> bool {
    let conf = host.file(CONF_FILE).and_then(|file| file.content.as_deref()).unwrap_or_default();
    Conf::parse(conf).get("default_user").is_some_and(|user| user != "guest")
}
