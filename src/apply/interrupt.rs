//! What stops a run from outside: the operator, the system, or the loss of a lock.

use std::future;
use std::io::{self, IsTerminal as _};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::model::HostName;

/// The exit code of a process that SIGINT ended, as shells report it.
const EXIT_INTERRUPTED: i32 = 130;

/// A reason to start no further step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT, SIGTERM or SIGHUP. After the first, running steps end normally; the second abandons them.
    Signal,
    /// The lock on this host is lost: another run may be active there.
    LockLost(HostName),
}

/// The sender of stops.
#[derive(Clone, Debug)]
pub struct Stopper(UnboundedSender<Stop>);

/// The receiver of stops, for a run.
#[derive(Debug)]
pub struct Interrupt(UnboundedReceiver<Stop>);

impl Interrupt {
    /// A pair that no signal reaches yet: see [`Stopper::watch_signals`].
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Stopper(sender), Self(receiver))
    }

    /// Waits for the next stop; for ever, if none can come any more.
    pub async fn next(&mut self) -> Stop {
        match self.0.recv().await {
            Some(stop) => stop,
            None => future::pending().await,
        }
    }

    /// The next stop that was already received.
    pub(super) fn next_now(&mut self) -> Option<Stop> {
        self.0.try_recv().ok()
    }
}

impl Stopper {
    /// Turns SIGINT, SIGTERM and SIGHUP into stops, for a command as a whole. Once the [`Interrupt`] is dropped, they end the process.
    ///
    /// A closing terminal may send SIGHUP twice, from the shell and from the kernel, and systemd can send it right after
    /// SIGTERM (`SendSIGHUP=`). So it is not a second request to stop, and counts only
    /// if it is the first signal.
    ///
    /// # Errors
    /// The system's, if it refuses to watch signals.
    pub fn watch_signals(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // A process started with nohup must go on; watching the signal would undo that.
        let mut hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let stopper = self.clone();
        tokio::spawn(async move {
            let mut stopped = false;
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => {}
                    Some(()) = terminate.recv() => {}
                    () = hung_up(&mut hangup) => if stopped { continue },
                    else => break,
                }
                stopped = true;
                if stopper.0.send(Stop::Signal).is_err() {
                    // The default action of the signal is lost: tokio never restores it.
                    std::process::exit(EXIT_INTERRUPTED);
                }
            }
        });
        Ok(())
    }

    /// Passes a signal on.
    pub fn signal(&self) {
        self.send(Stop::Signal);
    }

    pub fn lock_lost(&self, host: HostName) {
        self.send(Stop::LockLost(host));
    }

    fn send(&self, stop: Stop) {
        // There is no receiver: nothing is left to stop.
        let _ = self.0.send(stop);
    }
}

/// Ends when the terminal is closed; never, if this is not watched.
async fn hung_up(hangup: &mut Option<Signal>) {
    if let Some(hangup) = hangup
        && hangup.recv().await.is_some()
    {
        return;
    }
    future::pending().await
}

/// Whether SIGHUP was ignored when this process started, as by nohup(1): bit 0 of `SigIgn` in proc_pid_status(5).
/// Without such a file, nohup is recognised by the output, which it redirects from the terminal.
fn hangup_is_ignored() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return !io::stdout().is_terminal();
    };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn kill(name: &str) {
        let kill = format!("kill {name} {}", std::process::id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh runs").success());
    }

    // One test, since the signals reach every watch of this process.
    #[tokio::test]
    async fn signals_of_the_system_arrive_and_a_hang_up_only_counts_first() {
        let (stopper, mut interrupt) = Interrupt::new();
        stopper.watch_signals().expect("signals can be watched");
        if hangup_is_ignored() {
            // These very tests were started with nohup.
            kill("-TERM");
        } else {
            kill("-HUP");
        }
        assert_eq!(interrupt.next().await, Stop::Signal);
        for name in ["-INT", "-TERM"] {
            kill("-HUP");
            kill(name);
            assert_eq!(interrupt.next().await, Stop::Signal);
            assert_eq!(interrupt.next_now(), None, "a hang-up behind another stop is none");
        }
    }
}
