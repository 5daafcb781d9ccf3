//! Whether a name indicates that its value is a secret.

/// Words for a secret. They match as a part of a name (`default_pass`) and at its end (`authtoken`).
const WORDS: [&str; 10] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "cookie",
    "credential",
    "credentials",
];

/// Words for a secret that match only as a whole part between dots, dashes and underscores: `compass` does not match.
const WHOLE_WORDS: [&str; 12] = [
    "pass",
    "pwd",
    "tokens",
    "cookies",
    "passcode",
    "psk",
    "authorization",
    "apikey",
    "privatekey",
    "secretkey",
    "accesskey",
    "userpass",
];

/// Words that make a key secret: `api_key`, `private key`, but not a routing key.
const KINDS_OF_KEY: [&str; 11] = [
    "api",
    "private",
    "secret",
    "access",
    "encryption",
    "signing",
    "shared",
    "master",
    "hmac",
    "account",
    "symmetric",
];

/// Last words of names that describe a secret without containing it: `token_path`, `password_hashing_module`.
const ABOUT: [&str; 37] = [
    "file",
    "files",
    "path",
    "dir",
    "directory",
    "module",
    "endpoint",
    "url",
    "uri",
    "name",
    "names",
    "type",
    "length",
    "size",
    "algorithm",
    "count",
    "age",
    "mode",
    "owner",
    "group",
    "timeout",
    "ttl",
    "expiry",
    "expires",
    "expired",
    "backend",
    "provider",
    "policy",
    "regexp",
    "min",
    "max",
    "version",
    "state",
    "status",
    "format",
    "user",
    "username",
];

/// Second words of names in prose: the `hash` of `cookie hash`.
const SECOND_WORDS: [&str; 6] = ["hash", "digest", "key", "value", "string", "phrase"];

/// Whether a key's value is a secret, by its name: `default_pass`, `ssl_options.password`, `apiToken`.
pub fn names_a_secret(key: &str) -> bool {
    let parts = parts(key);
    let Some(last) = parts.last() else { return false };
    if ["PWD", "OLDPWD"].contains(&key) || (parts.len() > 1 && ABOUT.contains(&last.as_str())) {
        return false;
    }
    let is_key = ["key", "keys"].contains(&last.as_str());
    let kind = parts.iter().rev().nth(1).is_some_and(|kind| KINDS_OF_KEY.contains(&kind.as_str()));
    (is_key && kind) || parts.iter().any(|part| is_secret_word(part))
}

/// Whether two consecutive words name a secret: `cookie hash`, `api key`, `pass phrase`.
pub(super) fn pair_names_a_secret(first: &str, second: &str) -> bool {
    let second = second.to_ascii_lowercase();
    SECOND_WORDS.contains(&second.as_str())
        && (names_a_secret(first)
            || (second == "key" && KINDS_OF_KEY.contains(&&*first.to_ascii_lowercase())))
}

fn is_secret_word(part: &str) -> bool {
    let part = part.trim_end_matches(|c: char| c.is_ascii_digit());
    WHOLE_WORDS.contains(&part) || WORDS.iter().any(|word| part.ends_with(word))
}

/// The parts of a name, in lower case: split at dots, dashes, underscores and camel-case boundaries.
fn parts(key: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut before = ' ';
    for c in key.chars() {
        let border = !c.is_ascii_alphanumeric();
        if (border || (c.is_ascii_uppercase() && before.is_ascii_lowercase())) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if !border {
            part.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_about_them() {
        for key in [
            "default_pass",
            "ssl_options.password",
            "RABBITMQ_DEFAULT_PASS",
            "password_hash",
            "apiToken",
            "api_key",
            "cluster_formation.aws.secret_key",
            "-setcookie",
            "credentials",
            "authtoken",
            "private-key",
            "PGPASSWORD",
            "Authorization",
            "password2",
            "auth_ldap.dn_lookup_bind.password",
            "insecure-password",
        ] {
            assert!(names_a_secret(key), "{key}");
        }
        for key in [
            "default_user",
            "password_hashing_module",
            "cookie_file",
            "routing_key",
            "key",
            "PWD",
            "compass",
            "bypass",
            "cluster_formation.k8s.token_path",
            "auth_oauth2.token_endpoint",
            "credential_validator.min_length",
            "credential_validator.validation_backend",
            "ssl_options.keyfile",
            "access_key_id",
            "",
            "...",
        ] {
            assert!(!names_a_secret(key), "{key}");
        }
        assert!(pair_names_a_secret("cookie", "hash") && pair_names_a_secret("api", "key"));
        assert!(!pair_names_a_secret("routing", "key") && !pair_names_a_secret("cookie", "file"));
    }
}
