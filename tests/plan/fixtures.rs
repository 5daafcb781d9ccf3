//! Inventories and hosts to plan for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use rabbitup::facts::{
    Access, Backend, BrokerEnvironment, BrokerState, ClusterMember, Configuration, CookieFile, CookieShape,
    DataPlace, Facts, FileFacts, FileKind, HostFacts, HostNameFacts, LoadBalancerFacts, NodeData, NodeFacts,
    Observation, OsFamily, PackageFacts, PluginFiles, Privilege, QueueHolding, Resources, SelinuxFacts,
    Storage, System, TimeService, UnitFacts,
};
use rabbitup::inventory::{self, Desired, SecretPolicy};
use rabbitup::model::{CookieDigest, DigestKey, HostName, NodeName, NodeType, Secret, SecretName, Version};
use rabbitup::plan::{Options, Plan, PlanError, project};
use rabbitup::playbook::Playbook;
use rabbitup::template::Templates;

use crate::order::assert_ordered;

pub const VERSION: &str = "3.10.8-1.1+deb12u1";

/// Three brokers and a load balancer that also serves time.
pub const INVENTORY: &str = r#"
[cluster]
name = "orders"
plugins = ["rabbitmq_management"]
cookie = { from = "seed" }
[cluster.config]
heartbeat = 30
[time]
servers = ["lb1"]
[[host]]
name = "node1"
address = "192.168.0.41"
roles = ["broker"]
[[host]]
name = "node2"
address = "192.168.0.42"
roles = ["broker"]
[[host]]
name = "node3"
address = "192.168.0.43"
roles = ["broker"]
[[host]]
name = "lb1"
address = "192.168.0.44"
roles = ["load-balancer", "time-source"]
[load_balancer]
stats = { port = 8404 }
"#;

pub fn desired(text: &str) -> Desired {
    let options = inventory::Options { secrets: SecretPolicy::Tolerate };
    let mut desired =
        inventory::load_text(Path::new("inventory.toml"), text, options).expect("a good inventory").desired;
    desired.secrets.insert(SecretName::new_cookie(), Secret::new(b"brand-new-cookie-for-this-run".to_vec()));
    desired
}

pub fn options() -> Options {
    Options::new(DigestKey::fixed(7))
}

pub fn name(text: &str) -> HostName {
    HostName::parse(text).expect("a host name")
}

pub fn planned(desired: &Desired, facts: &Facts, options: &Options) -> Result<(Plan, Facts), PlanError> {
    static PARTS: LazyLock<(Playbook, Templates)> = LazyLock::new(|| {
        let playbook = Playbook::load("bring-up", Path::new("/nonexistent")).expect("the embedded playbook");
        (playbook, Templates::new(&BTreeMap::new()).expect("the embedded templates"))
    });
    let (playbook, templates) = &*PARTS;
    let projected = project(desired, playbook, templates, facts, options)?;
    assert_ordered(&projected.0);
    Ok(projected)
}

/// Freshly installed hosts.
pub fn fresh(desired: &Desired) -> Facts {
    let hosts = desired
        .hosts
        .iter()
        .map(|host| (host.name.clone(), Observation::Reached(Box::new(bare(&host.name)))));
    Facts { hosts: hosts.collect() }
}

/// The hosts after everything has succeeded.
pub fn converged(desired: &Desired) -> Facts {
    converged_from(desired, &fresh(desired))
}

/// The same from such hosts.
pub fn converged_from(desired: &Desired, new: &Facts) -> Facts {
    let (_, mut after) = planned(desired, new, &options()).expect("fresh hosts can be planned for");
    let members: Vec<ClusterMember> = desired
        .brokers()
        .map(|host| ClusterMember { node: host.node(), node_type: NodeType::Disc })
        .collect();
    for text in desired.hosts.iter().map(|host| host.name.to_string()) {
        let host = host(&mut after, &text);
        host.files.values_mut().for_each(|file| file.modified = 1_700_000_000);
        host.data.iter_mut().for_each(|data| data.members.clone_from(&members));
        if let BrokerState::Running(node) = &mut host.broker {
            node.started = Some(1_700_000_500);
        }
    }
    after
}

/// A file of root's with this text, from before any node's start.
pub fn written(text: &str) -> FileFacts {
    FileFacts {
        kind: FileKind::Regular,
        content: Some(text.to_owned()),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        modified: 1_700_000_000,
        link_to: None,
    }
}

fn bare(name: &HostName) -> HostFacts {
    HostFacts {
        privilege: Privilege::Sudo,
        system: System {
            id: "debian".to_owned(),
            version: "12".to_owned(),
            pretty_name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            family: OsFamily::Debian,
            systemd: true,
            machine: "x86_64".to_owned(),
            kernel: None,
            identity: None,
        },
        resources: Resources {
            memory_total_kib: Some(4 << 20),
            memory_available_kib: Some(3 << 20),
            disk_free_kib: Some(20 << 20),
            storage: ["/etc", "/var/lib/rabbitmq", "/var/log"].map(roomy).to_vec(),
        },
        host_name: HostNameFacts {
            running: format!("fresh-{name}"),
            persistent: Some(format!("fresh-{name}")),
        },
        resolution: BTreeMap::new(),
        full_names: BTreeMap::new(),
        cloud_init: None,
        clock: None,
        time_service: TimeService::default(),
        packages: BTreeMap::from([(
            "rabbitmq-server".to_owned(),
            PackageFacts {
                candidate: Some(VERSION.to_owned()),
                offered: vec![VERSION.to_owned()],
                ..PackageFacts::default()
            },
        )]),
        package_lock: None,
        stale_policy: false,
        at_work: None,
        under_way: None,
        leftovers: Vec::new(),
        units: BTreeMap::new(),
        files: BTreeMap::from([(
            "/etc/hosts".to_owned(),
            written(&format!("127.0.0.1\tlocalhost\n127.0.1.1\tfresh-{name}\n")),
        )]),
        cookie: None,
        staged_cookie: None,
        in_the_way: Vec::new(),
        data: Vec::new(),
        data_place: DataPlace::default(),
        environment: BrokerEnvironment::default(),
        kept: Vec::new(),
        plugins: PluginFiles::default(),
        broker: BrokerState::Down,
        boot_failure: None,
        met: None,
        load_balancer: None,
        virtual_address: None,
        firewalls: Vec::new(),
        selinux: SelinuxFacts::default(),
        reach: Vec::new(),
    }
}

fn roomy(path: &str) -> Storage {
    Storage {
        path: path.to_owned(),
        file_system: "fe00".to_owned(),
        free_bytes: 20 << 30,
        free_inodes: 1 << 20,
        inodes: 1 << 21,
        access: Access::ReadWrite,
    }
}

pub fn host<'f>(facts: &'f mut Facts, text: &str) -> &'f mut HostFacts {
    facts.host_mut(&name(text)).expect("a reached host")
}

/// Installs the package there, with its own cookie.
pub fn install(facts: &mut Facts, text: &str) {
    let host = host(facts, text);
    let package = host.packages.entry("rabbitmq-server".to_owned()).or_default();
    (package.installed, package.unpacked) = (Some(VERSION.to_owned()), Some(1_700_000_000));
    let unit = UnitFacts {
        exists: true,
        active: "inactive".to_owned(),
        enabled: "enabled".to_owned(),
        ..UnitFacts::default()
    };
    host.units.insert("rabbitmq-server".to_owned(), unit);
    cookie(facts, text, &format!("own-cookie-of-{text}"));
}

/// Adds a cookie file.
pub fn cookie(facts: &mut Facts, text: &str, cookie: &str) {
    let digest = CookieDigest::of(&Secret::new(cookie.as_bytes().to_vec()));
    host(facts, text).cookie = Some(CookieFile {
        raw: digest,
        normalised: digest,
        mode: 0o400,
        owner: "rabbitmq".to_owned(),
        link_to: None,
        shape: CookieShape::Usable,
    });
}

/// The package started its broker, which is alone and empty.
pub fn start_alone(facts: &mut Facts, text: &str) {
    install(facts, text);
    let host = host(facts, text);
    host.host_name = HostNameFacts { running: text.to_owned(), persistent: Some(text.to_owned()) };
    host.units.insert(
        "rabbitmq-server".to_owned(),
        UnitFacts {
            exists: true,
            active: "active".to_owned(),
            enabled: "enabled".to_owned(),
            ..UnitFacts::default()
        },
    );
    let node = node(text);
    host.data =
        vec![NodeData { node: node.to_string(), started: Some(1_700_000_500), ..NodeData::default() }];
    let cookie = host.cookie.as_ref().map(|cookie| cookie.normalised);
    host.broker = BrokerState::Running(Box::new(NodeFacts {
        erlang: "25".to_owned(),
        cookie,
        started: Some(1_700_000_500),
        ..NodeFacts::blank(&node, Version::new(3, 10, 8))
    }));
}

pub fn running<'f>(facts: &'f mut Facts, text: &str) -> &'f mut NodeFacts {
    match &mut host(facts, text).broker {
        BrokerState::Running(node) => node,
        other => panic!("{text} does not run: {other:?}"),
    }
}

/// The brokers of [`INVENTORY`].
pub const BROKERS: [&str; 3] = ["node1", "node2", "node3"];

/// The complete cluster of an inventory, with HAProxy's servers up where the inventory has them.
pub fn balanced(desired: &Desired) -> Facts {
    let mut facts = converged(desired);
    let members: Vec<_> = BROKERS.iter().map(|text| node(text)).collect();
    for text in BROKERS {
        let node = running(&mut facts, text);
        node.links = members.iter().filter(|other| **other != node.name).cloned().collect();
    }
    host(&mut facts, "lb1").load_balancer = Some(LoadBalancerFacts {
        backends: BROKERS
            .iter()
            .flat_map(|text| [backend("rabbitmq", text, 5672), backend("management", text, 15672)])
            .collect(),
        amqp_answers: Some(true),
        runs_with: Some(Configuration::Current),
    });
    facts
}

pub fn backend(proxy: &str, server: &str, port: u16) -> Backend {
    Backend {
        proxy: proxy.to_owned(),
        server: server.to_owned(),
        status: "UP".to_owned(),
        check: "L4OK".to_owned(),
        port: Some(port),
    }
}

/// The others that run neither list it nor see it.
pub fn unlist(facts: &mut Facts, text: &str) {
    let gone = node(text);
    for host in facts.hosts.values_mut() {
        let Observation::Reached(host) = host else { continue };
        if let BrokerState::Running(seen) = &mut host.broker
            && seen.name != gone
        {
            seen.members.retain(|member| member.node != gone);
            seen.running.retain(|other| *other != gone);
        }
    }
}

/// Gives a running node queues, a virtual host and a user of its own.
pub fn give_data(facts: &mut Facts, text: &str) {
    if let BrokerState::Running(node) = &mut host(facts, text).broker {
        node.holdings.queues =
            vec![QueueHolding { vhost: "shop".to_owned(), name: "invoices".to_owned(), messages: Some(14) }];
        node.holdings.vhosts = vec!["shop".to_owned()];
        node.holdings.users = vec!["till".to_owned()];
    }
}

pub fn node(text: &str) -> NodeName {
    NodeName::rabbit(&name(text))
}

/// The ids of a plan's steps, in order.
pub fn ids(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.id.to_string()).collect()
}
