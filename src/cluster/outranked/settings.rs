//! Files that RabbitMQ and systemd read in the place of rabbitup's, or after them.

use std::collections::BTreeSet;

use super::{Outranked, Subject, at_run_time, queue_places, take_out};
use crate::cluster::phrases::listed;
use crate::cluster::remedy::shell;
use crate::facts::{HostFacts, MainConfiguration};
use crate::inventory::{ConfigEntry, ConfigValue, Desired, Host};
use crate::model::Advice;
use crate::rabbitmq::{CONF_FILE, Conf, LIMITS_FILE, PLUGINS_FILE, known_keys, settings_in_terms};

/// What outranks the files that rabbitup writes for a broker.
pub(crate) fn settings(desired: &Desired, host: &Host, facts: &HostFacts) -> Vec<Outranked> {
    if !facts.environment.evaluated {
        return Vec::new();
    }
    let mut found: Vec<Outranked> =
        [main(desired, host, facts), plugins(desired, host, facts), limit(desired, host, facts)]
            .into_iter()
            .flatten()
            .collect();
    found.extend(later_files(desired, host, facts));
    found.extend(queue_places::moved_by_inventory(desired, host, facts));
    // A file that is read later wins after the next start, too, and is named already.
    if found.is_empty() {
        found.extend(at_run_time::changed(desired, host, facts));
    }
    found
}

/// Another main configuration file, or one in the old format.
fn main(desired: &Desired, host: &Host, facts: &HostFacts) -> Option<Outranked> {
    match &facts.environment.main {
        MainConfiguration::ErlangTerms(path) => {
            let text = facts.file(path).and_then(|file| file.content.as_deref()).unwrap_or_default();
            let set = settings_in_terms(text);
            let these =
                if set.is_empty() { "no setting that rabbitup can read".to_owned() } else { listed(&set) };
            let away = format!("mv {path} {path}.old");
            Some(
                Outranked::on(host, Subject::Settings, format!("{path} (the old format) is there, and RabbitMQ reads it instead of {CONF_FILE}"))
                    .seen(format!("it sets {these}; values are not shown"))
                    .advise("put what is still needed into [cluster.config], or, what has no key there, into /etc/rabbitmq/advanced.config; then move the file away:")
                    .fix(shell(host, Some(facts), &away))
                    .fix(Advice::Rabbitup("up".to_owned())),
            )
        }
        MainConfiguration::Current(path) | MainConfiguration::Absent(path) if path != CONF_FILE => {
            // An inventory without settings has nothing to write for a node that has a database.
            if desired.cluster.config.is_empty() && facts.data_of(&host.node()).is_some() {
                return None;
            }
            let set = facts.environment.get("CONFIG_FILE");
            let found = Outranked::on(
                host,
                Subject::Settings,
                format!("RabbitMQ reads {path} instead of {CONF_FILE}"),
            );
            let found = found.seen(
                set.map_or_else(|| format!("{} names it", facts.environment.file), ToString::to_string),
            );
            let found = found.advise("put its settings into [cluster.config], then take the variable out:");
            Some(match set {
                Some(set) => found
                    .fix(take_out(host, facts, &set.variable, &set.by))
                    .fix(Advice::Rabbitup("up".to_owned())),
                None => found,
            })
        }
        MainConfiguration::Current(_) | MainConfiguration::Absent(_) => None,
    }
}

/// Settings of the inventory that a file sets again which RabbitMQ reads after rabbitmq.conf.
fn later_files(desired: &Desired, host: &Host, facts: &HostFacts) -> Vec<Outranked> {
    let text = |path: &str| facts.file(path).and_then(|file| file.content.as_deref()).unwrap_or_default();
    let mut found = Vec::new();
    for path in &facts.environment.additional {
        let conf = Conf::parse(text(path));
        let again: Vec<String> =
            desired.cluster.config.iter().flat_map(|entry| set_again(entry, &conf)).collect();
        if again.is_empty() {
            continue;
        }
        found.push(outranked_by(host, facts, path, &again));
    }
    if let Some(path) = &facts.environment.advanced {
        let set = settings_in_terms(text(path));
        let sets = |entry: &&ConfigEntry| {
            known_keys().variable(&entry.key).is_some_and(|variable| set.contains(variable))
        };
        let again: Vec<String> =
            desired.cluster.config.iter().filter(sets).map(|entry| entry.key.clone()).collect();
        if !again.is_empty() {
            found.push(outranked_by(host, facts, path, &again));
        }
    }
    found
}

fn outranked_by(host: &Host, facts: &HostFacts, path: &str, again: &[String]) -> Outranked {
    let again: BTreeSet<String> = again.iter().map(|key| format!("`{key}`")).collect();
    let one = if again.len() == 1 { "it" } else { "them" };
    let away = format!("mv {path} {path}.old");
    Outranked::on(host, Subject::Settings, format!("{path} sets {} after {CONF_FILE}, so the inventory's value has no effect", listed(&again)))
        .seen(format!("RabbitMQ reads {path} after {CONF_FILE}, and the last value counts"))
        .advise(format!("take {one} out of that file, or out of [cluster.config]; if nothing in the file is needed, move it away:"))
        .fix(shell(host, Some(facts), &away))
        .fix(Advice::Rabbitup("up".to_owned()))
}

/// The keys of a file that replace this entry: the same key with another value, or one of the same variable that excludes it.
fn set_again(entry: &ConfigEntry, conf: &Conf) -> Vec<String> {
    /// Keys below these exclude each other.
    const ALTERNATIVES: [&str; 2] = ["vm_memory_high_watermark.", "disk_free_limit."];
    let same = |value: &str| match &entry.value {
        ConfigValue::Text(wanted) => wanted.trim() == value,
        // It is not known here, and nobody writes a secret twice for nothing.
        ConfigValue::Secret(_) => false,
    };
    let excludes = |key: &str| {
        key != entry.key
            && ALTERNATIVES.iter().any(|family| key.starts_with(family) && entry.key.starts_with(family))
    };
    let settings =
        conf.settings().filter(|(key, value)| (*key == entry.key && !same(value)) || excludes(key));
    settings.map(|(key, _)| key.to_owned()).collect()
}

/// Plugins from a variable, or from another file.
fn plugins(desired: &Desired, host: &Host, facts: &HostFacts) -> Option<Outranked> {
    let wanted = desired.cluster.plugins.as_ref()?;
    let list = facts.environment.get("ENABLED_PLUGINS").filter(|set| {
        let mut these: Vec<&str> =
            set.value.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        these.sort_unstable();
        these != wanted.iter().map(String::as_str).collect::<Vec<_>>()
    });
    let set = list
        .or_else(|| facts.environment.get("ENABLED_PLUGINS_FILE").filter(|set| set.value != PLUGINS_FILE))?;
    Some(
        Outranked::on(
            host,
            Subject::Settings,
            format!("the plugins come from {} in {}, not from the inventory", set.variable, set.by),
        )
        .seen(set.to_string())
        .advise("take the variable out, or take `plugins` out of the inventory:")
        .fix(take_out(host, facts, &set.variable, &set.by))
        .fix(Advice::Rabbitup("up".to_owned())),
    )
}

/// A drop-in that systemd reads after rabbitup's: those of all directories are sorted by name (systemd.unit(5)).
fn limit(desired: &Desired, host: &Host, facts: &HostFacts) -> Option<Outranked> {
    let wanted = desired.cluster.file_descriptors?;
    let now = facts.environment.file_descriptors.filter(|now| *now != wanted)?;
    let by = facts.environment.file_descriptors_by.as_deref()?;
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_later = by.contains(".service.d/") && by != LIMITS_FILE && name(by) > name(LIMITS_FILE);
    is_later.then(|| {
        Outranked::on(
            host,
            Subject::Settings,
            format!("{by} sets LimitNOFILE={now} after {LIMITS_FILE}, and the inventory wants {wanted}"),
        )
        .seen("systemd reads drop-ins in the order of their names, and the last value counts")
        .advise("take the line out of that file, or set file_descriptors in the inventory to its value:")
        .fix(shell(host, Some(facts), &format!("sed -i /^LimitNOFILE=/d {by}")))
        .fix(shell(host, Some(facts), "systemctl daemon-reload"))
        .fix(Advice::Rabbitup("up".to_owned()))
    })
}
