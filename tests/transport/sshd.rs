use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rabbitup::model::{HostName, Secret};
use rabbitup::transport::{
    Exec, HostKeyPolicy, Output, Script, SshTarget, SshTransport, Transport, TransportError,
};

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd that accepts this test's user with a test key.
pub struct Sshd {
    directory: PathBuf,
    pub port: u16,
    child: Child,
}

impl Sshd {
    /// None if this machine has no sshd, with a message; in CI that is a failure.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Like [`Sshd::start`], with further lines of sshd_config(5).
    pub fn start_with(settings: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            assert!(std::env::var_os("CI").is_none(), "CI has no sshd: install openssh-server");
            eprintln!("SKIPPED: no {SSHD} on this machine (Debian: openssh-server)");
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rabbitup-sshd-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).expect("a directory for sshd");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("its mode is set");
        // As root, sshd needs an empty directory, which the system's unit would create.
        let _ = fs::create_dir_all("/run/sshd");
        let port = free_port();
        let path = |name: &str| directory.join(name).display().to_string();
        for name in ["host", "user", "other"] {
            keygen(&directory.join(name));
        }
        fs::copy(path("user.pub"), path("authorized")).expect("the user's key is authorized");
        // SHLVL: bash reads rc files only in the first shell, and that can take long. Of two SetEnv lines the first counts
        // (sshd_config(5)).
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             UsePAM no\nUseDNS no\nMaxStartups 100\n{settings}SetEnv SHLVL=2\n",
            path("host"),
            path("authorized")
        );
        fs::write(path("sshd_config"), config).expect("sshd's configuration is written");
        let host_key = fs::read_to_string(path("host.pub")).expect("the host's key");
        fs::write(path("known"), format!("[127.0.0.1]:{port} {host_key}")).expect("the host's key is known");
        let log = fs::File::create(path("sshd.log")).expect("a log for sshd");
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f", &path("sshd_config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sshd starts");
        let sshd = Self { directory, port, child };
        sshd.write_config("known", "user");
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not listen: {}", sshd.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(sshd)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("sshd.log")).unwrap_or_default()
    }

    /// The number of logins.
    pub fn logins(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// An ssh configuration that uses only the files in the directory, not those of this machine's user.
    pub fn write_config(&self, known_hosts: &str, identity: &str) -> PathBuf {
        let text = format!(
            "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             IdentityAgent none\n",
            self.path(known_hosts).display(),
            self.path(identity).display()
        );
        let path = self.path(&format!("config-{known_hosts}-{identity}"));
        fs::write(&path, text).expect("ssh's configuration is written");
        path
    }

    pub fn target(&self) -> SshTarget {
        SshTarget {
            port: Some(self.port),
            config: Some(self.path("config-known-user")),
            host_keys: HostKeyPolicy::Strict,
            ..SshTarget::new("127.0.0.1")
        }
    }

    pub fn transport(&self) -> Arc<SshTransport> {
        transport(self.target())
    }

    /// The sshd process of the transport's connection: the nearest ancestor with that name of the script's shell.
    pub async fn session_pid(&self, transport: &SshTransport) -> String {
        let script = "pid=$$; until [ \"$(ps -o comm= -p $pid | cut -c1-4)\" = sshd ]; do \
                      pid=$(ps -o ppid= -p $pid | tr -d ' '); done; echo $pid";
        text(&run(transport, argument(script)).await.expect("it runs")).trim().to_owned()
    }

    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

pub fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen runs").success());
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

pub fn host() -> HostName {
    HostName::parse("node1").expect("a name")
}

pub fn transport(target: SshTarget) -> Arc<SshTransport> {
    Arc::new(SshTransport::new(vec![(host(), target)]))
}

pub fn argument(text: &str) -> Exec {
    Exec { script: Script::Argument(text.to_owned()), timeout: Duration::from_secs(20) }
}

pub fn stdin(text: &str) -> Exec {
    Exec { script: Script::Stdin(Secret::new(text.as_bytes().to_vec())), timeout: Duration::from_secs(20) }
}

pub async fn run(transport: &SshTransport, exec: Exec) -> Result<Output, TransportError> {
    transport.exec(&host(), exec, None).await
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
