//! A home directory for the program, isolated from the user who runs the tests.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Removed when dropped.
pub struct Home(PathBuf);

impl Home {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rabbitup-cli-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(directory.join("run")).expect("the temporary directory is writable");
        // The program keeps its sockets only in a private directory.
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(directory.join("run"), private).expect("the directory is ours");
        Self(directory)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the home is writable");
    }

    /// An inventory of one broker, which ssh reaches at this port of the loopback interface.
    pub fn inventory(&self, port: u16) {
        self.write("ssh_config", &format!("Host *\n  HostName 127.0.0.1\n  Port {port}\n"));
        self.write(
            "inventory.toml",
            "[cluster]\nname = \"orders\"\n[ssh]\nconfig = \"ssh_config\"\nconnect_timeout = \"20s\"\n[[host]]\n\
             name = \"node1\"\naddress = \"192.0.2.1\"\nroles = [\"broker\"]\n",
        );
    }

    pub fn rabbitup(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rabbitup"));
        command
            .args(words)
            .current_dir(&self.0)
            .env("HOME", &self.0)
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("NO_COLOR", "1")
            .env_remove("RABBITUP_BECOME_PASSWORD")
            .env_remove("RABBITUP_INVENTORY")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.rabbitup(words).output().expect("the program starts")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that accepts connections but never answers, as long as the listener lives.
pub fn silent_port() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}
