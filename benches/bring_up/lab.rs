//! The hosts that the contenders work on: `tests/lab/lab`, under a name of its own.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::run::{command, output_with_input};

/// Every host with its address; the brokers are in the order of joining.
pub const HOSTS: [(&str, &str); 4] =
    [("node1", "10.77.20.11"), ("node2", "10.77.20.12"), ("node3", "10.77.20.13"), (BALANCER, "10.77.20.21")];
pub const BROKERS: [&str; 3] = ["node1", "node2", "node3"];
pub const BALANCER: &str = "lb1";

const NAME: &str = "bench";

/// The systems that hosts can have: a name of tests/lab and the words for a table's heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    Bookworm,
    /// dnf and rpm, with the RabbitMQ of Debian 12. The peers' playbooks and scripts know apt only.
    El9,
}

impl Release {
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::El9];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::El9 => "el9",
        }
    }
}

/// A lab of four hosts, removed with all it wrote when dropped.
pub struct Lab {
    program: PathBuf,
    dir: PathBuf,
    release: Release,
}

impl Lab {
    /// The lab without its hosts yet.
    pub fn new(repository: &Path, release: Release) -> Self {
        let root = std::env::var_os("LAB_ROOT").unwrap_or_else(|| "/var/lib/rabbitup-lab".into());
        Self { program: repository.join("tests/lab/lab"), dir: Path::new(&root).join(NAME), release }
    }

    /// Boots four fresh hosts in the place of whatever hosts there are.
    pub fn fresh_hosts(&self) -> Result<(), String> {
        let specs = HOSTS.iter().map(|(name, address)| format!("{name}={address}"));
        self.lab(&["down".to_owned()])?;
        self.lab(
            &["up".to_owned(), self.release.name().to_owned()].into_iter().chain(specs).collect::<Vec<_>>(),
        )
    }

    /// What a shell script prints that runs as root on the host; no SSH is involved.
    pub fn script(&self, host: &str, script: &str) -> Result<String, String> {
        let mut command = self.command();
        command.args(["root", host, "sh -s"]);
        let output = output_with_input(command, script)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("{host}: {}", text(&output)))
        }
    }

    /// How many SSH logins the four hosts have accepted since they were booted.
    pub fn logins(&self) -> Result<usize, String> {
        let mut logins = 0;
        for (host, _) in HOSTS {
            let count = self.script(
                host,
                "journalctl --quiet --no-pager --unit=ssh --unit=sshd | grep -c 'Accepted ' || true",
            )?;
            logins +=
                count.trim().parse::<usize>().map_err(|error| format!("{host}: {error} in '{count}'"))?;
        }
        Ok(logins)
    }

    pub fn ssh_config(&self) -> PathBuf {
        self.dir.join("ssh_config")
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    fn lab(&self, arguments: &[String]) -> Result<(), String> {
        let mut command = self.command();
        let output =
            command.args(arguments).output().map_err(|error| format!("the lab does not start: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("lab {}: {}", arguments.join(" "), text(&output)))
        }
    }

    fn command(&self) -> std::process::Command {
        let mut command = command(&self.program, 1200);
        command.env("LAB_NAME", NAME).env_remove("LAB_DIR").env_remove("LAB_NET");
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::env::var_os("RABBITUP_KEEP_LAB").is_some_and(|value| value == "1") {
            eprintln!("the lab stays: LAB_NAME={NAME} tests/lab/lab status");
            return;
        }
        if let Err(message) = self.lab(&["down".to_owned()]) {
            eprintln!("the lab could not be removed: {message}");
        }
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
