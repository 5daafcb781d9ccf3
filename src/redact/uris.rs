//! The user part of a URI, even if the URI is malformed: logs quote URIs that do not parse.

use std::ops::Range;

use super::value::closing;

/// `://`, and its escaped form in JSON.
const MARKS: [&str; 2] = ["://", ":\\/\\/"];
/// The longest recognised scheme, in bytes.
const LONGEST_SCHEME: usize = 24;

/// One URI in a line: the start of its scheme, the start of its authority, and its end.
struct Found<'a> {
    scheme: &'a str,
    authority: usize,
    end: usize,
}

/// The ranges of possible secrets in URIs.
pub(super) fn places(line: &str) -> Vec<Range<usize>> {
    found(line).iter().filter_map(|uri| secret_part(line, uri)).collect()
}

/// Possible secrets in the URIs of a text: passwords and tokens.
pub(super) fn secrets(text: &str) -> impl Iterator<Item = &str> {
    places(text).into_iter().filter_map(|place| text.get(place))
}

fn found(line: &str) -> Vec<Found<'_>> {
    let mut starts: Vec<(usize, usize)> = Vec::new();
    for mark in MARKS {
        starts.extend(line.match_indices(mark).map(|(at, mark)| (at, at + mark.len())));
    }
    starts.sort_unstable();
    let scheme_start = |at: usize| {
        let text = line.get(..at).unwrap_or_default();
        let scheme = text
            .bytes()
            .rev()
            .take(LONGEST_SCHEME)
            .take_while(|b| b.is_ascii_alphanumeric() || b"+.-".contains(b));
        at - scheme.count()
    };
    let mut found = Vec::with_capacity(starts.len());
    for (number, (at, authority)) in starts.iter().enumerate() {
        let start = scheme_start(*at);
        // The next one ends this one.
        let limit =
            starts.get(number + 1).map_or(line.len(), |(next, _)| scheme_start(*next).max(*authority));
        let end = end(line, start, *authority, limit);
        found.push(Found { scheme: line.get(start..*at).unwrap_or_default(), authority: *authority, end });
    }
    found
}

/// The end of the URI: the closing quote around it, else white space.
fn end(line: &str, start: usize, authority: usize, limit: usize) -> usize {
    let before = line.get(..start).unwrap_or_default();
    let quote = ["\\\"", "\"", "'", "`"].into_iter().find(|quote| before.ends_with(quote));
    let within = line.get(..limit).unwrap_or_default();
    if let Some(quote) = quote {
        return closing(within, authority, quote).unwrap_or(limit);
    }
    let rest = within.get(authority..).unwrap_or_default();
    rest.find(char::is_whitespace).map_or(limit, |at| authority + at)
}

/// The password, or the whole user part if it may be one.
fn secret_part(line: &str, uri: &Found<'_>) -> Option<Range<usize>> {
    let text = line.get(uri.authority..uri.end)?;
    let stop = text.find(['/', '?', '#', '"', '\'']).unwrap_or(text.len());
    let first = text.get(..stop)?;
    let Some(at) = text.rfind('@') else { return without_host(line, uri, first) };
    if !first.contains('@') && is_host(first) && is_of_an_api(text.get(stop..)?) {
        return None;
    }
    Some(login(uri, text.get(..at)?))
}

/// Between the scheme and the last @.
fn login(uri: &Found<'_>, login: &str) -> Range<usize> {
    let end = uri.authority + login.len();
    let is_web = uri.scheme.to_ascii_lowercase().starts_with("http");
    match login.split_once(':') {
        // A token can be in the place of a name: in web URIs, and without a password.
        Some((user, password)) if !is_web && !password.is_empty() && is_name(user) => {
            uri.authority + user.len() + 1..end
        }
        _ => uri.authority..end,
    }
}

/// Without an @: truncated before it, or split by white space in the password.
fn without_host(line: &str, uri: &Found<'_>, authority: &str) -> Option<Range<usize>> {
    if is_host(authority) || !authority.contains(':') {
        return None;
    }
    let (user, _) = authority.split_once(':')?;
    let start = uri.authority + if is_name(user) { user.len() + 1 } else { 0 };
    let rest = line.get(uri.end..)?;
    let further = rest.find('@').filter(|at| !rest.get(..*at).is_some_and(|text| text.contains("//")));
    Some(start..further.map_or(uri.end, |at| uri.end + at))
}

/// RabbitMQ's API has node names in its paths: /api/nodes/rabbit@node1.
fn is_of_an_api(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/#/")
}

/// A host with or without a port (RFC 3986).
fn is_host(text: &str) -> bool {
    let plain = |host: &str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((_, port)) => ("", port.strip_prefix(':').unwrap_or(port)),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = port.trim_end_matches([')', ']', ',', ';', '.', '>']);
    plain(host) && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())
}

fn is_name(user: &str) -> bool {
    user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::cover;

    #[test]
    fn the_user_part_is_redacted_even_in_malformed_uris() {
        for (line, shown) in [
            ("amqp://u:hunter2@h:5672/x amqps://c", "amqp://u:••••@h:5672/x amqps://c"),
            ("amqp://u:hun/ter2@h", "amqp://u:••••@h"),
            ("amqp://u:hun@ter2@h", "amqp://u:••••@h"),
            ("amqp://u:hun ter2@h", "amqp://u:••••@h"),
            ("amqp://u:hun\"ter2@h", "amqp://u:••••@h"),
            ("'amqp://u:hun'ter2@h'", "'amqp://u:••••@h'"),
            ("\"amqp://u:hun\"ter2@h", "\"amqp://u:••••@h"),
            ("amqp://u:hun?ter#2@h", "amqp://u:••••@h"),
            ("amqp://u:hunter2", "amqp://u:••••"),
            ("amqp://u:hunter2@", "amqp://u:••••@"),
            ("amqp://hunter2@h", "amqp://••••@h"),
            ("https://hunter2@h/x", "https://••••@h/x"),
            ("https://hunter2:@h", "https://••••@h"),
            ("https://hunter2:x-oauth-basic@h", "https://••••@h"),
            ("amqp:\\/\\/u:hunter2@h", "amqp:\\/\\/u:••••@h"),
            (r#"["amqp://u:hunter2@a","amqp://u:hunter2@b"]"#, r#"["amqp://u:••••@a","amqp://u:••••@b"]"#),
            (r#"{"uri":"amqp://u:hunter2@a","user":"x@y"}"#, r#"{"uri":"amqp://u:••••@a","user":"x@y"}"#),
            (r#"[<<"amqp://u:hunter2@a">>,<<"amqp://b">>]"#, r#"[<<"amqp://u:••••@a">>,<<"amqp://b">>]"#),
            (r#"{\"uri\":\"amqp://u:hunter2@a\"}"#, r#"{\"uri\":\"amqp://u:••••@a\"}"#),
        ] {
            assert_eq!(cover(line, places(line)), shown);
        }
    }

    #[test]
    fn a_uri_without_a_login_stays() {
        for line in [
            "see https://www.rabbitmq.com/docs/clustering",
            "http://node1:15672/api/nodes/rabbit@node1",
            "http://[::1]:15672/ and (http://10.0.0.1:8404)",
            "rabbit@node1: amqp://node1:5672, amqp://node2",
            "://",
            "a://b",
            "listeners = tcp://0.0.0.0:5672",
        ] {
            assert_eq!(cover(line, places(line)), line);
        }
    }
}
