//! Hosts over OpenSSH. The `ssh` command makes each connection, so its configuration, agents, jump hosts and known hosts work as
//! usual; scripts then run over the connection's socket, in 2 round trips each.

mod classify;
mod collect;
mod directory;
mod elevate;
mod master;
mod route;
mod session;
mod target;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::elevate::{Invocation, Method, ScriptInput, Stdin, Way};
use self::master::{Login, Master};
use self::route::{Route, Shared};
use self::session::{Failure, Response, Running};
use super::{Counts, Exec, LineSender, Output, Script, Transport, TransportError, TransportErrorKind};
use crate::model::HostName;
use crate::transport::nonce;
use crate::transport::privileges::WORD;

pub use session::HeldSession;
pub use target::{BecomeRoot, HostKeyPolicy, SshTarget};

/// The maximum number of parallel sessions on one host. sshd refuses an eleventh (`MaxSessions 10`, sshd_config(5)),
/// and the connection may be shared with another run.
const SESSIONS: usize = 8;

/// Runs scripts on hosts over ssh.
pub struct SshTransport {
    hosts: BTreeMap<HostName, Host>,
    /// The jump hosts, each once.
    jumps: Vec<Arc<Route>>,
    shared: Arc<Shared>,
    execs: AtomicU64,
}

struct Host {
    target: SshTarget,
    route: Arc<Route>,
    sessions: Semaphore,
    /// The method that worked here before.
    learned: Mutex<Option<Method>>,
    /// The rejection of the sudo password, which is not tried again: some systems lock logins after a few attempts.
    refused: Mutex<Option<TransportError>>,
}

impl SshTransport {
    /// A transport to these hosts. It does not connect yet; if there is no safe directory for the sockets, every host reports
    /// that as the evidence of `NoConnection`.
    pub fn new(targets: Vec<(HostName, SshTarget)>) -> Self {
        let shared = Arc::new(Shared::new(directory::find().map_err(|error| error.to_string())));
        let mut jumps: BTreeMap<String, Arc<Route>> = BTreeMap::new();
        let mut hosts = BTreeMap::new();
        for (name, target) in targets {
            let mut via = None;
            for hop in master::hops(&target) {
                // Hosts with the same jump hosts share connections, so each jump host sees one login.
                let key = format!("{hop:?}");
                let route = jumps.entry(key).or_insert_with(|| Arc::new(Route::new(hop, Login::Jump, via)));
                via = Some(route.clone());
            }
            let route = Arc::new(Route::new(target.clone(), Login::Target, via));
            let sessions = Semaphore::new(SESSIONS);
            let (learned, refused) = (Mutex::default(), Mutex::default());
            hosts.insert(name, Host { target, route, sessions, learned, refused });
        }
        let jumps = jumps.into_values().collect();
        Self { hosts, jumps, shared, execs: AtomicU64::new(0) }
    }

    fn host(&self, name: &HostName) -> Result<&Host, TransportError> {
        self.hosts.get(name).ok_or_else(|| TransportError {
            kind: TransportErrorKind::NameUnknown,
            evidence: format!("{name} is not a host of this run"),
        })
    }

    /// Starts a command on a host's connection.
    async fn start(
        &self,
        host: &Host,
        feed: ScriptInput<'_>,
        lines: Option<&LineSender>,
    ) -> Result<Started, TransportError> {
        host.check_password()?;
        let master = host.route.open(&self.shared).await?;
        let invocation = Invocation::new(&nonce(), &host.way(), feed);
        self.execs.fetch_add(1, Ordering::Relaxed);
        let running = session::start(&master.session, &invocation, lines.cloned()).await;
        Ok(Started { master, plan: invocation.stdin, running })
    }
}

/// A started command, or the failure to start it.
struct Started {
    master: Arc<Master>,
    plan: Stdin,
    running: Result<Running, Failure>,
}

impl Host {
    fn way(&self) -> Way<'_> {
        Way {
            r#become: self.target.r#become,
            password: self.target.sudo_password.as_ref(),
            learned: *locked(&self.learned),
        }
    }

    fn learn(&self, method: Method) {
        *locked(&self.learned) = Some(method);
    }

    /// The result of a command; none to start it again. That happens at most once, and only if a connection of an earlier run
    /// turned out to be dead before the host answered: it was rebooted in the meantime.
    async fn result_unless_retried<T>(
        &self,
        master: &Arc<Master>,
        ran: Result<(T, Method), Failure>,
    ) -> Option<Result<T, TransportError>> {
        match ran {
            Ok((value, method)) => {
                master.prove();
                self.learn(method);
                Some(Ok(value))
            }
            Err(Failure::Lost(Response::None)) if master.is_doubtful() => {
                self.route.forget(master).await;
                None
            }
            Err(Failure::Lost(_)) => Some(Err(lost(master))),
            Err(Failure::Other(error)) => {
                if error.kind == TransportErrorKind::SudoPasswordRefused {
                    *locked(&self.refused) = Some(error.clone());
                }
                Some(Err(error))
            }
        }
    }

    /// A rejected password is not tried again; sudo would read only part of a password with a line break.
    fn check_password(&self) -> Result<(), TransportError> {
        if let Some(refused) = locked(&self.refused).as_ref() {
            return Err(refused.clone());
        }
        let broken = |bytes: &[u8]| bytes.iter().any(|byte| matches!(byte, b'\n' | b'\0'));
        if self.target.sudo_password.as_ref().is_some_and(|password| broken(password.expose())) {
            let evidence =
                "the sudo password contains a line break or NUL, which sudo cannot read".to_owned();
            return Err(TransportError { kind: TransportErrorKind::SudoPasswordRefused, evidence });
        }
        // If sudo does not ask, the root shell reads it, which skips everything except these lines.
        let command = |bytes: &[u8]| bytes.trim_ascii_start().starts_with(WORD.as_bytes());
        if self.target.sudo_password.as_ref().is_some_and(|password| command(password.expose())) {
            let evidence = format!("the sudo password starts with `{WORD}`, which rabbitup reserves");
            return Err(TransportError { kind: TransportErrorKind::SudoPasswordRefused, evidence });
        }
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lost(master: &Arc<Master>) -> TransportError {
    let said = master.last_words();
    let evidence = if said.is_empty() { "the connection was lost".to_owned() } else { said };
    TransportError { kind: TransportErrorKind::Lost, evidence }
}

impl Transport for SshTransport {
    type Held = HeldSession;

    async fn exec(
        &self,
        host: &HostName,
        exec: Exec,
        lines: Option<LineSender>,
    ) -> Result<Output, TransportError> {
        let host = self.host(host)?;
        let _session = host.sessions.acquire().await.ok();
        let feed = match &exec.script {
            Script::Argument(text) => ScriptInput::Argument(text),
            Script::Stdin(text) => ScriptInput::Stdin(text.expose()),
        };
        loop {
            let started = self.start(host, feed, lines.as_ref()).await?;
            let ran = match started.running {
                Ok(running) => running.finish(&started.plan, exec.timeout).await,
                Err(failure) => Err(failure),
            };
            if let Some(result) = host.result_unless_retried(&started.master, ran).await {
                return result;
            }
        }
    }

    async fn hold(
        &self,
        host: &HostName,
        script: String,
        timeout: Duration,
    ) -> Result<(String, Self::Held), TransportError> {
        let host = self.host(host)?;
        loop {
            let started = self.start(host, ScriptInput::Held(&script), None).await?;
            let ran = match started.running {
                Ok(running) => running.first_line(&started.plan, timeout).await,
                Err(failure) => Err(failure),
            };
            let ran = ran.map(|(line, method, held)| ((line, held), method));
            if let Some(result) = host.result_unless_retried(&started.master, ran).await {
                return result;
            }
        }
    }

    async fn log_in(&self, host: &HostName) -> Result<(), TransportError> {
        self.host(host)?.route.log_in(&self.shared).await
    }

    fn counts(&self) -> Counts {
        Counts { connections: self.shared.opened(), execs: self.execs.load(Ordering::Relaxed) }
    }

    async fn close(&self) {
        let mut closing = JoinSet::new();
        for route in self.hosts.values().map(|host| host.route.clone()) {
            closing.spawn(async move { route.close().await });
        }
        closing.join_all().await;
        // After the connections that go through them, the last hop first.
        for route in &self.jumps {
            route.close().await;
        }
    }
}
