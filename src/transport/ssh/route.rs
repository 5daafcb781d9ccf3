//! The route to a host: one connection, or several through jump hosts, opened when first needed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::classify::{self, Retry};
use super::endpoint::Endpoint;
use super::master::Master;
use super::options::Login;
use super::target::SshTarget;
use crate::transport::{TransportError, TransportErrorKind};

/// The maximum number of connections opened in parallel: each needs a key exchange on this machine, and sshd on a jump host drops
/// logins beyond ten (`MaxStartups 10:30:100`, sshd_config(5)).
const CONNECTS: usize = 30;
const CONNECTS_BY_JUMP: usize = 8;
/// The number of retries after a connection was refused or dropped.
const RETRIES: u32 = 2;

/// State shared by all routes of one transport.
pub(super) struct Shared {
    directory: Result<PathBuf, String>,
    connects: Semaphore,
    opened: AtomicU64,
}

impl Shared {
    pub(super) fn new(directory: Result<PathBuf, String>) -> Self {
        Self { directory, connects: Semaphore::new(CONNECTS), opened: AtomicU64::new(0) }
    }

    fn directory(&self) -> Result<&PathBuf, TransportError> {
        self.directory.as_ref().map_err(|problem| TransportError {
            kind: TransportErrorKind::NoConnection,
            evidence: format!("there is no safe directory for ssh's sockets: {problem}"),
        })
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

/// One connection, and the connection that it goes through.
pub(super) struct Route {
    target: SshTarget,
    login: Login,
    via: Option<Arc<Route>>,
    slot: Mutex<Option<Arc<Master>>>,
    /// Limits the connections opened through this one in parallel.
    through: Semaphore,
}

impl Route {
    pub(super) fn new(target: SshTarget, login: Login, via: Option<Arc<Self>>) -> Self {
        Self { target, login, via, slot: Mutex::new(None), through: Semaphore::new(CONNECTS_BY_JUMP) }
    }

    /// Opens another connection than the one in use, and closes it.
    ///
    /// # Errors
    /// Why the host accepts no login.
    pub(super) async fn log_in(&self, shared: &Shared) -> Result<(), TransportError> {
        let directory = shared.directory()?;
        // Without persistence no later run shares it.
        let target = SshTarget { persist: Duration::ZERO, ..self.target.clone() };
        let mut endpoint = Endpoint { target, via: None, login: self.login };
        let _through = self.go_through(shared, &mut endpoint).await?;
        self.connect(shared, &endpoint, directory).await?.exit().await;
        Ok(())
    }

    /// Leads an endpoint through the jump host, if there is one. The connection counts against the limit as long as the permit
    /// lives.
    async fn go_through(
        &self,
        shared: &Shared,
        endpoint: &mut Endpoint,
    ) -> Result<Option<SemaphorePermit<'_>>, TransportError> {
        let Some(via) = &self.via else { return Ok(None) };
        let jump = Box::pin(via.open(shared)).await.map_err(|error| via.blame(error))?;
        endpoint.via = Some(jump);
        Ok(via.through.acquire().await.ok())
    }

    /// The open connection, or a new one.
    ///
    /// # Errors
    /// Why there is none. If a jump host is the cause, the evidence says so.
    pub(super) async fn open(&self, shared: &Shared) -> Result<Arc<Master>, TransportError> {
        let mut slot = self.slot.lock().await;
        if let Some(master) = slot.as_ref() {
            if master.is_alive().await {
                return Ok(master.clone());
            }
            *slot = None;
        }
        let directory = shared.directory()?;
        let mut endpoint = Endpoint { target: self.target.clone(), via: None, login: self.login };
        let mut master = endpoint.find(directory).await;
        if master.is_none() {
            let _through = self.go_through(shared, &mut endpoint).await?;
            master = Some(self.connect(shared, &endpoint, directory).await?);
        }
        *slot = master.map(Arc::new);
        slot.clone().ok_or_else(|| classify::connect_failure(""))
    }

    async fn connect(
        &self,
        shared: &Shared,
        endpoint: &Endpoint,
        directory: &std::path::Path,
    ) -> Result<Master, TransportError> {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            let error = {
                let _one_of_many = shared.connects.acquire().await.ok();
                match endpoint.connect(directory).await {
                    Ok(master) => {
                        shared.opened.fetch_add(1, Ordering::Relaxed);
                        return Ok(master);
                    }
                    Err(error) => error,
                }
            };
            let pause = match classify::retry(&error) {
                Retry::Never => return Err(error),
                Retry::Soon => Duration::from_millis(50) + jitter(100),
                Retry::Later => Duration::from_millis(200) * (tries + 1) + jitter(600),
            };
            if tries == RETRIES || started.elapsed() + pause >= self.target.connect_timeout {
                return Err(error);
            }
            tries += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Drops a dead connection, so that the next [`Route::open`] opens a new one.
    pub(super) async fn forget(&self, dead: &Arc<Master>) {
        let mut slot = self.slot.lock().await;
        if slot.as_ref().is_some_and(|master| Arc::ptr_eq(master, dead)) {
            dead.exit().await;
            *slot = None;
        }
    }

    /// The next [`Route::open`] logs in again. sshd looks up a login's shell and groups once, so a connection keeps both until it
    /// ends (OpenSSH's monitor.c, `mm_answer_pwnamallow`; initgroups(3)).
    pub(super) async fn renew(&self, old: &Arc<Master>) {
        let mut slot = self.slot.lock().await;
        if slot.as_ref().is_some_and(|master| Arc::ptr_eq(master, old)) {
            *slot = None;
            if old.is_private() { old.exit().await } else { old.retire().await }
        }
    }

    /// Closes the connection, unless later processes may reuse it.
    pub(super) async fn close(&self) {
        let master = self.slot.lock().await.take();
        if let Some(master) = master.filter(|master| master.is_private()) {
            master.exit().await;
        }
    }

    fn blame(&self, error: TransportError) -> TransportError {
        let evidence = format!("jump host {}:\n{}", self.target.destination, error.evidence);
        TransportError { evidence, ..error }
    }
}

/// Spreads the retries of hosts that were dropped together.
fn jitter(milliseconds: u64) -> Duration {
    Duration::from_millis(rand::random_range(0..=milliseconds))
}
