//! A package mirror on this machine, which the hosts reach over the lab's bridge: it serves, and then accepts
//! connections without answering.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::hosts::on_all;
use crate::lab::Lab;
use crate::release::Family;

/// How often a silent mirror checks whether it should answer again.
const LOOK: Duration = Duration::from_millis(50);

/// What a mirror does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Answers,
    /// It accepts the connection, and sends nothing.
    IsSilent,
    /// It sends half of a package, and then nothing.
    StopsHalfWay,
}

/// Below this path nothing is ever answered.
pub const SILENCE: &str = "silence";

#[derive(Debug)]
struct Door {
    manner: Mutex<Manner>,
    over: AtomicBool,
    /// How many requests were left without an answer.
    unanswered: AtomicUsize,
}

impl Door {
    fn manner(&self) -> Manner {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_silent(&self, path: &str) -> bool {
        !self.over.load(Ordering::Relaxed) && (self.manner() == Manner::IsSilent || path.starts_with(SILENCE))
    }
}

#[derive(Debug)]
pub struct Mirror {
    address: String,
    port: u16,
    door: Arc<Door>,
    family: Family,
    hosts: Vec<&'static str>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// Serves the offline repository of these hosts, which have packages of one family.
    pub fn start(lab: &Lab, family: Family, hosts: &[&'static str]) -> Self {
        let address = lab.address(1);
        let listener = TcpListener::bind((address.as_str(), 0)).expect("the bridge has that address");
        let port = listener.local_addr().expect("it is bound").port();
        let repository = lab.dir().join("hosts").join(hosts[0]).join("repo");
        let repository = std::fs::read_to_string(repository).expect("every host has one");
        let folder = PathBuf::from(repository.trim());
        let door = Arc::new(Door {
            manner: Mutex::new(Manner::Answers),
            over: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
        });
        let opened = door.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if opened.over.load(Ordering::Relaxed) {
                    return;
                }
                let (folder, opened) = (folder.clone(), opened.clone());
                std::thread::spawn(move || serve(stream, &folder, &opened));
            }
        });
        Self { address, port, door, family, hosts: hosts.to_vec(), thread: Some(thread) }
    }

    /// Makes the hosts use it, with lists of its packages.
    pub fn enter(&self, lab: &Lab) {
        let source = self.source();
        let command = match self.family {
            Family::Apt => format!(
                "printf 'deb [trusted=yes] %s ./\\n' {source}/ {source}/next/ >/etc/apt/sources.list && timeout 60 apt-get -qq update"
            ),
            Family::Dnf => based_on("file:///srv/repo", &source),
        };
        on_all(&self.hosts, |host| lab.stdout_of(host, &command));
    }

    /// Its address, as a repository's configuration has it.
    pub fn source(&self) -> String {
        format!("http://{}:{}", self.address, self.port)
    }

    pub fn set(&self, manner: Manner) {
        *self.door.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// How many requests it has left without an answer.
    pub fn unanswered(&self) -> usize {
        self.door.unanswered.load(Ordering::Relaxed)
    }

    /// The hosts go back to their own copy.
    pub fn leave(self, lab: &Lab) {
        let command = match self.family {
            Family::Apt => {
                "printf 'deb [trusted=yes] file:%s ./\\n' /srv/repo /srv/repo/next >/etc/apt/sources.list && \
                timeout 60 apt-get -qq update"
                    .to_owned()
            }
            Family::Dnf => based_on(&self.source(), "file:///srv/repo"),
        };
        on_all(&self.hosts, |host| lab.stdout_of(host, &command));
    }
}

/// The shell line by which dnf gets packages from another place, with metadata from there.
fn based_on(from: &str, to: &str) -> String {
    format!(
        "sed -i 's|^baseurl={from}|baseurl={to}|' /etc/yum.repos.d/*.repo && timeout 60 dnf -q -y makecache"
    )
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.door.over.store(true, Ordering::Relaxed);
        // The listener waits for one more connection.
        drop(TcpStream::connect((self.address.as_str(), self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One request of HTTP/1.1 (RFC 9112), answered with the whole file.
fn serve(mut stream: TcpStream, folder: &Path, door: &Door) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut lines = BufReader::new(reading).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    // The header ends with an empty line.
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    if door.is_silent(path) {
        door.unanswered.fetch_add(1, Ordering::Relaxed);
    }
    while door.is_silent(path) {
        std::thread::sleep(LOOK);
    }
    // Names of packages with an epoch have a percent sign of their own: `erlang-base_1%3a27…`.
    let file = folder.join(path.replace("%2b", "+").replace("%7e", "~").replace("%25", "%"));
    let (status, body) = match std::fs::read(&file) {
        Ok(body) if !path.contains("..") => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let stops = || door.manner() == Manner::StopsHalfWay && !door.over.load(Ordering::Relaxed);
    let is_package = file.extension().is_some_and(|end| end == "deb" || end == "rpm");
    let sent = if is_package && stops() { body.len() / 2 } else { body.len() };
    // A client that has disconnected needs no answer.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..sent]));
    while sent < body.len() && stops() {
        std::thread::sleep(LOOK);
    }
}
