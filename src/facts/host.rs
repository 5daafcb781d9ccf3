use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{BrokerState, ClusterMember, NodeFacts, RunUnderWay, Storage};
use crate::balancer::Software;
use crate::model::{CookieDigest, HostName, NodeName};
use crate::platform::{OsFamily, PackageFacts};

/// One host as the probe saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    pub privilege: Privilege,
    pub system: System,
    pub resources: Resources,
    pub host_name: HostNameFacts,
    /// What the names of the inventory resolve to on this host (`getent ahosts`), in the resolver's order.
    pub resolution: BTreeMap<HostName, Vec<IpAddr>>,
    /// The controller's view of this host's clock. Differs on every look: no part of a plan's fingerprint.
    #[serde(skip)]
    pub clock: Option<Clock>,
    pub time_service: TimeService,
    /// By package name; only the packages that the request asked for.
    pub packages: BTreeMap<String, PackageFacts>,
    /// Who holds a lock that installing needs (the package manager's), if anybody.
    pub package_lock: Option<PackageLock>,
    /// Whether what an earlier run of ours forbade services to start by is still there (a policy-rc.d).
    pub stale_policy: bool,
    /// A process of a script of rabbitup that runs steps here, whether its run still has the lock or is gone: killed, or
    /// abandoned. No part of a plan's fingerprint, since it ends by itself.
    #[serde(skip)]
    pub at_work: Option<u32>,
    /// The run that holds this host's lock. No part of a plan's fingerprint.
    #[serde(skip)]
    pub under_way: Option<RunUnderWay>,
    /// The directories in which a run that was cut off left a file half-written beside the one that it was to become.
    #[serde(default)]
    pub leftovers: Vec<String>,
    /// By unit name; only the units that the request asked for.
    pub units: BTreeMap<String, UnitFacts>,
    /// By path; a file that does not exist is not in the map. Links are followed: all but `link_to` is the target's.
    pub files: BTreeMap<String, FileFacts>,
    #[serde(skip)]
    pub cookie: Option<CookieFile>,
    /// The cookie that a rotation put beside the one in use and has not put in its place yet.
    #[serde(skip)]
    pub staged_cookie: Option<CookieFile>,
    /// What is where a cookie is to be, and is none that can be read.
    #[serde(default)]
    pub in_the_way: Vec<InTheWay>,
    /// The nodes whose data lies under /var/lib/rabbitmq/mnesia.
    pub data: Vec<NodeData>,
    /// Whether the place of that data is the one that it should be.
    #[serde(default)]
    pub data_place: DataPlace,
    /// What removals moved aside: the directories under /var/lib/rabbitmq/rabbitup-kept, `NODE.TIMESTAMP`.
    #[serde(default)]
    pub kept: Vec<String>,
    pub broker: BrokerState,
    pub load_balancer: Option<LoadBalancerFacts>,
    pub reach: Vec<Reach>,
}

impl HostFacts {
    /// The running node's facts, where its application runs.
    pub fn node(&self) -> Option<&NodeFacts> {
        match &self.broker {
            BrokerState::Running(node) => Some(node),
            _ => None,
        }
    }

    /// The data directory of this node, where there is one.
    pub fn data_of(&self, node: &NodeName) -> Option<&NodeData> {
        let name = node.to_string();
        self.data.iter().find(|data| data.node == name)
    }

    /// The installed version of a package, as the package manager writes it.
    pub fn installed(&self, package: &str) -> Option<&str> {
        self.packages.get(package).and_then(|p| p.installed.as_deref())
    }

    pub fn file(&self, path: &str) -> Option<&FileFacts> {
        self.files.get(path)
    }

    pub fn unit(&self, unit: &str) -> UnitFacts {
        self.units.get(unit).cloned().unwrap_or_default()
    }
}

/// A node's data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeData {
    /// The directory's name, which is the node's.
    pub node: String,
    /// The cluster's members as Mnesia noted them last (`cluster_nodes.config`), and those that only its database has
    /// (`schema.DAT`), where that note is older; empty where there is no such note.
    pub members: Vec<ClusterMember>,
    /// The nodes that still ran when this one stopped, as Mnesia noted them (`nodes_running_at_shutdown`), and those that
    /// its notes do not know yet; none where there is no such note. While it runs, the note is that of its last stop.
    #[serde(default)]
    pub outlived_by: Vec<NodeName>,
    /// When the node last opened this data, Unix seconds: it counts its starts in `rabbit_serial` (rabbit_guid), and a boot
    /// that fails on the data of another version does not come that far. None where there is no such file, as after a
    /// migration to Khepri until the next start.
    #[serde(default)]
    pub started: Option<u64>,
    /// The feature flags that are enabled in this data (`NODE-feature_flags`); empty where the file cannot be read.
    #[serde(default)]
    pub feature_flags: BTreeSet<String>,
}

/// What tells a node whose data is gone from one whose disk is not mounted, or whose data lies elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPlace {
    /// Where a file system belongs, at the data or above it, and none is mounted (/etc/fstab, systemd's mount units, a link
    /// that leads nowhere).
    pub unmounted: Vec<String>,
    /// A mounted file system for the data that holds nothing.
    pub emptied: Option<String>,
    /// The file whose settings move the data away from where rabbitup looks.
    pub moved_by: Option<String>,
}

/// How the probe came to be root.
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
    /// `PRETTY_NAME` of /etc/os-release.
    pub pretty_name: String,
    pub family: OsFamily,
    /// Whether systemd is process 1.
    pub systemd: bool,
    /// `uname -m`.
    pub machine: String,
    /// Equal for containers on one machine, which share its processors. No part of a plan's fingerprint, since a
    /// kernel may tell the second of its boot differently from one look to the next.
    #[serde(skip)]
    pub kernel: Option<String>,
}

/// Differs on every look, so only thresholds are ever compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    #[serde(skip)]
    pub memory_total_kib: Option<u64>,
    #[serde(skip)]
    pub memory_available_kib: Option<u64>,
    /// Free space of the file system under /var/lib, in KiB.
    #[serde(skip)]
    pub disk_free_kib: Option<u64>,
    /// The directories of configuration, packages, data and logs, as far as the host has them.
    #[serde(skip)]
    pub storage: Vec<Storage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNameFacts {
    /// The kernel's host name.
    pub running: String,
    /// What /etc/hostname says, which is what the next boot uses.
    pub persistent: Option<String>,
}

/// The host's clock minus the controller's, in milliseconds, and how wrong that may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    pub offset_ms: f64,
    pub uncertainty_ms: f64,
}

/// Who keeps this host's time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeService {
    /// The unit that runs: `chrony` or `chronyd`, `systemd-timesyncd`, `ntpsec`, `ntp`, `ntpd`,
    /// `openntpd`; none where none runs.
    pub running: Option<String>,
    /// What the service itself says (chronyc's leap status, timesyncd's mark, ntpq); none where it does not tell.
    pub synchronised: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageLock {
    pub pid: u32,
    /// The holder's command line.
    pub command: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFacts {
    /// Whether systemd knows the unit.
    pub exists: bool,
    /// `ActiveState`: active, activating, inactive, failed…
    pub active: String,
    /// `UnitFileState`: enabled, disabled, masked…
    pub enabled: String,
}

impl UnitFacts {
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }

    pub fn is_enabled(&self) -> bool {
        self.enabled == "enabled"
    }
}

/// What is at a path, behind a link where it is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    #[default]
    Regular,
    Directory,
    /// A device, a socket, a named pipe.
    Special,
    /// A link to nothing, or to what user rabbitmq cannot reach, in a directory where that user may write.
    Nothing,
    /// A regular file that user rabbitmq may not read, in a directory where that user may write.
    Unreadable,
    /// A regular file with a second name (a hard link), in a directory where user rabbitmq may write: it may be any other
    /// user's.
    Shared,
}

impl FileKind {
    /// What it is, for people: `it is a named pipe, a device or a socket`.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Regular => "it is a plain file",
            Self::Directory => "it is a directory",
            Self::Special => "it is a named pipe, a device or a socket",
            Self::Nothing => "it is a symbolic link to nothing",
            Self::Unreadable => "user rabbitmq may not read it",
            Self::Shared => "it has a second name (a hard link)",
        }
    }
}

/// What is in the way of a file that no user but rabbitmq looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InTheWay {
    pub path: String,
    pub kind: FileKind,
    /// Where it is a symbolic link: what it points to.
    pub link_to: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    #[serde(default)]
    pub kind: FileKind,
    /// The content as text; none where it is no UTF-8, not a regular file, or larger than 256 KiB. Of what
    /// lies in /proc or /sys the content is not read.
    pub content: Option<String>,
    /// Permission bits, as in `0644`.
    pub mode: u32,
    pub owner: String,
    pub group: String,
    /// Modification time, Unix seconds.
    pub modified: u64,
    /// Where the path is a symbolic link: what it points to. A link to nothing has mode 0 and no owner.
    pub link_to: Option<String>,
}

impl InTheWay {
    /// What is there, for people: `it is a symbolic link to /etc/shadow, which …`.
    pub fn in_words(&self) -> String {
        match (&self.link_to, self.kind) {
            (Some(target), FileKind::Nothing) => {
                format!(
                    "it is a symbolic link to {target}, which does not exist, or which user rabbitmq cannot reach"
                )
            }
            (Some(target), _) => format!("it is a symbolic link to {target}"),
            (None, kind) => kind.in_words().to_owned(),
        }
    }
}

/// A cookie file as the host has it: the one in use, /var/lib/rabbitmq/.erlang.cookie, or a staged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieFile {
    /// MD5 of the file's bytes, as `md5sum` prints it.
    pub raw: CookieDigest,
    /// MD5 of the bytes without trailing line ends: what Erlang compares.
    pub normalised: CookieDigest,
    pub mode: u32,
    pub owner: String,
    /// Where the path is a symbolic link: what it points to. All else is the target's.
    pub link_to: Option<String>,
    pub shape: CookieShape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieShape {
    Usable,
    /// Twenty upper-case letters: Debian's package replaces it.
    DebianReplaces,
    /// Empty, too long, or bytes that Erlang does not take.
    Unusable,
}

/// Whether this host reaches a port of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub peer: HostName,
    pub port: u16,
    pub state: PortState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortState {
    Open,
    /// The host answered that nobody listens: the way is free.
    Refused,
    /// No answer within a second: a firewall drops, or the host is gone.
    Filtered,
    /// A router or firewall answered "unreachable" or "prohibited".
    Rejected,
}

/// What the load balancer on this host says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerFacts {
    /// From HAProxy's runtime socket; empty for nginx, which does not tell.
    pub backends: Vec<Backend>,
    /// Whether an AMQP handshake through the load balancer's AMQP port was answered by a broker.
    pub amqp_answers: Option<bool>,
    /// When the running process was started or last reloaded, Unix seconds. A configuration changed after that
    /// was not read.
    pub loaded: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// HAProxy's proxy name (`amqp`).
    pub proxy: String,
    /// HAProxy's server name, which rabbitup makes the host's name.
    pub server: String,
    /// `UP`, `DOWN`, `MAINT`, `no check`…
    pub status: String,
    /// The last check's verdict (`L4OK`, `L4CON`…).
    pub check: String,
}

impl HostFacts {
    /// The version of a balancer's package that is installed.
    pub fn installed_balancer(&self, software: Software) -> Option<&str> {
        let platform = self.system.family.platform()?;
        self.installed(platform.packages_of(software.balancer()).main)
    }
}

impl Backend {
    /// Whether somebody told HAProxy to spare the server: `MAINT`, `DRAIN`.
    pub fn is_spared(&self) -> bool {
        self.status.starts_with("MAINT") || self.status.starts_with("DRAIN")
    }
}
