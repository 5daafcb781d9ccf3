//! Sends scripts to a shell on a host, as a rule root's, and returns their output. Knows nothing about RabbitMQ.

mod evidence;
#[cfg(test)]
mod fake;
mod privileges;
mod ssh;

use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};

use crate::model::{HostName, Secret};

pub(crate) use evidence::evidence;
#[cfg(test)]
pub(crate) use fake::FakeTransport;
pub(crate) use privileges::{Grantee, SudoAsks, doas_conf, sudoers};
pub(crate) use ssh::BecomeRoot;
pub use ssh::{HostKeyPolicy, SshTarget, SshTransport};

/// 128 random bits in hexadecimal, new for every command: no output can contain such a mark by accident or malice.
pub(crate) fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// One run of `sh`, as root unless the transport was made for the login itself.
#[derive(Clone, Debug)]
pub struct Exec {
    pub script: Script,
    /// After this time the controller gives up on the host. The script limits itself too (`timeout -k`).
    pub timeout: Duration,
}

/// How the shell gets its script; only one that is attended can read standard input.
#[derive(Clone, Debug)]
pub enum Script {
    /// In the command if possible: saves one round trip. Only for scripts without secrets.
    Argument(String),
    /// Over standard input: not visible in any process list, environment, log or file, here or on the host.
    Stdin(Secret),
    /// The script reads standard input, which stays open until this process has released it, or is gone: at the end of
    /// input it ends what it began. Only for a short script without secrets.
    Attended { text: String, released: watch::Receiver<bool> },
}

/// The output and the end of one run.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The controller's clock when the script was sent over the open connection.
    pub sent_at: Option<SystemTime>,
    /// The controller's clock when the first line of stdout arrived.
    pub first_line_at: Option<SystemTime>,
}

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{evidence}")]
pub struct TransportError {
    pub kind: TransportErrorKind,
    /// ssh's messages, in whole lines, without terminal escapes.
    pub evidence: String,
}

/// Kinds of errors with different fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    NoConnection,
    NameUnknown,
    /// ssh does not start: its configuration file is missing or wrong.
    SshConfiguration,
    HostKeyChanged,
    HostKeyUnknown,
    AuthenticationRefused,
    /// The login shell does not start /bin/sh.
    LoginShell,
    NoPrivilege,
    /// sudo asks for a password, and none was given.
    SudoPassword,
    /// sudo rejected the password.
    SudoPasswordRefused,
    /// sudo allows the user some commands, but not the needed one.
    SudoRule,
    /// The connection was lost while the script ran: it is unknown whether it completed.
    Lost,
    TimedOut,
    /// Too much output: the host is broken or hostile.
    TooMuchOutput,
}

/// What an error leaves known of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScriptAfterError {
    NeverBegan,
    /// Its time is over; it may go on.
    TimedOut,
    /// Nothing more is heard of it; it may go on.
    Lost,
    /// Not read to its end; it may go on.
    Flooded,
}

impl TransportErrorKind {
    pub(crate) fn script(self) -> ScriptAfterError {
        match self {
            Self::TimedOut => ScriptAfterError::TimedOut,
            Self::Lost => ScriptAfterError::Lost,
            Self::TooMuchOutput => ScriptAfterError::Flooded,
            Self::NoConnection
            | Self::NameUnknown
            | Self::SshConfiguration
            | Self::HostKeyChanged
            | Self::HostKeyUnknown
            | Self::AuthenticationRefused
            | Self::LoginShell
            | Self::NoPrivilege
            | Self::SudoPassword
            | Self::SudoPasswordRefused
            | Self::SudoRule => ScriptAfterError::NeverBegan,
        }
    }
}

/// Whole lines of a running script's stdout, as they arrive.
pub(crate) type LineSender = mpsc::UnboundedSender<Vec<u8>>;

/// The numbers of opened connections and executed scripts, which determine the round trips of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    pub execs: u64,
}

/// The interval of empty lines to the script of a held session. A host that receives none for several intervals has lost the
/// controller, although its sshd may not notice for hours (`ClientAliveInterval 0`, sshd_config(5)).
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);

/// A session that holds a resource on its host until it is dropped.
pub trait Held: Send + 'static {
    /// Waits until the session has ended by itself: the host or the connection closed it.
    fn ended(&mut self) -> impl Future<Output = ()> + Send;

    /// Ends the session and waits until the host has released the resource.
    fn release(self) -> impl Future<Output = ()> + Send;
}

/// A way to run scripts on hosts.
pub trait Transport: Send + Sync + 'static {
    /// A session that ends, and releases its resource on the host, when it is dropped.
    type Held: Held;

    /// Runs a script as root and waits for its end; `lines` receives every line of stdout as it arrives.
    fn exec(
        &self,
        host: &HostName,
        exec: Exec,
        lines: Option<LineSender>,
    ) -> impl Future<Output = Result<Output, TransportError>> + Send;

    /// Starts a script as root whose standard input stays open as long as the returned value lives, and returns its first line of
    /// output. It receives an empty line every [`HEARTBEAT`].
    fn hold(
        &self,
        host: &HostName,
        script: String,
        timeout: Duration,
    ) -> impl Future<Output = Result<(String, Self::Held), TransportError>> + Send;

    /// Logs in over a connection of its own, which is closed again: proves that the host still accepts logins.
    fn log_in(&self, host: &HostName) -> impl Future<Output = Result<(), TransportError>> + Send;

    fn counts(&self) -> Counts;

    /// Closes every connection, or leaves it open for its time of persistence.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
