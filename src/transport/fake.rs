//! Fake hosts for tests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::{Counts, Exec, Held, LineSender, Output, Script, Transport, TransportError, TransportErrorKind};
use crate::model::HostName;

type Answer = dyn Fn(&HostName, &Exec) -> Result<Output, TransportError> + Send + Sync;

/// A [`Transport`] without hosts: a closure answers, and every script is recorded.
pub struct FakeTransport {
    answer: Box<Answer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ran: Vec<(HostName, String)>,
    /// The held sessions, to end them from a test.
    held: Vec<(HostName, watch::Sender<bool>)>,
}

/// What [`FakeTransport::hold`](Transport::hold) returns.
pub struct FakeHeld(watch::Receiver<bool>);

impl FakeTransport {
    pub fn new(
        answer: impl Fn(&HostName, &Exec) -> Result<Output, TransportError> + Send + Sync + 'static,
    ) -> Self {
        Self { answer: Box::new(answer), state: Mutex::default() }
    }

    /// The started scripts, in order: the host and the script's text.
    pub fn ran(&self) -> Vec<(HostName, String)> {
        self.state().ran.clone()
    }

    /// The number of open held sessions.
    pub fn open_holds(&self) -> usize {
        self.state().held.iter().filter(|(_, sender)| sender.receiver_count() > 0).count()
    }

    /// Ends the held sessions of a host, as a lost connection does.
    pub fn lose_holds(&self, host: &HostName) {
        for (_, sender) in self.state().held.iter().filter(|(held, _)| held == host) {
            sender.send_replace(true);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, host: &HostName, exec: &Exec) -> Result<Output, TransportError> {
        let text = match &exec.script {
            Script::Argument(text) | Script::Attended { text, .. } => text.clone(),
            Script::Stdin(text) => String::from_utf8_lossy(text.expose()).into_owned(),
        };
        self.state().ran.push((host.clone(), text));
        (self.answer)(host, exec)
    }
}

impl Transport for FakeTransport {
    type Held = FakeHeld;

    async fn exec(
        &self,
        host: &HostName,
        exec: Exec,
        lines: Option<LineSender>,
    ) -> Result<Output, TransportError> {
        let mut output = self.run(host, &exec)?;
        output.sent_at.get_or_insert_with(SystemTime::now);
        output.first_line_at.get_or_insert_with(SystemTime::now);
        if let Some(lines) = lines {
            let text = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
            for line in text.split(|byte| *byte == b'\n').filter(|_| !output.stdout.is_empty()) {
                let _ = lines.send(line.to_vec());
            }
        }
        Ok(output)
    }

    async fn hold(
        &self,
        host: &HostName,
        script: String,
        timeout: Duration,
    ) -> Result<(String, Self::Held), TransportError> {
        let output = self.run(host, &Exec { script: Script::Argument(script), timeout })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(line) = text.lines().next() else {
            let evidence = "the script printed nothing".to_owned();
            return Err(TransportError { kind: TransportErrorKind::Lost, evidence });
        };
        let (sender, receiver) = watch::channel(false);
        self.state().held.push((host.clone(), sender));
        Ok((line.to_owned(), FakeHeld(receiver)))
    }

    async fn log_in(&self, host: &HostName) -> Result<(), TransportError> {
        let script = Script::Argument("log in".to_owned());
        self.run(host, &Exec { script, timeout: Duration::ZERO }).map(drop)
    }

    /// It never connects; every script is counted.
    fn counts(&self) -> Counts {
        Counts { connections: 0, execs: self.state().ran.len() as u64 }
    }

    async fn close(&self) {}
}

impl Held for FakeHeld {
    async fn ended(&mut self) {
        let _ = self.0.wait_for(|ended| *ended).await;
    }

    async fn release(self) {}
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn answers_are_recorded_and_come_as_lines() {
        let fake =
            FakeTransport::new(|_, _| Ok(Output { stdout: b"one\ntwo\n".to_vec(), ..Output::default() }));
        let host = HostName::parse("node1").expect("a name");
        let (sender, mut lines) = mpsc::unbounded_channel();
        let exec = Exec { script: Script::Argument("true".into()), timeout: Duration::from_secs(1) };
        fake.exec(&host, exec, Some(sender)).await.expect("it answers");
        assert_eq!(lines.recv().await, Some(b"one".to_vec()));
        assert_eq!(lines.recv().await, Some(b"two".to_vec()));
        assert_eq!(lines.recv().await, None);
        assert_eq!(fake.ran(), [(host.clone(), "true".to_owned())]);

        let (line, mut held) = fake.hold(&host, "hold".into(), Duration::from_secs(1)).await.expect("held");
        assert_eq!((line.as_str(), fake.open_holds()), ("one", 1));
        fake.lose_holds(&host);
        held.ended().await;
        drop(held);
        assert_eq!(fake.open_holds(), 0);
    }
}
