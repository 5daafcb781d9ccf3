use super::names_a_secret;

/// What stands for a secret.
const DOTS: &str = "••••";

/// A configuration as it may be shown, whoever wrote it: rabbitmq.conf, rabbitmq-env.conf, haproxy.cfg. What follows a
/// word that names a secret is dots, and so is the password in a URL.
pub fn masked(text: &str) -> String {
    text.lines().map(|line| masked_line(line) + "\n").collect()
}

fn masked_line(line: &str) -> String {
    let line = without_setting(line);
    let line = without_next_word(&line);
    without_url_passwords(&line, DOTS)
}

/// `default_pass = hunter2`, `RABBITMQ_DEFAULT_PASS=hunter2`: all that follows.
fn without_setting(line: &str) -> String {
    match line.split_once('=') {
        Some((key, _)) if names_a_secret(key.trim()) => format!("{key}= {DOTS}"),
        _ => line.to_owned(),
    }
}

/// HAProxy's `stats auth USER:PASSWORD`, `password WORD`, `insecure-password WORD` and an `Authorization` header, and
/// Erlang's `-setcookie WORD`. Quotes stay.
fn without_next_word(line: &str) -> String {
    let words: Vec<&str> = line.split_inclusive([' ', '\t']).collect();
    let mut shown = String::with_capacity(line.len());
    let mut before = "";
    for (at, word) in words.iter().enumerate() {
        let bare = word.trim();
        match before.trim_matches(['"', '\'']) {
            _ if bare.is_empty() => shown.push_str(word),
            "password" | "insecure-password" | "-setcookie" => shown.push_str(&hidden(word, bare)),
            "auth" if bare.contains(':') => {
                let (user, password) = bare.split_once(':').unwrap_or_default();
                shown.push_str(&format!("{user}:{}", hidden(&word.replacen(bare, password, 1), password)));
            }
            header if header.trim_end_matches(':').eq_ignore_ascii_case("authorization") => {
                shown.push_str(DOTS);
                return shown;
            }
            _ => shown.push_str(word),
        }
        if !bare.is_empty() {
            before = words[at].trim();
        }
    }
    shown
}

/// Dots in place of a word, with the quote and the space behind it.
fn hidden(word: &str, bare: &str) -> String {
    let quote = bare.chars().last().filter(|c| matches!(c, '"' | '\''));
    let space = &word[word.trim_end().len()..];
    format!("{DOTS}{}{space}", quote.map(String::from).unwrap_or_default())
}

/// `amqp://user:hunter2@host`, as often as it occurs: the password is `instead`. The last @ of the authority ends the
/// user's part (RFC 3986, 3.2); a password may hold one.
pub fn without_url_passwords(line: &str, instead: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, url)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = url.find(|c: char| c.is_whitespace() || "\"'/>".contains(c)).unwrap_or(url.len());
        let (authority, after) = url.split_at(end);
        match authority.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
            Some((user, host)) => shown.push_str(&format!("{user}:{instead}@{host}")),
            None => shown.push_str(authority),
        }
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_shown_without_its_passwords() {
        for (line, shown) in [
            ("default_pass = hunter2", "default_pass = ••••"),
            ("cluster_formation.aws.secret_key=hunter2", "cluster_formation.aws.secret_key= ••••"),
            ("RABBITMQ_DEFAULT_PASS=hunter2", "RABBITMQ_DEFAULT_PASS= ••••"),
            ("ARGS=\"-kernel x 1 -setcookie hunter2 -y\"", "ARGS=\"-kernel x 1 -setcookie •••• -y\""),
            ("    stats auth 'admin:hunter2'", "    stats auth 'admin:••••'"),
            ("  stats\tauth  admin:hunter2", "  stats\tauth  admin:••••"),
            ("  user till insecure-password hunter2 groups a", "  user till insecure-password •••• groups a"),
            ("  user till password $5$hunter2", "  user till password ••••"),
            (
                "  http-check send hdr Authorization \"Basic hunter2\"",
                "  http-check send hdr Authorization ••••",
            ),
            ("uri = amqp://a:hunter2@b:5672/x amqps://c", "uri = amqp://a:••••@b:5672/x amqps://c"),
            ("uri = \"http://a:hun@ter2@b\"", "uri = \"http://a:••••@b\""),
            ("listeners.tcp.default = 5672", "listeners.tcp.default = 5672"),
            ("    option httpchk GET /api/health", "    option httpchk GET /api/health"),
            ("", ""),
        ] {
            assert_eq!(masked(line), if line.is_empty() { String::new() } else { format!("{shown}\n") });
        }
    }
}
