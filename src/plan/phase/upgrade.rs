use super::asked_for::{Target, target};
use super::roll::{Work, roll};
use super::{Draft, broker_config, conf_keys, feature_flags, over};
use crate::facts::BrokerState;
use crate::inventory::Host;
use crate::model::Version;
use crate::plan::Refusal;
use crate::platform::Words;
use crate::playbook::{Phase, UpgradeSettings, UpgradeTo};
use crate::rabbitmq::{BROKER_PACKAGE, CONF_FILE, Conf};

/// Brings every running broker to the version that is asked for, one at a time. Brokers that do not run get it with the
/// phase `packages`.
pub fn plan(draft: &mut Draft<'_>, settings: &UpgradeSettings) {
    let mut flags_enabled = false;
    for host in draft.brokers() {
        // What does not run gets its version before it starts, or was told why not.
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
            Target::NotOffered(wanted, offered) => {
                draft.refuse(
                    &host.name,
                    format!("no rabbitmq-server {wanted} is offered to this host"),
                    format!("its repositories offer {}", if offered.is_empty() { "none".to_owned() } else { offered.join(", ") }),
                    format!("add a repository that has it ({refresh} fetches what was published since), or ask for another"),
                );
                continue;
            }
        };
        if target == installed && cut_off.is_none() {
            continue;
        }
        if !matches!(facts.broker, BrokerState::Running(_)) {
            // In a bring-up it is started, and the next run upgrades it with the others.
            if settings.to == UpgradeTo::Newest {
                refuse_down(draft, host, &target, cut_off.as_deref());
            }
            continue;
        }
        let choice = match over::judged(draft, host, facts, &target) {
            Ok(choice) => choice,
            Err(problem) => {
                draft.refuse_problem(&host.name, problem);
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
        roll(draft, host, Work::Upgrade(vec![choice]), &reason, settings.patience);
    }
}

/// A rabbitmq.conf that the old version reads and the new one does not start with. One that this plan writes was judged
/// where it was made.
fn refuse_old_settings(draft: &mut Draft<'_>, host: &Host, release: Version) {
    if draft.held_back(&host.name).any(|file| file.path == CONF_FILE) {
        return;
    }
    let Some(text) = draft.host(&host.name).and_then(|facts| facts.file(CONF_FILE)?.content.clone()) else {
        return;
    };
    conf_keys::refuse_for(draft, host, &Conf::parse(&text), release);
}

fn refuse_down(draft: &mut Draft<'_>, host: &Host, target: &str, cut_off: Option<&str>) {
    draft.refuse(
        &host.name,
        format!("{} does not serve, so it cannot be upgraded to {target} with the others", host.node()),
        "one node is upgraded at a time, and all the others must run",
        match cut_off {
            Some(half) => format!("rabbitup up completes the interrupted installation of {half}, and starts it"),
            None => "rabbitup run start starts it and waits until it serves, rabbitup status says what is wrong with it"
                .to_owned(),
        },
    );
}
