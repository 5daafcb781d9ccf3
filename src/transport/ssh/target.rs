use std::path::PathBuf;
use std::time::Duration;

use crate::model::Secret;

/// How ssh reaches one host, and how to become root there.
#[derive(Clone, Debug)]
pub struct SshTarget {
    /// What ssh is told to connect to: an address, or a name or alias of its configuration.
    pub destination: String,
    /// `-l`.
    pub user: Option<String>,
    /// `-p`.
    pub port: Option<u16>,
    /// `-i` with `IdentitiesOnly`: no key of the agent is offered but this one and the configuration's.
    pub identity: Option<PathBuf>,
    /// `-F`: a configuration file in place of the user's and the system's.
    pub config: Option<PathBuf>,
    /// As `-J`: `[USER@]HOST[:PORT]`, several with commas between them, or `none`.
    pub jump: Option<String>,
    pub host_keys: HostKeyPolicy,
    pub r#become: BecomeRoot,
    /// Until the connection stands and the keys are exchanged, and again until the login is done.
    pub connect_timeout: Duration,
    /// How long an idle connection stays open for later runs; zero: it ends with this run.
    pub persist: Duration,
    /// For a sudo that asks. One line; it travels over standard input only.
    pub sudo_password: Option<Secret>,
    /// Variables that hold secrets. A connection that stays open for later runs keeps its environment as long.
    pub withheld: Vec<String>,
}

impl SshTarget {
    /// A target with ssh's own defaults: strict host keys, whatever way to root there is, 10 s to connect,
    /// nothing left open.
    pub fn new(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            user: None,
            port: None,
            identity: None,
            config: None,
            jump: None,
            host_keys: HostKeyPolicy::Strict,
            r#become: BecomeRoot::Auto,
            connect_timeout: Duration::from_secs(10),
            persist: Duration::ZERO,
            sudo_password: None,
            withheld: Vec::new(),
        }
    }
}

/// Which host keys are accepted (`StrictHostKeyChecking`, ssh_config(5)). There is no policy that takes any
/// key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Only keys that are known.
    Strict,
    /// The key of a host never met before is trusted and kept, a changed key never.
    AcceptNew,
}

impl HostKeyPolicy {
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Strict => "yes",
            Self::AcceptNew => "accept-new",
        }
    }
}

/// How the shell becomes root's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BecomeRoot {
    /// Root as it is, else sudo, else doas: decided on the host, in the round trip of the first script.
    Auto,
    /// The login is root.
    Root,
    Sudo,
    Doas,
}
