use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::HostName;

/// Secret bytes: no `Display`, no `Debug` of the content, no `Serialize`; wiped when dropped; compared in a time that reveals
/// only the length.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves, for sending them over a connection or computing a digest.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // black_box keeps the compiler from stopping at the first difference.
        let differing = |(a, b): (&u8, &u8)| std::hint::black_box(a ^ b);
        self.0.len() == other.0.len()
            && self.0.iter().zip(other.0.iter()).map(differing).fold(0, |all, one| all | one) == 0
    }
}

impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A plan's reference to a secret that it does not contain: `cookie`, `admin`, `stats`, `config:KEY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretName(String);

impl SecretName {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn cookie() -> Self {
        Self::new("cookie")
    }

    /// A cookie generated for this run, for a cluster without one.
    pub fn new_cookie() -> Self {
        Self::new("new-cookie")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The source of a secret. The inventory and a saved plan contain this instead of the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// Generated on the controller when first needed.
    Generate,
    /// Read from a host's Erlang cookie file when first needed.
    HostCookie(HostName),
    /// Read on a host from the cookie that a rotation staged there.
    StagedCookie(HostName),
    /// A file on the controller, without one trailing newline.
    File(PathBuf),
    /// The output of a command on the controller, without one trailing newline.
    Command(Vec<String>),
    /// An environment variable of the controller.
    Env(String),
}

/// The secrets in the controller's memory during a run.
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

    /// All secrets, for redacting data that leaves this machine.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.known.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not compile if the type has the trait: then two implementations would apply.
    macro_rules! assert_never {
        ($type:ty: $($trait:path),+) => {
            $({
                trait Ambiguous<A> {
                    fn fits() {}
                }
                impl<T: ?Sized> Ambiguous<()> for T {}
                struct Never;
                impl<T: ?Sized + $trait> Ambiguous<Never> for T {}
                <$type as Ambiguous<_>>::fits();
            })+
        };
    }

    #[test]
    fn only_expose_returns_the_bytes() {
        assert_never!(Secret: std::fmt::Display, std::fmt::LowerHex, std::ops::Deref, AsRef<[u8]>, AsRef<str>);
        assert_never!(Secret: serde::Serialize, serde::de::DeserializeOwned, std::hash::Hash, PartialOrd);
        assert_never!(Secret: Into<Vec<u8>>, Into<String>, std::borrow::Borrow<[u8]>, IntoIterator, Copy);
        assert_never!(Secrets: std::fmt::Display, serde::Serialize, IntoIterator);
    }

    #[test]
    fn secrets_with_the_same_bytes_are_equal() {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        assert_eq!(secret("monster"), secret("monster"));
        for other in ["", "monste", "monsters", "Monster", "monsteR", "mon\0ter"] {
            assert_ne!(secret("monster"), secret(other));
        }
    }

    /// The memory at an address of this process, as a core dump or a debugger would see it.
    #[cfg(target_os = "linux")]
    fn memory_at(address: usize, length: usize) -> Vec<u8> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; length];
        let memory = std::fs::File::open("/proc/self/mem").expect("a process sees its own memory");
        // Unmapped memory contains nothing any more.
        let _ = memory.read_at(&mut bytes, address as u64);
        bytes
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_dropped_secret_is_gone_from_memory() {
        // Large enough that other threads' small allocations do not reuse its middle at once.
        const LENGTH: usize = 64 << 10;
        let pattern = |fill: fn(Vec<u8>) -> Box<dyn std::any::Any>| {
            let bytes: Vec<u8> = b"hunter2!".iter().copied().cycle().take(LENGTH).collect();
            let middle = bytes.as_ptr() as usize + LENGTH / 2;
            drop(fill(bytes));
            String::from_utf8_lossy(&memory_at(middle, 64)).contains("hunter2!")
        };
        assert!(pattern(|bytes| Box::new(bytes)), "reading the memory finds data that was not wiped");
        assert!(!pattern(|bytes| Box::new(Secret::new(bytes))), "a dropped secret can still be read");
    }

    #[test]
    fn debug_never_shows_the_bytes() {
        let mut secrets = Secrets::default();
        secrets.insert(SecretName::cookie(), Secret::new(b"hunter2".to_vec()));
        assert!(!format!("{secrets:?}").contains("hunter2"));
        assert!(!format!("{:?}", Secret::new(vec![104, 117])).contains("104"));
    }
}
