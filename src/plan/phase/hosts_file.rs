use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Draft;
use crate::cluster::view;
use crate::facts::HostFacts;
use crate::model::HostName;
use crate::operation::{Proof, Then, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, render};
use crate::template::Rendered;

const PATH: &str = "/etc/hosts";
const BEGIN: &str = "# BEGIN rabbitup";
const END: &str = "# END rabbitup";

/// Writes every host of the inventory into a marked block of /etc/hosts, on every host. Other lines stay, except
/// for aliases that would resolve one of these names differently (Debian's installer maps the host's own name to
/// 127.0.1.1, where other nodes cannot reach Erlang).
pub fn plan(draft: &mut Draft<'_>) {
    let block = match render::hosts_block(draft.templates, draft.desired) {
        Ok(block) => block,
        Err(error) => return super::refuse_template(draft, &error),
    };
    let desired = draft.desired;
    let addresses: Vec<(HostName, IpAddr)> =
        desired.hosts.iter().map(|host| (host.name.clone(), host.address)).collect();
    let names: BTreeSet<&str> =
        desired.hosts.iter().flat_map(|host| [host.name.as_str(), host.name.short()]).collect();
    let unknown = unknown(draft);
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let current = facts.file(PATH).and_then(|file| file.content.clone()).unwrap_or_default();
        let block = with_unknown(&block, &current, &unknown);
        let wanted = with_block(&current, &block, &names);
        let astray = addresses.iter().find_map(|(name, address)| {
            Some((name.clone(), elsewhere(facts.resolution.get(name)?, *address)?))
        });
        if wanted == current {
            if let Some((name, found)) = astray.filter(|_| draft.desired.is_broker(host)) {
                refuse_resolver(draft, &host.name, &name, found);
            }
            continue;
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
            resolves: addresses.clone(),
        };
        let reason = match (&astray, current.contains(BEGIN)) {
            (Some((name, found)), _) => format!("{name} resolves to {found} there"),
            (None, true) => "the inventory's hosts have changed".to_owned(),
            (None, false) if knows_all(facts, &addresses) => {
                "the names resolve, but not through lines that rabbitup manages".to_owned()
            }
            (None, false) => "the hosts cannot resolve each other's names".to_owned(),
        };
        draft.propose(
            Proposal::new(&host.name, "hosts-file", Change::Change, write)
                .title(format!("write the cluster's host names to {PATH}"))
                .because(reason)
                .diff(unified(&current, &wanted))
                .within(60),
        );
    }
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

/// The block, plus the lines of the current one for these names.
fn with_unknown(block: &str, current: &str, unknown: &BTreeSet<String>) -> String {
    let inside =
        current.lines().skip_while(|line| line.trim_end() != BEGIN).take_while(|line| line.trim_end() != END);
    let theirs: String = inside
        .filter(|line| line.split_whitespace().skip(1).any(|word| unknown.contains(word)))
        .map(|line| format!("{line}\n"))
        .collect();
    block.replacen(END, &format!("{theirs}{END}"), 1)
}

/// Whether each name already resolves to its address on this host.
fn knows_all(facts: &HostFacts, addresses: &[(HostName, IpAddr)]) -> bool {
    addresses.iter().all(|(name, own)| {
        facts.resolution.get(name).is_some_and(|found| !found.is_empty() && elsewhere(found, *own).is_none())
    })
}

/// An address that a name resolves to and that is not its own. With a second address of the same family, which one is used depends
/// on the caller: getaddrinfo(3) sorts them, gethostbyname(3) does not. An address of only the other family is wrong, too.
fn elsewhere(found: &[IpAddr], own: IpAddr) -> Option<IpAddr> {
    let of_family = |address: &&IpAddr| address.is_ipv4() == own.is_ipv4();
    match found.iter().filter(of_family).count() {
        0 => found.first().copied(),
        _ => found.iter().filter(of_family).find(|address| **address != own).copied(),
    }
}

fn refuse_resolver(draft: &mut Draft<'_>, host: &HostName, name: &HostName, first: IpAddr) {
    draft.refuse(
        host,
        format!("{name} resolves to {first}, although {PATH} is right"),
        "the resolver of this host asks another source before /etc/hosts",
        "put `files` first in the line `hosts:` of /etc/nsswitch.conf, and look for a stale cache (nscd, sssd)",
    );
}

/// The file with the block: at its old position, or at the end.
fn with_block(current: &str, block: &str, names: &BTreeSet<&str>) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut place = None;
    let mut inside = false;
    for line in current.lines() {
        if line.trim_end() == BEGIN {
            inside = true;
            place = Some(kept.len());
        } else if inside {
            inside = line.trim_end() != END;
        } else if let Some(line) = without_names(line, names) {
            kept.push(line);
        }
    }
    let place = place.unwrap_or(kept.len());
    let (before, after) = kept.split_at(place);
    let mut lines: Vec<&str> = before.iter().map(String::as_str).collect();
    lines.extend(block.trim_end().lines());
    lines.extend(after.iter().map(String::as_str));
    lines.join("\n") + "\n"
}

/// A line without the names that the block defines; None if only the address would be left.
fn without_names(line: &str, names: &BTreeSet<&str>) -> Option<String> {
    let (fields, comment) =
        line.split_once('#').map_or((line, None), |(fields, comment)| (fields, Some(comment)));
    let mut words = fields.split_whitespace();
    let Some(address) = words.next() else { return Some(line.to_owned()) };
    let aliases: Vec<&str> = words.collect();
    let kept: Vec<&str> = aliases.iter().copied().filter(|alias| !names.contains(alias)).collect();
    if kept.len() == aliases.len() {
        return Some(line.to_owned());
    }
    if kept.is_empty() {
        return None;
    }
    let comment = comment.map_or_else(String::new, |comment| format!(" #{comment}"));
    Some(format!("{address}\t{}{comment}", kept.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_address_of_the_same_family_leads_astray() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let (own, other, six) = (address("10.0.0.1"), address("10.9.9.9"), address("fd00::1"));
        assert_eq!(elsewhere(&[own], own), None);
        assert_eq!(elsewhere(&[own, six], own), None);
        assert_eq!(elsewhere(&[own, other], own), Some(other));
        assert_eq!(elsewhere(&[six], own), Some(six));
        assert_eq!(elsewhere(&[], own), None);
    }

    const BLOCK: &str = "# BEGIN rabbitup\n10.0.0.1 node1\n# END rabbitup\n";

    fn names() -> BTreeSet<&'static str> {
        BTreeSet::from(["node1"])
    }

    #[test]
    fn other_lines_stay_and_a_second_time_changes_nothing() {
        let before = "127.0.0.1\tlocalhost\n# mine\n10.9.9.9 printer # second floor\n";
        let once = with_block(before, BLOCK, &names());
        assert!(once.starts_with(before) && once.ends_with(BLOCK));
        assert_eq!(with_block(&once, BLOCK, &names()), once);
        let moved = once.replace("# END rabbitup\n", "# END rabbitup\n10.8.8.8 later\n");
        assert_eq!(with_block(&moved, BLOCK, &names()), moved);
    }

    #[test]
    fn the_installers_alias_of_the_own_name_is_removed() {
        let before =
            "127.0.0.1 localhost\n127.0.1.1 node1 old-name\n127.0.1.1\tnode1\n10.3.3.3 node1 # moved house\n";
        let after = with_block(before, BLOCK, &names());
        assert_eq!(after, format!("127.0.0.1 localhost\n127.0.1.1\told-name\n{BLOCK}"));
    }

    #[test]
    fn a_member_that_the_inventory_lost_stays_resolvable() {
        let before = "127.0.0.1 localhost\n# BEGIN rabbitup\n10.0.0.1 node1\n10.0.0.4 node4\n10.0.0.5 node5\n# END rabbitup\n";
        let block = with_unknown(BLOCK, before, &BTreeSet::from(["node4".to_owned()]));
        let after = with_block(before, &block, &names());
        assert_eq!(after, before.replace("10.0.0.5 node5\n", ""));
        assert_eq!(with_unknown(BLOCK, before, &BTreeSet::new()), BLOCK);
    }

    #[test]
    fn a_missing_last_line_end_is_added() {
        assert_eq!(
            with_block("127.0.0.1 localhost", BLOCK, &names()),
            format!("127.0.0.1 localhost\n{BLOCK}")
        );
    }
}
