//! One session on an open connection, from its command to its exit code.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openssh::{Child, ChildStderr, ChildStdin, ChildStdout, Session, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::classify;
use super::collect::{Flood, Stderr, Stdout};
use super::elevate::{Invocation, Method, Stdin};
use crate::transport::{HEARTBEAT, Held, LineSender, Output, TransportError, TransportErrorKind, evidence};

/// How often to retry if sshd has no free session (`MaxSessions`, shared with other programs of the same user on the connection),
/// and the pause between attempts.
const SESSION_TRIES: u32 = 5;
const SESSION_PAUSE: Duration = Duration::from_millis(100);

/// A session with a running command.
pub(super) struct Running {
    child: Child<Arc<Session>>,
    stdin: Option<ChildStdin>,
    streams: Streams,
    sent_at: SystemTime,
}

/// A command's output streams and their content.
struct Streams {
    from_stdout: ChildStdout,
    from_stderr: ChildStderr,
    stdout: Stdout,
    stderr: Stderr,
}

/// The reader's message to the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// The root shell has started and reads.
    Root(Method),
    /// sudo asked a second time, or the streams ended: do not write any more.
    Over,
}

/// How far to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    FirstLine,
    End,
}

/// Why a session yields no output.
pub(super) enum Failure {
    /// The connection ended, or did not exist.
    Lost(Response),
    /// The login shell did not start /bin/sh; its own words.
    NoShell(String),
    Other(TransportError),
}

/// Whether the host had sent anything on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    Seen,
    None,
}

/// Opens a session and starts the command.
pub(super) async fn start(
    session: &Arc<Session>,
    invocation: &Invocation,
    lines: Option<LineSender>,
) -> Result<Running, Failure> {
    let mut tries = 1;
    let mut sent_at;
    let mut child = loop {
        sent_at = SystemTime::now();
        let mut command = session.clone().arc_raw_command(&invocation.command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match command.spawn().await {
            Ok(child) => break child,
            Err(error) if refused_by_peer(&error) && tries < SESSION_TRIES => {
                tokio::time::sleep(SESSION_PAUSE * tries).await;
                tries += 1;
            }
            Err(error) if refused_by_peer(&error) => {
                let evidence = "sshd refuses further sessions on this connection (MaxSessions)".to_owned();
                return Err(Failure::Other(TransportError {
                    kind: TransportErrorKind::NoConnection,
                    evidence,
                }));
            }
            Err(_) => return Err(Failure::Lost(Response::None)),
        }
    };
    let stdin = child.stdin().take();
    let (Some(from_stdout), Some(from_stderr)) = (child.stdout().take(), child.stderr().take()) else {
        return Err(Failure::Lost(Response::None));
    };
    let stdout = Stdout::new(&invocation.marker, lines);
    let stderr = Stderr::new(&invocation.prompt);
    let streams = Streams { from_stdout, from_stderr, stdout, stderr };
    Ok(Running { child, stdin, streams, sent_at })
}

/// The master answers `MUX_S_FAILURE` "Session open refused by peer" (OpenSSH's mux.c): nothing was started.
fn refused_by_peer(error: &openssh::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.to_string().contains("refused by peer") {
            return true;
        }
        source = error.source();
    }
    false
}

impl Running {
    /// Writes the input, reads all output, and waits for the end. The input stays open until it is `released`, if that is given.
    /// Gives up after `timeout`; the command on the host keeps running.
    pub(super) async fn finish(
        self,
        plan: &Stdin,
        released: Option<&watch::Receiver<bool>>,
        timeout: Duration,
    ) -> Result<(Output, Method), Failure> {
        let Self { child, stdin, mut streams, sent_at } = self;
        let (stage, watched) = watch::channel(Stage::Waiting);
        let work = async {
            // Dropping the writer's result closes the input on the host.
            let write = async {
                let over = watched.clone();
                let stdin = write(stdin, plan, watched).await;
                if let Some(released) = released {
                    until_released(released.clone(), over).await;
                }
                drop(stdin);
                Ok(())
            };
            tokio::try_join!(write, streams.read(&stage, Until::End))?;
            wait(child).await.ok_or_else(|| streams.lost())
        };
        let ended = tokio::time::timeout(timeout, work).await;
        let code = ended.unwrap_or_else(|_| Err(streams.timed_out(timeout)))?;
        let Some(method) = streams.stdout.method() else {
            return Err(streams.not_root());
        };
        let (stdout, first_line_at) = streams.stdout.finish(SystemTime::now());
        let stderr = streams.stderr.finish();
        Ok((Output { code, stdout, stderr, sent_at: Some(sent_at), first_line_at }, method))
    }

    /// All that a command prints before any marker, from a login shell that starts no /bin/sh.
    pub(super) async fn answer(self, timeout: Duration) -> Option<String> {
        let Self { child, stdin, mut streams, .. } = self;
        drop(stdin);
        let (stage, _watched) = watch::channel(Stage::Waiting);
        let work = async {
            streams.read(&stage, Until::End).await.ok()?;
            wait(child).await
        };
        tokio::time::timeout(timeout, work).await.ok()??;
        Some(streams.stdout.preamble())
    }

    /// Waits for the first line and keeps the session open.
    pub(super) async fn first_line(
        self,
        plan: &Stdin,
        timeout: Duration,
    ) -> Result<(String, Method, HeldSession), Failure> {
        let Self { child, stdin, mut streams, .. } = self;
        let (stage, watched) = watch::channel(Stage::Waiting);
        let work = async {
            let write = async { Ok(write(stdin, plan, watched).await) };
            let (stdin, ()) = tokio::try_join!(write, streams.read(&stage, Until::FirstLine))?;
            Ok(stdin)
        };
        let ended = tokio::time::timeout(timeout, work).await;
        let stdin = ended.unwrap_or_else(|_| Err(streams.timed_out(timeout)))?;
        match (streams.stdout.method(), streams.stdout.first_line()) {
            (Some(method), Some(line)) => Ok((line, method, HeldSession::new(child, stdin, streams))),
            (None, _) => {
                drop(stdin);
                Err(if wait(child).await.is_some() { streams.not_root() } else { streams.lost() })
            }
            (Some(_), None) => {
                let evidence = evidence(&streams.stderr.text());
                let evidence =
                    if evidence.is_empty() { "the script printed nothing".to_owned() } else { evidence };
                Err(Failure::Other(TransportError { kind: TransportErrorKind::Lost, evidence }))
            }
        }
    }
}

/// The command's exit code; none if the connection ended first.
async fn wait(child: Child<Arc<Session>>) -> Option<i32> {
    match child.wait().await {
        Ok(status) => status.code(),
        // The crate reports exit code 127 this way.
        Err(openssh::Error::Remote(_)) => Some(127),
        Err(_) => None,
    }
}

/// Writes and returns standard input, for the caller to hold or to drop.
async fn write(
    stdin: Option<ChildStdin>,
    plan: &Stdin,
    mut stage: watch::Receiver<Stage>,
) -> Option<ChildStdin> {
    let mut stdin = stdin?;
    let mut over = stage.clone();
    let writing = async {
        stdin.write_all(plan.outer.as_bytes()).await.ok()?;
        if let Some(first) = &plan.first {
            stdin.write_all(first.expose()).await.ok()?;
        }
        if let Some(then) = &plan.then {
            if plan.first.is_some() {
                let stage = *stage.wait_for(|stage| *stage != Stage::Waiting).await.ok()?;
                if let Stage::Root(method) = stage {
                    stdin.write_all(Stdin::method_line(method).as_bytes()).await.ok()?;
                }
            }
            stdin.write_all(then.expose()).await.ok()?;
        }
        Some(stdin)
    };
    tokio::select! {
        biased;
        // An error here decides nothing: the output and exit code show what the command did.
        _ = over.wait_for(|stage| *stage == Stage::Over) => None,
        stdin = writing => stdin,
    }
}

/// Waits until the input is no longer needed: it is released, or the command has ended.
async fn until_released(mut released: watch::Receiver<bool>, mut over: watch::Receiver<Stage>) {
    tokio::select! {
        // An error means that nobody is left who could release it.
        _ = released.wait_for(|released| *released) => {}
        _ = over.wait_for(|stage| *stage == Stage::Over) => {}
    }
}

impl Streams {
    async fn read(&mut self, stage: &watch::Sender<Stage>, until: Until) -> Result<(), Failure> {
        let mut out = vec![0; 32 * 1024];
        let mut err = vec![0; 4 * 1024];
        let (mut out_open, mut err_open) = (true, true);
        while out_open || err_open {
            tokio::select! {
                read = self.from_stdout.read(&mut out), if out_open => match read {
                    Ok(n) if n > 0 => {
                        let taken = self.stdout.push(&out[..n], SystemTime::now());
                        taken.map_err(|flood| self.flooded(flood))?;
                    }
                    _ => out_open = false,
                },
                read = self.from_stderr.read(&mut err), if err_open => match read {
                    Ok(n) if n > 0 => self.stderr.push(&err[..n]),
                    _ => err_open = false,
                },
            }
            if let Some(method) = self.stdout.method() {
                stage.send_if_modified(|stage| {
                    std::mem::replace(stage, Stage::Root(method)) == Stage::Waiting
                });
            } else if self.stderr.asked() > 1 {
                stage.send_replace(Stage::Over);
            }
            if until == Until::FirstLine && self.stdout.first_line().is_some() {
                return Ok(());
            }
        }
        stage.send_replace(Stage::Over);
        Ok(())
    }

    fn lost(&self) -> Failure {
        let seen = self.stdout.method().is_some() || !self.stdout.preamble().is_empty();
        Failure::Lost(if seen { Response::Seen } else { Response::None })
    }

    fn not_root(&self) -> Failure {
        let said = self.stderr.text();
        let said = if said.trim().is_empty() { self.stdout.preamble() } else { said };
        if !self.stdout.has_shell() {
            return Failure::NoShell(evidence(&said));
        }
        Failure::Other(classify::privilege_failure(&said, self.stderr.asked()))
    }

    /// Only stderr becomes evidence: scripts answer on stdout, and an answer may contain data that must not be logged.
    fn timed_out(&self, timeout: Duration) -> Failure {
        let said = evidence(&self.stderr.text());
        let evidence = format!("timed out after {} s\n{said}", timeout.as_secs_f32());
        let evidence = evidence.trim_end().to_owned();
        Failure::Other(TransportError { kind: TransportErrorKind::TimedOut, evidence })
    }

    fn flooded(&self, flood: Flood) -> Failure {
        let evidence =
            format!("more than {} MiB of output; the rest was not read", flood.limit / (1024 * 1024));
        Failure::Other(TransportError { kind: TransportErrorKind::TooMuchOutput, evidence })
    }
}

/// A session that holds a resource on its host.
pub struct HeldSession {
    release: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<bool>,
    /// Holds standard input; the script waits for its end.
    keeper: tokio::task::AbortHandle,
}

impl HeldSession {
    fn new(child: Child<Arc<Session>>, stdin: Option<ChildStdin>, streams: Streams) -> Self {
        let (done, ended) = watch::channel(false);
        let (release, released) = oneshot::channel();
        let keeper = tokio::spawn(async move {
            keep(stdin, streams, released).await;
            let _ = wait(child).await;
            let _ = done.send(true);
        });
        Self { release: Some(release), ended, keeper: keeper.abort_handle() }
    }
}

/// Sends heartbeats until the host ends the session or the holder releases it. Meanwhile it keeps reading, so that the script
/// never blocks.
async fn keep(mut stdin: Option<ChildStdin>, mut streams: Streams, mut released: oneshot::Receiver<()>) {
    let mut bytes = [0; 1024];
    let mut beat = tokio::time::interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            read = streams.from_stdout.read(&mut bytes) => match read {
                Ok(1..) => {}
                _ => return,
            },
            _ = &mut released, if stdin.is_some() => drop(stdin.take()),
            _ = beat.tick() => if let Some(stdin) = &mut stdin {
                // A full or broken pipe is noticed when stdout ends.
                let _ = tokio::time::timeout(HEARTBEAT, stdin.write_all(b"\n")).await;
            },
        }
    }
}

impl Held for HeldSession {
    async fn ended(&mut self) {
        // An error means that the keeper has ended, and with it the session.
        let _ = self.ended.wait_for(|ended| *ended).await;
    }

    async fn release(mut self) {
        if let Some(release) = self.release.take() {
            let _ = release.send(());
        }
        self.ended().await;
    }
}

impl Drop for HeldSession {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
