use super::asked_for::{Target, target};
use super::roll::{RollKind, roll};
use super::{Draft, bring_back, broker_config, conf_keys, feature_flags, over};
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::Host;
use crate::model::{Advice, HostName, Next, Version};
use crate::plan::{Refusal, RefusalKind};
use crate::platform::Words;
use crate::playbook::{Phase, UpgradeSettings, UpgradeTo};
use crate::rabbitmq::{BROKER_PACKAGE, CONF_FILE, Conf};

/// Upgrades every running broker to the requested version, one at a time. Stopped brokers get it in the
/// phase `packages`.
pub fn plan(draft: &mut Draft<'_>, settings: &UpgradeSettings) {
    let mut flags_enabled = false;
    for host in draft.brokers() {
        // A stopped broker gets its version before it starts, or was refused it.
        let is_told = |refusal: &Refusal| {
            refusal.phase == Phase::Packages && refusal.problem.host.as_ref() == Some(&host.name)
        };
        if draft.refusals.iter().any(is_told) {
            continue;
        }
        let Some(facts) = draft.host(&host.name) else { continue };
        let package = facts.packages.get(BROKER_PACKAGE).cloned().unwrap_or_default();
        let cut_off = package.half_installed;
        let Some(installed) = package.installed.or(cut_off.clone()) else { continue };
        let Words { refresh, interrupted, .. } = facts.system.family.words();
        let target = match target(draft, facts, settings.to) {
            Target::None => continue,
            Target::Is(version) => version,
            Target::Unknown => {
                draft.refuse(
                    &host.name,
                    RefusalKind::UpgradeOfferUnknown,
                    "which versions of rabbitmq-server are offered to this host is not known",
                    "its package lists were never fetched",
                    refreshed(draft, host, refresh),
                );
                continue;
            }
            Target::NotOffered(wanted, offered) => {
                draft.refuse(
                    &host.name,
                    RefusalKind::UpgradeNotOffered,
                    format!("no rabbitmq-server {wanted} is offered to this host"),
                    format!(
                        "its repositories offer {}",
                        if offered.is_empty() { "none".to_owned() } else { offered.join(", ") }
                    ),
                    Next::say("request another version, or add a repository that has it, and:")
                        .and_all(refreshed(draft, host, refresh)),
                );
                continue;
            }
        };
        if let Some((other, theirs)) = newer_elsewhere(draft, host, facts, &target, settings.to) {
            draft.refuse(
                &host.name,
                RefusalKind::UpgradeOfferedElsewhere,
                format!("rabbitmq-server {theirs}, which {other} is offered, is not offered to this host"),
                format!("the newest that it is offered is {target}; the nodes of a cluster run one version"),
                Next::say("this fetches what was published since:")
                    .and_all(refreshed(draft, host, refresh))
                    .also("if that changes nothing, give all brokers the same repositories"),
            );
            continue;
        }
        if target == installed && cut_off.is_none() {
            continue;
        }
        if !matches!(facts.broker, BrokerState::Running(_)) {
            // A bring-up starts it, and the next run upgrades it with the others.
            if settings.to == UpgradeTo::Newest {
                refuse_down(draft, host, &target, cut_off.as_deref());
            }
            continue;
        }
        let choice = match over::judged(draft, host, facts, &target) {
            Ok(choice) => choice,
            Err(reason) => {
                draft.refuse_for(&host.name, reason);
                continue;
            }
        };
        if let Ok(release) = Version::parse(&target) {
            broker_config::end_startup_delay(draft, host, release);
            refuse_old_settings(draft, host, release);
        }
        if !flags_enabled {
            feature_flags::before_upgrade(draft);
            flags_enabled = true;
        }
        let reason = match cut_off {
            Some(half) => format!("{half} is partly installed: {interrupted}"),
            None => format!("{installed} is installed"),
        };
        roll(draft, host, RollKind::Upgrade(vec![choice]), &reason, settings.patience);
    }
}

/// New package lists on the host, and this command again.
fn refreshed(draft: &Draft<'_>, host: &Host, refresh: &str) -> Next {
    let again = Advice::Command(draft.options.command.clone());
    Next::default().and(draft.on_host(&host.name, refresh)).and(again)
}

/// A rabbitmq.conf that the old version reads but the new one does not start with. One that this plan writes was checked
/// when it was made.
fn refuse_old_settings(draft: &mut Draft<'_>, host: &Host, release: Version) {
    if draft.held_back(&host.name).any(|file| file.path == CONF_FILE) {
        return;
    }
    let Some(text) = draft.host(&host.name).and_then(|facts| facts.file(CONF_FILE)?.content.clone()) else {
        return;
    };
    conf_keys::refuse_for(draft, host, &Conf::parse(&text), release);
}

/// A newer version that another broker is offered and would be upgraded to, where this host does not know it: package lists of
/// different age, or other repositories.
fn newer_elsewhere(
    draft: &Draft<'_>,
    host: &Host,
    facts: &HostFacts,
    ours: &str,
    to: UpgradeTo,
) -> Option<(HostName, String)> {
    let here = facts.packages.get(BROKER_PACKAGE)?;
    draft.brokers().into_iter().filter(|other| other.name != host.name).find_map(|other| {
        let seen = draft.host(&other.name)?;
        let Target::Is(theirs) = target(draft, seen, to) else { return None };
        let there = seen.packages.get(BROKER_PACKAGE)?;
        let place = |version: &str| there.offered.iter().position(|offered| offered == version);
        let is_newer = match (Version::parse(&theirs), Version::parse(ours)) {
            (Ok(their), Ok(our)) if their != our => their > our,
            // The same release in a newer package: each host's list has the newest first.
            _ => place(&theirs).zip(place(ours)).is_some_and(|(their, our)| their < our),
        };
        (is_newer && !here.offered.contains(&theirs)).then(|| (other.name.clone(), theirs))
    })
}

fn refuse_down(draft: &mut Draft<'_>, host: &Host, target: &str, cut_off: Option<&str>) {
    draft.refuse(
        &host.name,
        RefusalKind::UpgradeOfStoppedNode,
        format!("{} does not serve, so it cannot be upgraded to {target} with the others", host.node()),
        "one node is upgraded at a time, and all the others must run",
        match cut_off {
            Some(half) => {
                Next::say(format!("this completes the interrupted installation of {half}, and starts it:"))
                    .rabbitup("up")
            }
            None => bring_back::next(draft, host),
        },
    );
}
