use std::fmt;

use serde::{Deserialize, Serialize};

/// The fingerprint of an OpenPGP key: 40 hexadecimal digits (RFC 4880, 12.2), in capitals and without spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyFingerprint(String);

/// Not 40 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the fingerprint of a key: it has 40 hexadecimal digits")]
pub struct KeyFingerprintError(String);

impl KeyFingerprint {
    /// Parses a fingerprint as gpg prints it, with or without spaces.
    ///
    /// # Errors
    /// [`KeyFingerprintError`] for anything else, such as a short key id, which others can forge.
    pub fn parse(text: &str) -> Result<Self, KeyFingerprintError> {
        let digits: String =
            text.chars().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        if digits.len() == 40 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
            Ok(Self(digits))
        } else {
            Err(KeyFingerprintError(text.to_owned()))
        }
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for KeyFingerprint {
    type Error = KeyFingerprintError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<KeyFingerprint> for String {
    fn from(key: KeyFingerprint) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_fingerprint_and_nothing_less() {
        let spaced = "0a9a f211 5f46 87bd 2980  3a20 6b73 a36e 6026 dfca";
        assert_eq!(
            KeyFingerprint::parse(spaced).map(String::from).as_deref(),
            Ok("0A9AF2115F4687BD29803A206B73A36E6026DFCA")
        );
        assert!(KeyFingerprint::parse("6026DFCA").is_err());
        assert!(KeyFingerprint::parse(&spaced.replace('0', "g")).is_err());
    }
}
