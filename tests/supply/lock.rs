use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::graph::Metadata;
use crate::{Entry, policy, read};

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

fn locked() -> Vec<Locked> {
    let lock: Lock = toml::from_str(&read("Cargo.lock")).expect("Cargo.lock has packages");
    lock.package
}

#[test]
fn everything_comes_from_one_registry_with_a_checksum() {
    let mut sources = BTreeSet::new();
    for package in locked().into_iter().filter(|package| package.name != "rabbitup") {
        let what = format!("{} {}", package.name, package.version);
        let source = package.source.unwrap_or_else(|| panic!("{what} comes from a path"));
        assert!(source.starts_with("registry+"), "{what} comes from {source}");
        let checksum = package.checksum.unwrap_or_default();
        assert!(
            checksum.len() == 64 && checksum.bytes().all(|c| c.is_ascii_hexdigit()),
            "{what}: {checksum:?}"
        );
        sources.insert(source);
    }
    assert_eq!(sources.len(), 1, "{sources:?}");
}

#[test]
fn nothing_that_is_banned_is_built() {
    let metadata = Metadata::load();
    let built: BTreeSet<&str> = metadata.tree().iter().map(|package| package.name.as_str()).collect();
    assert!(built.contains("tokio"), "the names are read");
    for Entry { name, reason } in policy().bans.deny {
        assert!(!built.contains(name.as_str()), "{name} is built: {reason}");
    }
}

#[test]
fn only_crates_in_deny_toml_have_two_versions() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let metadata = Metadata::load();
    for package in metadata.tree() {
        versions.entry(package.name.clone()).or_default().push(package.version.clone());
    }
    versions.retain(|_, versions| versions.len() > 1);
    for Entry { name, reason } in policy().bans.skip {
        assert!(!reason.is_empty(), "{name} has no reason");
        let (name, version) = name.split_once('@').expect("deny.toml's skip names a version");
        let there =
            versions.get_mut(name).unwrap_or_else(|| panic!("deny.toml skips {name}, which is there once"));
        let before = there.len();
        there.retain(|there| there != version);
        assert_eq!(there.len() + 1, before, "deny.toml skips {name} {version}, which is not there");
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "more than one version: {versions:?}");
}
