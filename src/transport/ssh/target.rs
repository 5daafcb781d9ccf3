use std::path::PathBuf;
use std::time::Duration;

use crate::model::Secret;

/// How ssh reaches one host, and how to become root there.
#[derive(Clone, Debug)]
pub struct SshTarget {
    /// The destination for ssh: an address, or a name or alias in its configuration.
    pub destination: String,
    /// `-l`.
    pub user: Option<String>,
    /// `-p`.
    pub port: Option<u16>,
    /// `-i` with `IdentitiesOnly`: only this key and those in the configuration are offered, no other key of the agent.
    pub identity: Option<PathBuf>,
    /// `-F`: a configuration file that replaces the user's and the system's.
    pub config: Option<PathBuf>,
    /// As for `-J`: `[USER@]HOST[:PORT]`, several separated by commas, or `none`.
    pub jump: Option<String>,
    pub host_keys: HostKeyPolicy,
    pub r#become: BecomeRoot,
    /// The timeout until the keys are exchanged, and again until the login is done.
    pub connect_timeout: Duration,
    /// How long an idle connection stays open for later runs; zero: it ends with this run.
    pub persist: Duration,
    /// For sudo with a password. One line; sent only over standard input.
    pub sudo_password: Option<Secret>,
    /// Environment variables with secrets, withheld from ssh. A persistent connection keeps its environment.
    pub withheld: Vec<String>,
}

impl SshTarget {
    /// A target with the defaults: strict host keys, any method to become root, 10 s to connect, no persistence.
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

/// Which host keys are accepted (`StrictHostKeyChecking`, ssh_config(5)). No policy accepts any key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Only known keys.
    Strict,
    /// The key of a new host is trusted and saved, a changed key never.
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

/// How the shell becomes root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BecomeRoot {
    /// Directly as root, else sudo, else doas: decided on the host, in the round trip of the first script.
    Auto,
    /// The login is root.
    Root,
    Sudo,
    Doas,
}
