//! The whole dependency tree from cargo, including tests, for the platform in deny.toml.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;

use crate::policy;

#[derive(Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
    /// `NAME VERSION` of the built crates; `metadata` also resolves crates of disabled features.
    #[serde(skip)]
    built: BTreeSet<String>,
}

#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    pub rust_version: Option<String>,
    pub dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    pub req: String,
    pub source: Option<String>,
}

impl Metadata {
    pub fn load() -> Self {
        let target = &policy().graph.targets[0];
        let text = cargo(&["metadata", "--format-version", "1", "--filter-platform", target]);
        let mut metadata: Self = serde_json::from_str(&text).expect("cargo's metadata");
        // `NAME vVERSION`, then the kind of package.
        let tree = cargo(&["tree", "--target", target, "--prefix", "none", "--no-dedupe"]);
        let words = |line: &str| {
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
        };
        metadata.built = tree.lines().filter_map(words).collect();
        metadata
    }

    pub fn root(&self) -> &Package {
        let root = self.packages.iter().find(|package| package.name == env!("CARGO_PKG_NAME"));
        root.expect("this package is in its own tree")
    }

    /// Every package built on that platform, except this one.
    pub fn tree(&self) -> Vec<&Package> {
        let is_built =
            |package: &&Package| self.built.contains(&format!("{} {}", package.name, package.version));
        let tree: Vec<&Package> = self.packages.iter().filter(is_built).collect();
        assert_eq!(tree.len(), self.built.len(), "cargo's two answers name the same packages");
        tree.into_iter().filter(|package| package.name != env!("CARGO_PKG_NAME")).collect()
    }
}

fn cargo(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(words)
        .arg("--locked")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints text")
}
