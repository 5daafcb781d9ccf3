//! Watches a cluster from outside during a run: which brokers accept clients, and their state in the load balancer.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::inventory::{ADMIN, ADMIN_PASSWORD};
use crate::lab::Lab;
use crate::stage::octet;

/// The polling interval.
const LOOK: Duration = Duration::from_millis(100);
/// A port in the same machine that has not answered by then is taken for closed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether AMQP clients are accepted there. A drained broker has closed its port, although it still runs.
fn takes_clients(address: &str) -> bool {
    let address: SocketAddr = format!("{address}:5672").parse().expect("the lab's addresses are numbers");
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

/// What HAProxy answers on the port of its statistics, with this password.
pub fn statistics(balancer: &str, path: &str, password: &str) -> Option<String> {
    let mut stream = TcpStream::connect(format!("{balancer}:8404")).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let login = BASE64_STANDARD.encode(format!("{ADMIN}:{password}"));
    let request = format!("GET {path} HTTP/1.0\r\nAuthorization: Basic {login}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    Some(page)
}

/// What HAProxy's own statistics page says of every broker's AMQP port: `UP`, `MAINT`, `DOWN`, `UP 1/2` on its way.
pub fn server_states(balancer: &str) -> Option<BTreeMap<String, String>> {
    let page = statistics(balancer, "/;csv", ADMIN_PASSWORD)?;
    let server = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[0] == "rabbitmq")
            .then(|| Some(((*fields.get(1)?).to_owned(), (*fields.get(17)?).to_owned())))?
    };
    let mut states: BTreeMap<String, String> = page.lines().filter_map(server).collect();
    states.retain(|name, _| !["FRONTEND", "BACKEND"].contains(&name.as_str()));
    Some(states)
}

/// The observations.
#[derive(Debug, Default)]
pub struct Seen {
    /// The brokers that accepted no clients at some time.
    pub out: BTreeSet<String>,
    /// The brokers that did so at the same time.
    pub together: BTreeSet<String>,
    /// The brokers that did so while the balancer would have sent clients, and its state for them.
    pub not_spared: BTreeSet<String>,
    looks: usize,
}

impl Seen {
    /// Each of these was out of service, disabled in the balancer, and none while another one was.
    #[track_caller]
    pub fn assert_one_at_a_time(&self, hosts: &[&str]) {
        assert!(self.out.iter().eq(hosts), "out of service were {:?}: {self:?}", self.out);
        assert!(self.together.is_empty(), "out of service at once were {:?}", self.together);
        assert!(self.not_spared.is_empty(), "the balancer did not spare {:?}", self.not_spared);
    }

    fn look(&mut self, brokers: &[(String, String)], balancer: &str) {
        let before = server_states(balancer).unwrap_or_default();
        let out: Vec<&str> = brokers
            .iter()
            .filter(|(_, address)| !takes_clients(address))
            .map(|(name, _)| name.as_str())
            .collect();
        let after = server_states(balancer).unwrap_or_default();
        self.looks += 1;
        self.out.extend(out.iter().map(|name| (*name).to_owned()));
        if out.len() > 1 {
            self.together.insert(out.join(" and "));
        }
        for name in out {
            // It may have been switched in between, either way.
            let said = [before.get(name), after.get(name)];
            if !said.iter().flatten().any(|state| state.starts_with("MAINT")) {
                self.not_spared.insert(format!("{name} ({said:?})"));
            }
        }
    }
}

/// A thread that polls until it is stopped.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Watch {
    pub fn start(lab: &Lab, hosts: &[&str]) -> Self {
        let brokers: Vec<(String, String)> =
            hosts.iter().map(|host| ((*host).to_owned(), lab.address(octet(host)))).collect();
        let balancer = lab.address(octet("lb1"));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                seen.look(&brokers, &balancer);
                std::thread::sleep(LOOK);
            }
            seen
        });
        Self { stop, thread }
    }

    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().expect("the watch does not panic");
        assert!(seen.looks > 0, "the watch never looked");
        seen
    }
}
