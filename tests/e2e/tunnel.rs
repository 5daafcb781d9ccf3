//! A client's TLS, by openssl: what connects to the near end speaks plain text, and TLS goes to the far end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Ends when it is dropped; its connections end with their clients.
#[derive(Debug)]
pub struct Tunnel {
    near: String,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// openssl, which accepts only certificates of this authority.
fn client(far: &str, authority: &Path) -> Command {
    let mut client = Command::new("timeout");
    client.args(["600", "openssl", "s_client", "-quiet", "-verify_quiet", "-no_ign_eof", "-nocommands"]);
    client.args(["-verify_return_error", "-connect", far, "-CAfile"]).arg(authority);
    client
}

impl Tunnel {
    /// From an address of this machine's own, on AMQP's usual port, to `far`, an address and a port.
    pub fn start(near: &str, far: &str, authority: PathBuf) -> Self {
        let listener = TcpListener::bind(format!("{near}:5672")).expect("nobody else listens there");
        let over = Arc::new(AtomicBool::new(false));
        let (end, far) = (over.clone(), far.to_owned());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let child = client(&far, &authority)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("openssl is there");
                std::thread::spawn(move || pass(stream, child));
            }
        });
        Self { near: near.to_owned(), over, thread: Some(thread) }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // One more connection, so that it looks.
        let _ = TcpStream::connect(format!("{}:5672", self.near));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Both directions, until either side ends.
fn pass(stream: TcpStream, mut child: Child) {
    let _ = stream.set_nodelay(true);
    let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else { return };
    if let Ok(mut near) = stream.try_clone() {
        std::thread::spawn(move || copy(&mut near, &mut to));
    }
    let mut back = stream;
    copy(&mut from, &mut back);
    let _ = back.shutdown(Shutdown::Both);
    let _ = child.wait();
}

/// At once, whatever arrives: `std::io::copy` may leave it to the kernel, which waits for more.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let passed = bytes.get(..count).map(|read| to.write_all(read).and_then(|()| to.flush()));
        if !matches!(passed, Some(Ok(()))) {
            return;
        }
    }
}

/// The subject of the certificate that the far end shows; what openssl said where it does not trust it.
pub fn subject(far: &str, authority: &Path) -> Result<String, String> {
    let mut look = Command::new("timeout");
    look.args(["10", "openssl", "s_client", "-verify_return_error", "-connect", far, "-CAfile"]);
    let Output { status, stdout, stderr } =
        look.arg(authority).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&stdout);
    let subject = said.lines().find_map(|line| line.strip_prefix("subject="));
    match subject {
        Some(subject) if status.success() => Ok(subject.trim().to_owned()),
        _ => Err(format!("{said}{}", String::from_utf8_lossy(&stderr))),
    }
}
