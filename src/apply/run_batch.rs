//! One script on one host: gets its secrets, sends it, reads its output, stops it on request.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::StepFailure;
use super::fence::{Frame, RunMark};
use super::run_failure;
use super::schedule::Index;
use super::secret_resolver::SecretResolver;
use super::transcript::{Ending, Happening, Progress, Transcript};
use crate::model::{HostName, Secret, SecretName, Secrets};
use crate::operation::Login;
use crate::plan::Step;
use crate::redact::{Known, Redactor};
use crate::transport::{Exec, Output, Script, Transport, TransportError, TransportErrorKind};

/// Renders steps into one script, or names a missing secret.
pub(super) type Render = fn(&Frame<'_>, &[&Step], &Secrets) -> Result<Secret, SecretName>;

/// The timeout for creating a stop file on a host.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// How much longer the controller waits than the steps' timeouts: they end themselves before.
const SLACK_S: u64 = 30;

/// Shared by all batches of a run.
pub(super) struct Shared<T> {
    pub transport: Arc<T>,
    pub resolver: SecretResolver,
    pub render: Render,
    pub mark: RunMark,
}

/// The steps for one script.
pub(super) struct Batch<T> {
    pub shared: Arc<Shared<T>>,
    pub host: HostName,
    pub steps: Vec<(Index, Arc<Step>)>,
    /// Receives what happens to its steps.
    pub told: UnboundedSender<(Index, Happening)>,
    /// Becomes true when no further step may start.
    pub halt: watch::Receiver<bool>,
}

/// Whether a step's secrets are available.
enum Found {
    All,
    /// One of them must be read on this host after the earlier steps.
    OnlyLater,
}

/// What a batch's steps need.
#[derive(Default)]
struct Prepared {
    secrets: Secrets,
    hidden: Vec<Secret>,
    /// How many of the batch's steps the script can contain.
    steps: usize,
    /// Why the next one is not in it.
    refusal: Option<StepFailure>,
}

impl<T: Transport> Batch<T> {
    /// Runs the steps, or as many of them as can run now.
    pub async fn run(mut self) {
        let nonce = format!("{:032x}", rand::rng().random::<u128>());
        let prepared = self.prepare(&nonce).await;
        if *self.halt.borrow() {
            return;
        }
        if let Err(failure) = self.log_in().await {
            self.tell(Progress { step: 0, what: Happening::Failed(Duration::ZERO, failure) });
            return;
        }
        if prepared.steps > 0 && !self.script(&nonce, &prepared).await {
            return;
        }
        if let Some(failure) = prepared.refusal {
            self.tell(Progress { step: prepared.steps, what: Happening::Failed(Duration::ZERO, failure) });
        }
    }

    fn tell(&self, progress: Progress) {
        if let Some((index, _)) = self.steps.get(progress.step) {
            // Without a receiver the run was abandoned.
            let _ = self.told.send((*index, progress.what));
        }
    }

    /// Logs in over a new connection if the first step needs that.
    async fn log_in(&self) -> Result<(), StepFailure> {
        match self.steps.first().map(|(_, step)| step.operation.login()) {
            Some(Login::Anew) => {
                self.shared.transport.log_in(&self.host).await.map_err(run_failure::of_login)
            }
            Some(Login::AsIs) | None => Ok(()),
        }
    }

    fn frame<'a>(&'a self, nonce: &'a str) -> Frame<'a> {
        Frame { nonce, mark: &self.shared.mark }
    }

    async fn prepare(&self, nonce: &str) -> Prepared {
        let mut prepared = Prepared::default();
        for (_, step) in &self.steps {
            match self.secrets_of(nonce, step, &mut prepared).await {
                Ok(Found::All) => prepared.steps += 1,
                Ok(Found::OnlyLater) => break,
                Err(failure) => {
                    prepared.refusal = Some(failure);
                    break;
                }
            }
        }
        prepared
    }

    /// Gets the secrets of one step, one after the other: rendering the step names the next missing one.
    async fn secrets_of(
        &self,
        nonce: &str,
        step: &Step,
        prepared: &mut Prepared,
    ) -> Result<Found, StepFailure> {
        let resolver = &self.shared.resolver;
        while let Err(name) = (self.shared.render)(&self.frame(nonce), &[step], &prepared.secrets) {
            if prepared.secrets.get(&name).is_some() {
                return Err(run_failure::internal("a secret is available but was not found"));
            }
            if prepared.steps > 0 && resolver.must_be_read_on(&name, &self.host) {
                return Ok(Found::OnlyLater);
            }
            let secret =
                resolver.get(&name, &*self.shared.transport).await.map_err(run_failure::of_secret)?;
            prepared.hidden.push(secret.clone());
            prepared.secrets.insert(name, secret);
        }
        resolver.check(step, &prepared.secrets).map_err(run_failure::of_secret)?;
        Ok(Found::All)
    }

    /// Runs the prepared steps. Returns whether all of them succeeded.
    async fn script(&mut self, nonce: &str, prepared: &Prepared) -> bool {
        let steps: Vec<Arc<Step>> =
            self.steps.iter().take(prepared.steps).map(|(_, step)| step.clone()).collect();
        let borrowed: Vec<&Step> = steps.iter().map(AsRef::as_ref).collect();
        let Ok(text) = (self.shared.render)(&self.frame(nonce), &borrowed, &prepared.secrets) else {
            let failure = run_failure::internal("steps that render one by one do not render together");
            self.tell(Progress { step: 0, what: Happening::Failed(Duration::ZERO, failure) });
            return false;
        };
        let timeout = patience(&steps);
        let ids = steps.iter().map(|step| step.id.clone()).collect();
        let mut transcript =
            Transcript::new(nonce, ids, Redactor::new(Known::of_script(&prepared.hidden, &text)));
        let exec = Exec { script: Script::Stdin(text), timeout };
        let result = self.listen(nonce, exec, &mut transcript).await;
        match transcript.end(result) {
            Ending::Complete => return true,
            Ending::Missing(failed) => self.tell(failed),
            Ending::Stopped(step) if !*self.halt.borrow() => {
                let failure = run_failure::internal("the script stopped unasked");
                self.tell(Progress { step, what: Happening::Failed(Duration::ZERO, failure) });
            }
            Ending::Stopped(_) | Ending::Failed => {}
        }
        false
    }

    /// Sends the script and passes on what it prints until it ends.
    async fn listen(
        &mut self,
        nonce: &str,
        exec: Exec,
        transcript: &mut Transcript,
    ) -> Result<Output, TransportError> {
        let (sender, mut lines) = mpsc::unbounded_channel();
        let shared = self.shared.clone();
        let host = self.host.clone();
        let mut exec = pin!(shared.transport.exec(&host, exec, Some(sender)));
        let mut halt = self.halt.clone();
        let waits = self.steps.iter().any(|(_, step)| step.operation.nature().broker.waits_to_be_spared());
        let mut stop_file: Option<JoinHandle<()>> = None;
        let result = loop {
            tokio::select! {
                biased;
                Some(line) = lines.recv() => self.pass_on(transcript.line(&line)),
                () = halted(&mut halt), if stop_file.is_none() && (waits || transcript.has_more()) => {
                    stop_file = Some(self.put_stop_file(nonce));
                }
                result = &mut exec => break result,
            }
        };
        while let Ok(line) = lines.try_recv() {
            self.pass_on(transcript.line(&line));
        }
        self.update_stop_file(nonce, transcript, &result, stop_file).await;
        result
    }

    /// Updates the stop file after the script: removes it if it was not needed, creates it if it may be needed.
    async fn update_stop_file(
        &self,
        nonce: &str,
        transcript: &Transcript,
        result: &Result<Output, TransportError>,
        stop_file: Option<JoinHandle<()>>,
    ) {
        match (result, stop_file) {
            (Ok(_), Some(put)) if !transcript.has_stopped() => self.remove_stop_file(nonce, put).await,
            // The script may still run, and its later steps are about to be reported as blocked.
            (Err(error), None) if given_up(error.kind) && transcript.has_more() => {
                let _ = self.put_stop_file(nonce).await;
            }
            _ => {}
        }
    }

    fn pass_on(&self, told: Vec<Progress>) {
        told.into_iter().for_each(|progress| self.tell(progress));
    }

    /// Steps that were sent cannot be recalled, but the script checks for this file before each of them.
    fn put_stop_file(&self, nonce: &str) -> JoinHandle<()> {
        let script = format!(": > /run/rabbitup-{nonce}.stop");
        tokio::spawn(short_exec(self.shared.transport.clone(), self.host.clone(), script))
    }

    /// The script ended before it saw the file, so it may not have removed it.
    async fn remove_stop_file(&self, nonce: &str, put: JoinHandle<()>) {
        // Whether it was created or not, it must not exist.
        let _ = put.await;
        let script = format!("rm -f /run/rabbitup-{nonce}.stop");
        short_exec(self.shared.transport.clone(), self.host.clone(), script).await;
    }
}

fn patience(steps: &[Arc<Step>]) -> Duration {
    Duration::from_secs(steps.iter().fold(SLACK_S, |sum, step| sum.saturating_add(step.timeout_s)))
}

/// Whether the controller stopped waiting for a script that may still run.
fn given_up(kind: TransportErrorKind) -> bool {
    matches!(kind, TransportErrorKind::TimedOut | TransportErrorKind::TooMuchOutput)
}

/// Runs a script whose failure is harmless: some steps run that could have been skipped, or an empty file
/// stays until the host reboots.
async fn short_exec<T: Transport>(transport: Arc<T>, host: HostName, script: String) {
    let exec = Exec { script: Script::Argument(script), timeout: STOP_PATIENCE };
    let _ = transport.exec(&host, exec, None).await;
}

/// Ends when no further step may start.
async fn halted(halt: &mut watch::Receiver<bool>) {
    if halt.wait_for(|halted| *halted).await.is_err() {
        // The run is over, and this future is about to be dropped.
        std::future::pending().await
    }
}
