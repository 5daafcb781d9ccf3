//! The connections to hosts: how each is reached, and the password for sudo there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arguments::Common;
use super::exit::Failure;
use super::{password, print};
use crate::inventory::{Become, HostKeys, Ssh};
use crate::model::{Secret, SecretName, SecretSource};
use crate::plan::PlannedHost;
use crate::transport::{BecomeRoot, HostKeyPolicy, SshTarget, SshTransport, Transport};

/// The environment variable with the password for sudo.
const BECOME_PASSWORD: &str = "RABBITUP_BECOME_PASSWORD";

/// The sudo password, if the command line or the environment provides one.
fn become_password(common: &Common) -> Result<Option<Secret>, Failure> {
    if common.ask_become_pass {
        return password::ask("Password for sudo on the hosts").map(Some);
    }
    Ok(std::env::var(BECOME_PASSWORD).ok().map(|password| Secret::new(password.into_bytes())))
}

/// As whom scripts run on the hosts.
pub enum Rights {
    /// As root, in the way that the inventory says, with a password for sudo.
    Root(Option<Secret>),
    /// As the login itself.
    Login,
}

impl Rights {
    /// Those of root.
    ///
    /// # Errors
    /// The password could not be read.
    pub fn of_root(common: &Common) -> Result<Self, Failure> {
        become_password(common).map(Self::Root)
    }

    /// Those of the login, which need no password.
    ///
    /// # Errors
    /// None.
    pub fn of_login(_: &Common) -> Result<Self, Failure> {
        Ok(Self::Login)
    }
}

/// A transport to these hosts. Environment variables named in `sources` are withheld from ssh.
pub fn transport(
    hosts: &[PlannedHost],
    rights: &Rights,
    sources: &BTreeMap<SecretName, SecretSource>,
) -> Arc<SshTransport> {
    let target = |host: &PlannedHost| (host.name.clone(), target(&host.ssh, rights, sources));
    Arc::new(SshTransport::new(hosts.iter().map(target).collect()))
}

/// How ssh reaches a host. Environment variables named in `sources` are withheld from it.
pub fn target(ssh: &Ssh, rights: &Rights, sources: &BTreeMap<SecretName, SecretSource>) -> SshTarget {
    let variable = |source: &SecretSource| match source {
        SecretSource::Env(name) => Some(name.clone()),
        _ => None,
    };
    let withheld = sources.values().filter_map(variable).chain([BECOME_PASSWORD.to_owned()]).collect();
    let (r#become, sudo_password) = match (rights, ssh.r#become) {
        (Rights::Login, _) => (BecomeRoot::Never, None),
        (Rights::Root(password), Become::Auto) => (BecomeRoot::Auto, password.clone()),
        (Rights::Root(password), Become::Root) => (BecomeRoot::Root, password.clone()),
        (Rights::Root(password), Become::Sudo) => (BecomeRoot::Sudo, password.clone()),
        (Rights::Root(password), Become::Doas) => (BecomeRoot::Doas, password.clone()),
    };
    SshTarget {
        destination: ssh.destination.clone(),
        user: ssh.user.clone(),
        port: ssh.port,
        identity: ssh.identity.clone(),
        config: ssh.config.clone(),
        jump: ssh.jump.clone(),
        host_keys: match ssh.host_keys {
            HostKeys::Strict => HostKeyPolicy::Strict,
            HostKeys::AcceptNew => HostKeyPolicy::AcceptNew,
        },
        r#become,
        connect_timeout: ssh.connect_timeout,
        persist: ssh.persist,
        sudo_password,
        withheld,
    }
}

/// Closes a transport's connections.
pub async fn close(transport: &Arc<SshTransport>, common: &Common) {
    let counts = transport.counts();
    if common.verbose {
        print::stderr(&format!(
            "ssh: {} connections opened, {} scripts run\n",
            counts.connections, counts.execs
        ));
    }
    transport.close().await;
}
