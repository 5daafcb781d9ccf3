//! What the inventory's loader accepts, what it refuses, and what it says about it. The snapshots are what a person
//! sees in a terminal of 80 columns.

mod commands;
mod fixtures;
mod playbooks;
mod refusals;
mod robustness;
mod starters;
mod templates;

use std::path::Path;

use rabbitup::document::{Graphics, report};
use rabbitup::inventory::{Loaded, Options, SecretPolicy, load_text};

/// Makes the secrets of tests/inventory/files private, but for one: git keeps no modes, and a file open to others is a warning.
fn make_private() {
    use std::os::unix::fs::PermissionsExt;
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for file in std::fs::read_dir("tests/inventory/files").expect("the files").flatten() {
            let is_secret = file.path().extension().is_some_and(|end| end == "cookie" || end == "secret");
            if is_secret {
                let mode = if file.file_name() == "open.secret" { 0o644 } else { 0o600 };
                std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).expect("a mode");
            }
        }
    });
}

/// Loads a text as if it were inventory.toml in this package's root, where tests run.
fn load(text: &str) -> Result<Loaded, String> {
    make_private();
    let options = Options { secrets: SecretPolicy::Require };
    let loaded = load_text(Path::new("inventory.toml"), text, options)
        .map_err(|errors| errors.render(80, Graphics::Unicode))?;
    // As what needs them would have them run.
    for command in loaded.desired.commands.values() {
        command.read().map_err(|problem| report(&[problem], 80, Graphics::Unicode))?;
    }
    Ok(loaded)
}

/// What is printed about an inventory: its errors, or its warnings.
fn said(text: &str) -> String {
    match load(text) {
        Ok(loaded) => report(&loaded.warnings, 80, Graphics::Unicode),
        Err(report) => report,
    }
}

/// One broker, and whatever else a test needs.
fn with_node(rest: &str) -> String {
    format!("[[host]]\nname = \"node1\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\n{rest}")
}
