//! How text reaches a root shell on a host and how its output comes back. Knows nothing of RabbitMQ.

mod evidence;
mod fake;
mod privileges;
mod ssh;

use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use crate::model::{HostName, Secret};

pub(crate) use evidence::evidence;
pub use fake::{FakeHeld, FakeTransport};
pub use privileges::{BadGrantee, Grantee, SudoAsks, doas_conf, sudoers};
pub use ssh::{BecomeRoot, HeldSession, HostKeyPolicy, SshTarget, SshTransport};

/// 128 random bits in hexadecimal, fresh for every command: no output can hold what is marked with them by chance or
/// malice.
pub(crate) fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// One run of `sh` as root.
#[derive(Clone, Debug)]
pub struct Exec {
    pub script: Script,
    /// After this time the controller gives the host up. The script bounds itself too (`timeout -k`).
    pub timeout: Duration,
}

/// How the shell gets its text, which reads nothing from its own standard input.
#[derive(Clone, Debug)]
pub enum Script {
    /// In the command, where it can be: one round trip less. For what is no secret.
    Argument(String),
    /// Over standard input: it is in no process list, environment, log or file, here or on the host.
    Stdin(Secret),
}

/// What one run printed and how it ended.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The controller's clock when the script was sent; the connection stood already.
    pub sent_at: Option<SystemTime>,
    /// The controller's clock when the first line of stdout had arrived.
    pub first_line_at: Option<SystemTime>,
}

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{evidence}")]
pub struct TransportError {
    pub kind: TransportErrorKind,
    /// What ssh said, whole lines, without terminal escapes.
    pub evidence: String,
}

/// The kinds that ask for different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    NoConnection,
    NameUnknown,
    /// ssh itself does not start: its configuration file is missing or wrong.
    SshConfiguration,
    HostKeyChanged,
    HostKeyUnknown,
    AuthenticationRefused,
    NoPrivilege,
    /// sudo asks for a password, and none was given.
    SudoPassword,
    /// sudo was given a password and did not take it.
    SudoPasswordRefused,
    /// sudo lets the login run commands, and not the one that is needed.
    SudoRule,
    /// The connection was lost while the script ran: whether it ended is unknown.
    Lost,
    TimedOut,
    /// More output than is worth keeping: the host is broken or hostile.
    TooMuchOutput,
}

/// Whole lines of a running script's stdout, as they arrive.
pub type LineSender = mpsc::UnboundedSender<Vec<u8>>;

/// How many connections were opened and how many scripts were run: the round trips that a command costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    pub execs: u64,
}

/// How often the script of a held session is given an empty line. A host that gets none for several times
/// this long has lost the controller, although its sshd may not know for hours (`ClientAliveInterval 0`,
/// sshd_config(5)).
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A session that holds something on its host until it is dropped.
pub trait Held: Send + 'static {
    /// Waits until the session has ended by itself: the host or the connection let go of it.
    fn ended(&mut self) -> impl Future<Output = ()> + Send;

    /// Ends the session and waits until the host has let go.
    fn release(self) -> impl Future<Output = ()> + Send;
}

/// A way to run scripts on hosts.
pub trait Transport: Send + Sync + 'static {
    /// A session that ends, and lets go of what it holds on the host, when it is dropped.
    type Held: Held;

    /// Runs a script as root and waits for its end; `lines` gets every line of stdout as it comes.
    fn exec(
        &self,
        host: &HostName,
        exec: Exec,
        lines: Option<LineSender>,
    ) -> impl Future<Output = Result<Output, TransportError>> + Send;

    /// Starts a script as root whose standard input stays open as long as the returned value lives, and
    /// returns the first line that it prints. Every [`HEARTBEAT`] an empty line comes in there.
    fn hold(
        &self,
        host: &HostName,
        script: String,
        timeout: Duration,
    ) -> impl Future<Output = Result<(String, Self::Held), TransportError>> + Send;

    fn counts(&self) -> Counts;

    /// Lets go of every connection, or leaves it to its time of persistence.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
