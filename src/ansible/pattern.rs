//! `node[01:10:2].example.com:2222`: the hosts of one line.

use std::net::{IpAddr, Ipv6Addr};

use super::listing::MOST_HOSTS;

/// What is wrong with a range, and what to write.
pub(super) type Wrong = (String, &'static str);

const RANGE: &str = "write node[1:3], node[01:10:2] or node-[a:c]; both ends are in the range";

/// A host's name or pattern, and the port after it.
pub(super) fn with_port(text: &str) -> (&str, Option<&str>) {
    if text.parse::<IpAddr>().is_ok() {
        return (text, None);
    }
    let inside = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    if let Some((inside, after)) = inside.filter(|(inside, _)| inside.parse::<Ipv6Addr>().is_ok()) {
        return (inside, after.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()) => {
            (host, Some(port))
        }
        Some(_) | None => (text, None),
    }
}

/// The names that a pattern stands for, in order.
///
/// # Errors
/// A range that Ansible refuses, too, or one of more hosts than are read.
pub(super) fn expanded(pattern: &str) -> Result<Vec<String>, Wrong> {
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((range, tail)) = after.split_once(']') else {
            return Err((format!("`{pattern}` has a [ without its ]"), RANGE));
        };
        let items = items(range)?;
        if names.len().saturating_mul(items.len()) > MOST_HOSTS {
            return Err((
                format!("`{pattern}` is more than {MOST_HOSTS} hosts"),
                "make a file of the cluster's own hosts",
            ));
        }
        let each =
            |name: &String| items.iter().map(|item| format!("{name}{before}{item}")).collect::<Vec<_>>();
        names = names.iter().flat_map(each).collect();
        rest = tail;
    }
    names.iter_mut().for_each(|name| name.push_str(rest));
    Ok(names)
}

/// What a range without its brackets stands for.
fn items(range: &str) -> Result<Vec<String>, Wrong> {
    let wrong = |why: &str| (format!("the range [{range}] {why}"), RANGE);
    let parts: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match parts.as_slice() {
        [begin, end] => (*begin, *end, 1),
        [begin, end, step] => {
            let step = step.parse::<usize>().ok().filter(|step| *step > 0);
            (*begin, *end, step.ok_or_else(|| wrong("has a step that is no number above 0"))?)
        }
        [] | [_] | [_, _, _, ..] => return Err(wrong("has no colon, or too many")),
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if let (Some(first), Some(last)) = (letter(begin), letter(end)) {
        if first > last {
            return Err(wrong("ends before it begins"));
        }
        return Ok((first..=last).step_by(step).filter_map(letter_at).collect());
    }
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.len() <= 9 && text.chars().all(|c| c.is_ascii_digit());
        is_number.then(|| text.parse::<usize>().ok()).flatten()
    };
    let (Some(first), Some(last)) = (number(begin), number(end)) else {
        return Err(wrong("is neither of numbers nor of letters"));
    };
    if first > last {
        return Err(wrong("ends before it begins"));
    }
    // node[01:10] is node01 and node10, not node1.
    let width = if begin.len() > 1 && begin.starts_with('0') { begin.len() } else { 0 };
    if width > 0 && width != end.len() {
        return Err(wrong("has a leading zero, so both ends need the same number of digits"));
    }
    let count = (last - first) / step + 1;
    if count > MOST_HOSTS {
        return Err(wrong(&format!("is more than {MOST_HOSTS} hosts")));
    }
    Ok((first..=last).step_by(step).map(|number| format!("{number:0width$}")).collect())
}

/// The place of a letter among a to z and A to Z, as Ansible counts them.
fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [c @ b'a'..=b'z'] => Some(c - b'a'),
        [c @ b'A'..=b'Z'] => Some(c - b'A' + 26),
        _ => None,
    }
}

fn letter_at(place: u8) -> Option<String> {
    let letter = if place < 26 { b'a'.checked_add(place) } else { b'A'.checked_add(place - 26) };
    letter.map(|letter| char::from(letter).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_ansible() {
        let names = |pattern| expanded(pattern).map(|names| names.join(" ")).map_err(|(why, _)| why);
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(names("node1"), ok("node1"));
        assert_eq!(
            names("node[1:3].example.com"),
            ok("node1.example.com node2.example.com node3.example.com")
        );
        assert_eq!(names("node[01:10:3]"), ok("node01 node04 node07 node10"));
        assert_eq!(names("db-[a:c]"), ok("db-a db-b db-c"));
        assert_eq!(names("db-[y:B]"), ok("db-y db-z db-A db-B"));
        assert_eq!(names("r[1:2]n[1:2]"), ok("r1n1 r1n2 r2n1 r2n2"));
        assert_eq!(names("node[:2]"), ok("node0 node1 node2"));
        for wrong in
            ["n[1-3]", "n[3:1]", "n[01:100]", "n[1:3:0]", "n[1:", "n[a:3]", "n[1:2:3:4]", "n[]", "n[1:]"]
        {
            assert!(names(wrong).is_err(), "{wrong}");
        }
        for huge in ["n[1:999999999]", "n[1:99999999999999999999]", "n[1:900]x[1:900]"] {
            assert!(names(huge).is_err(), "{huge}");
        }
    }

    #[test]
    fn a_port_may_follow() {
        assert_eq!(with_port("node1:2222"), ("node1", Some("2222")));
        assert_eq!(with_port("node[1:3]:2222"), ("node[1:3]", Some("2222")));
        assert_eq!(with_port("node[1:3]"), ("node[1:3]", None));
        assert_eq!(with_port("fd00::1"), ("fd00::1", None));
        assert_eq!(with_port("[fd00::1]:22"), ("fd00::1", Some("22")));
        assert_eq!(with_port("[fd00::1]"), ("fd00::1", None));
    }
}
