//! Plans and facts for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use rabbitup::balancer::Software;
use rabbitup::facts::{
    Backend, BrokerEnvironment, BrokerState, Clock, ClusterMember, Configuration, CookieFile, CookieShape,
    DataPlace, Facts, HostFacts, HostNameFacts, LoadBalancerFacts, NodeData, NodeFacts, Observation,
    OsFamily, PackageFacts, PluginFiles, Privilege, ProbeRequest, Resources, SelinuxFacts, System,
    TimeService,
};
use rabbitup::inventory::{
    BalancerCheck, Become, Cluster, CookieSource, Desired, FirewallSetting, Host, HostKeys, JoinMethod,
    LoadBalancer, Package, Ssh, Time,
};
use rabbitup::model::{
    CookieDigest, DigestKey, HostName, MetadataStore, NameMode, NodeName, NodeType, Role, Secret, Secrets,
    Version,
};
use rabbitup::operation::{Operation, StartUnit};
use rabbitup::plan::{Change, FORMAT_VERSION, Note, Phase, Plan, PlannedHost, Step, StepId};
use rabbitup::report::Next;

pub const NOW: u64 = 1_790_000_000;

pub fn host(name: &str) -> HostName {
    HostName::parse(name).expect("a host name")
}

fn ssh(name: &str) -> Ssh {
    let last = name.bytes().last().unwrap_or(b'0') - b'0';
    Ssh {
        destination: format!("192.168.0.4{last}"),
        user: Some("ops".to_owned()),
        port: None,
        identity: None,
        config: None,
        jump: None,
        host_keys: HostKeys::Strict,
        r#become: Become::Auto,
        connect_timeout: Duration::from_secs(10),
        persist: Duration::from_secs(60),
    }
}

/// A plan built step by step; each step waits for the named steps of other hosts.
pub struct PlanBuilder(Plan);

impl PlanBuilder {
    pub fn new(hosts: &[&str]) -> Self {
        let planned =
            |name: &&str| PlannedHost { name: host(name), ssh: ssh(name), probe: ProbeRequest::default() };
        Self(Plan {
            format_version: FORMAT_VERSION,
            playbook: "bring-up".to_owned(),
            cluster: Some("orders".to_owned()),
            hosts: hosts.iter().map(planned).collect(),
            steps: Vec::new(),
            notes: Vec::new(),
            secrets: BTreeMap::new(),
            digest_key: DigestKey::fixed(7),
            fingerprint: BTreeMap::new(),
        })
    }

    pub fn step(
        mut self,
        at: &str,
        phase: &str,
        change: Change,
        title: &str,
        reason: &str,
        after: &[&str],
    ) -> Self {
        let known = |wanted: &&str| {
            let found = self.0.steps.iter().rev().find(|step| step.id.as_str() == *wanted);
            found.expect("a step that is there").id.clone()
        };
        let after = after.iter().map(known).collect();
        self.0.steps.push(Step {
            id: StepId::new(&host(at), phase),
            host: host(at),
            phase: serde_json::from_value(phase.into()).unwrap_or(Phase::Start),
            change,
            title: title.to_owned(),
            reason: reason.to_owned(),
            diff: None,
            after,
            operation: Operation::StartUnit(StartUnit { unit: "none".to_owned() }),
            timeout_s: 60,
        });
        self
    }

    pub fn diff(mut self, diff: &str) -> Self {
        self.0.steps.last_mut().expect("a step").diff = Some(diff.to_owned());
        self
    }

    pub fn note(mut self, at: Option<&str>, text: &str) -> Self {
        self.0.notes.push(Note { host: at.map(host), text: text.to_owned() });
        self
    }

    pub fn build(self) -> Plan {
        self.0
    }
}

const HOSTS_DIFF: &str = "--- /etc/hosts\n+++ /etc/hosts\n@@ -1,3 +1,9 @@\n 127.0.0.1 localhost\n-127.0.1.1 debian\n \
    ::1 localhost ip6-localhost\n+# rabbitup: begin\n+192.168.0.41 node1\n+192.168.0.42 node2\n+192.168.0.43 node3\n\
    +192.168.0.44 lb1\n+# rabbitup: end\n";

/// Three brokers and a load balancer, from nothing.
pub fn bring_up() -> Plan {
    use Change::{Add, Change as Edit, Command, Restart};
    let mut plan = PlanBuilder::new(&["node1", "node2", "node3", "lb1", "bastion0"]);
    for name in ["node1", "node2", "node3"] {
        plan = plan
            .step(
                name,
                "host-names",
                Edit,
                &format!("set the host name to {name}"),
                "the host's name is debian",
                &[],
            )
            .step(
                name,
                "hosts-file",
                Edit,
                "write /etc/hosts",
                "4 names of the inventory are missing, and 127.0.1.1 \
                carries the host's own name, to which Erlang would bind its distribution",
                &[],
            )
            .diff(HOSTS_DIFF)
            .step(
                name,
                "packages",
                Add,
                "install rabbitmq-server 3.10.8-1.1+deb12u1",
                "it is not installed",
                &[],
            )
            .step(name, "config", Add, "write /etc/rabbitmq/rabbitmq.conf", "the file does not exist", &[])
            .diff(&conf_diff())
            .step(
                name,
                "cookie",
                Add,
                "put the Erlang cookie 3f9a01bc in place",
                "no cookie is there yet",
                &[],
            );
    }
    plan = plan
        .step(
            "node1",
            "start",
            Command,
            "start the broker rabbit@node1",
            "it is the seed node and does not run",
            &[],
        )
        .step(
            "node2",
            "start",
            Command,
            "start the broker rabbit@node2 as a member of rabbit@node1's cluster",
            "it is blank and does not run",
            &["node1/start"],
        )
        .step(
            "node3",
            "start",
            Command,
            "start the broker rabbit@node3 as a member of rabbit@node1's cluster",
            "it is blank and does not run",
            &["node2/start"],
        )
        .step("lb1", "packages", Add, "install haproxy 2.6.12-1", "it is not installed", &[])
        .step(
            "lb1",
            "load-balancer",
            Edit,
            "write /etc/haproxy/haproxy.cfg",
            "its 3 brokers are missing",
            &["node1/start", "node2/start", "node3/start"],
        )
        .step(
            "lb1",
            "restart",
            Restart,
            "restart haproxy",
            "it runs since before its package was upgraded",
            &[],
        );
    plan.note(
        None,
        "3 brokers on 2 cores share one hypervisor (as far as their MAC addresses tell): losing it loses \
            the quorum",
    )
    .note(Some("node2"), "plugins stay as they are, since the inventory names none")
    .note(Some("node3"), "plugins stay as they are, since the inventory names none")
    .build()
}

fn conf_diff() -> String {
    let lines: String = (1..=50).map(|n| format!("+cluster_formation.node.{n} = rabbit@node{n}\n")).collect();
    format!("--- /dev/null\n+++ /etc/rabbitmq/rabbitmq.conf\n@@ -0,0 +1,50 @@\n{lines}")
}

pub fn desired(brokers: usize, balancers: usize) -> Desired {
    let mut hosts: Vec<Host> =
        (1..=brokers).map(|n| a_host(&format!("node{n}"), vec![Role::Broker])).collect();
    hosts.extend((1..=balancers).map(|n| a_host(&format!("lb{n}"), vec![Role::LoadBalancer])));
    Desired {
        hosts_file: rabbitup::inventory::HostsFileSetting::Managed,
        cluster: Cluster {
            name: Some("orders".to_owned()),
            plugins: None,
            cookie: CookieSource::Seed,
            names: NameMode::Short,
            config: Vec::new(),
            file_descriptors: None,
            definitions: None,
            admin: None,
            guest: rabbitup::inventory::GuestSetting::Close,
            join: JoinMethod::FirstStart,
        },
        package: Package::default(),
        firewall: FirewallSetting::LeftAlone,
        time: Time { manage: true, servers: Vec::new(), max_offset: Duration::from_millis(250) },
        hosts,
        load_balancer: (balancers > 0).then(|| LoadBalancer {
            software: Software::Haproxy,
            balance: &Software::Haproxy.balancer().default,
            amqp_port: 5672,
            management_port: Some(15672),
            listeners: Vec::new(),
            bind: Vec::new(),
            check: BalancerCheck::Health,
            max_connections: None,
            stats: None,
            client_timeout: Duration::from_secs(10_800),
            check_interval: Duration::from_secs(5),
            vip: None,
        }),
        secrets: Secrets::default(),
        secret_sources: BTreeMap::new(),
        commands: BTreeMap::new(),
        templates: BTreeMap::new(),
        leaving: None,
    }
}

fn a_host(name: &str, roles: Vec<Role>) -> Host {
    let address = "192.168.0.41".parse().expect("an address");
    Host { name: host(name), address, roles, node_type: None, ssh: ssh(name) }
}

pub fn cookie(text: &str) -> CookieDigest {
    CookieDigest::of(&Secret::new(text.as_bytes().to_vec()))
}

/// The facts of a healthy cluster with a RabbitMQ version.
pub fn facts(desired: &Desired, version: Version) -> Facts {
    let names: Vec<NodeName> = desired.brokers().map(Host::node).collect();
    let mut facts = Facts::default();
    for (at, wanted) in desired.hosts.iter().enumerate() {
        let mut seen = blank(&wanted.name);
        seen.clock = Some(Clock { offset_ms: at as f64 * 3.0 - 2.0, uncertainty_ms: 1.0 });
        if wanted.has(Role::Broker) {
            seen.cookie = Some(CookieFile {
                raw: cookie("monster"),
                normalised: cookie("monster"),
                mode: 0o400,
                owner: "rabbitmq".to_owned(),
                link_to: None,
                shape: CookieShape::Usable,
            });
            seen.data = vec![NodeData { node: wanted.node().to_string(), ..NodeData::default() }];
            seen.broker = BrokerState::Running(Box::new(node(wanted.node(), &names, version, at as u64)));
        } else {
            seen.load_balancer = Some(LoadBalancerFacts {
                backends: names.iter().flat_map(backends).collect(),
                amqp_answers: Some(true),
                runs_with: Some(Configuration::Current),
            });
        }
        facts.hosts.insert(wanted.name.clone(), Observation::Reached(Box::new(seen)));
    }
    facts
}

fn backends(node: &NodeName) -> [Backend; 2] {
    ["amqp", "management"].map(|proxy| Backend {
        proxy: proxy.to_owned(),
        server: node.host().to_string(),
        status: "UP".to_owned(),
        check: "L4OK".to_owned(),
        port: None,
    })
}

fn node(name: NodeName, members: &[NodeName], version: Version, at: u64) -> NodeFacts {
    let khepri = version.major >= 4;
    NodeFacts {
        links: members.iter().filter(|n| **n != name).cloned().collect(),
        erlang: if khepri { "27 (erts 15.2.7)".to_owned() } else { "25 (erts 13.1.5)".to_owned() },
        cookie: Some(cookie("monster")),
        cluster_name: "orders".to_owned(),
        data_dir: None,
        members: members
            .iter()
            .map(|n| ClusterMember { node: n.clone(), node_type: NodeType::Disc })
            .collect(),
        running: members.to_vec(),
        metadata_store: if khepri { MetadataStore::Khepri } else { MetadataStore::Mnesia },
        guest: rabbitup::facts::Guest::Closed,
        started: Some(NOW - 270_000 - at * 4_000),
        uptime_s: Some(270_000 + at * 4_000),
        memory_bytes: Some((143 + at * 7) * 1024 * 1024),
        ..NodeFacts::blank(&name, version)
    }
}

fn blank(name: &HostName) -> HostFacts {
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
        resources: Resources::default(),
        host_name: HostNameFacts { running: name.to_string(), persistent: Some(name.to_string()) },
        resolution: BTreeMap::new(),
        full_names: BTreeMap::new(),
        cloud_init: None,
        clock: None,
        time_service: TimeService { running: Some("chrony".to_owned()), synchronised: Some(true) },
        packages: ["rabbitmq-server", "haproxy", "nginx"]
            .map(|name| {
                (name.to_owned(), PackageFacts { installed: Some("1".to_owned()), ..PackageFacts::default() })
            })
            .into(),
        package_lock: None,
        stale_policy: false,
        at_work: None,
        under_way: None,
        leftovers: Vec::new(),
        units: BTreeMap::new(),
        files: BTreeMap::new(),
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

pub fn seen<'a>(facts: &'a mut Facts, name: &str) -> &'a mut HostFacts {
    facts.host_mut(&host(name)).expect("a host that answered")
}

pub fn node_of<'a>(facts: &'a mut Facts, name: &str) -> &'a mut NodeFacts {
    match &mut seen(facts, name).broker {
        BrokerState::Running(node) => node,
        other => panic!("{name} does not run: {other:?}"),
    }
}

/// The commands printed at the end of a run.
pub fn next() -> Next {
    Next {
        status: "rabbitup -i lab.toml status".to_owned(),
        again: "rabbitup -i lab.toml up --limit node2".to_owned(),
    }
}
