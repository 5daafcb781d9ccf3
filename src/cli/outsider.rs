//! This machine as an outsider: what it reaches of a cluster, others probably reach as well.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::cluster::{Finding, InnerPort, exposure, inner_ports};
use crate::facts::Facts;
use crate::inventory::Desired;

/// A firewall that drops answers nothing: the wait for it ends then.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long what was found is good for, while a cluster is watched: connections that say nothing stand in its logs, and firewalls do not
/// change by the second.
const AGAIN: Duration = Duration::from_secs(60);

/// What this machine found last.
#[derive(Debug, Default)]
pub struct Outsider {
    last: Option<(Instant, Vec<Finding>)>,
}

impl Outsider {
    /// What this machine can connect to although it is no host of the inventory, and the facts of `gathering`. Connects at most once in
    /// [`AGAIN`].
    pub async fn look(
        &mut self,
        desired: &Desired,
        gathering: impl Future<Output = Facts>,
    ) -> (Facts, Vec<Finding>) {
        if let Some(known) = self.known(Instant::now()) {
            return (gathering.await, known);
        }
        let (facts, found) = look(desired, gathering).await;
        self.last = Some((Instant::now(), found.clone()));
        (facts, found)
    }

    fn known(&self, now: Instant) -> Option<Vec<Finding>> {
        let (at, found) = self.last.as_ref()?;
        (now.duration_since(*at) < AGAIN).then(|| found.clone())
    }
}

/// Goes on beside `gathering`: only a port that a node has by other means than the inventory takes a second look.
async fn look(desired: &Desired, gathering: impl Future<Output = Facts>) -> (Facts, Vec<Finding>) {
    let expected = inner_ports(desired, &Facts::default());
    let (mut open, facts) = tokio::join!(reached(&expected, desired), gathering);
    let seen = inner_ports(desired, &facts);
    open.retain(|port| seen.contains(port));
    let unexpected: BTreeSet<InnerPort> = seen.difference(&expected).cloned().collect();
    open.extend(reached(&unexpected, desired).await);
    let findings = exposure(&open);
    (facts, findings)
}

/// The ports that accept a connection, from an address that no host of the inventory has.
async fn reached(ports: &BTreeSet<InnerPort>, desired: &Desired) -> BTreeSet<InnerPort> {
    let addresses =
        desired.hosts.iter().flat_map(|host| [Some(host.address), host.ssh.destination.parse().ok()]);
    let own: BTreeSet<IpAddr> = addresses.flatten().collect();
    let mut trying = JoinSet::new();
    for port in ports.clone() {
        trying.spawn(async move { Some((source(port.at).await?, port)) });
    }
    let mut open = BTreeSet::new();
    while let Some(tried) = trying.join_next().await {
        // Only an aborted or panicked task ends otherwise, and there is none.
        if let Ok(Some((from, port))) = tried
            && !own.contains(&from)
        {
            open.insert(port);
        }
    }
    open
}

/// The address here from which a connection came about.
async fn source(at: SocketAddr) -> Option<IpAddr> {
    let stream = timeout(PATIENCE, TcpStream::connect(at)).await.ok()?.ok()?;
    Some(stream.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_a_cluster_is_watched_its_ports_are_tried_once_a_minute() {
        let at = Instant::now();
        assert_eq!(Outsider::default().known(at), None, "the first look tries them");
        let tried = Outsider { last: Some((at, Vec::new())) };
        assert_eq!(tried.known(at + Duration::from_secs(59)), Some(Vec::new()));
        assert_eq!(tried.known(at + Duration::from_secs(60)), None);
    }
}
