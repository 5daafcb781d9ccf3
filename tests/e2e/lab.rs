//! Real hosts for the end-to-end tests: a thin layer over `tests/lab/lab`, which boots throw-away
//! containers with systemd, sshd and a package manager. `tests/lab/README.md` tells what such a host is.
//!
//! A test asks [`require_lab`] first and returns when the answer is no, then owns a [`Lab`]:
//!
//! ```no_run
//! let lab = Lab::new("debian12", Suite::Bookworm);
//! lab.up(&[Host::new("node1", 11), Host::new("node2", 12).login(Login::Root)]);
//! assert_eq!(lab.stdout_of("node1", "hostname"), "fresh-node1");
//! ```

#![allow(dead_code, reason = "a harness also offers what only the next test needs")]

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::release::Suite;

/// The longest that any single lab command may take, in seconds: building an image on a slow
/// machine, or a test's own command on a host.
const COMMAND_TIMEOUT: &str = "1200";

/// The tools without which there is no lab; `tests/lab/install-tools.sh` installs them.
const TOOLS: &[&str] = &[
    "systemd-nspawn",
    "mmdebstrap",
    "apt-ftparchive",
    "ip",
    "nsenter",
    "unshare",
    "setsid",
    "ssh",
    "ssh-keygen",
];

/// How to become root on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Login {
    /// User `ops` with password-less sudo, as cloud images have it.
    #[default]
    Ops,
    /// Root by key; no other user and no sudo.
    Root,
    /// User `ops` whose sudo asks for [`SUDO_PASSWORD`].
    Password,
    /// User `ops` with password-less doas, and no sudo.
    Doas,
}

/// What sudo asks for on a [`Login::Password`] host.
pub const SUDO_PASSWORD: &str = "lab-sudo-secret";

/// A host to boot.
#[derive(Debug, Clone)]
pub struct Host {
    name: String,
    last_octet: u8,
    login: Login,
    snapshot: Option<String>,
}

/// How large the disks of new hosts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// As the machine's own is.
    Machines,
    /// So large, as `mount -o size` has it: `700M`. In memory.
    Own(&'static str),
}

impl Host {
    /// A fresh host; `last_octet` is its address within the lab's subnet.
    pub fn new(name: &str, last_octet: u8) -> Self {
        Self { name: name.to_owned(), last_octet, login: Login::default(), snapshot: None }
    }

    /// The same host, entered in another way.
    pub fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// The same host with the disk that [`Lab::snapshot`] kept; the way in is the snapshot's.
    pub fn on_snapshot(mut self, snapshot: &str) -> Self {
        self.snapshot = Some(snapshot.to_owned());
        self
    }
}

/// A running lab. Dropping it removes the hosts, their network and their disks, unless
/// `RABBITUP_KEEP_LAB=1` asks to keep them for a look.
#[derive(Debug)]
pub struct Lab {
    name: String,
    suite: Suite,
    net: u8,
    disk: Disk,
}

impl Lab {
    /// An empty lab, whatever an earlier, interrupted run left under this name. The name decides on the
    /// subnet (see [`Lab::address`]), so labs of different names live side by side.
    pub fn new(name: &str, suite: Suite) -> Self {
        let mut lab = Self { name: name.to_owned(), suite, net: 0, disk: Disk::Machines };
        lab.lab(["down"]);
        lab.net = lab.lab(["net"]).trim().parse().expect("`lab net` prints the third octet of the subnet");
        lab
    }

    /// From now on new hosts have disks of this size.
    pub fn set_disk(&mut self, disk: Disk) {
        self.disk = disk;
    }

    /// How large the disks of hosts are that are new from now on.
    pub fn disk(&self) -> Disk {
        self.disk
    }

    /// Boots the hosts, all at once, and waits until they answer SSH. A host that is there already under
    /// one of the names is replaced.
    pub fn up(&self, hosts: &[Host]) {
        self.up_as(self.suite, hosts);
    }

    /// The same with another release than the lab's.
    pub fn up_as(&self, suite: Suite, hosts: &[Host]) {
        let specs = hosts.iter().map(|host| {
            let mut spec = format!("{}={}", host.name, self.address(host.last_octet));
            match host.login {
                Login::Ops => {}
                Login::Root => spec.push_str(":root"),
                Login::Password => spec.push_str(":password"),
                Login::Doas => spec.push_str(":doas"),
            }
            if let Some(snapshot) = &host.snapshot {
                write!(spec, "@{snapshot}").expect("a String takes everything");
            }
            spec
        });
        self.lab(["up".to_owned(), suite.name().to_owned()].into_iter().chain(specs));
    }

    /// The address of the host whose number in the subnet is `last_octet`.
    pub fn address(&self, last_octet: u8) -> String {
        format!("10.77.{}.{last_octet}", self.net)
    }

    /// The release of the hosts.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Runs a shell line as root on the host, without SSH and so without any part of the program
    /// under test.
    pub fn run_on(&self, host: &str, command: &str) -> Output {
        self.command(["root", host, command]).output().expect("bash starts")
    }

    /// What the shell line prints, trimmed; it has to succeed.
    pub fn stdout_of(&self, host: &str, command: &str) -> String {
        let output = self.run_on(host, command);
        assert!(output.status.success(), "`{command}` failed on {host}\n{}", text(&output));
        String::from_utf8(output.stdout).expect("the output is UTF-8").trim().to_owned()
    }

    /// Takes the host off the network; packets to and from it are dropped silently.
    pub fn cut(&self, host: &str) {
        self.lab(["cut", host]);
    }

    /// Puts the host back on the network.
    pub fn heal(&self, host: &str) {
        self.lab(["heal", host]);
    }

    /// Powers the host off at once, as if the plug were pulled.
    pub fn kill(&self, host: &str) {
        self.lab(["kill", host]);
    }

    /// Boots a host that is powered off and waits until it answers SSH.
    pub fn boot(&self, host: &str) {
        self.lab(["boot", host]);
    }

    /// Powers the host off cleanly and keeps its disk under a name for [`Host::on_snapshot`]. The host
    /// stays off; [`Lab::boot`] lets it go on. Snapshots live as long as the lab.
    pub fn snapshot(&self, host: &str, snapshot: &str) {
        self.lab(["snapshot", host, snapshot]);
    }

    /// Removes every host and keeps the snapshots, so that the next test starts from an empty network.
    pub fn remove_hosts(&self) {
        let status = self.lab(["status"]);
        let names: Vec<&str> = status.lines().filter_map(|line| line.split_whitespace().next()).collect();
        if !names.is_empty() {
            self.lab(["rm"].into_iter().chain(names));
        }
    }

    /// The directory of the lab's keys and settings.
    pub fn dir(&self) -> PathBuf {
        let root = std::env::var_os("LAB_ROOT").unwrap_or_else(|| "/var/lib/rabbitup-lab".into());
        Path::new(&root).join(&self.name)
    }

    /// SSH settings with which every host of the lab can be entered: user, key and known host keys.
    pub fn ssh_config(&self) -> PathBuf {
        self.dir().join("ssh_config")
    }

    /// Runs a lab command that has to succeed, and gives what it prints.
    fn lab(&self, args: impl IntoIterator<Item = impl Into<OsString>>) -> String {
        let mut command = self.command(args);
        let output = command.output().expect("bash starts");
        assert!(output.status.success(), "{command:?} failed\n{}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The lab command, with a timeout. Variables that could redirect it are removed.
    fn command(&self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Command {
        let mut command = script();
        command
            .args(args.into_iter().map(Into::into))
            .env("LAB_NAME", &self.name)
            .env_remove("LAB_DIR")
            .env_remove("LAB_DISK_SIZE")
            .env_remove("LAB_NET");
        if let Disk::Own(size) = self.disk {
            command.env("LAB_DISK_SIZE", size);
        }
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::env::var_os("RABBITUP_KEEP_LAB").is_some_and(|value| value == "1") {
            eprintln!("the lab stays: LAB_NAME={} tests/lab/lab status", self.name);
            return;
        }
        // No panic here: a test that fails already would abort without telling why.
        match self.command(["down"]).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => eprintln!("removing the lab {} failed\n{}", self.name, text(&output)),
            Err(error) => eprintln!("removing the lab {} failed: {error}", self.name),
        }
    }
}

/// `tests/lab/lab`, bounded in time.
fn script() -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["-k", "10", COMMAND_TIMEOUT])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab"))
        .stdin(Stdio::null());
    command
}

/// The version of RabbitMQ that a release offers, as its image has it.
///
/// # Errors
/// Why there is no image: the lab's error.
pub fn offered(suite: Suite) -> Result<String, String> {
    let output = script().args(["offers", suite.name()]).output().expect("timeout starts");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(text(&output))
    }
}

/// Whether this machine can run a lab. Where it cannot, it says so loudly and the test is to return;
/// where `CI` is set it panics, since a suite that skips everything must not look like one that passed.
pub fn require_lab() -> bool {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let Some(reason) = MISSING.get_or_init(missing) else { return true };
    assert!(std::env::var_os("CI").is_none(), "the end-to-end tests have to run in CI, but {reason}");
    // Not `eprintln!`: the test runner swallows what that prints in a test that passes.
    let _ =
        writeln!(std::io::stderr(), "SKIPPED: the end-to-end test needs root and the lab's tools ({reason})");
    false
}

/// Why this machine cannot run a lab.
fn missing() -> Option<String> {
    let user = Command::new("id").arg("-u").output().ok()?;
    if user.stdout.trim_ascii() != b"0" {
        return Some("this run is not root".to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let absent: Vec<&str> = TOOLS
        .iter()
        .copied()
        .filter(|tool| !folders.iter().any(|folder| folder.join(tool).exists()))
        .collect();
    if absent.is_empty() {
        return None;
    }
    Some(format!("{} is missing; tests/lab/install-tools.sh installs it", absent.join(", ")))
}

/// Both streams and the exit status, for a failure's message.
pub fn text(output: &Output) -> String {
    format!(
        "{}\nstdout: {}\nstderr: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
