//! What the inventory's loader accepts and rejects, and its messages. The snapshots show a terminal of 80 columns.

mod ansible;
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

/// Makes all secrets in tests/inventory/files private except one: git does not keep modes, and a world-readable file is a
/// warning.
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
    // Runs the commands, as a caller that needs them would.
    for command in loaded.desired.commands.values() {
        command.read().map_err(|problem| report(&[problem], 80, Graphics::Unicode))?;
    }
    Ok(loaded)
}

/// The output about an inventory: its errors or warnings.
fn said(text: &str) -> String {
    match load(text) {
        Ok(loaded) => report(&loaded.warnings, 80, Graphics::Unicode),
        Err(report) => report,
    }
}

/// One broker, and more lines for a test.
fn with_node(rest: &str) -> String {
    format!("[[host]]\nname = \"node1\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\n{rest}")
}

/// A broker, two load balancers, and more lines of `[load_balancer]`.
fn shared(lines: &str) -> String {
    with_node(&format!(
        "\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.8\"\nroles = [\"load-balancer\"]\n\n[[host]]\nname = \"lb2\"\n\
         address = \"10.0.0.9\"\nroles = [\"load-balancer\"]\n\n[load_balancer]\n{lines}\n"
    ))
}
