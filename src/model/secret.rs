use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::HostName;

/// Bytes that nobody may see: no `Display`, no `Debug` of the content, no `Serialize`; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves, for the one place that hands them over a connection or computes a digest.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a plan refers to a secret without holding it: `cookie`, `admin`, `stats`, `config:KEY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretName(String);

impl SecretName {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn cookie() -> Self {
        Self::new("cookie")
    }

    /// A cookie made for this run, for a cluster that has none yet.
    pub fn new_cookie() -> Self {
        Self::new("new-cookie")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a secret comes from. This is what the inventory and a saved plan say instead of the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// Made on the controller when it is first needed.
    Generate,
    /// Read from a host's Erlang cookie file when it is first needed.
    HostCookie(HostName),
    /// Read on a host from the cookie that a rotation staged there.
    StagedCookie(HostName),
    /// A file on the controller; one trailing newline does not count.
    File(PathBuf),
    /// What a command on the controller prints; one trailing newline does not count.
    Command(Vec<String>),
    /// An environment variable of the controller.
    Env(String),
}

/// The secrets that the controller holds in memory during a run.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    known: BTreeMap<SecretName, Secret>,
}

impl Secrets {
    pub fn insert(&mut self, name: SecretName, secret: Secret) {
        self.known.insert(name, secret);
    }

    pub fn get(&self, name: &SecretName) -> Option<&Secret> {
        self.known.get(name)
    }

    /// All of them: for taking them out of what leaves this machine.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.known.values()
    }
}

/// Whether a key sounds like one whose value nobody may see: `default_pass`, `ssl_options.password`, `api_token`.
pub fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let last = key.rsplit(['.', '_', '-']).next().unwrap_or_default();
    ["password", "passwd", "passphrase", "secret", "token", "cookie"].iter().any(|word| key.ends_with(word))
        || last == "pass"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_secrets_are_known_by_their_last_word() {
        assert!(names_a_secret("default_pass") && names_a_secret("ssl_options.password"));
        assert!(!names_a_secret("default_user") && !names_a_secret("password_hashing_module"));
    }

    #[test]
    fn debug_never_shows_the_bytes() {
        let mut secrets = Secrets::default();
        secrets.insert(SecretName::cookie(), Secret::new(b"hunter2".to_vec()));
        assert!(!format!("{secrets:?}").contains("hunter2"));
        assert!(!format!("{:?}", Secret::new(vec![104, 117])).contains("104"));
    }
}
