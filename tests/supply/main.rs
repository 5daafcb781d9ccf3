//! Third-party code: checks the parts of deny.toml that need no network, and that every dependency has a reason. Advisories need
//! a download; `make deny` checks them.

mod direct;
mod graph;
mod licences;
mod lock;

use serde::Deserialize;

/// The parts of deny.toml that these tests use; cargo-deny checks the rest.
#[derive(Deserialize)]
struct Policy {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Entry>,
    skip: Vec<Entry>,
}

/// `NAME`, or `NAME@VERSION`.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

fn read(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn policy() -> Policy {
    toml::from_str(&read("deny.toml")).expect("deny.toml has what is read here")
}
