//! What stops a run from outside: a person, the system, or the loss of a lock.

use std::future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::model::HostName;

/// The exit code of a process that a signal ended, as shells count it for SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// A reason to start nothing new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT or SIGTERM. The first lets running steps end, the second abandons them.
    Signal,
    /// The lock on this host is gone: somebody else may be at work there.
    LockLost(HostName),
}

/// The end at which stops come in.
#[derive(Clone, Debug)]
pub struct Stopper(UnboundedSender<Stop>);

/// The end at which a run hears of stops.
#[derive(Debug)]
pub struct Interrupt(UnboundedReceiver<Stop>);

impl Interrupt {
    /// A pair that no signal reaches yet: see [`Stopper::watch_signals`].
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Stopper(sender), Self(receiver))
    }

    /// Waits for the next stop; for ever, where none can come any more.
    pub async fn next(&mut self) -> Stop {
        match self.0.recv().await {
            Some(stop) => stop,
            None => future::pending().await,
        }
    }

    /// The next stop that has already come in.
    pub(super) fn next_now(&mut self) -> Option<Stop> {
        self.0.try_recv().ok()
    }
}

impl Stopper {
    /// Turns SIGINT and SIGTERM into stops. Once the [`Interrupt`] is gone, they end the process.
    ///
    /// # Errors
    /// The system's, where it refuses to watch signals.
    pub fn watch_signals(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stopper = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => {}
                    Some(()) = terminate.recv() => {}
                    else => break,
                }
                if stopper.0.send(Stop::Signal).is_err() {
                    // The system's own way to end it is gone for good: tokio never gives a signal back.
                    std::process::exit(EXIT_INTERRUPTED);
                }
            }
        });
        Ok(())
    }

    /// As a signal would.
    pub fn signal(&self) {
        self.send(Stop::Signal);
    }

    pub fn lock_lost(&self, host: HostName) {
        self.send(Stop::LockLost(host));
    }

    fn send(&self, stop: Stop) {
        // Nobody listens any more: there is nothing left to stop.
        let _ = self.0.send(stop);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn signals_of_the_system_arrive() {
        let (stopper, mut interrupt) = Interrupt::new();
        stopper.watch_signals().expect("signals can be watched");
        for name in ["-INT", "-TERM"] {
            let kill = format!("kill {name} {}", std::process::id());
            assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh runs").success());
            assert_eq!(interrupt.next().await, Stop::Signal);
        }
    }
}
