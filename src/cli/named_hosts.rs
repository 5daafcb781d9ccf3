//! The hosts that words of the command line name.

use std::collections::BTreeSet;

use super::exit::Failure;
use crate::inventory::{Desired, Host};
use crate::model::{HostName, Role};
use crate::plan::Limit;
use crate::report::FailureCode;

/// The hosts that `--limit` names.
///
/// # Errors
/// As [`hosts_named`].
pub fn limit(desired: &Desired, words: &[String]) -> Result<Limit, Failure> {
    Ok(if words.is_empty() { Limit::All } else { Limit::Only(hosts_named(desired, "--limit", words)?) })
}

/// The hosts that an option names, as HOST or @ROLE.
pub fn hosts_named(desired: &Desired, option: &str, words: &[String]) -> Result<BTreeSet<HostName>, Failure> {
    let mut hosts = BTreeSet::new();
    for word in words {
        match word.strip_prefix('@') {
            Some(role) => {
                let Some(role) = Role::ALL.into_iter().find(|known| known.as_str() == role) else {
                    let roles = Role::ALL.map(|role| format!("@{}", role.as_str())).join(", ");
                    return Err(Failure::new(
                        FailureCode::UnknownRole,
                        format!("{option} {word}: there is no such role"),
                    )
                    .next(format!("the roles are {roles}")));
                };
                hosts.extend(desired.with_role(role).map(|host| host.name.clone()));
            }
            None => {
                hosts.insert(host_named(desired, word)?);
            }
        }
    }
    Ok(hosts)
}

/// The name of [`the_host`].
pub fn host_named(desired: &Desired, name: &str) -> Result<HostName, Failure> {
    the_host(desired, name).map(|host| host.name.clone())
}

/// A host of the inventory, by its name or its node's name.
pub fn the_host<'d>(desired: &'d Desired, name: &str) -> Result<&'d Host, Failure> {
    let wanted = |host: &&Host| host.name.as_str() == name || host.node().to_string() == name;
    if let Some(host) = desired.hosts.iter().find(wanted) {
        return Ok(host);
    }
    let names = desired.hosts.iter().map(|host| host.name.as_str());
    let advice = match crate::document::nearest(name, names.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("its hosts are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(Failure::new(FailureCode::UnknownHost, format!("the inventory has no host {name}")).next(advice))
}
