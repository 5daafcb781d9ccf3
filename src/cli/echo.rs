//! While lines are drawn over and over, the terminal shows no keys: an Enter would move it to another line.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Until this is dropped, keys are not echoed. Ctrl-C and Ctrl-Z do what they do.
pub struct Echoless(Option<(OwnedFd, Termios)>);

impl Echoless {
    /// For the terminal of this process, if there is one.
    pub fn begin() -> Self {
        let begun = || {
            let terminal = OwnedFd::from(File::open("/dev/tty").ok()?);
            if !is_ours(&terminal) {
                return None;
            }
            let before = tcgetattr(&terminal).ok()?;
            let mut echoless = before.clone();
            echoless.local_modes.remove(LocalModes::ECHO);
            tcsetattr(&terminal, OptionalActions::Now, &echoless).ok()?;
            Some((terminal, before))
        };
        Self(begun())
    }
}

impl Drop for Echoless {
    fn drop(&mut self) {
        if let Some((terminal, before)) = &self.0
            && is_ours(terminal)
        {
            // A terminal that is gone has no modes any more.
            let _ = tcsetattr(terminal, OptionalActions::Now, before);
        }
    }
}

/// A process in the background that changed its terminal would be stopped (SIGTTOU, termios(3)), and it would be the
/// shell's modes that it changed.
fn is_ours(terminal: impl AsFd) -> bool {
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
        let echoless = Echoless::begin();
        assert!(!echoes());
        drop(echoless);
        assert!(echoes());
        let died = std::thread::spawn(|| {
            let _echoless = Echoless::begin();
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
