use serde::{Serialize, Serializer};

use crate::model::HostName;

/// What was found, the root causes first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    pub findings: Vec<Finding>,
    /// What was walked, in the order of the walk.
    pub checked: Vec<Checked>,
    /// Every broker to every other, in the inventory's order.
    pub pairs: Vec<Pair>,
    /// Whether a run of rabbitup is under way: what is found may be of its making, and pass.
    pub meanwhile: Meanwhile,
}

/// What happens on the hosts while they are examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meanwhile {
    /// Nothing of rabbitup's.
    #[default]
    Quiet,
    /// A run of rabbitup is under way.
    RunUnderWay,
}

impl Diagnosis {
    /// The diagnosis while a run is under way: nothing is to be done about what is found, but to wait.
    pub fn while_under_way(mut self, advice: &str) -> Self {
        for finding in &mut self.findings {
            finding.remedy = vec![Remedy::Sentence(advice.to_owned())];
        }
        Self { meanwhile: Meanwhile::RunUnderWay, ..self }
    }

    /// Whether nothing was found.
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub cause: Cause,
    /// Where it was found, and so where it is to be mended; none: it concerns the cluster as a whole.
    pub host: Option<HostName>,
    /// The other host that it is about.
    pub peer: Option<HostName>,
    pub what: String,
    /// What was seen, where; one line each.
    pub evidence: Vec<String>,
    pub remedy: Vec<Remedy>,
    /// Whether it follows from an earlier finding.
    pub consequence: bool,
}

/// What mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// `rabbitup` with these words behind it, and with the inventory's path where that is not the default.
    Rabbitup(String),
    /// A command to run here, such as one that logs in to the host.
    Command(String),
    Sentence(String),
}

impl Remedy {
    /// The command or sentence; `inventory` is what stands between `rabbitup` and its verb, as in ` -i lab.toml`.
    pub fn words(&self, inventory: &str) -> String {
        match self {
            Self::Rabbitup(words) => format!("rabbitup{inventory} {words}"),
            Self::Command(words) | Self::Sentence(words) => words.clone(),
        }
    }
}

/// How many looks of one kind there were, and how many saw something wrong.
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
    /// Its node lets this host in, or is linked to this host's node already.
    Open,
    Wrong(Cause),
    /// Its broker does not run, so there is nothing to reach.
    Down,
    /// This host could not be asked.
    Unknown,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $id:literal / $check:literal,)*) => {
        /// What is wrong, in the order of the walk: the first on a host or pair is its root cause.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause { $($(#[$doc])* $name,)* }

        impl Cause {
            /// All of them, in the order of the walk.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for it in `--json` and in docs/doctor.md.
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
    HostNameDiffers = "host-name-differs" / "host-names",
    NotInstalled = "not-installed" / "packages",
    DiskFull = "disk-full" / "disk",
    ClockOff = "clock-off" / "clocks",
    CookieMissing = "cookie-missing" / "cookies",
    CookieUnusable = "cookie-unusable" / "cookies",
    CookieMode = "cookie-mode" / "cookies",
    CookieOwner = "cookie-owner" / "cookies",
    CookieDiffers = "cookie-differs" / "cookies",
    /// The file is right, and the running VM has another.
    CookieNotRunning = "cookie-not-running" / "running-cookies",
    /// Short names here, long names there.
    NamesDiffer = "names-differ" / "names",
    NodeNameDiffers = "node-name-differs" / "names",
    TlsDiffers = "tls-differs" / "tls",
    DoesNotBoot = "does-not-boot" / "brokers",
    /// The cluster lists this host's node, whose data is another's or gone.
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
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
