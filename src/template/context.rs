//! What each template can use. The samples name every variable once: a template is checked against them when it is
//! loaded, before any host is asked.

use serde::Serialize;

use super::TemplateName;

/// hosts.hbs.
#[derive(Clone, Debug, Serialize)]
pub struct HostsContext {
    pub hosts: Vec<HostLine>,
}

#[derive(Clone, Debug, Serialize)]
pub struct HostLine {
    pub address: String,
    pub name: String,
    /// What the host calls itself in full, where that is another name. It comes first: the first name of a line is the canonical one.
    pub full: Option<String>,
    /// The first label of a long name, where no other host has it too.
    pub alias: Option<String>,
}

/// rabbitmq.conf.hbs.
#[derive(Clone, Debug, Serialize)]
pub struct RabbitmqContext {
    /// `[cluster.config]`, key by key.
    pub entries: Vec<ConfigLine>,
    /// What a joiner looks for at its first start; none on the seed node, and none where `join = "command"`.
    pub formation: Option<Formation>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ConfigLine {
    pub key: String,
    pub value: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Formation {
    /// The seed node.
    pub seed: String,
    /// The seed node and the joiner itself, numbered.
    pub nodes: Vec<NumberedNode>,
    pub retry_limit: u32,
    /// Milliseconds.
    pub retry_interval: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct NumberedNode {
    pub number: usize,
    pub node: String,
}

/// The load balancer's template, whichever software it is for.
#[derive(Clone, Debug, Serialize)]
pub struct BalancerContext {
    /// The user that the software runs as on this host's system.
    pub user: String,
    /// The files that load its modules, as it includes them.
    pub modules_conf: String,
    /// Its runtime socket; empty for software that has none.
    pub socket: String,
    /// The socket where it says whether it works; none without a vip, and for software that cannot.
    pub alive: Option<String>,
    pub cluster: Option<String>,
    /// What the software says for its algorithm; none where it has no word for it.
    pub balance: Option<String>,
    /// The time in which a broker that comes back gets its share of connections; none where the algorithm does not know such a time.
    pub slow_start: Option<String>,
    /// Whether the installed version can be told when keep-alives begin.
    pub idle_probes: bool,
    /// Connections of clients at once; none where the inventory names no number.
    pub max_connections: Option<u32>,
    /// The connections of one process, those to brokers included, and the files that it may open.
    pub worker_connections: u32,
    pub worker_files: u32,
    /// How brokers say whether they are in service; none where the balancer does not offer their management UI.
    pub health: Option<HealthLine>,
    /// Where their AMQP listener is asked instead; none where a connection has to do.
    pub greeting: Option<GreetingLine>,
    /// Whether a check of AMQP's backend uses TLS.
    pub check_tls: bool,
    /// Whether clients may come over IPv6 as well: a load balancer's address is IPv6.
    pub dual_stack: bool,
    pub amqp_port: u16,
    pub management_port: Option<u16>,
    /// Where AMQP and the management UI accept clients, as the software says it.
    pub amqp_binds: Vec<String>,
    pub management_binds: Vec<String>,
    /// What else is offered.
    pub listeners: Vec<ListenerLine>,
    /// Where the management UI begins: `/`, or `/mq/` where the UI has a prefix.
    pub management_path: String,
    /// Whether the UI speaks TLS, which the balancer passes through.
    pub management_tls: bool,
    pub client_timeout: String,
    pub check_interval: String,
    /// Whether a broker asks for the PROXY protocol's header on AMQP connections.
    pub proxied: bool,
    pub brokers: Vec<BackendLine>,
    /// The same brokers with the header, while they change to the PROXY protocol or from it, one after the other; then `brokers` are without
    /// it. Empty at other times.
    pub proxied_brokers: Vec<BackendLine>,
    /// From 1 to the number of brokers, and that number: how many of new connections go to brokers with the header.
    pub shares: Vec<usize>,
    pub broker_count: usize,
    pub stats: Option<StatsLine>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ListenerLine {
    /// What it serves, such as `mqtt`.
    pub name: String,
    pub binds: Vec<String>,
    /// Whether a broker asks for the PROXY protocol's header.
    pub proxied: bool,
    pub brokers: Vec<ListenerBroker>,
    /// As in [`BalancerContext`].
    pub proxied_brokers: Vec<ListenerBroker>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ListenerBroker {
    pub name: String,
    pub endpoint: String,
    pub port: u16,
    /// As in [`BackendLine`].
    pub proxied: bool,
    pub rests: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct HealthLine {
    /// The port of every broker's management UI.
    pub port: u16,
}

#[derive(Clone, Debug, Serialize)]
pub struct GreetingLine {
    pub tls: bool,
    /// Whether the PROXY protocol's header comes before it.
    pub proxied: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct BackendLine {
    pub name: String,
    pub address: String,
    /// The address as it stands before a port: an IPv6 address has brackets.
    pub endpoint: String,
    /// The broker's port for AMQP: the first without TLS, else the first with it.
    pub amqp_port: u16,
    /// The broker's port for the management UI.
    pub management_port: u16,
    /// Whether AMQP connections to it begin with the PROXY protocol's header.
    pub proxied: bool,
    /// Whether it is not used here until rabbitup says so: it asks for the header, and this is without it, or the other way round.
    pub rests: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct StatsLine {
    pub port: u16,
    pub user: Option<String>,
    /// Whether its metrics are offered to Prometheus.
    pub metrics: bool,
    /// A sign that stands for the password; it is replaced when the file is written.
    pub password: Option<String>,
}

/// keepalived.conf.hbs.
#[derive(Clone, Debug, Serialize)]
pub struct KeepalivedContext {
    pub host: String,
    /// What tells whether the host's load balancer works, and the user that it runs as.
    pub check: String,
    pub check_user: String,
    pub interface: String,
    /// 1 to 255.
    pub router_id: u8,
    /// 1 to 254: the highest of those that work gets the address if nobody has it.
    pub priority: u8,
    /// The host's own address.
    pub address: String,
    /// Those of the other load balancers.
    pub peers: Vec<String>,
    /// The loopback address of the family of the host's own address.
    pub loopback: String,
    /// Lines of `virtual_ipaddress`, of the family of the host's own address.
    pub addresses: Vec<String>,
    /// The same of the other family.
    pub companions: Vec<String>,
}

/// chrony.conf.hbs.
#[derive(Clone, Debug, Serialize)]
pub struct ChronyContext {
    pub host: String,
    pub servers: Vec<String>,
    /// Where the host's package keeps how fast its clock goes.
    pub drift_file: String,
    /// Whether this host serves time to the others.
    pub serves: bool,
    /// The addresses that may ask, on a host that serves.
    pub clients: Vec<String>,
}

/// limits.conf.hbs.
#[derive(Clone, Debug, Serialize)]
pub struct LimitsContext {
    pub file_descriptors: u64,
}

/// A context with every variable of a template set.
pub fn sample(name: TemplateName) -> serde_json::Value {
    let text = |text: &str| text.to_owned();
    let backend = || BackendLine {
        name: text("node1"),
        address: text("192.0.2.1"),
        endpoint: text("192.0.2.1"),
        amqp_port: 3,
        management_port: 4,
        proxied: true,
        rests: true,
    };
    let listener_broker = || ListenerBroker {
        name: text("node1"),
        endpoint: text("192.0.2.1"),
        port: 6,
        proxied: true,
        rests: true,
    };
    let value = match name {
        TemplateName::Hosts => serde_json::to_value(HostsContext {
            hosts: vec![HostLine {
                address: text("192.0.2.1"),
                name: text("node1.example.com"),
                full: Some(text("node1.example.net")),
                alias: Some(text("node1")),
            }],
        }),
        TemplateName::Rabbitmq => serde_json::to_value(RabbitmqContext {
            entries: vec![ConfigLine { key: text("heartbeat"), value: text("60") }],
            formation: Some(Formation {
                seed: text("rabbit@node1"),
                nodes: vec![NumberedNode { number: 1, node: text("rabbit@node1") }],
                retry_limit: 30,
                retry_interval: 1000,
            }),
        }),
        TemplateName::Balancer(_) => serde_json::to_value(BalancerContext {
            user: text("balancer"),
            modules_conf: text("/etc/balancer/modules/*.conf"),
            socket: text("/run/balancer.sock"),
            alive: Some(text("/run/balancer-alive.sock")),
            cluster: Some(text("orders")),
            balance: Some(text("roundrobin")),
            slow_start: Some(text("30s")),
            idle_probes: true,
            max_connections: Some(20_000),
            worker_connections: 40_100,
            worker_files: 40_200,
            health: Some(HealthLine { port: 4 }),
            greeting: Some(GreetingLine { tls: true, proxied: true }),
            check_tls: true,
            dual_stack: true,
            amqp_port: 1,
            management_port: Some(2),
            amqp_binds: vec![text(":1")],
            management_binds: vec![text(":2")],
            listeners: vec![ListenerLine {
                name: text("mqtt"),
                binds: vec![text(":5")],
                proxied: true,
                brokers: vec![listener_broker()],
                proxied_brokers: vec![listener_broker()],
            }],
            management_path: text("/"),
            management_tls: true,
            client_timeout: text("3h"),
            check_interval: text("2s"),
            proxied: true,
            brokers: vec![backend()],
            proxied_brokers: vec![backend()],
            shares: vec![1],
            broker_count: 1,
            stats: Some(StatsLine {
                port: 8404,
                user: Some(text("ops")),
                metrics: true,
                password: Some(text("password")),
            }),
        }),
        TemplateName::Keepalived => serde_json::to_value(KeepalivedContext {
            host: text("lb1"),
            check: text("/usr/libexec/check"),
            check_user: text("nobody"),
            interface: text("eth0"),
            router_id: 40,
            priority: 200,
            address: text("192.0.2.44"),
            peers: vec![text("192.0.2.45")],
            loopback: text("127.0.0.1"),
            addresses: vec![text("192.0.2.40/24 dev eth0")],
            companions: vec![text("2001:db8::40/64 dev eth0")],
        }),
        TemplateName::Chrony => serde_json::to_value(ChronyContext {
            host: text("lb1"),
            servers: vec![text("192.0.2.9")],
            drift_file: text("/var/lib/chrony/chrony.drift"),
            serves: true,
            clients: vec![text("192.0.2.1")],
        }),
        TemplateName::Limits => serde_json::to_value(LimitsContext { file_descriptors: 65536 }),
    };
    // These structs are maps of plain values: they always have a JSON form.
    value.unwrap_or(serde_json::Value::Null)
}
