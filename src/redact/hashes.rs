//! Password hashes, against which a guess can be checked, and long Base64, which is usually key material.

use std::ops::Range;

/// Names of crypt(5)'s methods between their dollars; `yescrypt` is `y`, Debian's own since 11.
const METHODS: [&str; 15] =
    ["1", "2a", "2b", "2x", "2y", "5", "6", "7", "y", "gy", "sha1", "md5", "apr1", "argon2id", "argon2i"];
/// LDAP's schemes (RFC 2307).
const SCHEMES: [&str; 8] =
    ["{SSHA}", "{SHA}", "{SSHA256}", "{SSHA512}", "{SMD5}", "{MD5}", "{CRYPT}", "{PBKDF2}"];
const SHORTEST_CRYPT: usize = 8;
/// Base64 of at least this length is always hidden: PEM has lines of 64 and 70.
pub(super) const LONG: usize = 60;

pub(super) fn places(line: &str) -> Vec<Range<usize>> {
    let mut places = crypt(line);
    places.extend(ldap(line));
    places.extend(base64_runs(line).filter(|run| is_stored(line, run)));
    places
}

/// `$METHOD$…`
fn crypt(line: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(start) = line.get(at..).and_then(|rest| rest.find('$')).map(|found| at + found) {
        at = start + 1;
        let rest = line.get(at..).unwrap_or_default();
        let Some(method) = METHODS
            .iter()
            .find(|method| rest.strip_prefix(**method).is_some_and(|rest| rest.starts_with('$')))
        else {
            continue;
        };
        let body = rest.get(method.len() + 1..).unwrap_or_default();
        let length = body.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"./$=,+-".contains(b)).count();
        if length >= SHORTEST_CRYPT {
            let end = at + method.len() + 1 + length;
            places.push(start..end);
            at = end;
        }
    }
    places
}

fn ldap(line: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for scheme in SCHEMES {
        for (at, scheme) in line.match_indices(scheme) {
            let start = at + scheme.len();
            let rest = line.get(start..).unwrap_or_default();
            let length =
                rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+/=$.".contains(b)).count();
            places.push(start..start + length);
        }
    }
    places
}

/// Runs of Base64 characters with their padding.
pub(super) fn base64_runs(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let bytes = line.as_bytes();
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"+/".contains(b);
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes.get(at..)?.iter().position(is_part)?;
        let length = bytes.get(start..)?.iter().take_while(|b| is_part(b)).count();
        let padding = bytes.get(start + length..)?.iter().take(2).take_while(|b| **b == b'=').count();
        at = start + length + padding;
        Some(start..at)
    })
}

/// Whether a run is a digest as RabbitMQ prints and stores it, or longer than any word. RabbitMQ stores four bytes of salt
/// before a SHA-256, a SHA-512 or an MD5, and logs a cookie's MD5 at every start.
fn is_stored(line: &str, run: &Range<usize>) -> bool {
    let Some(text) = line.get(run.clone()) else { return false };
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    let digest = matches!((text.len(), padding), (48, 0) | (92, 1) | (28, 1) | (24, 2));
    (digest || bare.len() >= LONG) && is_mixed(bare)
}

/// Randomly mixed upper-case, lower-case letters and digits; not a hexadecimal digest or a path.
pub(super) fn is_mixed(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::cover;

    #[test]
    fn stored_passwords_are_hidden() {
        for (line, shown) in [
            ("ops:$y$j9T$abcdefgh/hijk.l$mnopqrstu:19000:0", "ops:••••:19000:0"),
            ("root:$6$rounds=5000$salt$Zm9vYmFy:1", "root:••••:1"),
            ("x $2b$12$abcdefghijklmnop y $1$salt$hash1234", "x •••• y ••••"),
            ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SSHA}••••"),
            ("kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30wTcYlGvLQ7Bd", "••••"),
            ("cookie is h/Z1lQaSI+vw90HoOxadag== here", "cookie is •••• here"),
        ] {
            assert_eq!(cover(line, places(line)), shown);
        }
    }

    #[test]
    fn digests_paths_and_prices_stay() {
        for line in [
            "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "/var/lib/rabbitmq/mnesia/rabbit@node1/msg_stores/vhosts/628WB79CIFDYO9LJI6DKMI09L",
            "$HOME and $1 and $5$ of it",
            "rabbit@node1-with-a-long-name.example.internal",
            "",
        ] {
            assert_eq!(cover(line, places(line)), line);
        }
    }
}
