use std::collections::BTreeSet;

use spdx::{Expression, LicenseReq, ParseMode};

use crate::graph::Metadata;
use crate::policy;

/// Crates of before 2018 write `MIT/Apache-2.0`.
fn parse(text: &str) -> Expression {
    Expression::parse_mode(text, ParseMode::LAX).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[test]
fn every_licence_is_allowed_and_every_allowed_licence_is_used() {
    let allowed: BTreeSet<String> = policy().licenses.allow.into_iter().collect();
    let mut found = BTreeSet::new();
    let mut refused = Vec::new();
    for package in Metadata::load().tree() {
        let Some(text) = &package.license else {
            refused.push(format!("{} names no licence", package.name));
            continue;
        };
        let expression = parse(text);
        let is_allowed = |needed: &LicenseReq| allowed.contains(&needed.to_string());
        if !expression.evaluate(is_allowed) {
            refused.push(format!("{} {}: {text}", package.name, package.version));
        }
        found.extend(expression.requirements().map(|part| part.req.to_string()));
    }
    assert!(refused.is_empty(), "not in deny.toml's list:\n{}", refused.join("\n"));
    let unused: Vec<&String> = allowed.difference(&found).collect();
    assert!(unused.is_empty(), "deny.toml allows what nothing here has: {unused:?}");
}
