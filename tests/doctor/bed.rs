//! Three healthy brokers, for tests that break them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rabbitup::doctor::{Answer, Cause, Diagnosis, Examination, Examinations, Peer, Unit, Vm, diagnose};
use rabbitup::facts::{
    Access, BrokerState, EnvironmentSetting, FeatureFlags, FileFacts, HostFacts, NodeFacts, PortState,
    Storage, UnitFacts,
};
use rabbitup::inventory::Desired;
use rabbitup::model::{HostName, NodeName, Version};

use super::fixtures;

pub struct Bed {
    pub desired: Desired,
    pub facts: rabbitup::facts::Facts,
    pub exams: Examinations,
}

pub const ALL: [&str; 3] = ["node1", "node2", "node3"];

pub fn address(n: usize) -> IpAddr {
    format!("192.168.0.{}", 40 + n).parse().expect("an address")
}

impl Bed {
    pub fn healthy() -> Self {
        Self::of(3)
    }

    pub fn of(brokers: usize) -> Self {
        let mut desired = fixtures::desired(brokers, 0);
        for (at, host) in desired.hosts.iter_mut().enumerate() {
            host.address = address(at + 1);
        }
        let mut facts = fixtures::facts(&desired, Version::new(3, 10, 8));
        let resolution: BTreeMap<HostName, Vec<IpAddr>> =
            desired.hosts.iter().map(|host| (host.name.clone(), vec![host.address])).collect();
        let mut exams = Examinations::default();
        for host in &desired.hosts {
            fixtures::node_of(&mut facts, host.name.as_str()).feature_flags =
                FeatureFlags { known: flags(), enabled: flags() };
            let seen = facts.host_mut(&host.name).expect("a host that answered");
            seen.resolution = resolution.clone();
            seen.resources.storage = vec![roomy()];
            for (package, version) in [("rabbitmq-server", "3.10.8-1.1"), ("erlang-base", "1:25.2.3+dfsg-1")]
            {
                seen.packages.entry(package.to_owned()).or_default().installed = Some(version.to_owned());
            }
            seen.units.insert("rabbitmq-server".to_owned(), unit("active"));
            exams.hosts.insert(host.name.clone(), examination(&desired));
        }
        Self { desired, facts, exams }
    }

    pub fn diagnosis(&self) -> Diagnosis {
        diagnose(&self.desired, &self.facts, &self.exams)
    }

    /// The findings in order: the cause, the host, the peer, and whether it is a consequence.
    pub fn found(&self) -> Vec<(Cause, String, String, bool)> {
        let name = |host: &Option<HostName>| host.as_ref().map(ToString::to_string).unwrap_or_default();
        let findings = self.diagnosis().findings;
        findings.iter().map(|f| (f.cause, name(&f.problem.host), name(&f.peer), f.consequence)).collect()
    }

    pub fn seen(&mut self, name: &str) -> &mut HostFacts {
        fixtures::seen(&mut self.facts, name)
    }

    pub fn storage(&mut self, name: &str) -> &mut Storage {
        &mut self.seen(name).resources.storage[0]
    }

    pub fn node(&mut self, name: &str) -> &mut NodeFacts {
        fixtures::node_of(&mut self.facts, name)
    }

    pub fn exam(&mut self, name: &str) -> &mut Examination {
        self.exams.hosts.get_mut(&fixtures::host(name)).expect("a host that was examined")
    }

    pub fn peer(&mut self, from: &str, to: &str) -> &mut Peer {
        self.exam(from).peers.get_mut(&fixtures::host(to)).expect("a peer")
    }

    /// The broker does not run, and all others see that.
    pub fn stop(&mut self, name: &str, active: &str) {
        let seen = self.seen(name);
        seen.broker = BrokerState::Down;
        seen.units.insert("rabbitmq-server".to_owned(), unit(active));
        let exam = self.exam(name);
        exam.vm = None;
        exam.unit.active = active.to_owned();
        exam.loopback = Peer { ports: [(25672, PortState::Refused)].into(), ..known(&[]) };
        for other in self.desired.hosts.clone() {
            let peer = self.peer(other.name.as_str(), name);
            *peer = Peer {
                ports: [(25672, PortState::Refused)].into(),
                answer: Answer::Refused("erl_call: failed to connect to node".to_owned()),
                ..known(&[])
            };
            if other.name.as_str() != name {
                let gone = NodeName::rabbit(&fixtures::host(name));
                if let BrokerState::Running(node) = &mut self.seen(other.name.as_str()).broker {
                    node.running.retain(|node| *node != gone);
                    node.links.retain(|node| *node != gone);
                }
            }
        }
    }

    pub fn file(&mut self, name: &str, path: &str, content: &str) {
        let file = FileFacts {
            kind: rabbitup::facts::FileKind::Regular,
            content: Some(content.to_owned()),
            mode: 0o644,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            modified: 0,
            link_to: None,
        };
        self.seen(name).files.insert(path.to_owned(), file);
    }

    /// A variable in the environment file, which moves the data if it is one of those that do.
    pub fn set(&mut self, name: &str, variable: &str, value: &str) {
        let environment = &mut self.seen(name).environment;
        let setting = EnvironmentSetting {
            variable: variable.to_owned(),
            value: value.to_owned(),
            by: environment.file.clone(),
        };
        environment.settings.insert(variable.to_owned(), setting);
        if variable == "MNESIA_DIR" {
            environment.data_dir = Some(value.to_owned());
            self.node(name).data_dir = Some(format!("/var/lib/rabbitmq/mnesia/rabbit@{name}"));
        }
    }

    /// `name` does not answer any query.
    pub fn refuse(&mut self, from: &str, to: &str) {
        self.peer(from, to).answer = Answer::Refused(String::new());
        let node = NodeName::rabbit(&fixtures::host(to));
        if let BrokerState::Running(own) = &mut self.seen(from).broker {
            own.links.retain(|other| *other != node);
        }
    }
}

/// Some of the flags that RabbitMQ 3.10 enables.
fn flags() -> BTreeSet<String> {
    ["quorum_queue", "stream_queue"].map(str::to_owned).into()
}

fn roomy() -> Storage {
    Storage {
        path: "/var/lib/rabbitmq".to_owned(),
        file_system: "fe00".to_owned(),
        free_bytes: 10_000_000_000,
        free_inodes: 100_000,
        inodes: 200_000,
        access: Access::ReadWrite,
    }
}

fn unit(active: &str) -> UnitFacts {
    UnitFacts {
        exists: true,
        active: active.to_owned(),
        enabled: "enabled".to_owned(),
        ..UnitFacts::default()
    }
}

/// An epmd that knows these names.
fn known(names: &[(&str, u16)]) -> Peer {
    Peer {
        epmd: Some(PortState::Open),
        names: Some(names.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect()),
        ..Peer::default()
    }
}

fn examination(desired: &Desired) -> Examination {
    let open = |host: &rabbitup::inventory::Host| Peer {
        ports: [(25672, PortState::Open)].into(),
        answer: Answer::Name(host.node().to_string()),
        ..known(&[("rabbit", 25672)])
    };
    Examination {
        vm: Some(Vm { pid: 635, proto_dist: None, environment: BTreeMap::new() }),
        feature_flags: Some(flags()),
        unit: Unit { active: "active".to_owned(), sub: "running".to_owned(), ..Unit::default() },
        peers: desired.brokers().map(|host| (host.name.clone(), open(host))).collect(),
        loopback: Peer { ports: [(25672, PortState::Open)].into(), ..known(&[("rabbit", 25672)]) },
    }
}
