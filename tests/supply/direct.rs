//! Direct dependencies.

use std::collections::BTreeSet;

use crate::graph::Metadata;
use crate::read;

#[test]
fn every_dependency_has_a_reason_and_every_reason_a_dependency() {
    let metadata = Metadata::load();
    let declared: BTreeSet<&str> = metadata.root().dependencies.iter().map(|one| one.name.as_str()).collect();
    let page = read("docs/dependencies.md");
    // Rows of a table: | `name` | reason | … |
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let mut explained = BTreeSet::new();
    for (name, reason) in rows {
        let cells: Vec<&str> = reason.trim_end_matches([' ', '|']).split('|').map(str::trim).collect();
        assert!(cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()), "{name}: {reason}");
        assert!(explained.insert(name), "docs/dependencies.md has {name} twice");
    }
    assert_eq!(explained, declared, "left: docs/dependencies.md, right: Cargo.toml");
}

#[test]
fn no_dependency_accepts_any_version_or_has_another_source() {
    let metadata = Metadata::load();
    for dependency in &metadata.root().dependencies {
        assert!(!dependency.req.contains('*'), "{} takes any version", dependency.name);
        let source = dependency.source.as_deref().unwrap_or("a path");
        assert!(source.starts_with("registry+"), "{} comes from {source}", dependency.name);
    }
}

/// clippy checks the crate's own use of the standard library against the same version
/// (`clippy::incompatible_msrv`).
#[test]
fn the_rust_version_is_the_newest_that_a_crate_needs() {
    let number = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().expect("a number"));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    };
    let metadata = Metadata::load();
    let declared = number(metadata.root().rust_version.as_deref().expect("Cargo.toml has rust-version"));
    let tree = metadata.tree();
    let needed =
        tree.iter().filter_map(|package| Some((number(package.rust_version.as_deref()?), &package.name)));
    let (newest, name) = needed.max().expect("somebody says");
    assert_eq!(declared, newest, "left: Cargo.toml, right: what {name} needs");
}
