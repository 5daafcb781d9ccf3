use std::collections::BTreeMap;

use crate::cluster::health::load_balancer::{Idle, idle};
use crate::facts::{Facts, Frames, ParseError, command_text};
use crate::inventory::Desired;
use crate::model::{HostName, Role};
use crate::redact::Redactor;

const READ: &str = concat!(include_str!("../facts/script_head.sh"), include_str!("unit_log.sh"));

/// Asks for the last log lines of a unit that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitLog {
    unit: &'static str,
}

/// One for each load balancer that is installed and does not run.
pub(crate) fn balancer_logs(desired: &Desired, facts: &Facts) -> BTreeMap<HostName, UnitLog> {
    let Some(software) = desired.load_balancer.as_ref().map(|wanted| wanted.software) else {
        return BTreeMap::new();
    };
    let stopped = desired.with_role(Role::LoadBalancer).filter(|host| {
        facts.host(&host.name).is_some_and(|seen| idle(software, seen) == Some(Idle::Stopped))
    });
    stopped.map(|host| (host.name.clone(), UnitLog { unit: software.balancer().unit })).collect()
}

impl UnitLog {
    /// The command text that a POSIX shell runs, as root. Its output is for [`UnitLog::read`], with the same nonce.
    pub(crate) fn command(&self, nonce: &str) -> String {
        command_text(&[("nonce", nonce.to_owned()), ("unit", self.unit.to_owned())], READ)
    }

    /// The lines, redacted: a load balancer quotes the line of its configuration that it does not understand.
    pub(crate) fn read(nonce: &str, output: &[u8]) -> Result<Vec<String>, ParseError> {
        let frames = Frames::read(nonce, output)?;
        let mut redactor = Redactor::default();
        let lines = frames.lines("log").map(str::trim).filter(|line| !line.is_empty());
        Ok(lines.map(|line| redactor.line(line)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    /// What is read from a journal where the program said this, and everybody about its unit that.
    fn read(name: &str, program: &str, all: &str) -> Vec<String> {
        let tools = std::env::temp_dir().join(format!("rabbitup-unit-log-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&tools).expect("it is ours");
        let journalctl = tools.join("journalctl");
        let text = format!(
            "#!/bin/sh\ncase $* in *' _SYSTEMD_UNIT=haproxy.service '*) printf '{program}' ;; *' -u haproxy '*) printf '{all}' ;; esac\n"
        );
        std::fs::write(&journalctl, text).expect("it is ours");
        std::fs::set_permissions(&journalctl, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let command = UnitLog { unit: "haproxy" }.command("N");
        let command = command.replace("PATH=/usr", &format!("PATH={}:/usr", tools.display()));
        let output = Command::new("sh").arg("-c").arg(command).output().expect("a shell starts");
        std::fs::remove_dir_all(tools).expect("it is ours");
        UnitLog::read("N", &output.stdout).expect("complete")
    }

    #[test]
    fn the_programs_own_lines_come_before_those_about_it() {
        let about = "haproxy.service: Failed with result\\n";
        let own = read("own", "[ALERT] unknown keyword\\n\\n[ALERT] Fatal errors\\n", about);
        assert_eq!(own, ["[ALERT] unknown keyword", "[ALERT] Fatal errors"]);
        assert_eq!(read("none", "", about), ["haproxy.service: Failed with result"]);
        assert_eq!(read("silent", "", ""), Vec::<String>::new());
    }

    #[test]
    fn no_secret_goes_on_from_here() {
        let said = read("secret", "parsing: unknown keyword in password=hare-and-tortoise\\n", "");
        assert!(!said.concat().contains("hare-and-tortoise"), "{said:?}");
        assert!(UnitLog::read("N", b"N log\n").is_err(), "cut off");
    }
}
