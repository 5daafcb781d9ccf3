//! Which inventory a command line means.

use std::path::Path;

/// The inventory that is read if the command line names none.
pub const DEFAULT_INVENTORY: &str = "inventory.toml";
/// The environment variable that names another.
pub const INVENTORY_VARIABLE: &str = "RABBITUP_INVENTORY";

/// The directory of the inventory.
pub fn directory(inventory: &Path) -> &Path {
    inventory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
