use std::fmt;

use serde::{Deserialize, Serialize};

/// A RabbitMQ or Erlang version: only the leading numbers, so `4.0.5-3+deb13u1` is 4.0.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// A string that does not start with a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version (like 4.0.5, or 4.0.* for a pattern)")]
pub struct VersionError(String);

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Parses an upstream version or a Debian package version, ignoring its epoch (`1:`) and revision.
    ///
    /// # Errors
    /// [`VersionError`] if the string has no leading number.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError(text.to_owned());
        let upstream = text.split_once(':').map_or(text, |(_, rest)| rest);
        let end = upstream.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(upstream.len());
        let mut numbers = upstream[..end].split('.').filter(|part| !part.is_empty());
        let major = numbers.next().ok_or_else(error)?.parse().map_err(|_| error())?;
        let mut next = || numbers.next().map_or(Ok(0), |n| n.parse().map_err(|_| error()));
        Ok(Self { major, minor: next()?, patch: next()? })
    }
}

impl Version {
    /// `4.0` of 4.0.5: versions within a series take each other's data.
    pub fn series(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}.{}", self.major, self.minor, self.patch))
    }
}

/// Which package versions an inventory accepts: `4.0.*`, `4.0.5`, or a full package version `4.0.5-3`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct VersionSpec(String);

impl VersionSpec {
    /// Parses a version pattern.
    ///
    /// # Errors
    /// [`VersionError`] if it does not start with a number or has characters that are invalid in a version.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".*:+~^_-".contains(c);
        if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(plain) {
            return Err(VersionError(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a package version satisfies the pattern. Without a `*` the pattern must equal the full package version or its
    /// upstream part.
    pub fn accepts(&self, package_version: &str) -> bool {
        let bare = package_version.split_once(':').map_or(package_version, |(_, rest)| rest);
        match self.0.split_once('*') {
            Some((head, _)) => bare.starts_with(head) || package_version.starts_with(head),
            None => {
                let upstream = bare.rsplit_once('-').map_or(bare, |(upstream, _)| upstream);
                [package_version, bare, upstream].contains(&self.0.as_str())
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for VersionSpec {
    type Error = VersionError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<VersionSpec> for String {
    fn from(spec: VersionSpec) -> Self {
        spec.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_revisions_and_epochs_are_ignored() {
        assert_eq!(Version::parse("3.10.8-1.1+deb12u1"), Ok(Version::new(3, 10, 8)));
        assert_eq!(Version::parse("1:27.3.4.1+dfsg-1"), Ok(Version::new(27, 3, 4)));
        assert_eq!(Version::parse("4.1"), Ok(Version::new(4, 1, 0)));
        assert!(Version::parse("main").is_err() && Version::parse("").is_err());
        assert!(Version::new(3, 9, 30) < Version::new(3, 10, 0));
    }

    #[test]
    fn patterns_accept_matching_versions() {
        let spec = |text| VersionSpec::parse(text).expect("a pattern");
        assert!(spec("4.0.*").accepts("4.0.5-3") && !spec("4.0.*").accepts("4.1.0-1"));
        assert!(spec("4.0.5").accepts("4.0.5-3") && !spec("4.0.5").accepts("4.0.50-1"));
        assert!(spec("27.*").accepts("1:27.3.4.1+dfsg-1"));
        assert!(VersionSpec::parse("$(id)").is_err() && VersionSpec::parse("latest").is_err());
    }
}
