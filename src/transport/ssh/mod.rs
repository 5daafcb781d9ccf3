//! Hosts over OpenSSH. The `ssh` command makes each connection, so its configuration, agents, jump hosts and known hosts work as
//! usual; scripts then run over the connection's socket, in 2 round trips each.

mod classify;
mod collect;
mod directory;
mod elevate;
mod endpoint;
mod login_shell;
mod master;
mod options;
mod route;
mod session;
mod shell;
mod target;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::elevate::{Invocation, Method, ScriptInput, Stdin, Way};
use self::login_shell::Form;
use self::master::Master;
use self::options::Login;
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

/// How long a login shell may take to say what it is.
const QUESTION_TIME: Duration = Duration::from_secs(10);

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
    /// What the login shell accepts.
    form: Mutex<Form>,
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
            for hop in target::hops(&target) {
                // Hosts with the same jump hosts share connections, so each jump host sees one login.
                let key = format!("{hop:?}");
                let route = jumps.entry(key).or_insert_with(|| Arc::new(Route::new(hop, Login::Jump, via)));
                via = Some(route.clone());
            }
            let route = Arc::new(Route::new(target.clone(), Login::Target, via));
            let sessions = Semaphore::new(SESSIONS);
            let (learned, form, refused) = Default::default();
            hosts.insert(name, Host { target, route, sessions, learned, form, refused });
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
        let way = host.way();
        let invocation = Invocation::new(&nonce(), &way, feed);
        self.execs.fetch_add(1, Ordering::Relaxed);
        let running = session::start(&master.session, &invocation, lines.cloned()).await;
        Ok(Started { master, form: way.form, plan: invocation.stdin, running })
    }

    /// Why a login shell starts no /bin/sh: it is asked what it is.
    async fn shell_refused(&self, master: &Master, said: &str) -> TransportError {
        let question = Invocation::question(&nonce());
        self.execs.fetch_add(1, Ordering::Relaxed);
        let answer = match session::start(&master.session, &question, None).await {
            Ok(running) => running.answer(QUESTION_TIME).await,
            Err(_) => None,
        };
        let evidence = login_shell::explained(&question.marker, &answer.unwrap_or_default(), said);
        TransportError { kind: TransportErrorKind::LoginShell, evidence }
    }

    /// The result of a command; none to start it again, which is bounded: with the other form of command once, and after a
    /// connection of an earlier run that is replaced. It may have been dead before the host answered, since the host was rebooted
    /// in the meantime, or be older than a change of the login.
    async fn result_unless_retried<T>(
        &self,
        host: &Host,
        started: &(Arc<Master>, Form),
        ran: Result<(T, Method), Failure>,
    ) -> Option<Result<T, TransportError>> {
        let (master, form) = started;
        match ran {
            Ok((value, method)) => {
                master.prove();
                host.learn(method);
                Some(Ok(value))
            }
            Err(Failure::Lost(Response::None)) if master.is_doubtful() => {
                host.route.forget(master).await;
                None
            }
            Err(Failure::Lost(_)) => Some(Err(lost(master))),
            Err(Failure::NoShell(_)) if *form == Form::Whole => {
                *locked(&host.form) = Form::Short;
                None
            }
            Err(Failure::NoShell(said)) => {
                *locked(&host.form) = Form::Whole;
                let error =
                    if master.is_doubtful() { None } else { Some(self.shell_refused(master, &said).await) };
                host.route.renew(master).await;
                error.map(Err)
            }
            Err(Failure::Other(error)) => {
                if error.kind == TransportErrorKind::SudoPasswordRefused {
                    *locked(&host.refused) = Some(error.clone());
                }
                // The login's groups are those of the time when it logged in.
                let by_group =
                    matches!(error.kind, TransportErrorKind::NoPrivilege | TransportErrorKind::SudoRule);
                let retry = by_group && master.is_doubtful();
                if by_group && !master.is_proven() {
                    host.route.renew(master).await;
                }
                (!retry).then_some(Err(error))
            }
        }
    }
}

/// A started command, or the failure to start it.
struct Started {
    master: Arc<Master>,
    form: Form,
    plan: Stdin,
    running: Result<Running, Failure>,
}

impl Host {
    fn way(&self) -> Way<'_> {
        Way {
            r#become: self.target.r#become,
            password: self.target.sudo_password.as_ref(),
            learned: *locked(&self.learned),
            form: *locked(&self.form),
        }
    }

    fn learn(&self, method: Method) {
        *locked(&self.learned) = Some(method);
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
            Script::Attended { text, .. } => ScriptInput::Held(text),
        };
        let released = match &exec.script {
            Script::Attended { released, .. } => Some(released),
            Script::Argument(_) | Script::Stdin(_) => None,
        };
        loop {
            let started = self.start(host, feed, lines.as_ref()).await?;
            let ran = match started.running {
                Ok(running) => running.finish(&started.plan, released, exec.timeout).await,
                Err(failure) => Err(failure),
            };
            let with = (started.master, started.form);
            if let Some(result) = self.result_unless_retried(host, &with, ran).await {
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
            let with = (started.master, started.form);
            if let Some(result) = self.result_unless_retried(host, &with, ran).await {
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
