//! A shell on a host, at the terminal.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::Command;

use super::options::{Login, escape_percent, to_destination};
use super::target::{SshTarget, hops};
use crate::model::quote_bytes;

impl SshTarget {
    /// The ssh command for a shell on the host, at the terminal of this process. It logs in for itself: nothing that happens to the
    /// connections of scripts ends it.
    pub(crate) fn shell(&self) -> Command {
        // Each hop gets the options that a script's connection to it has; those of `-J` would be for the host alone.
        let proxy = hops(self).iter().fold(None, |before, hop| Some(through(hop, before)));
        let mut command = Command::new("ssh");
        command.args(to_destination(self, Login::Target, proxy));
        for name in &self.withheld {
            command.env_remove(name);
        }
        command
    }
}

/// The ProxyCommand through a jump host. A shell and ssh's own `%` read it.
fn through(hop: &SshTarget, before: Option<OsString>) -> OsString {
    let mut text = b"ssh -W '[%h]:%p'".to_vec();
    for word in to_destination(hop, Login::Jump, before) {
        text.push(b' ');
        text.extend(quote_bytes(escape_percent(word.as_ref()).as_bytes()));
    }
    OsString::from_vec(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(target: &SshTarget) -> Vec<String> {
        target.shell().get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_shell_is_reached_as_scripts_are() {
        let mut target = SshTarget::new("192.0.2.1");
        target.user = Some("ops".into());
        target.port = Some(2222);
        target.identity = Some("/keys/50% of it".into());
        target.withheld = vec!["RABBITUP_BECOME_PASSWORD".into()];
        let direct = words(&target);
        for wanted in ["StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "/keys/50% of it", "2222", "ops"] {
            assert!(direct.iter().any(|word| word == wanted), "{wanted} in {direct:?}");
        }
        assert!(!direct.iter().any(|word| word == "BatchMode=yes"), "it may ask: {direct:?}");
        assert_eq!(direct[direct.len() - 2..], ["--", "192.0.2.1"]);
        let withheld = target
            .shell()
            .get_envs()
            .any(|(name, value)| name == "RABBITUP_BECOME_PASSWORD" && value.is_none());
        assert!(withheld);
    }

    /// A shell and ssh read the words of each hop back as they were.
    #[test]
    fn jump_hosts_are_reached_as_for_scripts() {
        let mut target = SshTarget::new("inside");
        target.identity = Some("/keys/50% of it".into());
        target.jump = Some("ops@gate:2222,inner".into());
        let all = words(&target);
        let proxy = all.iter().find_map(|word| word.strip_prefix("ProxyCommand=")).expect("it has one");
        let read = |command: &str| {
            let command = command.replace("[%h]:%p", "HOST").replace("%%", "%");
            let script = format!("ssh() {{ printf '%s\\n' \"$@\"; }}\n{command}");
            let output = Command::new("sh").args(["-c", &script]).output().expect("sh runs");
            let text = String::from_utf8(output.stdout).expect("it is text");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let inner = read(proxy);
        assert_eq!(inner[..2], ["-W", "HOST"]);
        assert_eq!(inner.last().map(String::as_str), Some("ssh://inner"));
        assert!(inner.contains(&"/keys/50% of it".to_owned()), "{inner:?}");
        let before = inner.iter().find_map(|word| word.strip_prefix("ProxyCommand=")).expect("it has one");
        // It was read once by the outer ssh, which replaced its own address alone.
        assert!(before.contains("'[%h]:%p'"), "{before}");
        let outer = read(before);
        assert_eq!(outer.last().map(String::as_str), Some("ssh://ops@gate:2222"));
        assert!(outer.contains(&"/keys/50% of it".to_owned()), "{outer:?}");
        target.jump = Some("none".into());
        assert!(words(&target).contains(&"ProxyJump=none".to_owned()));
    }
}
