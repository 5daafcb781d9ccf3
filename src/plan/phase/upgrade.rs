use super::roll::{Work, roll};
use super::{Draft, conf_keys, feature_flags};
use crate::facts::{BrokerState, HostFacts, MetadataStore, NodeFacts};
use crate::inventory::Host;
use crate::model::Version;
use crate::plan::PackageChoice;
use crate::plan::view::listed;
use crate::playbook::{UpgradeSettings, UpgradeTo};
use crate::rabbitmq::{BROKER_PACKAGE, CONF_FILE, Conf, has_mirrored_queues, upgrades_to};

/// Brings every running broker to the version that is asked for, one at a time. Brokers that do not run get it with the
/// phase `packages`.
pub fn plan(draft: &mut Draft<'_>, settings: &UpgradeSettings) {
    let mut flags_enabled = false;
    for host in draft.brokers() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let package = facts.packages.get(BROKER_PACKAGE).cloned().unwrap_or_default();
        let cut_off = package.half_installed;
        let Some(installed) = package.installed.or(cut_off.clone()) else { continue };
        let target = match target(draft, facts, settings.to) {
            Target::None => continue,
            Target::Is(version) => version,
            Target::NotOffered(wanted, offered) => {
                draft.refuse(
                    &host.name,
                    format!("no rabbitmq-server {wanted} is offered to this host"),
                    format!("its repositories offer {}", if offered.is_empty() { "none".to_owned() } else { offered.join(", ") }),
                    "add a repository that has it (apt-get update fetches what was published since), or ask for another",
                );
                continue;
            }
        };
        if target == installed && cut_off.is_none() {
            continue;
        }
        let BrokerState::Running(node) = facts.broker.clone() else {
            // In a bring-up it is started, and the next run upgrades it with the others.
            if settings.to == UpgradeTo::Newest {
                refuse_down(draft, host, &target, cut_off.as_deref());
            }
            continue;
        };
        if let Err((why, advice)) = allowed(&node, &installed, &target) {
            draft.refuse(&host.name, format!("no upgrade from {installed} to {target}"), why, advice);
            continue;
        }
        refuse_old_settings(draft, host, &target);
        if !flags_enabled {
            feature_flags::before_upgrade(draft);
            flags_enabled = true;
        }
        let choice = PackageChoice { name: BROKER_PACKAGE.to_owned(), version: Some(target) };
        let reason = match cut_off {
            Some(half) => format!("{half} is there in part: dpkg was cut off"),
            None => format!("{installed} is installed"),
        };
        roll(draft, host, Work::Upgrade(vec![choice]), &reason, settings.patience);
    }
}

/// The package version that the inventory asks for, where this host can have it.
pub(super) fn asked_for(draft: &Draft<'_>, facts: &HostFacts) -> Option<String> {
    match target(draft, facts, UpgradeTo::Inventory) {
        Target::Is(version) => Some(version),
        Target::None | Target::NotOffered(..) => None,
    }
}

/// A rabbitmq.conf that the old version reads and the new one does not start with. One that this plan writes was judged
/// where it was made.
fn refuse_old_settings(draft: &mut Draft<'_>, host: &Host, target: &str) {
    let Ok(release) = Version::parse(target) else { return };
    if draft.held_back(&host.name).any(|file| file.path == CONF_FILE) {
        return;
    }
    let Some(text) = draft.host(&host.name).and_then(|facts| facts.file(CONF_FILE)?.content.clone()) else {
        return;
    };
    conf_keys::refuse_for(draft, host, &Conf::parse(&text), release);
}

enum Target {
    /// Nobody asks for a version.
    None,
    Is(String),
    /// What was asked for, and what there is.
    NotOffered(String, Vec<String>),
}

/// The package version that a host is to have: what the command line asks for, else the inventory, else what its package
/// manager would install.
fn target(draft: &Draft<'_>, facts: &HostFacts, to: UpgradeTo) -> Target {
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

fn refuse_down(draft: &mut Draft<'_>, host: &Host, target: &str, cut_off: Option<&str>) {
    draft.refuse(
        &host.name,
        format!("{} does not serve, so it cannot be upgraded to {target} with the others", host.node()),
        "one node is upgraded at a time, and all the others must run",
        match cut_off {
            Some(half) => format!("rabbitup up ends the installation of {half}, which was cut off, and starts it"),
            None => "rabbitup run start starts it and waits until it serves, rabbitup status says what is wrong with it"
                .to_owned(),
        },
    );
}

type WhyNot = (String, String);

/// Whether RabbitMQ supports the way from one version to another.
fn allowed(node: &NodeFacts, installed: &str, target: &str) -> Result<(), WhyNot> {
    let (Ok(from), Ok(to)) = (Version::parse(installed), Version::parse(target)) else {
        return Err(("these are no version numbers".to_owned(), "install by hand".to_owned()));
    };
    let no = |why: String, advice: &str| Err((why, advice.to_owned()));
    if to < from {
        return no(
            "RabbitMQ does not go back to an older version: its data and feature flags stay new".to_owned(),
            "ask for a newer version",
        );
    }
    if let Err(Some(series)) = &upgrades_to(from, to)
        && *series == from.series()
    {
        return no(
            format!("{} needs feature flags that {series} has only in its last versions", to.series()),
            &format!("go to the newest {series} first: rabbitup run upgrade version={series}.*"),
        );
    }
    if let Err(by_way_of) = upgrades_to(from, to) {
        return no(
            format!("RabbitMQ supports no upgrade from {} to {} in one step", from.series(), to.series()),
            &match by_way_of {
                Some(series) => format!("go by way of {series}: rabbitup run upgrade version={series}.*"),
                None => "rabbitmq.com/docs/upgrade lists the ways there are".to_owned(),
            },
        );
    }
    let to_four = from < Version::new(4, 0, 0) && to >= Version::new(4, 0, 0);
    if to_four && node.metadata_store == MetadataStore::Khepri {
        return no(
            "3.13 with Khepri cannot be upgraded to 4.x (its Khepri was experimental)".to_owned(),
            "build a new cluster beside it and move clients and messages over (blue-green)",
        );
    }
    if !has_mirrored_queues(to) && !node.mirroring_policies.is_empty() {
        let policies: Vec<&String> = node.mirroring_policies.iter().take(3).collect();
        return no(
            format!(
                "{} mirrored queues, which {} does not have: they would live on one node only (policy {})",
                if node.queues.iter().any(|q| q.kind == crate::facts::QueueKind::Mirrored) {
                    "there are"
                } else {
                    "policies make"
                },
                to.series(),
                listed(&policies)
            ),
            "move their messages to quorum queues and delete the policies first",
        );
    }
    Ok(())
}
