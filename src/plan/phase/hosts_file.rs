use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Draft, cloud_hosts, full_names, hosts_text};
use crate::cluster::claim::Claim;
use crate::cluster::names::{elsewhere, resolves};
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::facts::HostFacts;
use crate::inventory::{Host, HostsFileSetting};
use crate::model::HostName;
use crate::operation::{Proof, Then, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, RefusalKind, render};
use crate::template::{Rendered, TemplateError};

pub(super) const PATH: &str = "/etc/hosts";

/// Writes every host of the inventory into a marked block of /etc/hosts, on every host whose own lines do not name them all. Other lines stay, except
/// for aliases that would resolve one of these names differently (Debian's installer maps the host's own name to
/// 127.0.1.1, where other nodes cannot reach Erlang). A host keeps its full name.
pub fn plan(draft: &mut Draft<'_>) {
    let addresses = addresses(draft);
    if draft.desired.hosts_file == HostsFileSetting::LeftAlone {
        return draft.hosts().iter().for_each(|host| check_names(draft, host, &addresses));
    }
    let unknown = unknown(draft);
    for host in draft.hosts() {
        if let Err(error) = write(draft, host, &addresses, &unknown) {
            return super::refuse_template(draft, &error);
        }
    }
}

/// The file on a host with the block of every host's names.
struct Composed {
    current: String,
    wanted: String,
    block: String,
    /// The names that the block defines.
    names: BTreeSet<String>,
    full: BTreeMap<HostName, String>,
    /// A name that resolves elsewhere on this host.
    astray: Option<(HostName, IpAddr)>,
    /// Whether its own lines have the same effect.
    is_named: bool,
}

fn composed(
    draft: &Draft<'_>,
    facts: &HostFacts,
    addresses: &[(HostName, IpAddr)],
    unknown: &BTreeSet<String>,
) -> Result<Composed, TemplateError> {
    let full = full_names::known_on(draft, facts);
    let block = render::hosts_block(draft.templates, draft.desired, &full)?;
    let current = facts.file(PATH).and_then(|file| file.content.clone()).unwrap_or_default();
    let block = hosts_text::with_unknown(&block, &current, unknown);
    let full = hosts_text::canonical(&block, addresses.iter().map(|(name, _)| name));
    let names = addresses.iter().flat_map(|(name, _)| [name.as_str(), name.short()]);
    let names: BTreeSet<String> = names.map(str::to_owned).chain(full.values().cloned()).collect();
    let wanted = hosts_text::with_block(&current, &block, &names);
    let astray = addresses
        .iter()
        .find_map(|(name, address)| Some((name.clone(), elsewhere(facts.resolution.get(name)?, *address)?)));
    let is_named = astray.is_none()
        && hosts_text::names_all(&current, addresses)
        && addresses.iter().all(|(name, address)| resolves(facts, name, *address));
    Ok(Composed { current, wanted, block, names, full, astray, is_named })
}

/// The whole file as it should be on a host; None where it is left alone.
pub(super) fn wanted(draft: &Draft<'_>, host: &Host) -> Result<Option<String>, TemplateError> {
    let facts = draft.host(&host.name).filter(|_| draft.desired.hosts_file != HostsFileSetting::LeftAlone);
    let Some(facts) = facts else { return Ok(None) };
    let Composed { current, wanted, is_named, .. } =
        composed(draft, facts, &addresses(draft), &unknown(draft))?;
    Ok(Some(if is_named { current } else { wanted }))
}

fn addresses(draft: &Draft<'_>) -> Vec<(HostName, IpAddr)> {
    draft.desired.hosts.iter().map(|host| (host.name.clone(), host.address)).collect()
}

fn write(
    draft: &mut Draft<'_>,
    host: &Host,
    addresses: &[(HostName, IpAddr)],
    unknown: &BTreeSet<String>,
) -> Result<(), TemplateError> {
    let Some(facts) = draft.host(&host.name) else { return Ok(()) };
    let Composed { current, wanted, block, names, full, astray, is_named } =
        composed(draft, facts, addresses, unknown)?;
    if is_named {
        return Ok(());
    }
    if wanted == current {
        if let Some((name, found)) = astray.filter(|_| draft.desired.is_broker(host)) {
            refuse_resolver(draft, &host.name, &name, found);
        }
        cloud_hosts::plan(draft, &host.name, &block, &names);
        return Ok(());
    }
    let reason = reason(facts, &current, astray.as_ref(), addresses);
    if let Some(claim) = Claim::of(&current) {
        note_claim(draft, &host.name, &claim);
    }
    let write = WriteFile {
        path: PATH.to_owned(),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        body: Rendered::from_text(&wanted),
        validate: None,
        then: Then::Nothing,
        proof: Proof::None,
        resolves: addresses.to_vec(),
        full_names: full,
    };
    draft.propose(
        Proposal::new(&host.name, "hosts-file", Change::Change, write)
            .title(format!("write the cluster's host names to {PATH}"))
            .because(reason)
            .diff(unified(&current, &wanted))
            .within(60),
    );
    cloud_hosts::plan(draft, &host.name, &block, &names);
    Ok(())
}

fn reason(
    facts: &HostFacts,
    current: &str,
    astray: Option<&(HostName, IpAddr)>,
    addresses: &[(HostName, IpAddr)],
) -> String {
    match (astray, current.contains(hosts_text::BEGIN)) {
        (Some((name, found)), _) => format!("{name} resolves to {found} there"),
        (None, true) => "the inventory's hosts have changed".to_owned(),
        (None, false) if addresses.iter().all(|(name, address)| resolves(facts, name, *address)) => {
            "the names resolve, but not through lines that rabbitup manages".to_owned()
        }
        (None, false) => "the hosts cannot resolve each other's names".to_owned(),
    }
}

/// What another tool's next run does is up to that tool.
fn note_claim(draft: &mut Draft<'_>, host: &HostName, claim: &Claim) {
    let text = format!(
        "{PATH} says that it belongs to {} (\"{}\"), whose next run may remove these lines: put them where it takes the file \
         from, and set manage = false under [hosts_file]",
        claim.whose(),
        claim.line
    );
    draft.note(host, text);
}

/// Without rabbitup's lines, every name must resolve to its address in another way.
fn check_names(draft: &mut Draft<'_>, host: &Host, addresses: &[(HostName, IpAddr)]) {
    let Some(facts) = draft.host(&host.name) else { return };
    let wrong = addresses.iter().filter(|(name, address)| !resolves(facts, name, *address));
    let told = wrong.map(|(name, address)| {
        let found = facts.resolution.get(name).map(Vec::as_slice).unwrap_or_default();
        match elsewhere(found, *address) {
            Some(other) => format!("{name} resolves to {other}, its address is {address}"),
            None => format!("{name} does not resolve, its address is {address}"),
        }
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        return;
    }
    let names = addresses.iter().filter(|(name, address)| !resolves(facts, name, *address));
    let names = listed(names.map(|(name, _)| name));
    draft.refuse(
        &host.name,
        RefusalKind::NamesDoNotResolve,
        format!("names do not resolve as in the inventory: {names}"),
        told.join("\n"),
        "correct this where the host takes its names from (/etc/hosts, DNS); or let rabbitup write /etc/hosts: remove \
         manage = false from [hosts_file]",
    );
}

/// The hosts of members that are no longer in the inventory. While they are members, the others must be able to resolve
/// them: otherwise a dropped link could not be restored, and they could not be removed from the cluster.
fn unknown(draft: &Draft<'_>) -> BTreeSet<String> {
    view::running(draft.desired, draft.observed)
        .into_iter()
        .flat_map(|(_, node)| &node.members)
        .map(|member| member.node.host())
        .filter(|name| draft.desired.host(name).is_none())
        .map(ToString::to_string)
        .collect()
}

fn refuse_resolver(draft: &mut Draft<'_>, host: &HostName, name: &HostName, first: IpAddr) {
    draft.refuse(
        host,
        RefusalKind::NamesResolveElsewhere,
        format!("{name} resolves to {first}, although {PATH} is right"),
        "the resolver of this host asks another source before /etc/hosts",
        "put `files` first in the line `hosts:` of /etc/nsswitch.conf, and look for a stale cache (nscd, sssd)",
    );
}
