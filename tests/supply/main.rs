//! Other people's code: what of deny.toml can be checked without a network, and that every dependency has a
//! reason. Advisories need a download; `make deny` looks at them.

mod direct;
mod graph;
mod licences;
mod lock;

use serde::Deserialize;

/// What these tests read of deny.toml; cargo-deny knows the rest.
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
