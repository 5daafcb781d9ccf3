//! Ansible's INI: `NAME KEY=VALUE…` lines under `[group]`, `[group:vars]`, `[group:children]`.

use super::fault::{Fault, Span};
use super::listing::{ALL, Listing};
use super::pattern::{expanded, with_port};
use super::variables::{Text, Variables};
use super::words::{Comments, unquoted, words};

/// Which lines follow.
#[derive(Clone, Copy)]
enum Section {
    Hosts(usize),
    Variables(usize),
    Children(usize),
}

/// Reads an inventory.
///
/// # Errors
/// The first line that Ansible would refuse, too.
pub(super) fn read(text: &str) -> Result<Listing, Fault> {
    let mut listing = Listing::new();
    let mut section = Section::Hosts(ALL);
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim();
        let at = start + (whole.len() - whole.trim_start().len());
        start += whole.len();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let span = at..at + line.len();
        if let Some(found) = header(&mut listing, line, &span)? {
            section = found;
            continue;
        }
        match section {
            Section::Hosts(group) => hosts(&mut listing, group, line, at)?,
            Section::Variables(group) => variable(&mut listing, group, line, at)?,
            Section::Children(group) => child(&mut listing, group, line, at)?,
        }
    }
    Ok(listing)
}

/// The section that a line begins; None for a line within one, such as that of the host `[fd00::1]:22`.
fn header(listing: &mut Listing, line: &str, span: &Span) -> Result<Option<Section>, Fault> {
    let Some(rest) = line.strip_prefix('[') else { return Ok(None) };
    let wrong = |why: String| {
        let hint = "write [GROUP], [GROUP:vars] or [GROUP:children]";
        Fault::new(why, span.clone(), hint)
    };
    let Some((inside, after)) = rest.split_once(']') else {
        return Err(wrong("a section without its ]".to_owned()));
    };
    if inside.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(None);
    }
    let after = after.trim_start();
    if !(after.is_empty() || after.starts_with(['#', ';'])) {
        return Err(wrong("more than a section in its line".to_owned()));
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == ':') {
        return Err(wrong(format!("`{inside}` is no name of a group")));
    }
    let name_at = span.start + 1..span.start + 1 + name.len();
    let group = listing.group(name, &name_at)?;
    match kind {
        None => Ok(Some(Section::Hosts(group))),
        Some("vars") => Ok(Some(Section::Variables(group))),
        Some("children") => Ok(Some(Section::Children(group))),
        Some(kind) => Err(wrong(format!("`{name}:{kind}` is no kind of section"))),
    }
}

fn hosts(listing: &mut Listing, group: usize, line: &str, at: usize) -> Result<(), Fault> {
    let shifted = |span: &Span| at + span.start..at + span.end;
    let words = words(line, Comments::Begin).map_err(|(span, why)| {
        Fault::new(why, shifted(&span), "close the quote: ansible_ssh_common_args='-o ProxyJump=bastion'")
    })?;
    let Some(((first, pattern), settings)) = words.split_first() else { return Ok(()) };
    let span = shifted(first);
    let (pattern, port) = with_port(pattern);
    let is_address = pattern.parse::<std::net::IpAddr>().is_ok();
    let names = match is_address {
        true => vec![pattern.to_owned()],
        false => expanded(pattern).map_err(|(why, hint)| Fault::new(why, span.clone(), hint))?,
    };
    let mut variables = Variables::default();
    for (place, setting) in settings {
        let Some((key, value)) = setting.split_once('=') else {
            let hint =
                "write one host in each line, and its variables after it: node1 ansible_host=192.168.0.41";
            // It is not shown: a word without its key may be the rest of a password.
            return Err(Fault::new("a word after the host that is no KEY=VALUE", shifted(place), hint));
        };
        variables.set(key, Text::Plain(literal(value).to_owned()), shifted(place));
    }
    for name in names {
        let host = listing.host_at(&name, port, &span)?;
        listing.put_host(host, group, &span)?;
        if let Some(listed) = listing.hosts.get_mut(host) {
            listed.variables.overlay(&variables);
        }
    }
    Ok(())
}

fn variable(listing: &mut Listing, group: usize, line: &str, at: usize) -> Result<(), Fault> {
    let span = at..at + line.len();
    let Some((key, value)) = line.split_once('=') else {
        let hint = "write KEY=VALUE; hosts stand under [GROUP]";
        return Err(Fault::new("a variable without a value", span, hint));
    };
    let value = literal(value.trim());
    if let Some(listed) = listing.groups.get_mut(group) {
        listed.variables.set(key.trim(), Text::Plain(value.to_owned()), span);
    }
    Ok(())
}

/// Ansible reads a value as Python does, where a comment may follow a number and a quoted text; after any other word it is part of it.
fn literal(value: &str) -> &str {
    let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.split_once(quote));
    let is_rest = |rest: &str| rest.trim_start().is_empty() || rest.trim_start().starts_with('#');
    if let Some((inside, _)) = quoted.filter(|(inside, rest)| is_rest(rest) && !inside.contains('\\')) {
        return inside;
    }
    let number = value.split_once('#').map(|(before, _)| before.trim());
    let number = number.filter(|before| !before.is_empty() && before.chars().all(|c| c.is_ascii_digit()));
    number.unwrap_or_else(|| unquoted(value))
}

fn child(listing: &mut Listing, parent: usize, line: &str, at: usize) -> Result<(), Fault> {
    let name = line.split([' ', '\t', '#']).next().unwrap_or_default();
    let span = at..at + name.len();
    let after = line[name.len()..].trim_start();
    if name.is_empty() || !(after.is_empty() || after.starts_with('#')) {
        let hint = "write one group in each line";
        return Err(Fault::new("not the name of a group", at..at + line.len(), hint));
    }
    let child = listing.group(name, &span)?;
    listing.put_group(child, parent, &span)
}
