//! Takes what may be a secret out of lines that others wrote. Rather a harmless word too much than a secret too few.

use crate::model::without_url_passwords;

/// What stands where something was taken out.
pub(super) const LEFT_OUT: &str = "(left out)";

/// Words that a secret follows, in configurations, Erlang terms, logs and command lines.
const WORDS: [&str; 14] = [
    "cookie",
    "passw",
    "passphrase",
    "_pass",
    ".pass",
    "-pass",
    "pass=",
    "pass =",
    "pass:",
    "pass\"",
    "secret",
    "token",
    "stats auth",
    "authorization",
];

/// The line without what may be a secret: what follows a word for one, and passwords in URIs.
pub fn redacted(line: &str) -> String {
    after_words(&without_url_passwords(line, LEFT_OUT))
}

/// A text, line by line; a value that stands on the line after its key is taken out, too.
pub fn redacted_text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut value_follows = false;
    for line in text.lines() {
        let blank = line.trim().is_empty();
        if value_follows && !blank {
            clean.push_str(LEFT_OUT);
        } else {
            clean.push_str(&redacted(line));
        }
        clean.push('\n');
        // `{password,` or `"password":`, and nothing behind it yet.
        value_follows = if blank { value_follows } else { ends_with_key(line) };
    }
    clean
}

fn ends_with_key(line: &str) -> bool {
    end_of_key(line).is_some() && line.trim_end().ends_with([',', ':', '='])
}

/// Where the first key that a secret follows ends. The path of the cookie's file, and a sentence about that file, are
/// none.
fn end_of_key(line: &str) -> Option<usize> {
    // ASCII only, so that places in it are places in the line.
    let lower = line.to_ascii_lowercase();
    let of_word = |word: &str| {
        let mut places = lower.match_indices(word).map(|(at, _)| (at, at + word.len()));
        places.find(|(start, end)| {
            let (before, after) = (lower.get(..*start), lower.get(*end..));
            let is_file = before.is_some_and(|text| text.ends_with(".erlang."))
                || after.is_some_and(|text| text.starts_with(" file"));
            word != "cookie" || !is_file
        })
    };
    let (_, end) = WORDS.iter().filter_map(|word| of_word(word)).min()?;
    let rest = lower.get(end..)?;
    let more =
        rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
    Some(end + more)
}

/// Cuts the line behind a key that a secret follows, where anything does.
fn after_words(line: &str) -> String {
    let Some(tail) = end_of_key(line).and_then(|at| line.get(at..)) else { return line.to_owned() };
    let value = tail.trim_start_matches(|c: char| !c.is_alphanumeric() && !"$+/*{".contains(c));
    if value.is_empty() {
        return line.to_owned();
    }
    format!("{}{LEFT_OUT}", line.get(..line.len() - value.len()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_follows_a_word_for_a_secret_goes() {
        for line in [
            "default_pass = S3CRET",
            "ssl_options.password=S3CRET",
            "auth_ldap.dn_lookup_bind.password = 'S3CRET'",
            "{default_pass,<<\"S3CRET\">>},",
            "\"password_hash\":\"S3CRET\",",
            "2026-11-23 [info] <0.1.0>  cookie hash : S3CRET==",
            "shovel.uri = amqp://user:S3CRET@node1:5672/%2f and amqps://u:S3CRET@h",
            "amqp://user:S3@CRET:S3CRET@node1",
            "  stats auth admin:S3CRET",
            "  user admin password $5$S3CRET",
            "  user admin insecure-password S3CRET",
            "Authorization: Basic S3CRET",
            "erlang:set_cookie('S3CRET')",
            "-setcookie S3CRET: more",
        ] {
            let clean = redacted(line);
            assert!(!clean.contains("S3CRET") && clean.contains(LEFT_OUT), "{line} became {clean}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for line in [
            "Cookie file /var/lib/rabbitmq/.erlang.cookie must be accessible by owner only",
            "default_user = admin",
            "see https://www.rabbitmq.com/docs/clustering",
            "Error: {inconsistent_cluster,\"Node rabbit@a thinks it's clustered with node rabbit@b\"}",
        ] {
            assert_eq!(redacted(line), line);
        }
    }

    #[test]
    fn a_value_on_the_next_line_goes_with_its_key() {
        let text = "[{password,\n\n   <<\"S3CRET\">>},\n {user,admin}]\n";
        let clean = redacted_text(text);
        assert!(!clean.contains("S3CRET") && clean.contains("{user,admin}]"), "{clean}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_text_makes_it_panic_and_no_uri_keeps_its_password(text in "(?s).{0,80}", word in "[A-Z]{6,9}") {
            let line = format!("{text} amqp://user:{word}@host {text}");
            let secret = format!(":{word}@");
            prop_assert!(!redacted(&line).contains(&secret));
            let _ = redacted_text(&text);
        }
    }
}
