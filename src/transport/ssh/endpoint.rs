//! How a connection is found or made: its destination and options, ssh's arguments for its master, and its socket.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use tokio::process::Command;

use super::classify;
use super::collect::beginning;
use super::master::{Master, Origin, read_log};
use super::options::{Login, escape_percent, to_destination};
use super::target::SshTarget;
use crate::transport::{TransportError, TransportErrorKind};

/// The idle timeout of a master that is closed at the end of a run, in case the run crashes; the minimum for a persistent one.
const SHORTEST_LIFE: Duration = Duration::from_secs(15);
/// How long a login may take after the key exchange (PAM, agents, hardware keys), in addition to the time to connect.
const LOGIN_TIME: Duration = Duration::from_secs(20);
/// The destination and options of a connection. Hosts with the same values share a connection.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub target: SshTarget,
    /// The connection to the jump host that this one goes through.
    pub via: Option<Arc<Master>>,
    pub login: Login,
}

impl Endpoint {
    /// The name of the socket: a digest of everything that identifies the connection.
    fn name(&self) -> String {
        let target = &self.target;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|p| p.as_os_str().as_encoded_bytes().to_vec());
        let parts = [
            Some(target.destination.clone().into_bytes()),
            target.user.clone().map(String::into_bytes),
            target.port.map(|port| port.to_string().into_bytes()),
            path(&target.identity),
            path(&target.config),
            target.jump.clone().map(String::into_bytes),
            Some(target.host_keys.option().as_bytes().to_vec()),
            Some(format!("{:?}", self.login).into_bytes()),
        ];
        let mut digest = Md5::new();
        for part in parts {
            // An absent value differs from an empty one.
            digest.update([u8::from(part.is_some())]);
            digest.update(part.unwrap_or_default());
            digest.update([0]);
        }
        digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// ssh's arguments for a master at `socket`. They override every configuration file.
    fn arguments(&self, socket: &Path, log: &Path) -> Vec<OsString> {
        let target = &self.target;
        let mut arguments: Vec<OsString> = Vec::new();
        for flag in ["-M", "-N", "-f", "-T", "-x", "-E"] {
            arguments.push(flag.into());
        }
        arguments.push(log.into());
        let mut option = |name: &str, value: &dyn AsRef<std::ffi::OsStr>| {
            let mut text = OsString::from(format!("{name}="));
            text.push(value.as_ref());
            arguments.push("-o".into());
            arguments.push(text);
        };
        option("ControlPath", &escape_percent(socket));
        let life = target.persist.max(SHORTEST_LIFE).as_secs().to_string();
        option("ControlPersist", &life);
        option("BatchMode", &"yes");
        // A probe is text of 40 KB, which shrinks to a third: it then fits into TCP's first two windows.
        option("Compression", &"yes");
        // Evidence must not depend on the user's LogLevel, nor the master on other options for interactive shells.
        for (name, value) in [
            ("LogLevel", "INFO"),
            ("RemoteCommand", "none"),
            ("ClearAllForwardings", "yes"),
            ("PermitLocalCommand", "no"),
        ] {
            option(name, &value);
        }
        let proxy = self.via.as_ref().map(|via| via.proxy_command(log));
        arguments.extend(to_destination(target, self.login, proxy));
        arguments
    }

    /// The connection of an earlier process, if it is still open.
    pub(super) async fn find(&self, directory: &Path) -> Option<Master> {
        let socket = directory.join(self.name());
        if !socket.exists() {
            return None;
        }
        let master = Master::at(socket, directory.join(format!("{}.log", self.name())), Origin::Found);
        if master.is_alive().await {
            return Some(master);
        }
        master.forget();
        None
    }

    /// Connects once.
    ///
    /// # Errors
    /// Why it failed, as reported by ssh.
    pub(super) async fn connect(&self, directory: &Path) -> Result<Master, TransportError> {
        // A unique name: if the name exists, ssh continues without a socket and would never end (mux.c,
        // "ControlSocket … already exists, disabling multiplexing").
        let name = format!("{}.{:08x}", self.name(), rand::random::<u32>());
        let socket = directory.join(&name);
        let log = directory.join(format!("{name}.log"));
        let launched = self.launch(&socket, &log).await;
        if let Err(error) = launched {
            let _ = std::fs::remove_file(&log);
            return Err(error);
        }
        if self.target.persist.is_zero() {
            return Ok(Master::at(socket, log, Origin::Own));
        }
        let shared = directory.join(self.name());
        // If another process was faster, its connection is shared and ours ends when it is idle.
        if std::fs::hard_link(&socket, &shared).is_ok() {
            let _ = std::fs::rename(&log, directory.join(format!("{}.log", self.name())));
            let log = directory.join(format!("{}.log", self.name()));
            return Ok(Master::at(socket, log, Origin::Shared));
        }
        Ok(Master::at(socket, log, Origin::Own))
    }

    async fn launch(&self, socket: &Path, log: &Path) -> Result<(), TransportError> {
        let no_connection =
            |evidence: String| TransportError { kind: TransportErrorKind::NoConnection, evidence };
        let mut command = Command::new("ssh");
        command
            .args(self.arguments(socket, log))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Its own process group: Ctrl-C at the terminal is handled by this process, which decides about the hosts.
            .process_group(0);
        for name in &self.target.withheld {
            command.env_remove(name);
        }
        let allowed = self.target.connect_timeout.saturating_add(LOGIN_TIME);
        let (status, stderr) = match tokio::time::timeout(allowed, run(&mut command)).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(no_connection("there is no ssh command on this machine".to_owned()));
            }
            Ok(Err(error)) => return Err(no_connection(format!("ssh could not be started: {error}"))),
            Err(_) => {
                let said = read_log(log);
                return Err(no_connection(format!("no login within {} s\n{said}", allowed.as_secs())));
            }
        };
        if status.success() {
            return Ok(());
        }
        let logged = read_log(log);
        // stderr has messages from before the log is open (bad options), and the host's banner, which may be anything.
        let said =
            if logged.trim().is_empty() { String::from_utf8_lossy(&stderr).into_owned() } else { logged };
        Err(classify::connect_failure(&said))
    }
}

/// A program's exit status, and the beginning of its standard error.
async fn run(command: &mut Command) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut child = command.spawn()?;
    let stderr = child.stderr.take();
    let said = async { if let Some(stderr) = stderr { beginning(stderr).await } else { Ok(Vec::new()) } };
    let (said, status) = tokio::try_join!(said, child.wait())?;
    Ok((status, said))
}

#[cfg(test)]
mod tests {
    use super::super::target::HostKeyPolicy;
    use super::*;

    fn endpoint(target: SshTarget) -> Endpoint {
        Endpoint { target, via: None, login: Login::Target }
    }

    #[test]
    fn a_sockets_name_depends_on_everything_that_identifies_the_connection() {
        let base = SshTarget::new("192.0.2.1");
        let changes: [fn(&mut SshTarget); 7] = [
            |t| t.destination = "192.0.2.2".into(),
            |t| t.user = Some("192.0.2.1".into()),
            |t| t.port = Some(22),
            |t| t.identity = Some("key".into()),
            |t| t.config = Some("key".into()),
            |t| t.jump = Some("key".into()),
            |t| t.host_keys = HostKeyPolicy::AcceptNew,
        ];
        let mut names = vec![endpoint(base.clone()).name()];
        for change in changes {
            let mut target = base.clone();
            change(&mut target);
            names.push(endpoint(target).name());
        }
        assert!(names.iter().all(|name| name.len() == 16));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 8);
    }

    #[test]
    fn options_that_must_not_depend_on_the_configuration_are_set() {
        let mut target = SshTarget::new("-oProxyCommand=x");
        target.identity = Some("id".into());
        target.persist = Duration::from_millis(200);
        let arguments = endpoint(target).arguments(Path::new("/run/50%/s"), Path::new("/run/l"));
        let text: Vec<_> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        for wanted in
            ["BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "ControlPersist=15"]
        {
            assert!(text.iter().any(|a| a == wanted), "{wanted} in {text:?}");
        }
        assert!(text.contains(&"ControlPath=/run/50%%/s".to_owned()));
        assert_eq!(text[text.len() - 2..], ["--", "-oProxyCommand=x"]);
    }
}
