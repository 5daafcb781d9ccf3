//! One connection: ssh itself is its master, so that its configuration, agents and keys work as usual. Everything else talks to
//! the master's socket.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openssh::Session;
use tokio::process::Command;

use super::collect::STDERR_CAP;
use super::options::escape_percent;
use crate::model::quote;
use crate::transport::evidence;

/// A master answers over a local socket: without an answer in this time it is stopped or hangs.
const CHECK_TIME: Duration = Duration::from_secs(2);

/// An open connection.
pub(super) struct Master {
    pub session: Arc<Session>,
    socket: PathBuf,
    log: PathBuf,
    origin: Origin,
    /// Whether a script has run over it in this process.
    proven: AtomicBool,
}

/// Which process opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This process, for its own use: closed at its end.
    Own,
    /// This process, also for later ones.
    Shared,
    /// An earlier process.
    Found,
}

pub(super) fn read_log(log: &Path) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    // If the log cannot be read to its end, use the part that was read.
    let _ = std::fs::File::open(log).and_then(|file| file.take(STDERR_CAP as u64).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Master {
    pub(super) fn at(socket: PathBuf, log: PathBuf, origin: Origin) -> Self {
        let session = Arc::new(Session::resume_mux(socket.clone().into_boxed_path(), None));
        Self { session, socket, log, origin, proven: AtomicBool::new(false) }
    }

    /// Removes the name of one that does not answer: ssh has removed its own socket name, and this is our link to it.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(&self.socket);
    }

    /// Whether the master answers on its socket. Says nothing about the host.
    pub(super) async fn is_alive(&self) -> bool {
        matches!(tokio::time::timeout(CHECK_TIME, self.session.check()).await, Ok(Ok(())))
    }

    /// A connection of an earlier process may be dead before its master notices: the host was rebooted.
    pub(super) fn is_doubtful(&self) -> bool {
        self.origin == Origin::Found && !self.is_proven()
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(super) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// The master's log about the end of the connection.
    pub(super) fn last_words(&self) -> String {
        evidence(&read_log(&self.log))
    }

    /// The ProxyCommand through this connection: like `-J`, but over the existing login. Its errors go to the log of the
    /// connection that it serves.
    pub(super) fn proxy_command(&self, log: &Path) -> OsString {
        let word = |path: &Path| quote(&escape_percent(path).to_string_lossy());
        let text = format!(
            "ssh -F none -o ControlMaster=no -o BatchMode=yes -E {} -S {} -W '[%h]:%p' -- rabbitup",
            word(log),
            word(&self.socket)
        );
        text.into()
    }

    /// Asks the master to exit, with every session that is still open (`ssh -O exit`).
    pub(super) async fn exit(&self) {
        self.order("exit").await;
        let _ = std::fs::remove_file(&self.log);
    }

    /// Asks the master to accept no more sessions; those that are open go on (`ssh -O stop`). Later ones need a new login.
    pub(super) async fn retire(&self) {
        self.order("stop").await;
        self.forget();
    }

    async fn order(&self, word: &str) {
        let mut path = OsString::from("ControlPath=");
        path.push(escape_percent(&self.socket));
        let mut command = Command::new("ssh");
        command.args(["-O", word, "-F", "none", "-o"]).arg(path).arg("--").arg("rabbitup");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        // It only talks to the socket, and needs no secret from this process's environment.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        let _ = tokio::time::timeout(CHECK_TIME, command.status()).await;
    }

    /// Whether only this process uses the connection.
    pub(super) fn is_private(&self) -> bool {
        self.origin == Origin::Own
    }
}
