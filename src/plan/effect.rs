//! What each step makes of the facts. A phase plans from these modelled facts, and a property test plans again from
//! them and finds nothing left to do.

use super::{Action, FileWrite, PackageChoice, Step, effect_day2};
use crate::facts::{
    BrokerState, ClusterMember, CookieFile, CookieShape, Facts, FeatureFlags, FileFacts, FileKind, Guest,
    Holdings, HostFacts, MetadataStore, NodeData, NodeFacts, PackageFacts, UnitFacts,
};
use crate::inventory::Desired;
use crate::model::{CookieDigest, HostName, NodeName, NodeType, Secrets, Version};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT, CONF_FILE, Conf};

/// A time that lies after every start that was observed: the mark of a file that this plan changes.
pub const WILL_CHANGE: u64 = u64::MAX - 1;
/// A time that lies after every file's change: the mark of a node that this plan starts.
const WILL_START: u64 = u64::MAX;

/// Changes `facts` as the step will change the hosts; `cookie` is what every cookie file is to hold: the
/// digest of its bytes, and the one that Erlang compares.
pub(super) fn model(
    facts: &mut Facts,
    step: &Step,
    desired: &Desired,
    cookie: Option<(CookieDigest, CookieDigest)>,
) {
    match &step.action {
        Action::StartBroker { node, .. } => {
            start_broker(facts, &step.host, node);
            is_back(facts, node);
        }
        Action::EnterCluster { node, seed, .. } => {
            start_broker(facts, &step.host, node);
            enter(facts, node, seed, NodeType::Disc);
        }
        Action::RestartBroker { .. } | Action::StartApp { .. } => restart_broker(facts, &step.host),
        Action::UpgradeBroker { packages, .. } => {
            if let Some(host) = facts.host_mut(&step.host) {
                install(host, packages);
            }
            restart_broker(facts, &step.host);
        }
        day2 if effect_day2::model(facts, &step.host, day2, cookie) => {}
        Action::JoinCluster { node, seed, node_type, .. } => enter(facts, node, seed, *node_type),
        Action::SetClusterName { name, .. } => each_node(facts, |node| node.cluster_name.clone_from(name)),
        Action::ChangeNodeType { node, node_type, .. } => each_node(facts, |other| {
            for member in other.members.iter_mut().filter(|m| &m.node == node) {
                member.node_type = *node_type;
            }
        }),
        Action::ImportDefinitions { digest, .. } => each_node(facts, |node| {
            node.definitions_marker = Some(digest.clone());
            if let Some(definitions) = &desired.cluster.definitions {
                add_missing(&mut node.holdings.vhosts, &definitions.vhosts, &["/"]);
                add_missing(&mut node.holdings.users, &definitions.users, &["guest"]);
                add_missing(&mut node.holdings.policies, &definitions.policies, &[]);
            }
        }),
        Action::CloseGuest { .. } => each_node(facts, |node| node.guest = Guest::Closed),
        Action::PutAdmin { user, secret, .. } => {
            let stored = desired.secrets.get(secret).map(crate::facts::AdminPassword::of);
            each_node(facts, |node| {
                node.admin_exists = true;
                node.admin.clone_from(&stored);
                add_missing(&mut node.holdings.users, std::slice::from_ref(user), &["guest"]);
            });
        }
        Action::InstallCookie { .. } => {
            if let Some(host) = facts.host_mut(&step.host) {
                host.cookie = cookie.map(|(raw, normalised)| guarded(raw, normalised));
            }
        }
        on_host => {
            if let Some(host) = facts.host_mut(&step.host) {
                change_host(host, on_host, &desired.secrets);
            }
        }
    }
}

fn change_host(host: &mut HostFacts, action: &Action, secrets: &Secrets) {
    match action {
        Action::SetHostName { name } => {
            host.host_name.running = name.to_string();
            host.host_name.persistent = Some(name.to_string());
        }
        Action::WriteFile(file) => write_file(host, file, secrets),
        Action::InstallPackages { packages, .. } => {
            install(host, packages);
            for (unit, of) in [
                (BROKER_UNIT, BROKER_PACKAGE),
                ("haproxy", "haproxy"),
                ("nginx", "nginx"),
                ("chrony", "chrony"),
            ] {
                if packages.iter().any(|p| p.name == of) && !host.unit(unit).exists {
                    host.units.insert(unit.to_owned(), stopped_unit());
                }
            }
            if host.cookie.as_ref().is_some_and(|cookie| cookie.shape == CookieShape::DebianReplaces) {
                host.cookie = None;
            }
        }
        Action::HoldPackages { packages, hold } => {
            for package in packages {
                let known: &mut PackageFacts = host.packages.entry(package.clone()).or_default();
                known.held = *hold == super::Hold::Hold;
            }
        }
        Action::RemoveStalePolicy => host.stale_policy = false,
        Action::RemoveLeftovers { directories } => {
            host.leftovers.retain(|directory| !directories.contains(directory));
        }
        Action::GuardCookie => {
            if let Some(cookie) = &mut host.cookie {
                *cookie = guarded(cookie.raw, cookie.normalised);
            }
        }
        Action::StartUnit { unit } | Action::RestartUnit { unit } | Action::ReloadUnit { unit } => {
            host.units.insert(unit.clone(), running_unit());
            if let Some(balancer) = &mut host.load_balancer {
                balancer.loaded = Some(WILL_START);
            }
            if unit == "chrony" {
                host.time_service.running = Some("chrony".to_owned());
            }
        }
        Action::StopUnit { unit } => {
            host.units.insert(unit.clone(), UnitFacts { enabled: "disabled".to_owned(), ..stopped_unit() });
        }
        Action::SetPlugins { plugins, .. } => {
            if let BrokerState::Running(node) = &mut host.broker {
                node.plugins.clone_from(plugins);
            }
        }
        // Those that change more than one host's facts were met by the caller.
        _ => {}
    }
}

fn install(host: &mut HostFacts, packages: &[PackageChoice]) {
    for package in packages {
        let known = host.packages.entry(package.name.clone()).or_default();
        let version = package.version.clone().or_else(|| known.candidate.clone());
        known.installed = Some(version.unwrap_or_else(|| "0".to_owned()));
        (known.half_installed, known.removed, known.unpacked) = (None, None, Some(WILL_CHANGE));
    }
}

fn write_file(host: &mut HostFacts, file: &FileWrite, secrets: &Secrets) {
    let content = file.body.resolve(secrets).and_then(|body| String::from_utf8(body.expose().to_vec()).ok());
    let written = FileFacts {
        kind: FileKind::Regular,
        content,
        mode: file.mode,
        owner: file.owner.clone(),
        group: file.group.clone(),
        modified: WILL_CHANGE,
        link_to: None,
    };
    host.files.insert(file.path.clone(), written);
    for (name, address) in &file.resolves {
        host.resolution.insert(name.clone(), vec![*address]);
    }
    if let (super::Then::Reload(_) | super::Then::Restart(_), Some(balancer)) =
        (&file.then, &mut host.load_balancer)
    {
        balancer.loaded = Some(WILL_START);
    }
}

/// A node without data comes up alone, one with data as what its directory notes.
fn start_broker(facts: &mut Facts, name: &HostName, node: &NodeName) {
    if let Some(host) = facts.host_mut(name) {
        host.units.insert(BROKER_UNIT.to_owned(), running_unit());
        host.broker = BrokerState::Running(Box::new(awakened(host, node)));
        if host.data_of(node).is_none() {
            host.data.push(NodeData { node: node.to_string(), ..NodeData::default() });
        }
        opens_data(host);
    }
}

fn opens_data(host: &mut HostFacts) {
    host.data.iter_mut().for_each(|data| data.started = Some(WILL_START));
}

/// A restarted node is the same node with the cookie and the configuration that its files hold now.
fn restart_broker(facts: &mut Facts, name: &HostName) {
    let Some(host) = facts.host_mut(name) else { return };
    let node = match &host.broker {
        BrokerState::Running(node) => (**node).clone(),
        _ => awakened(host, &NodeName::rabbit(name)),
    };
    let cookie = host.cookie.as_ref().map(|cookie| cookie.normalised);
    let name = node.name.clone();
    let installed = host.installed(BROKER_PACKAGE).and_then(|v| Version::parse(v).ok());
    let rabbitmq_version = installed.unwrap_or(node.rabbitmq_version);
    host.units.insert(BROKER_UNIT.to_owned(), running_unit());
    // What another version knows shows when it runs.
    let same_version = rabbitmq_version == node.rabbitmq_version;
    let node = NodeFacts {
        cookie,
        rabbitmq_version,
        feature_flags: if same_version { node.feature_flags.clone() } else { FeatureFlags::default() },
        started: WILL_START,
        uptime_s: 0,
        maintenance: false,
        ..node
    };
    host.broker = BrokerState::Running(Box::new(node));
    opens_data(host);
    is_back(facts, &name);
}

/// Those that list `node` as a member, and that it lists itself, see it run; what the cluster holds, it holds.
fn is_back(facts: &mut Facts, node: &NodeName) {
    let mut up: Vec<NodeName> = Vec::new();
    let mut cluster: Option<NodeFacts> = None;
    // Khepri leaves no such note; then only the others can say.
    let noted = facts.host(node.host()).and_then(|host| host.data_of(node)).map(|data| data.members.clone());
    let may_know = |other: &NodeName| {
        noted.as_ref().is_none_or(|noted| noted.is_empty() || noted.iter().any(|m| &m.node == other))
    };
    each_node(facts, |other| {
        up.push(other.name.clone());
        if &other.name != node && super::view::lists(other, node) && may_know(&other.name) {
            cluster.get_or_insert_with(|| other.clone());
        }
    });
    each_node(facts, |other| {
        if let Some(cluster) = cluster.as_ref().filter(|_| &other.name == node) {
            *other = of_cluster(other, cluster);
        }
        let knows = super::view::lists(other, node);
        let runs = |member: &NodeName| other.running.contains(member) || (knows && up.contains(member));
        other.running = other.members.iter().map(|m| m.node.clone()).filter(runs).collect();
    });
}

/// What a node says of itself, with what it says of its cluster taken from another member.
fn of_cluster(node: &NodeFacts, cluster: &NodeFacts) -> NodeFacts {
    NodeFacts {
        name: node.name.clone(),
        rabbitmq_version: node.rabbitmq_version,
        cookie: node.cookie,
        plugins: node.plugins.clone(),
        maintenance: node.maintenance,
        links: node.links.clone(),
        started: node.started,
        uptime_s: node.uptime_s,
        ..cluster.clone()
    }
}

/// `node` becomes a member of the cluster of `seed`: every member lists it, and it holds what they hold.
fn enter(facts: &mut Facts, node: &NodeName, seed: &NodeName, node_type: NodeType) {
    let Some(cluster) = node_facts(facts, seed).cloned() else { return };
    let mut members: Vec<ClusterMember> = cluster.members.clone();
    members.retain(|member| &member.node != node);
    members.push(ClusterMember { node: node.clone(), node_type });
    members.sort();
    let mut running = cluster.running.clone();
    if !running.contains(node) {
        running.push(node.clone());
    }
    running.sort();
    each_node(facts, |other| {
        if &other.name == node {
            *other = of_cluster(other, &cluster);
        }
        if &other.name == node || members.iter().any(|m| m.node == other.name) {
            other.members.clone_from(&members);
            other.running.clone_from(&running);
        }
    });
}

/// A node that starts, with the members that its data directory notes.
fn awakened(host: &HostFacts, node: &NodeName) -> NodeFacts {
    let noted = host.data_of(node).map(|data| data.members.clone()).unwrap_or_default();
    let blank = blank_node(host, node);
    if noted.is_empty() { blank } else { NodeFacts { members: noted, ..blank } }
}

fn blank_node(host: &HostFacts, node: &NodeName) -> NodeFacts {
    let version = host.installed(BROKER_PACKAGE).and_then(|v| Version::parse(v).ok());
    let plugins = host.file(crate::rabbitmq::PLUGINS_FILE).and_then(|f| f.content.as_deref());
    NodeFacts {
        name: node.clone(),
        rabbitmq_version: version.unwrap_or(Version::new(0, 0, 0)),
        erlang: String::new(),
        cookie: host.cookie.as_ref().map(|cookie| cookie.normalised),
        cluster_name: node.to_string(),
        members: vec![ClusterMember { node: node.clone(), node_type: NodeType::Disc }],
        running: vec![node.clone()],
        links: Vec::new(),
        partitions: Vec::new(),
        alarms: Vec::new(),
        metadata_store: MetadataStore::Mnesia,
        disabled_feature_flags: Vec::new(),
        feature_flags: FeatureFlags::default(),
        plugins: plugins.and_then(crate::rabbitmq::parse_enabled_plugins).unwrap_or_default(),
        maintenance: false,
        holdings: Holdings::default(),
        queues: Vec::new(),
        queues_complete: true,
        mirroring_policies: Vec::new(),
        definitions_marker: None,
        admin: None,
        admin_exists: false,
        guest: if names_default_user(host) { Guest::Absent } else { Guest::Open },
        started: WILL_START,
        uptime_s: 0,
        memory_bytes: 0,
        file_descriptors: None,
    }
}

/// Whether a blank node makes another first user than guest (rabbitmq.conf's `default_user`).
fn names_default_user(host: &HostFacts) -> bool {
    let conf = host.file(CONF_FILE).and_then(|file| file.content.as_deref()).unwrap_or_default();
    Conf::parse(conf).get("default_user").is_some_and(|user| user != "guest")
}

pub(super) fn guarded(raw: CookieDigest, normalised: CookieDigest) -> CookieFile {
    let (owner, shape) = ("rabbitmq".to_owned(), CookieShape::Usable);
    CookieFile { raw, normalised, mode: 0o400, owner, link_to: None, shape }
}

fn running_unit() -> UnitFacts {
    UnitFacts { exists: true, active: "active".to_owned(), enabled: "enabled".to_owned() }
}

pub(super) fn stopped_unit() -> UnitFacts {
    UnitFacts { exists: true, active: "inactive".to_owned(), enabled: "enabled".to_owned() }
}

pub(super) fn each_node(facts: &mut Facts, mut change: impl FnMut(&mut NodeFacts)) {
    for name in facts.hosts.keys().cloned().collect::<Vec<_>>() {
        if let Some(BrokerState::Running(node)) = facts.host_mut(&name).map(|host| &mut host.broker) {
            change(node);
        }
    }
}

fn node_facts<'f>(facts: &'f Facts, node: &NodeName) -> Option<&'f NodeFacts> {
    facts.host(node.host()).and_then(HostFacts::node)
}

fn add_missing(known: &mut Vec<String>, wanted: &[String], defaults: &[&str]) {
    for name in wanted {
        if !known.contains(name) && !defaults.contains(&name.as_str()) {
            known.push(name.clone());
        }
    }
}
