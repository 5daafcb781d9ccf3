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
    /// Not at all: scripts run as the login itself.
    Never,
}

/// The hops of a `-J` value, each as a separate target.
pub(super) fn hops(target: &SshTarget) -> Vec<SshTarget> {
    let hops = target.jump.as_deref().filter(|jump| *jump != "none").unwrap_or_default();
    let hops: Vec<&str> = hops.split(',').map(str::trim).filter(|hop| !hop.is_empty()).collect();
    let hop = |(at, hop): (usize, &&str)| SshTarget {
        // As a URI it can include user and port, and is still looked up in the configuration.
        destination: if hop.starts_with("ssh://") { (*hop).to_owned() } else { format!("ssh://{hop}") },
        user: None,
        port: None,
        // Also named after the path to it: hops with the same name may be different machines.
        jump: if at == 0 { None } else { Some(hops[..at].join(",")) },
        sudo_password: None,
        ..target.clone()
    };
    hops.iter().enumerate().map(hop).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_carry_user_and_port_and_the_same_policy() {
        let mut target = SshTarget::new("node1");
        target.jump = Some("ops@gate:2222, inner".into());
        let hops = hops(&target);
        let names: Vec<_> = hops.iter().map(|hop| hop.destination.as_str()).collect();
        assert_eq!(names, ["ssh://ops@gate:2222", "ssh://inner"]);
        assert!(hops.iter().all(|hop| hop.host_keys == HostKeyPolicy::Strict));
        assert_eq!(hops[1].jump.as_deref(), Some("ops@gate:2222"));
        target.jump = Some("none".into());
        assert!(super::hops(&target).is_empty());
    }
}
