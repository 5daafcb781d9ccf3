use serde::{Serialize, Serializer};

use crate::model::{Advice, HostName, Problem};

/// The findings, root causes first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    pub findings: Vec<Finding>,
    /// The checks that ran, in the order of the walk.
    pub checked: Vec<Checked>,
    /// Every pair of brokers, in the inventory's order.
    pub pairs: Vec<Pair>,
    /// Whether a rabbitup run is in progress: it may have caused the findings, and they may go away.
    pub meanwhile: Meanwhile,
}

/// What rabbitup does on the hosts while they are examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meanwhile {
    /// No run is in progress.
    #[default]
    Quiet,
    /// A run is in progress.
    RunUnderWay,
}

impl Diagnosis {
    /// The diagnosis while a run is in progress: the only advice is to wait.
    pub fn while_under_way(mut self, advice: &str) -> Self {
        for finding in &mut self.findings {
            finding.problem.cause.next = vec![Advice::Sentence(advice.to_owned())];
        }
        Self { meanwhile: Meanwhile::RunUnderWay, ..self }
    }

    /// Whether there are no findings.
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub cause: Cause,
    /// Its host is where it was found, and where to fix it; none: the whole cluster.
    pub problem: Problem,
    /// The other host involved.
    pub peer: Option<HostName>,
    /// What a node that does not run waits for, as far as it said.
    pub awaits: Awaits,
    /// Whether it follows from an earlier finding.
    pub consequence: bool,
}

/// What a node that does not run waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Awaits {
    /// Nothing that it said, or nothing of another host.
    #[default]
    Nothing,
    /// Another node: one that does not answer, or that refused it.
    Peers,
}

/// The number of observations of one check, and how many of them were wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Checked {
    pub check: &'static str,
    pub looks: usize,
    pub wrong: usize,
}

/// What one broker's host sees of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub from: HostName,
    pub to: HostName,
    pub state: PairState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairState {
    /// Its node accepts this host, or already has a connection to this host's node.
    Open,
    Wrong(Cause),
    /// Its broker does not run.
    Down,
    /// This host could not be inspected.
    Unknown,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $id:literal / $check:literal,)*) => {
        /// What is wrong, in the order of the walk: the first on a host or pair is its root cause.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause { $($(#[$doc])* $name,)* }

        impl Cause {
            /// All causes, in the order of the walk.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its id in `--json` and in docs/doctor.md.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The check that finds it.
            pub fn check(self) -> &'static str {
                match self { $(Self::$name => $check,)* }
            }
        }
    };
}

causes! {
    Unreachable = "unreachable" / "reach",
    /// The login works, but not what comes after it.
    NotInspected = "not-inspected" / "reach",
    /// Two hosts of the inventory are one machine.
    SameMachine = "same-machine" / "machines",
    HostNameDiffers = "host-name-differs" / "host-names",
    NotInstalled = "not-installed" / "packages",
    /// The environment file cannot be evaluated.
    EnvironmentBroken = "environment-broken" / "settings",
    /// The node's next start does not find its data.
    DataElsewhere = "data-elsewhere" / "settings",
    /// Another file outranks what the inventory sets.
    SettingOutranked = "setting-outranked" / "settings",
    DiskFull = "disk-full" / "disk",
    ClockOff = "clock-off" / "clocks",
    /// A variable or an argument gives the node its cookie, whatever the file contains.
    CookieByArgument = "cookie-by-argument" / "cookies",
    CookieMissing = "cookie-missing" / "cookies",
    CookieUnusable = "cookie-unusable" / "cookies",
    CookieMode = "cookie-mode" / "cookies",
    CookieOwner = "cookie-owner" / "cookies",
    CookieDiffers = "cookie-differs" / "cookies",
    /// The file is correct, but the running VM uses another cookie.
    CookieNotRunning = "cookie-not-running" / "running-cookies",
    /// Short names on one node, long names on another.
    NamesDiffer = "names-differ" / "names",
    NodeNameDiffers = "node-name-differs" / "names",
    /// The inventory has a plugin whose file is on no place where the node looks.
    PluginMissing = "plugin-missing" / "plugins",
    TlsDiffers = "tls-differs" / "tls",
    /// The node uses IPv4 between nodes, and their names resolve to IPv6 only, or the other way round.
    AddressFamily = "address-family" / "address-families",
    DoesNotBoot = "does-not-boot" / "brokers",
    /// The cluster lists this host's node, but its data is lost or belongs to another cluster.
    GhostMember = "ghost-member" / "membership",
    BrokerStopped = "broker-stopped" / "brokers",
    AppStopped = "app-stopped" / "brokers",
    NameUnresolved = "name-unresolved" / "resolution",
    NameLoopback = "name-loopback" / "resolution",
    NameElsewhere = "name-elsewhere" / "resolution",
    EpmdRefused = "epmd-refused" / "epmd",
    EpmdFiltered = "epmd-filtered" / "epmd",
    EpmdWithoutNode = "epmd-without-node" / "epmd",
    DistributionRefused = "distribution-refused" / "distribution",
    DistributionFiltered = "distribution-filtered" / "distribution",
    HandshakeRefused = "handshake-refused" / "handshakes",
    VersionsDiffer = "versions-differ" / "versions",
    OtpDiffers = "otp-differs" / "otp",
    FeatureFlagsDiffer = "feature-flags-differ" / "feature-flags",
    Partition = "partition" / "partitions",
    MemoryAlarm = "memory-alarm" / "alarms",
    DiskAlarm = "disk-alarm" / "alarms",
    NotJoined = "not-joined" / "clusters",
    /// HAProxy or nginx does not run.
    BalancerDown = "balancer-down" / "load-balancers",
    KeepalivedDown = "keepalived-down" / "keepalived",
    /// A load balancer does not work, or reaches no broker, and so does not get the address that it shares.
    AddressCheckFails = "address-check-fails" / "address-checks",
    /// Two load balancers have one address.
    AddressSplit = "address-split" / "shared-addresses",
    AddressNowhere = "address-nowhere" / "shared-addresses",
    /// A machine that is no load balancer of the inventory has it.
    AddressTaken = "address-taken" / "shared-addresses",
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
