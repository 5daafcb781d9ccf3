//! Which version of the broker's package a host is to have.

use super::Draft;
use crate::facts::HostFacts;
use crate::playbook::UpgradeTo;
use crate::rabbitmq::BROKER_PACKAGE;

/// What is asked for, as far as this host can have it.
pub(super) enum Target {
    /// Nobody asks for a version.
    None,
    Is(String),
    /// What was asked for, and what there is.
    NotOffered(String, Vec<String>),
}

/// The package version that a host is to have: what the command line asks for, else the inventory, else what its package
/// manager would install.
pub(super) fn target(draft: &Draft<'_>, facts: &HostFacts, to: UpgradeTo) -> Target {
    let package = facts.packages.get(BROKER_PACKAGE).cloned().unwrap_or_default();
    let spec = draft.options.arguments.version.as_ref().or(draft.desired.package.version.as_ref());
    let Some(spec) = spec else {
        return match (to, package.candidate, package.half_installed) {
            (UpgradeTo::Newest, Some(candidate), _) => Target::Is(candidate),
            // What was begun is ended, whatever else is offered by now.
            (_, _, Some(half)) => Target::Is(half),
            _ => Target::None,
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

/// The package version that the inventory asks for, where this host can have it.
pub(super) fn asked_for(draft: &Draft<'_>, facts: &HostFacts) -> Option<String> {
    match target(draft, facts, UpgradeTo::Inventory) {
        Target::Is(version) => Some(version),
        Target::None | Target::NotOffered(..) => None,
    }
}
