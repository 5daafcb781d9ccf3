use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a host: one or more RFC 1123 labels, lower case, at most 253 bytes. `node1` in a cluster with short names,
/// `node1.example.com` with long ones.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// Why a string is not a host name (RFC 1123, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostNameError {
    #[error("a host name cannot be empty")]
    Empty,
    #[error("a host name can have at most 253 bytes, this one has {0}")]
    TooLong(usize),
    #[error("the label {0:?} has more than 63 bytes")]
    LabelTooLong(String),
    #[error("{0:?} is not allowed in a host name (only a-z, 0-9, and hyphens between them)")]
    BadCharacter(char),
    #[error("a label must not be empty, and must not start or end with a hyphen")]
    BadEdge,
    #[error(
        "upper-case letters: Erlang compares node names case-sensitively, the resolver does not; write {0:?}"
    )]
    UpperCase(String),
    #[error("a host name of only digits would be parsed as an address")]
    Numeric,
}

impl HostName {
    /// Parses a host name.
    ///
    /// # Errors
    /// The first rule that the string breaks, as a [`HostNameError`].
    pub fn parse(text: &str) -> Result<Self, HostNameError> {
        if text.is_empty() {
            return Err(HostNameError::Empty);
        }
        if text.len() > 253 {
            return Err(HostNameError::TooLong(text.len()));
        }
        for label in text.split('.') {
            if label.len() > 63 {
                return Err(HostNameError::LabelTooLong(label.to_owned()));
            }
            if let Some(bad) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
                return Err(HostNameError::BadCharacter(bad));
            }
            if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
                return Err(HostNameError::BadEdge);
            }
        }
        if text.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(HostNameError::UpperCase(text.to_ascii_lowercase()));
        }
        if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(HostNameError::Numeric);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first label, as printed by `hostname -s`.
    pub fn short(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }

    /// Whether the name has a domain part, which requires `names = "long"`.
    pub fn is_qualified(&self) -> bool {
        self.0.contains('.')
    }
}

impl TryFrom<String> for HostName {
    type Error = HostNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_rfc_1123() {
        for good in ["node1", "a", "rabbit-2.example.com", "3com"] {
            assert_eq!(HostName::parse(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(HostName::parse(""), Err(HostNameError::Empty));
        assert_eq!(HostName::parse("node_1"), Err(HostNameError::BadCharacter('_')));
        assert_eq!(HostName::parse("-node"), Err(HostNameError::BadEdge));
        assert_eq!(HostName::parse("node..x"), Err(HostNameError::BadEdge));
        assert_eq!(HostName::parse("Node1"), Err(HostNameError::UpperCase("node1".to_owned())));
        assert_eq!(HostName::parse("10.0.0.1"), Err(HostNameError::Numeric));
        assert!(matches!(HostName::parse(&"a".repeat(64)), Err(HostNameError::LabelTooLong(_))));
        assert!(matches!(HostName::parse(&"a.".repeat(200)), Err(HostNameError::TooLong(400))));
    }
}
