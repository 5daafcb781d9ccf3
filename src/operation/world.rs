use crate::facts::{
    BrokerState, ClusterMember, CookieFile, CookieShape, Facts, HostFacts, NodeFacts, UnitFacts,
};
use crate::model::{CookieDigest, HostName, NodeName, Secrets};

/// A time after every observed start: the change time of a file that this plan changes.
pub const WILL_CHANGE: u64 = u64::MAX - 1;
/// A time after every file's change: the start time of what this plan starts.
pub(super) const WILL_START: u64 = u64::MAX;

/// The facts that an operation changes, and what its effect depends on.
pub struct World<'a> {
    pub facts: &'a mut Facts,
    /// The host that it runs on.
    pub host: &'a HostName,
    pub secrets: &'a Secrets,
    /// The cookie that every file will contain.
    pub cookie: Option<Digests>,
    /// What the inventory's definitions add to a cluster.
    pub imported: Option<Imported<'a>>,
}

/// A cookie file's digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Of its bytes.
    pub file: CookieDigest,
    /// Of what Erlang compares: without the line end.
    pub compared: CookieDigest,
}

/// The names in a definitions file.
#[derive(Clone, Copy, Debug)]
pub struct Imported<'a> {
    pub vhosts: &'a [String],
    pub users: &'a [String],
    /// `VHOST/NAME`.
    pub policies: &'a [String],
}

impl World<'_> {
    /// The facts of the host that it runs on.
    pub(super) fn here(&mut self) -> Option<&mut HostFacts> {
        self.facts.host_mut(self.host)
    }

    pub(super) fn on_host(&mut self, change: impl FnOnce(&mut HostFacts)) {
        if let Some(host) = self.here() {
            change(host);
        }
    }

    /// The node that runs there.
    pub(super) fn on_node(&mut self, change: impl FnOnce(&mut NodeFacts)) {
        self.on_host(|host| {
            if let BrokerState::Running(node) = &mut host.broker {
                change(node);
            }
        });
    }

    /// Every running node.
    pub(super) fn each_node(&mut self, mut change: impl FnMut(&mut NodeFacts)) {
        for name in self.facts.hosts.keys().cloned().collect::<Vec<_>>() {
            if let Some(BrokerState::Running(node)) = self.facts.host_mut(&name).map(|host| &mut host.broker)
            {
                change(node);
            }
        }
    }

    /// Every running node except this one.
    pub(super) fn each_other(&mut self, than: &NodeName, mut change: impl FnMut(&mut NodeFacts)) {
        self.each_node(|node| {
            if &node.name != than {
                change(node);
            }
        });
    }

    pub(super) fn node(&self, node: &NodeName) -> Option<&NodeFacts> {
        self.facts.host(node.host()).and_then(HostFacts::node)
    }

    /// No node sees this node running any more.
    pub(super) fn is_gone(&mut self, gone: &NodeName) {
        self.each_node(|node| {
            node.running.retain(|member| member != gone);
            node.links.retain(|link| link != gone);
        });
    }

    /// The removed node has no replica of any queue any more.
    pub(super) fn releases(&mut self, gone: &NodeName) {
        self.each_other(gone, |node| {
            for queue in &mut node.queues {
                queue.replicas.retain(|replica| replica != gone);
                queue.in_sync.retain(|replica| replica != gone);
                if queue.leader.as_ref() == Some(gone) {
                    queue.leader = queue.in_sync.first().cloned();
                }
            }
            node.queues.retain(|queue| !queue.replicas.is_empty());
        });
    }

    /// The node becomes a member of the cluster of `join_target`: every member lists it, and it has the cluster's data.
    pub(super) fn enters(&mut self, member: &ClusterMember, join_target: &NodeName) {
        let node = &member.node;
        let Some(cluster) = self.node(join_target).cloned() else { return };
        let mut members: Vec<ClusterMember> = cluster.members.clone();
        members.retain(|other| &other.node != node);
        members.push(member.clone());
        members.sort();
        let mut running = cluster.running.clone();
        if !running.contains(node) {
            running.push(node.clone());
        }
        running.sort();
        self.each_node(|other| {
            if &other.name == node {
                *other = of_cluster(other, &cluster);
            }
            if &other.name == node || members.iter().any(|m| m.node == other.name) {
                other.members.clone_from(&members);
                other.running.clone_from(&running);
            }
        });
    }

    /// The nodes that may be in one cluster with a stopped one whose data does not record its members: those that list it, and stopped
    /// ones of which nothing else is known either.
    pub(super) fn may_be_peers(&self, node: &NodeName) -> Vec<NodeName> {
        let others = self.facts.hosts.keys().filter(|name| *name != node.host());
        let peers = others.filter_map(|name| {
            let (host, own) = (self.facts.host(name)?, NodeName::rabbit(name));
            let may_be = match &host.broker {
                BrokerState::Running(other) => other.lists(node),
                BrokerState::Down => host.data_of(&own).is_some_and(|data| data.members.is_empty()),
                BrokerState::CookieRefused
                | BrokerState::AppStopped
                | BrokerState::Unknown(_)
                | BrokerState::Unsupported(_) => false,
            };
            may_be.then_some(own)
        });
        peers.collect()
    }

    /// The nodes that list `node`, and that it lists, see it running; it has the cluster's data.
    pub(super) fn is_back(&mut self, node: &NodeName) {
        let mut up: Vec<NodeName> = Vec::new();
        let mut cluster: Option<NodeFacts> = None;
        // Khepri does not record this; then only the others know.
        let noted =
            self.facts.host(node.host()).and_then(|host| host.data_of(node)).map(|data| data.members.clone());
        let may_know = |other: &NodeName| {
            noted.as_ref().is_none_or(|noted| noted.is_empty() || noted.iter().any(|m| &m.node == other))
        };
        self.each_node(|other| {
            up.push(other.name.clone());
            if &other.name != node && other.lists(node) && may_know(&other.name) {
                cluster.get_or_insert_with(|| other.clone());
            }
        });
        self.each_node(|other| {
            if let Some(cluster) = cluster.as_ref().filter(|_| &other.name == node) {
                *other = of_cluster(other, cluster);
            }
            let knows = other.lists(node);
            let runs = |member: &NodeName| other.running.contains(member) || (knows && up.contains(member));
            other.running = other.members.iter().map(|m| m.node.clone()).filter(runs).collect();
        });
    }
}

/// A node's own facts, with the facts about its cluster from another member.
fn of_cluster(node: &NodeFacts, cluster: &NodeFacts) -> NodeFacts {
    NodeFacts {
        name: node.name.clone(),
        rabbitmq_version: node.rabbitmq_version,
        cookie: node.cookie,
        plugins: node.plugins.clone(),
        plugins_require: node.plugins_require.clone(),
        listeners: node.listeners.clone(),
        maintenance: node.maintenance,
        links: node.links.clone(),
        started: node.started,
        uptime_s: node.uptime_s,
        changed: node.changed.clone(),
        ..cluster.clone()
    }
}

/// A cookie file as steps write it.
pub(super) fn guarded(cookie: Digests) -> CookieFile {
    CookieFile {
        raw: cookie.file,
        normalised: cookie.compared,
        mode: 0o400,
        owner: "rabbitmq".to_owned(),
        link_to: None,
        shape: CookieShape::Usable,
    }
}

pub(super) fn running_unit() -> UnitFacts {
    UnitFacts {
        exists: true,
        active: "active".to_owned(),
        enabled: "enabled".to_owned(),
        ..UnitFacts::default()
    }
}

pub(super) fn stopped_unit() -> UnitFacts {
    UnitFacts {
        exists: true,
        active: "inactive".to_owned(),
        enabled: "enabled".to_owned(),
        ..UnitFacts::default()
    }
}

pub(super) fn disabled_unit() -> UnitFacts {
    UnitFacts { enabled: "disabled".to_owned(), ..stopped_unit() }
}

pub(super) fn add_missing(known: &mut Vec<String>, wanted: &[String], defaults: &[&str]) {
    for name in wanted {
        if !known.contains(name) && !defaults.contains(&name.as_str()) {
            known.push(name.clone());
        }
    }
}
