//! Which version of the broker's package a host should have.

use super::Draft;
use crate::facts::HostFacts;
use crate::playbook::UpgradeTo;
use crate::rabbitmq::BROKER_PACKAGE;

/// The requested version, as far as this host can install it.
pub(super) enum Target {
    /// No version is requested.
    None,
    Is(String),
    /// The newest is requested, and the host's package lists have none.
    Unknown,
    /// The requested version, and those that are available.
    NotOffered(String, Vec<String>),
}

/// The package version that a host should have: that of the command line, else of the inventory, else the one that its package
/// manager would install.
pub(super) fn target(draft: &Draft<'_>, facts: &HostFacts, to: UpgradeTo) -> Target {
    let package = facts.packages.get(BROKER_PACKAGE).cloned().unwrap_or_default();
    let spec = draft.options.arguments.version.as_ref().or(draft.desired.package.version.as_ref());
    let Some(spec) = spec else {
        return match (to, package.candidate, package.half_installed) {
            (UpgradeTo::Newest, Some(candidate), _) => Target::Is(candidate),
            // An interrupted installation is completed, even if another version is offered by now.
            (_, _, Some(half)) => Target::Is(half),
            (UpgradeTo::Newest, None, None) => Target::Unknown,
            (UpgradeTo::Inventory, _, None) => Target::None,
        };
    };
    match package.installed.or(package.half_installed).filter(|installed| spec.accepts(installed)) {
        Some(installed) => Target::Is(installed),
        None => {
            match package.candidate.iter().chain(&package.offered).find(|version| spec.accepts(version)) {
                Some(version) => Target::Is(version.clone()),
                None => Target::NotOffered(spec.as_str().to_owned(), package.offered),
            }
        }
    }
}

/// The package version that the inventory asks for, if this host can install it.
pub(super) fn asked_for(draft: &Draft<'_>, facts: &HostFacts) -> Option<String> {
    match target(draft, facts, UpgradeTo::Inventory) {
        Target::Is(version) => Some(version),
        Target::None | Target::Unknown | Target::NotOffered(..) => None,
    }
}
