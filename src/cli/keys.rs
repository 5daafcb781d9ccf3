//! Keys that an operator presses while a screen is shown.

use std::fs::File;
use std::future;
use std::io::{ErrorKind, Read as _};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::terminal_modes::{ChangedModes, is_ours};

/// How long to wait where a read does not wait itself.
const PAUSE: Duration = Duration::from_millis(50);

/// The keys of this process's terminal, one by one, until this is dropped.
pub struct Keys {
    modes: ChangedModes,
    pressed: UnboundedReceiver<u8>,
}

impl Keys {
    pub fn begin() -> Self {
        let (sender, pressed) = mpsc::unbounded_channel();
        let modes = ChangedModes::key_by_key();
        if modes.is_changed() {
            // A read of a terminal cannot be cancelled, so it has a thread of its own.
            std::thread::spawn(move || read(&sender));
        }
        Self { modes, pressed }
    }

    /// No keys at all.
    pub fn none() -> Self {
        let (_, pressed) = mpsc::unbounded_channel();
        Self { modes: ChangedModes::none(), pressed }
    }

    /// Waits for the next key; for ever, if there is no terminal.
    pub async fn next(&mut self) -> u8 {
        match self.pressed.recv().await {
            Some(key) => key,
            None => future::pending().await,
        }
    }

    /// Stops this process, as its terminal asked for (Ctrl-Z). The shell gets the terminal as it was, whether or not it restores that
    /// itself.
    pub fn stop_process(&self) {
        self.modes.pause();
        // It returns once the process continues.
        let _ = kill_process(getpid(), Signal::STOP);
        self.modes.resume();
    }
}

fn read(keys: &UnboundedSender<u8>) {
    let Ok(mut terminal) = File::open("/dev/tty") else { return };
    let mut key = [0];
    while !keys.is_closed() {
        // In the background a read would stop the process (SIGTTIN, termios(3)).
        if !is_ours(&terminal) {
            std::thread::sleep(PAUSE);
            continue;
        }
        match terminal.read(&mut key) {
            // No key in time. Where the terminal is gone, it would be so at once.
            Ok(0) => std::thread::sleep(PAUSE),
            Ok(_) => {
                let _ = keys.send(key[0]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
