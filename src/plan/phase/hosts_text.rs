//! The text of /etc/hosts, and of cloud-init's template for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::HostName;

pub(super) const BEGIN: &str = "# BEGIN rabbitup";
const END: &str = "# END rabbitup";

/// The block, plus the lines of the current one for these names.
pub(super) fn with_unknown(block: &str, current: &str, unknown: &BTreeSet<String>) -> String {
    let theirs: String = inside(current)
        .filter(|line| line.split_whitespace().skip(1).any(|word| unknown.contains(word)))
        .map(|line| format!("{line}\n"))
        .collect();
    block.replacen(END, &format!("{theirs}{END}"), 1)
}

/// The lines of the block in a file.
fn inside(text: &str) -> impl Iterator<Item = &str> {
    text.lines().skip_while(|line| line.trim_end() != BEGIN).skip(1).take_while(|line| line.trim_end() != END)
}

/// The names before these in their lines of a block: their canonical names.
pub(super) fn canonical<'n>(
    block: &str,
    names: impl Iterator<Item = &'n HostName>,
) -> BTreeMap<HostName, String> {
    let of = |name: &HostName| {
        let line =
            inside(block).find(|line| line.split_whitespace().skip(1).any(|word| word == name.as_str()))?;
        let first = line.split_whitespace().nth(1)?;
        (first != name.as_str()).then(|| (name.clone(), first.to_owned()))
    };
    names.filter_map(of).collect()
}

/// Whether the file itself names every host, in lines of its own.
pub(super) fn names_all(text: &str, addresses: &[(HostName, IpAddr)]) -> bool {
    let lines: Vec<Vec<&str>> = text.lines().map(words).collect();
    let names = |name: &HostName, address: &IpAddr| {
        lines.iter().any(|line| {
            line.first().is_some_and(|first| first.parse() == Ok(*address))
                && line
                    .iter()
                    .skip(1)
                    .take_while(|word| !word.starts_with('#'))
                    .any(|word| *word == name.as_str())
        })
    };
    !text.contains(BEGIN) && addresses.iter().all(|(name, address)| names(name, address))
}

/// The file with the block: at its old position, or at the end. These names are removed from all other lines.
pub(super) fn with_block(current: &str, block: &str, names: &BTreeSet<String>) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut place = None;
    let mut is_inside = false;
    for line in current.lines() {
        if line.trim_end() == BEGIN {
            is_inside = true;
            place = Some(kept.len());
        } else if is_inside {
            is_inside = line.trim_end() != END;
        } else if let Some(line) = without_names(line, names) {
            kept.push(line);
        }
    }
    let place = place.unwrap_or(kept.len());
    let (before, after) = kept.split_at(place);
    let mut lines: Vec<&str> = before.iter().map(String::as_str).collect();
    // cloud-init puts tabs between the words of a file that it changes.
    let is_same = inside(current).map(words).eq(inside(block).map(words));
    if is_same {
        lines.push(BEGIN);
        lines.extend(inside(current));
        lines.push(END);
    } else {
        lines.extend(block.trim_end().lines());
    }
    lines.extend(after.iter().map(String::as_str));
    lines.join("\n") + "\n"
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A template of cloud-init with the block, and without the lines that map the host's own names, whatever they are, to a loopback
/// address: the block has them. `{{hostname}}` and `{{fqdn}}` are Jinja's, `$hostname` and `$fqdn` of older templates.
pub(super) fn template_with_block(current: &str, block: &str, names: &BTreeSet<String>) -> String {
    let is_own = |line: &str| {
        let mut words = line.split_whitespace();
        let is_loopback = words.next().is_some_and(|address| address.starts_with("127.") || address == "::1");
        let rest: String = words.collect();
        let names = rest
            .replace("{{fqdn}}", "")
            .replace("{{hostname}}", "")
            .replace("$fqdn", "")
            .replace("$hostname", "");
        is_loopback && !rest.is_empty() && names.is_empty()
    };
    let kept: String = current.lines().filter(|line| !is_own(line)).map(|line| format!("{line}\n")).collect();
    with_block(&kept, block, names)
}

/// A line without the names that the block defines; None if only the address would be left.
fn without_names(line: &str, names: &BTreeSet<String>) -> Option<String> {
    let (fields, comment) =
        line.split_once('#').map_or((line, None), |(fields, comment)| (fields, Some(comment)));
    let mut words = fields.split_whitespace();
    let Some(address) = words.next() else { return Some(line.to_owned()) };
    let aliases: Vec<&str> = words.collect();
    let kept: Vec<&str> = aliases.iter().copied().filter(|alias| !names.contains(*alias)).collect();
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

    const BLOCK: &str = "# BEGIN rabbitup\n10.0.0.1 node1\n# END rabbitup\n";

    fn names() -> BTreeSet<String> {
        BTreeSet::from(["node1".to_owned()])
    }

    #[test]
    fn other_lines_stay_and_a_second_time_changes_nothing() {
        let before = "127.0.0.1\tlocalhost\n# mine\n10.9.9.9 printer # second floor\n";
        let once = with_block(before, BLOCK, &names());
        assert!(once.starts_with(before) && once.ends_with(BLOCK));
        assert_eq!(with_block(&once, BLOCK, &names()), once);
        let moved = once.replace("# END rabbitup\n", "# END rabbitup\n10.8.8.8 later\n");
        assert_eq!(with_block(&moved, BLOCK, &names()), moved);
        let tabs = once.replace("10.0.0.1 node1", "10.0.0.1\tnode1");
        assert_eq!(with_block(&tabs, BLOCK, &names()), tabs, "the same words");
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

    /// Those of Debian (Jinja) and EL, and one from before Jinja.
    #[test]
    fn a_template_loses_the_hosts_own_names_and_gets_the_block() {
        let jinja =
            "## template:jinja\n{#\nThis file\n-#}\n127.0.1.1 {{fqdn}} {{hostname}}\n127.0.0.1 localhost\n";
        let after = template_with_block(jinja, BLOCK, &names());
        assert_eq!(after, format!("## template:jinja\n{{#\nThis file\n-#}}\n127.0.0.1 localhost\n{BLOCK}"));
        assert_eq!(template_with_block(&after, BLOCK, &names()), after);
        let other = "127.0.0.1 {{ fqdn }} {{ hostname }}\n::1 $fqdn $hostname\n127.0.0.1 localhost\n";
        assert_eq!(template_with_block(other, BLOCK, &names()), format!("127.0.0.1 localhost\n{BLOCK}"));
    }
}
