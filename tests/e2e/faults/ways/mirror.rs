//! A package mirror on this machine, which the hosts reach over the lab's bridge: it serves, and then accepts
//! connections without answering.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::hosts::on_all;
use crate::lab::Lab;
use crate::stage::ALL;

/// How often a silent mirror checks whether it should answer again.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Mirror {
    address: String,
    port: u16,
    silent: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// Serves the hosts' offline repository, and makes them use it.
    pub fn start(lab: &Lab) -> Self {
        let address = lab.address(1);
        let listener = TcpListener::bind((address.as_str(), 0)).expect("the bridge has that address");
        let port = listener.local_addr().expect("it is bound").port();
        let repository =
            std::fs::read_to_string(lab.dir().join("hosts/node1/repo")).expect("every host has one");
        let folder = PathBuf::from(repository.trim());
        let (silent, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (quiet, ended) = (silent.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (folder, quiet, ended) = (folder.clone(), quiet.clone(), ended.clone());
                std::thread::spawn(move || serve(stream, &folder, &quiet, &ended));
            }
        });
        let mirror = Self { address, port, silent, over, thread: Some(thread) };
        mirror.point(lab, &ALL);
        mirror
    }

    /// Makes hosts use it, with lists of its packages.
    fn point(&self, lab: &Lab, hosts: &[&str]) {
        let source = format!("http://{}:{}", self.address, self.port);
        let command = format!(
            "printf 'deb [trusted=yes] %s ./\\n' {source}/ {source}/next/ >/etc/apt/sources.list && timeout 60 apt-get -qq update"
        );
        on_all(hosts, |host| lab.stdout_of(host, &command));
    }

    /// From now on it accepts connections without answering; or answers again.
    pub fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// The hosts go back to their own copy.
    pub fn leave(self, lab: &Lab) {
        let command = "printf 'deb [trusted=yes] file:%s ./\\n' /srv/repo /srv/repo/next >/etc/apt/sources.list && timeout 60 apt-get -qq update";
        on_all(&ALL, |host| lab.stdout_of(host, command));
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The listener waits for one more connection.
        drop(TcpStream::connect((self.address.as_str(), self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One request of HTTP/1.1 (RFC 9112), answered with the whole file.
fn serve(mut stream: TcpStream, folder: &Path, silent: &AtomicBool, over: &AtomicBool) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut lines = BufReader::new(reading).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    // The header ends with an empty line.
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    while silent.load(Ordering::Relaxed) && !over.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
    }
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    // Names of packages with an epoch have a percent sign of their own: `erlang-base_1%3a27…`.
    let file = folder.join(path.replace("%2b", "+").replace("%7e", "~").replace("%25", "%"));
    let (status, body) = match std::fs::read(&file) {
        Ok(body) if !path.contains("..") => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // A client that has disconnected needs no answer.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}
