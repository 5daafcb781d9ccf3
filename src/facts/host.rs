use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    BrokerEnvironment, BrokerState, CloudInit, ClusterMember, FileFacts, InTheWay, LoadBalancerFacts,
    NodeFacts, Reach, RunUnderWay, SelinuxFacts, Storage, VirtualAddressFacts,
};
use crate::balancer::Software;
use crate::firewall;
use crate::model::{CookieDigest, HostName, NodeName};
use crate::platform::{self, OsFamily, PackageFacts};
use crate::rabbitmq::listeners::{Listeners, NodePorts};
use crate::rabbitmq::{BootFailure, CONF_FILE, Conf, PLUGINS_FILE, parse_enabled_plugins};

/// The facts of one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    pub privilege: Privilege,
    pub system: System,
    pub resources: Resources,
    pub host_name: HostNameFacts,
    /// The addresses of the inventory's names on this host (`getent ahosts`), in the resolver's order.
    pub resolution: BTreeMap<HostName, Vec<IpAddr>>,
    /// What the resolver calls these names in full, where that is another name (the canonical name of getaddrinfo(3), which
    /// `hostname -f` prints for the host's own).
    #[serde(default)]
    pub full_names: BTreeMap<HostName, String>,
    /// What cloud-init does to /etc/hosts at every boot, if anything.
    #[serde(default)]
    pub cloud_init: Option<CloudInit>,
    /// The controller's view of this host's clock. Differs at every probe: not part of a plan's fingerprint.
    #[serde(skip)]
    pub clock: Option<Clock>,
    pub time_service: TimeService,
    /// By package name; only the requested packages.
    pub packages: BTreeMap<String, PackageFacts>,
    /// The holder of a lock that an installation needs (the package manager's), if any.
    pub package_lock: Option<PackageLock>,
    /// Whether what an earlier rabbitup run forbade services to start by is still there (a policy-rc.d).
    pub stale_policy: bool,
    /// A process of a rabbitup script that runs steps here, whether its run still has the lock or was killed or abandoned. Not
    /// part of a plan's fingerprint, since it ends by itself.
    #[serde(skip)]
    pub at_work: Option<u32>,
    /// The run that holds this host's lock. Not part of a plan's fingerprint.
    #[serde(skip)]
    pub under_way: Option<RunUnderWay>,
    /// The directories in which an interrupted run left a half-written file beside its target.
    #[serde(default)]
    pub leftovers: Vec<String>,
    /// By unit name; only the requested units.
    pub units: BTreeMap<String, UnitFacts>,
    /// By path; missing files are not in the map. Links are followed: everything except `link_to` describes the target.
    pub files: BTreeMap<String, FileFacts>,
    #[serde(skip)]
    pub cookie: Option<CookieFile>,
    /// The cookie that a rotation has staged but not yet put into use.
    #[serde(skip)]
    pub staged_cookie: Option<CookieFile>,
    /// Objects in the place of a cookie that cannot be read as one.
    #[serde(default)]
    pub in_the_way: Vec<InTheWay>,
    /// With what the broker is started the next time.
    #[serde(default)]
    pub environment: BrokerEnvironment,
    /// The nodes with data on the host, where the broker's environment puts it.
    pub data: Vec<NodeData>,
    /// Whether that data is in its expected location.
    #[serde(default)]
    pub data_place: DataPlace,
    /// Data moved aside by removals: the directories under [`BrokerEnvironment::kept_base`], `NODE.TIMESTAMP`.
    #[serde(default)]
    pub kept: Vec<String>,
    #[serde(default)]
    pub plugins: PluginFiles,
    pub broker: BrokerState,
    /// Why its boot keeps failing, if systemd tries again and RabbitMQ's logs say so. Not part of a plan's fingerprint.
    #[serde(skip)]
    pub boot_failure: Option<BootFailure>,
    /// Of a node that is booting: the members that its Mnesia is connected to, itself among them. None if its Mnesia does not run,
    /// or it did not say. It connects to the others when it starts, and later only to those that start after it.
    #[serde(default)]
    pub met: Option<Vec<NodeName>>,
    pub load_balancer: Option<LoadBalancerFacts>,
    /// Only looked up on load balancers that share an address. Not part of a plan's fingerprint: it moves by itself.
    #[serde(skip)]
    pub virtual_address: Option<VirtualAddressFacts>,
    /// The firewalls in effect. Only looked up if the inventory manages them.
    #[serde(default)]
    pub firewalls: Vec<firewall::Seen>,
    #[serde(default)]
    pub selinux: SelinuxFacts,
    pub reach: Vec<Reach>,
}

impl HostFacts {
    /// The running node's facts, if its application runs.
    pub fn node(&self) -> Option<&NodeFacts> {
        match &self.broker {
            BrokerState::Running(node) => Some(node),
            _ => None,
        }
    }

    /// The data directory of this node, if there is one.
    pub fn data_of(&self, node: &NodeName) -> Option<&NodeData> {
        let name = node.to_string();
        self.data.iter().find(|data| data.node == name)
    }

    /// The installed version of a package, in the package manager's format.
    pub fn installed(&self, package: &str) -> Option<&str> {
        self.packages.get(package).and_then(|p| p.installed.as_deref())
    }

    pub fn file(&self, path: &str) -> Option<&FileFacts> {
        self.files.get(path)
    }

    /// What its broker will listen on after its next start, by the files on the host. None if rabbitmq.conf cannot be read.
    pub fn listeners_at_start(&self) -> Option<Listeners> {
        let text = |path| self.file(path).map_or(Some(""), |file| file.content.as_deref());
        let conf = Conf::parse(text(CONF_FILE)?);
        let settings: Vec<_> = conf.settings().collect();
        let plugins = text(PLUGINS_FILE).and_then(parse_enabled_plugins).unwrap_or_default();
        Some(Listeners::configured(&settings, &plugins, self.node_ports()))
    }

    /// What its broker's environment says about the ports.
    pub fn node_ports(&self) -> NodePorts {
        NodePorts::of(|name| self.environment.get(name).map(|set| set.value.as_str()))
    }

    pub fn unit(&self, unit: &str) -> UnitFacts {
        self.units.get(unit).cloned().unwrap_or_default()
    }
}

/// A node's data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeData {
    /// The name of the directory, which is the node's name.
    pub node: String,
    /// The cluster's members as last saved by Mnesia (`cluster_nodes.config`), and those that only its database has
    /// (`schema.DAT`) if that file is older; empty without that file.
    pub members: Vec<ClusterMember>,
    /// The nodes that still ran when this one stopped, as saved by Mnesia (`nodes_running_at_shutdown`), and those that its files
    /// do not contain yet; none without that file. While it runs, the file is from its last stop.
    #[serde(default)]
    pub outlived_by: Vec<NodeName>,
    /// When the node last opened this data, Unix seconds: it counts its starts in `rabbit_serial` (rabbit_guid), and a boot that
    /// fails on the data of another version does not get that far. None without such a file, as after a migration to Khepri until
    /// the next start.
    #[serde(default)]
    pub started: Option<u64>,
    /// The feature flags that are enabled in this data (`NODE-feature_flags`); empty if the file cannot be read.
    #[serde(default)]
    pub feature_flags: BTreeSet<String>,
}

/// Where nodes of this host look for plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFiles {
    pub directories: Vec<String>,
    /// The files of each plugin that was asked for, by its name.
    pub files: BTreeMap<String, Vec<String>>,
}

/// Distinguishes a node that lost its data from one whose disk is not mounted, or whose data is elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPlace {
    /// A mount point at the data or above it without a mounted file system (from /etc/fstab, systemd's mount units, a dangling
    /// link).
    pub unmounted: Vec<String>,
    /// An empty mounted file system for the data.
    pub emptied: Option<String>,
    /// Directories with data of the node, in the usual place, that its next start does not use: a setting moves it.
    #[serde(default)]
    pub elsewhere: Vec<String>,
    /// The places of quorum queues and streams outside the data directory (`QUORUM_DIR`, `STREAM_DIR`) that have something in them.
    #[serde(default)]
    pub filled: Vec<String>,
}

/// How the probe became root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    Root,
    Sudo,
    SudoPassword,
    Doas,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// `ID` of /etc/os-release.
    pub id: String,
    /// `VERSION_ID` of /etc/os-release; empty on rolling releases.
    #[serde(default)]
    pub version: String,
    /// `PRETTY_NAME` of /etc/os-release.
    pub pretty_name: String,
    pub family: OsFamily,
    /// Whether systemd is process 1.
    pub systemd: bool,
    /// `uname -m`.
    pub machine: String,
    /// Equal for containers on one machine, which share its processors. Not part of a plan's fingerprint, since a kernel may
    /// report a different second of its boot at each probe.
    #[serde(skip)]
    pub kernel: Option<String>,
    /// Equal only where two logins reached one running system: its machine id, the id of its boot, and its network namespace, in
    /// which containers of one machine differ. Not part of a plan's fingerprint.
    #[serde(skip)]
    pub identity: Option<String>,
}

/// Differs at every probe, so only thresholds are compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    #[serde(skip)]
    pub memory_total_kib: Option<u64>,
    #[serde(skip)]
    pub memory_available_kib: Option<u64>,
    /// Free space of the file system under /var/lib, in KiB.
    #[serde(skip)]
    pub disk_free_kib: Option<u64>,
    /// The existing directories of configuration, packages, data and logs.
    #[serde(skip)]
    pub storage: Vec<Storage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNameFacts {
    /// The kernel's host name.
    pub running: String,
    /// The name in /etc/hostname, used at the next boot.
    pub persistent: Option<String>,
}

/// The host's clock minus the controller's, in milliseconds, and its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    pub offset_ms: f64,
    pub uncertainty_ms: f64,
}

/// The time service of this host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeService {
    /// The running unit: `chrony` or `chronyd`, `systemd-timesyncd`, `ntpsec`, `ntp`, `ntpd`, `openntpd`; none if none runs.
    pub running: Option<String>,
    /// Whether the service reports a synchronised clock (chronyc's leap status, timesyncd's mark, ntpq); none if it does not
    /// report it.
    pub synchronised: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageLock {
    pub pid: u32,
    /// The holder's command line.
    pub command: String,
    /// The lock's file.
    #[serde(default)]
    pub file: String,
}

impl PackageLock {
    /// What it protects.
    pub fn what(&self) -> &'static str {
        platform::locks()
            .find(|lock| lock.file == self.file)
            .map_or("the package manager's lock", |lock| lock.what)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFacts {
    /// Whether systemd knows the unit.
    pub exists: bool,
    /// `ActiveState`: active, activating, inactive, failed…
    pub active: String,
    /// `UnitFileState`: enabled, disabled, masked…
    pub enabled: String,
    /// When its state last changed, Unix seconds. A reload counts. Not part of a plan's fingerprint.
    #[serde(skip)]
    pub since: Option<u64>,
    /// `SubState`: start, auto-restart… Not part of a plan's fingerprint, since that of a failing unit changes all the time.
    #[serde(skip)]
    pub sub: String,
    /// How often systemd has restarted it since it was last started (`NRestarts`); None if it did not say. Not part of a plan's
    /// fingerprint.
    #[serde(skip)]
    pub restarts: Option<u64>,
}

/// How a unit that systemd starts again has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    Once,
    /// It has failed after a restart, too.
    Repeatedly,
}

impl UnitFacts {
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// Whether systemd never starts it: for good, or until the host boots (`masked-runtime`).
    pub fn is_masked(&self) -> bool {
        self.enabled.starts_with("masked")
    }

    pub fn is_enabled(&self) -> bool {
        self.enabled == "enabled"
    }

    /// Whether it is known to have failed, and systemd starts it again.
    pub fn failing(&self) -> Option<Failing> {
        let fails = self.active == "activating" && (self.sub == "auto-restart" || self.restarts > Some(0));
        // The first restart may follow a long time of service.
        fails.then_some(if self.restarts > Some(1) { Failing::Repeatedly } else { Failing::Once })
    }
}

/// A cookie file on the host: the one in use, /var/lib/rabbitmq/.erlang.cookie, or a staged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieFile {
    /// MD5 of the file's bytes, as printed by `md5sum`.
    pub raw: CookieDigest,
    /// MD5 of the bytes without trailing newlines, as Erlang compares them.
    pub normalised: CookieDigest,
    pub mode: u32,
    pub owner: String,
    /// The target, if the path is a symbolic link. All other fields describe the target.
    pub link_to: Option<String>,
    pub shape: CookieShape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieShape {
    Usable,
    /// Twenty upper-case letters, as Erlang generates a cookie, on a host whose package leaves it alone.
    Generated,
    /// The same where Debian's package replaces it.
    DebianReplaces,
    /// Empty, too long, or with bytes that Erlang rejects.
    Unusable,
}

impl HostFacts {
    /// The version of a balancer's package that is installed.
    pub fn installed_balancer(&self, software: Software) -> Option<&str> {
        let platform = self.system.family.platform()?;
        self.installed(platform.packages_of(software.balancer()).main)
    }
}
