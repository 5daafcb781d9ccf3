//! From what an inventory of Ansible lists to a starter inventory.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::choice::{Kept, chosen};
use super::fault::Fault;
use super::listing::{Listed, Listing};
use super::place::{Place, Resolve};
use super::reading::{Files, Reading};
use super::ssh::taken;
use super::taken::{Taken, shown};
use super::variables::{Text, Variable, Variables};
use crate::document::listed;
use crate::inventory::{Starter, StarterError, StarterHost, StarterSsh};
use crate::model::HostName;

/// How many files that were not read a comment names.
const NAMED: usize = 20;

/// The starter inventory.
///
/// # Errors
/// Everything of which none can be made.
pub(super) fn settled(
    listing: &Listing,
    files: Files<'_>,
    resolve: Resolve<'_>,
) -> Result<Starter, Vec<Fault>> {
    let depths = listing.depths().map_err(|fault| vec![fault])?;
    let choice = chosen(listing, &depths).map_err(|fault| vec![fault])?;
    let mut reading = Reading::new(listing, depths, files);
    let names: BTreeSet<&str> = choice.hosts.iter().map(|kept| kept.host.name.as_str()).collect();
    let (mut faults, mut hosts, mut shut) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, kept) in choice.hosts.iter().enumerate() {
        let variables = reading.variables(kept.host);
        shut.extend(variables.shut.iter().cloned());
        // As `init` names a host that is given by its address alone.
        let free =
            (at + 1..).map(|number| format!("node{number}")).find(|name| !names.contains(name.as_str()));
        match settled_host(kept, &variables, resolve, free.as_deref().unwrap_or_default()) {
            Ok(settled) => hosts.push(settled),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut remarks = choice.remarks;
    remarks.extend(shared(&mut hosts));
    remarks.extend(reading.unread.into_iter().take(NAMED));
    if !listing.skipped.is_empty() {
        remarks.push(format!("Passed over, as Ansible does: {}.", listed(&listing.skipped, "and")));
    }
    remarks.extend(about_secrets(&shut));
    let ssh = common(&mut hosts);
    let starter = Starter { hosts, ssh, software: choice.software, remarks };
    starter.check().map_err(|error| vec![about(&error, listing)])?;
    Ok(starter)
}

fn settled_host(
    kept: &Kept<'_>,
    variables: &Variables,
    resolve: Resolve<'_>,
    if_nameless: &str,
) -> Result<StarterHost, Fault> {
    let host = kept.host;
    let name = match host.name.parse::<IpAddr>() {
        Ok(_) => HostName::parse(if_nameless),
        Err(_) => HostName::parse(&host.name),
    };
    let name = name.map_err(|why| {
        Fault::new(
            format!("the host `{}`: {why}", shown(&host.name)),
            host.span.clone(),
            "the name becomes the host's own name, and its node's: rename it there, with ansible_host for its address",
        )
    })?;
    let Taken { mut ssh, mut remarks } = taken(variables)?;
    let place = Place::of(host, variables, resolve)?;
    ssh.host = place.route;
    remarks.extend(place.remark);
    remarks.extend(kept.remark.clone());
    Ok(StarterHost { name, address: place.address, part: kept.part, ssh, remarks })
}

/// Remarks that are the same for all hosts, which then have none of their own.
fn shared(hosts: &mut [StarterHost]) -> Vec<String> {
    let first = hosts.first().map(|host| host.remarks.clone()).unwrap_or_default();
    let is_shared =
        |remark: &String| hosts.len() > 1 && hosts.iter().all(|host| host.remarks.contains(remark));
    let shared: Vec<String> = first.into_iter().filter(is_shared).collect();
    hosts.iter_mut().for_each(|host| host.remarks.retain(|remark| !shared.contains(remark)));
    shared
}

/// Settings that are the same for all hosts, which then have none of their own.
fn common(hosts: &mut [StarterHost]) -> StarterSsh {
    let mut common = StarterSsh::default();
    macro_rules! lift {
        ($($setting:ident),*) => {
            $(
                let first = hosts.first().and_then(|host| host.ssh.$setting.clone());
                if first.is_some() && hosts.iter().all(|host| host.ssh.$setting == first) {
                    hosts.iter_mut().for_each(|host| host.ssh.$setting = None);
                    common.$setting = first;
                }
            )*
        };
    }
    lift!(user, port, identity, config, jump, host_keys, r#become);
    common
}

fn about_secrets(shut: &BTreeSet<String>) -> Option<String> {
    let names: Vec<String> = shut.iter().take(NAMED).map(|name| format!("`{}`", shown(name))).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Passwords and vaults stay shut, and were not read: {}. ssh logs in with keys; for sudo's password there is -K, or the variable \
             RABBITUP_BECOME_PASSWORD.",
            listed(&names, "and")
        )
    })
}

/// What a starter inventory cannot be made of, at the host that it is about.
fn about(error: &StarterError, listing: &Listing) -> Fault {
    let name = match error {
        StarterError::Mixed(name, _)
        | StarterError::Twice(_, name)
        | StarterError::NoAddress(name)
        | StarterError::BadName(name, _)
        | StarterError::BadUser(name, _) => Some(name),
        StarterError::NoHost | StarterError::NoBroker => None,
    };
    let is_it = |host: &&Listed| {
        let address = host.variables.get(Variable::Host).map(|value| &value.text);
        name.is_some_and(|name| host.name == *name || address == Some(&Text::Plain(name.clone())))
    };
    let span = listing.hosts.iter().rfind(is_it).map_or(0..0, |host| host.span.clone());
    let (message, hint) = match error {
        StarterError::NoBroker => (
            "all hosts are load balancers by their groups and names".to_owned(),
            "put the brokers into a group `rabbitmq`",
        ),
        StarterError::Mixed(..) => {
            (error.to_string(), "name all hosts alike there, with ansible_host for their addresses")
        }
        StarterError::NoHost
        | StarterError::Twice(..)
        | StarterError::NoAddress(_)
        | StarterError::BadName(..)
        | StarterError::BadUser(..) => (error.to_string(), "a cluster has each host once: correct it there"),
    };
    Fault::new(message, span, hint)
}
