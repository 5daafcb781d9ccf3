//! The modes of the terminal while something is drawn on it, and that they are restored on every way out.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use console::Term;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

/// How long a read waits for a key, in tenths of a second.
const WAIT_FOR_KEY: u8 = 2;

/// Until this is dropped, the terminal has other modes. Ctrl-C and Ctrl-Z do what they do.
pub struct ChangedModes(Option<Changed>);

struct Changed {
    terminal: OwnedFd,
    before: Termios,
    during: Termios,
}

impl ChangedModes {
    /// Keys are not echoed: while lines are drawn over and over, an Enter would move the terminal to another line.
    pub fn without_echo() -> Self {
        Self::begin(|modes| modes.local_modes.remove(LocalModes::ECHO))
    }

    /// Each key can be read at once, and is not echoed. A read returns nothing if no key comes for [`WAIT_FOR_KEY`].
    pub fn key_by_key() -> Self {
        Self::begin(|modes| {
            modes.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            modes.special_codes[SpecialCodeIndex::VMIN] = 0;
            modes.special_codes[SpecialCodeIndex::VTIME] = WAIT_FOR_KEY;
        })
    }

    /// Each key can be read at once, and is not shown; Ctrl-C is a key like others. A read waits for a key.
    pub fn hidden() -> Self {
        Self::begin(|modes| {
            modes.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        })
    }

    /// The terminal stays as it is.
    pub fn none() -> Self {
        Self(None)
    }

    /// For the terminal of this process, if there is one.
    fn begin(change: impl FnOnce(&mut Termios)) -> Self {
        let begun = || {
            let terminal = OwnedFd::from(File::open("/dev/tty").ok()?);
            if !is_ours(&terminal) {
                return None;
            }
            let before = tcgetattr(&terminal).ok()?;
            let mut during = before.clone();
            change(&mut during);
            tcsetattr(&terminal, OptionalActions::Now, &during).ok()?;
            Some(Changed { terminal, before, during })
        };
        Self(begun())
    }

    pub fn is_changed(&self) -> bool {
        self.0.is_some()
    }

    /// Gives the terminal back, to a shell that stops this process for a while.
    pub fn pause(&self) {
        if let Some(changed) = &self.0 {
            changed.set(&changed.before);
        }
    }

    /// The opposite of [`Self::pause`].
    pub fn resume(&self) {
        if let Some(changed) = &self.0 {
            changed.set(&changed.during);
        }
    }
}

impl Changed {
    fn set(&self, modes: &Termios) {
        if is_ours(&self.terminal) {
            // A terminal that is gone has no modes any more.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, modes);
        }
    }
}

impl Drop for ChangedModes {
    fn drop(&mut self) {
        self.pause();
    }
}

/// Whether lines can be drawn over and over there. A terminal that calls itself dumb moves no cursor (terminfo(5)).
pub fn moves_cursor(terminal: &Term) -> bool {
    terminal.is_term() && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// A process in the background that changed its terminal would be stopped (SIGTTOU, termios(3)), and it would be the
/// shell's modes that it changed.
pub fn is_ours(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|foreground| foreground == getpgrp())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn echoes() -> bool {
        let terminal = File::open("/dev/tty").expect("there is a terminal");
        tcgetattr(terminal).expect("it has modes").local_modes.contains(LocalModes::ECHO)
    }

    #[test]
    #[ignore = "needs a terminal of its own: the next test gives it one"]
    fn in_a_terminal() {
        assert!(echoes());
        let changed = ChangedModes::without_echo();
        assert!(!echoes());
        drop(changed);
        assert!(echoes());
        let died = std::thread::spawn(|| {
            let _changed = ChangedModes::without_echo();
            panic!("of something else");
        });
        assert!(
            died.join().is_err() && echoes(),
            "whatever happens, the shell gets its terminal back as it was"
        );
    }

    #[test]
    fn a_terminal_shows_no_keys_meanwhile_and_shows_them_again_whatever_happens() {
        let name = format!("{}::in_a_terminal", module_path!().split_once("::").expect("the crate's name").1);
        let this = std::env::current_exe().expect("it runs");
        // Of util-linux (bsdutils on Debian, where it is on every machine): runs a command in a terminal.
        let output = Command::new("script")
            .args(["-qec", &format!("'{}' --exact {name} --ignored", this.display()), "/dev/null"])
            .stdin(Stdio::null())
            .output()
            .expect("script(1) is installed");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
    }
}
