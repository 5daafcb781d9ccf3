//! Hosts of the inventory that are one machine.

use crate::facts::{Facts, HostFacts};
use crate::inventory::{Desired, Host};
use crate::model::Problem;

/// Every host that is the same running system as an earlier one of the inventory, with that one. A clone is another machine, even with
/// the same machine id or host key: it booted by itself.
pub fn same<'d>(desired: &'d Desired, facts: &Facts) -> Vec<(&'d Host, &'d Host)> {
    let identity =
        |host: &Host| facts.host(&host.name).and_then(|seen: &HostFacts| seen.system.identity.clone());
    let earlier = |at: usize, host: &Host| {
        let own = identity(host)?;
        desired.hosts[..at].iter().find(|other| identity(other).as_ref() == Some(&own))
    };
    let hosts = desired.hosts.iter().enumerate();
    hosts.filter_map(|(at, host)| Some((earlier(at, host)?, host))).collect()
}

/// What is wrong with the second one.
pub fn problem(first: &Host, again: &Host) -> Problem {
    Problem::new(
        format!("{} is the same machine as {}", again.name, first.name),
        format!(
            "ssh reached one running system at {} and at {}: the same machine id, boot id and network namespace",
            first.ssh.destination, again.ssh.destination
        ),
        format!(
            "correct the address, and ssh = {{ host = … }} if it is set, of {} or {} in the inventory",
            first.name, again.name
        ),
    )
}
