//! What no line of a host's output may show. A tool that refuses a file likes to print it, a crash prints what it had in
//! its hands: as text, as numbers, in Base64, in part.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::model::{Secret, names_a_secret};

/// A secret shorter than this is left where it stands: hiding `a` would make every line unreadable.
const SHORTEST: usize = 4;

/// How many bytes of a secret give too much of it away. Fewer of them are words that stand in other places, too.
const PART: usize = 12;

/// What stands for bytes that are not shown.
const COVER: &str = "(secret)";

/// Behind it, RabbitMQ's diagnostics and its log have the MD5 of a cookie, by which a guess can be checked.
const HASH: &str = "cookie hash";

/// Secrets in all their forms. It has no `Debug`.
#[derive(Default)]
pub(super) struct Hidden {
    forms: Vec<Form>,
}

/// One way to write a secret, and how many bytes of it in a row are not shown.
struct Form {
    text: Zeroizing<Vec<u8>>,
    part: usize,
}

impl Hidden {
    /// Hides these secrets, and what the script itself made of one: the administrator's stored password.
    pub(super) fn new(secrets: &[Secret], script: &Secret) -> Self {
        let mut hidden = Self::default();
        for secret in secrets {
            match serde_json::from_slice::<Value>(secret.expose()) {
                // Definitions are no secret as a whole: to hide them all would hide every word of RabbitMQ's answer.
                Ok(document @ Value::Object(_)) => hidden.document(&document),
                _ => secret.expose().split(|byte| *byte == b'\n').for_each(|line| hidden.add(line)),
            }
        }
        hidden.stored_passwords(script.expose());
        hidden
    }

    fn document(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value {
                        Value::String(text) if names_a_secret(key) || key == "password_hash" => {
                            self.add(text.as_bytes());
                        }
                        // amqp://user:password@host, in the parameters of shovels and federations.
                        Value::String(text) => {
                            let login = text.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
                            if let Some((_, password)) = login.and_then(|(login, _)| login.split_once(':')) {
                                self.add(password.as_bytes());
                            }
                        }
                        other => self.document(other),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.document(item)),
            _ => {}
        }
    }

    fn stored_passwords(&mut self, script: &[u8]) {
        const KEY: &[u8] = br#""password_hash":""#;
        let mut rest = script;
        while let Some(at) = rest.windows(KEY.len()).position(|part| part == KEY) {
            rest = &rest[at + KEY.len()..];
            let end = rest.iter().position(|byte| *byte == b'"').unwrap_or(rest.len());
            self.add(&rest[..end]);
        }
    }

    fn add(&mut self, secret: &[u8]) {
        let secret = secret.trim_ascii();
        if secret.len() < SHORTEST {
            return;
        }
        let mut form = |text: Vec<u8>, part: usize| {
            let part = part.min(text.len());
            self.forms.push(Form { text: Zeroizing::new(text), part });
        };
        form(secret.to_vec(), PART);
        form(escaped(secret), PART);
        form(percent(secret), PART);
        form(hexadecimal(secret, |byte| format!("{byte:02x}")), 2 * PART);
        form(hexadecimal(secret, |byte| format!("{byte:02X}")), 2 * PART);
        // As Erlang prints bytes that it does not take for text: 104,117,110.
        form(hexadecimal(secret, |byte| format!("{byte},")), 3 * PART);
        // Three ways to begin: what stands before it moves the borders of Base64's groups of three bytes.
        for skipped in 0..secret.len().min(3) {
            let whole = &secret[skipped..];
            let whole = &whole[..whole.len() - whole.len() % 3];
            if whole.len() >= 2 * SHORTEST {
                form(BASE64_STANDARD_NO_PAD.encode(whole).into_bytes(), 2 * PART);
                form(BASE64_URL_SAFE_NO_PAD.encode(whole).into_bytes(), 2 * PART);
            }
        }
    }

    /// The line without any of them.
    pub(super) fn cover(&self, line: &str) -> String {
        let bytes = line.as_bytes();
        let mut covered = vec![false; bytes.len()];
        for form in &self.forms {
            for (at, window) in bytes.windows(form.part).enumerate() {
                if form.text.windows(form.part).any(|part| part == window) {
                    covered[at..at + form.part].fill(true);
                }
            }
        }
        let mut shown = String::with_capacity(line.len());
        let mut within = false;
        for (at, c) in line.char_indices() {
            let hide = covered[at..at + c.len_utf8()].contains(&true);
            match (hide, within) {
                (true, false) => shown.push_str(COVER),
                (true, true) => {}
                (false, _) => shown.push(c),
            }
            within = hide;
        }
        without_hashes(&shown)
    }
}

fn without_hashes(line: &str) -> String {
    let mut parts = line.split(HASH);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(HASH);
        let rest = part.trim_start();
        let Some(rest) = rest.strip_prefix(':').map(str::trim_start).filter(|rest| !rest.is_empty()) else {
            shown.push_str(part);
            continue;
        };
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        shown.push_str(&part[..part.len() - rest.len()]);
        shown.push_str(COVER);
        shown.push_str(&rest[end..]);
    }
    shown
}

/// As JSON and Erlang escape it within quotes.
fn escaped(secret: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(secret);
    let quoted = Value::String(text.into_owned()).to_string();
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

/// As a URL has it.
fn percent(secret: &[u8]) -> Vec<u8> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    secret
        .iter()
        .flat_map(|byte| if plain(*byte) { vec![*byte] } else { format!("%{byte:02X}").into_bytes() })
        .collect()
}

fn hexadecimal(secret: &[u8], digits: impl Fn(u8) -> String) -> Vec<u8> {
    secret.iter().flat_map(|byte| digits(*byte).into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "Zebra/\"9 of+nobody%";

    fn hidden(secrets: &[&str], script: &str) -> Hidden {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        Hidden::new(&secrets.iter().map(|text| secret(text)).collect::<Vec<_>>(), &secret(script))
    }

    #[test]
    fn a_secret_is_covered_in_every_form_and_in_part() {
        let hidden = hidden(&[PASSWORD], "");
        let forms = [
            PASSWORD.to_owned(),
            PASSWORD[3..16].to_owned(),
            r#"Zebra/\"9 of+nobody%"#.to_owned(),
            "Zebra%2F%229%20of%2Bnobody%25".to_owned(),
            PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect(),
            PASSWORD.bytes().map(|byte| format!("{byte:02X}")).collect(),
            PASSWORD.bytes().map(|byte| format!("{byte},")).collect::<String>(),
        ];
        for form in forms {
            assert_eq!(
                hidden.cover(&format!("é before {form} after é")),
                "é before (secret) after é",
                "{form}"
            );
        }
        for before in ["", "a", "ab", "abc"] {
            let coded = BASE64_STANDARD_NO_PAD.encode(format!("{before}{PASSWORD}"));
            let shown = hidden.cover(&coded);
            assert!(shown.contains(COVER) && shown.len() < COVER.len() + 8, "{coded} -> {shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        let hidden = hidden(&[PASSWORD, "abc"], "");
        for line in ["Zebra crossing", "abc", "nobody", ""] {
            assert_eq!(hidden.cover(line), line);
        }
    }

    #[test]
    fn of_definitions_the_passwords_are_covered_and_nothing_else() {
        let definitions = r#"{"users": [{"name": "till", "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30"},
            {"name": "shop", "password": "open-sesame-1"}],
            "parameters": [{"name": "x", "value": {"src-uri": "amqp://a:far-away-secret@b"}}]}"#;
        let hidden = hidden(&[definitions], "");
        let shown = hidden.cover(
            "till kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30 shop open-sesame-1 amqp://a:far-away-secret@b users parameters",
        );
        assert_eq!(shown, "till (secret) shop (secret) amqp://a:(secret)@b users parameters");
    }

    #[test]
    fn a_cookies_hash_is_covered_where_rabbitmq_tells_it() {
        let hidden = hidden(&[], "");
        for (line, shown) in [
            (" * Erlang cookie hash: h/Z1lQaSI+vw90HoOxadag==", " * Erlang cookie hash: (secret)"),
            (" cookie hash    : h/Z1lQaSI+vw90HoOxadag== and on", " cookie hash    : (secret) and on"),
            (
                "one cookie hash: a= two cookie hash: b=",
                "one cookie hash: (secret) two cookie hash: (secret)",
            ),
            ("the cookie hash differs", "the cookie hash differs"),
            ("cookie hash:", "cookie hash:"),
        ] {
            assert_eq!(hidden.cover(line), shown);
        }
    }

    #[test]
    fn what_the_script_made_of_a_password_is_covered() {
        let script =
            r#"run_step 'a/admin' put_admin '{"users":[{"password_hash":"kI3GCqW5JLMJa4iX1lo7","x":1}]}'"#;
        let shown = hidden(&[], script).cover("refused: kI3GCqW5JLMJa4iX1lo7");
        assert_eq!(shown, "refused: (secret)");
    }
}
