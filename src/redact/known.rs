//! The secrets of this run, in every encoding. Tools print files that they reject, and crashes print their data: as text, as
//! numbers, in Base64, in part.

use std::ops::Range;

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{names_a_secret, uris};
use crate::model::{Secret, Secrets};

/// Shorter secrets are not hidden: hiding `a` would make every line unreadable.
const SHORTEST: usize = 4;

/// How many consecutive bytes of a secret reveal too much of it. Shorter parts also occur in other words.
const PART: usize = 12;

/// Secrets in all their forms. It has no `Debug`.
#[derive(Clone, Default)]
pub struct Known {
    forms: Vec<Form>,
}

/// One encoding of a secret, and how many consecutive bytes of it must be hidden.
#[derive(Clone)]
struct Form {
    text: Zeroizing<Vec<u8>>,
    part: usize,
    /// The positions of its parts, sorted by their bytes: a line is searched once for all of them.
    parts: Vec<usize>,
}

impl From<&Secrets> for Known {
    fn from(secrets: &Secrets) -> Self {
        let mut known = Self::default();
        secrets.values().for_each(|secret| known.secret(secret));
        known
    }
}

impl Known {
    /// These secrets, and the administrator's password hash that the script derives from one.
    pub fn of_script(secrets: &[Secret], script: &Secret) -> Self {
        let mut known = Self::default();
        secrets.iter().for_each(|secret| known.secret(secret));
        known.stored_passwords(script.expose());
        known
    }

    fn secret(&mut self, secret: &Secret) {
        match serde_json::from_slice::<Value>(secret.expose()) {
            // Definitions are not a secret as a whole: hiding them would hide every word of RabbitMQ's answer.
            Ok(document @ Value::Object(_)) => self.document(&document, ""),
            _ => secret.expose().split(|byte| *byte == b'\n').for_each(|line| self.add(line)),
        }
    }

    /// The strings in a document that are secrets by their key, at any depth of arrays, and those in URIs: in the parameters of
    /// shovels and federations.
    fn document(&mut self, value: &Value, key: &str) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| self.document(value, key)),
            Value::Array(items) => items.iter().for_each(|item| self.document(item, key)),
            Value::String(text) if names_a_secret(key) => self.add(text.as_bytes()),
            Value::String(text) => uris::secrets(text).for_each(|secret| self.add(secret.as_bytes())),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
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
        let mut form = |text: Vec<u8>, part: usize| self.form(text, part);
        form(secret.to_vec(), PART);
        form(escaped(secret), PART);
        // As JSON within JSON, and with the slash that JSON may escape.
        form(escaped(&escaped(secret)), PART);
        form(replaced(&escaped(secret), b'/', "\\/"), PART);
        form(percent(secret, |byte| format!("%{byte:02X}")), PART);
        form(percent(secret, |byte| format!("%{byte:02x}")), PART);
        form(replaced(secret, b' ', "+"), PART);
        form(numbers(secret, |byte| format!("{byte:02x}")), 2 * PART);
        form(numbers(secret, |byte| format!("{byte:02X}")), 2 * PART);
        form(numbers(secret, |byte| format!("{byte:02x} ")), 3 * PART);
        form(numbers(secret, |byte| format!("{byte:02x}:")), 3 * PART);
        // As Erlang prints bytes that it does not recognise as text: 104,117,110, in lists and binaries.
        form(numbers(secret, |byte| format!("{byte},")), 3 * PART);
        form(numbers(secret, |byte| format!("{byte}, ")), 4 * PART);
        // Three alignments: the text before it shifts Base64's groups of three bytes.
        for skipped in 0..secret.len().min(3) {
            let whole = &secret[skipped..];
            let whole = &whole[..whole.len() - whole.len() % 3];
            if whole.len() >= 2 * SHORTEST {
                form(BASE64_STANDARD_NO_PAD.encode(whole).into_bytes(), 2 * PART);
                form(BASE64_URL_SAFE_NO_PAD.encode(whole).into_bytes(), 2 * PART);
            }
        }
    }

    fn form(&mut self, text: Vec<u8>, part: usize) {
        if self.forms.iter().any(|form| *form.text == text) {
            return;
        }
        let part = part.min(text.len());
        let mut parts: Vec<usize> = (0..=text.len() - part).collect();
        parts.sort_unstable_by_key(|at| text.get(*at..at + part));
        self.forms.push(Form { text: Zeroizing::new(text), part, parts });
    }

    /// The positions of all of them in the line.
    pub(super) fn places(&self, line: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for form in &self.forms {
            for (at, window) in line.as_bytes().windows(form.part).enumerate() {
                if form.has(window) {
                    places.push(at..at + form.part);
                }
            }
        }
        places
    }
}

impl Form {
    fn has(&self, window: &[u8]) -> bool {
        let part = |at: &usize| self.text.get(*at..at + self.part).unwrap_or_default();
        self.parts.binary_search_by(|at| part(at).cmp(window)).is_ok()
    }
}

/// Escaped as in JSON and Erlang strings.
fn escaped(secret: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(secret);
    let quoted = Value::String(text.into_owned()).to_string();
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

/// Encoded as in a URL.
fn percent(secret: &[u8], digits: impl Fn(u8) -> String) -> Vec<u8> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    secret
        .iter()
        .flat_map(|byte| if plain(*byte) { vec![*byte] } else { digits(*byte).into_bytes() })
        .collect()
}

fn replaced(secret: &[u8], byte: u8, instead: &str) -> Vec<u8> {
    let one = |found: &u8| if *found == byte { instead.as_bytes().to_vec() } else { vec![*found] };
    secret.iter().flat_map(one).collect()
}

fn numbers(secret: &[u8], digits: impl Fn(u8) -> String) -> Vec<u8> {
    let mut text: Vec<u8> = secret.iter().flat_map(|byte| digits(*byte).into_bytes()).collect();
    // No separator after the last number.
    while text.last().is_some_and(|last| !last.is_ascii_alphanumeric()) {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{MARK, Redactor};

    const PASSWORD: &str = "Zebra/\"9 of+nobody%";

    fn redactor(secrets: &[&str], script: &str) -> Redactor {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let secrets: Vec<Secret> = secrets.iter().map(|text| secret(text)).collect();
        Redactor::new(Known::of_script(&secrets, &secret(script)))
    }

    #[test]
    fn a_secret_is_covered_in_every_form_and_in_part() {
        let mut redactor = redactor(&[PASSWORD], "");
        let joined = |one: fn(u8) -> String| PASSWORD.bytes().map(one).collect::<Vec<_>>();
        let forms = [
            PASSWORD.to_owned(),
            PASSWORD[3..16].to_owned(),
            r#"Zebra/\"9 of+nobody%"#.to_owned(),
            r#"Zebra/\\\"9 of+nobody%"#.to_owned(),
            r#"Zebra\/\"9 of+nobody%"#.to_owned(),
            "Zebra%2F%229%20of%2Bnobody%25".to_owned(),
            "Zebra%2f%229%20of%2bnobody%25".to_owned(),
            joined(|byte| format!("{byte:02x}")).concat(),
            joined(|byte| format!("{byte:02X}")).concat(),
            joined(|byte| format!("{byte:02x}")).join(" "),
            joined(|byte| format!("{byte:02x}")).join(":"),
            joined(|byte| byte.to_string()).join(","),
            joined(|byte| byte.to_string()).join(", "),
        ];
        for form in forms {
            assert_eq!(
                redactor.line(&format!("é before {form} after é")),
                format!("é before {MARK} after é")
            );
        }
        for before in ["", "a", "ab", "abc"] {
            let coded = BASE64_STANDARD_NO_PAD.encode(format!("{before}{PASSWORD}"));
            let shown = redactor.line(&coded);
            assert!(shown.contains(MARK) && shown.len() < MARK.len() + 8, "{coded} -> {shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        let mut redactor = redactor(&[PASSWORD, "abc"], "");
        for line in ["Zebra crossing", "abc", "nobody", ""] {
            assert_eq!(redactor.line(line), line);
        }
    }

    #[test]
    fn of_definitions_the_passwords_are_covered_and_nothing_else() {
        let definitions = r#"{"users": [{"name": "till", "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30"},
            {"name": "shop", "password": "open-sesame-1"}],
            "parameters": [{"name": "x", "value": {"src-uri": ["amqp://a:far-away-1@b", "amqp://a:far-/away-2@b"],
            "dest-uri": "amqp://a:far-away-3@b", "tokens": ["list-of-tokens-1"]}}]}"#;
        let mut redactor = redactor(&[definitions], "");
        let shown = redactor.line(
            "till kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30 shop open-sesame-1 far-away-1 far-/away-2 far-away-3 \
             list-of-tokens-1 users parameters",
        );
        assert_eq!(shown, "till •••• shop •••• •••• •••• •••• •••• users parameters");
    }

    #[test]
    fn what_the_script_made_of_a_password_is_covered() {
        let script =
            r#"run_step 'a/admin' put_admin '{"users":[{"password_hash":"kI3GCqW5JLMJa4iX1lo7","x":1}]}'"#;
        assert_eq!(redactor(&[], script).line("refused: kI3GCqW5JLMJa4iX1lo7"), "refused: ••••");
    }
}
