//! Whether the RabbitMQ that will read a rabbitmq.conf knows all its keys: it does not start with an unknown one.

use super::{Draft, asked_for};
use crate::document::{alternatives, quoted};
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::Version;
use crate::plan::RefusalKind;
use crate::rabbitmq::{BROKER_PACKAGE, Conf, KeySupport, has_no_effect, known_keys, refused_value};

/// The RabbitMQ that is installed after the steps so far.
pub(super) fn installed(facts: &HostFacts) -> Option<Version> {
    facts.installed(BROKER_PACKAGE).and_then(|version| Version::parse(version).ok()).filter(|it| it.major > 0)
}

/// The RabbitMQ that starts with the file: the version that the inventory asks for, else the installed one. None if only
/// the host's package manager can tell.
pub(super) fn reader(draft: &Draft<'_>, host: &Host) -> Option<Version> {
    let facts = draft.host(&host.name)?;
    let asked_for = asked_for::asked_for(draft, facts).and_then(|version| Version::parse(&version).ok());
    asked_for.or_else(|| installed(facts))
}

/// Refuses keys that this RabbitMQ does not know; notes keys that cannot be checked.
pub(super) fn refuse_unknown(draft: &mut Draft<'_>, host: &Host, conf: &Conf) {
    if let Some(release) = reader(draft, host) {
        refuse_for(draft, host, conf, release);
    }
}

/// The same for a given release.
pub(super) fn refuse_for(draft: &mut Draft<'_>, host: &Host, conf: &Conf, release: Version) {
    let mut unjudged = Vec::new();
    for (key, value) in conf.settings() {
        if has_no_effect(key, release) {
            draft.note(
                &host.name,
                format!("`{key}` has no effect on RabbitMQ {release}; later versions do not start with it"),
            );
        }
        let why = match known_keys().standing(key, release) {
            KeySupport::Known => match refused_value(key, value, release) {
                Some(why) => why.to_owned(),
                None => continue,
            },
            KeySupport::ReleaseUnknown => {
                unjudged.push(key);
                continue;
            }
            KeySupport::Unknown { nearest } if nearest.is_empty() => {
                "no version of RabbitMQ has a setting of this name".to_owned()
            }
            KeySupport::Unknown { nearest } => {
                format!(
                    "no version of RabbitMQ has a setting of this name; did you mean {}?",
                    alternatives(&nearest)
                )
            }
            KeySupport::NotYet { since, schema } => format!("it was added in RabbitMQ {since} ({schema})"),
            KeySupport::Gone { last, schema } => {
                format!("RabbitMQ {last} was the last version with it ({schema})")
            }
        };
        draft.refuse(
            &host.name,
            RefusalKind::SettingUnknown,
            format!("RabbitMQ {release} does not start with `{key}` as rabbitmq.conf has it"),
            why,
            "correct it in [cluster.config], or remove it there",
        );
    }
    if !unjudged.is_empty() {
        let (_, last) = known_keys().series();
        let text = format!(
            "RabbitMQ {release} is newer than the settings that rabbitup knows (up to {last}); whether it has {} shows when \
             it starts",
            quoted(&unjudged)
        );
        draft.note(&host.name, text);
    }
}
