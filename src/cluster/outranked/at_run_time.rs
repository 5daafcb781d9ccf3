//! Settings that were changed in a running node, whose files still say what the inventory says.

use std::collections::BTreeMap;

use super::{Outranked, Subject, take_out};
use crate::cluster::phrases::listed;
use crate::cluster::remedy::shell;
use crate::facts::{HostFacts, NodeFacts};
use crate::inventory::{ConfigEntry, ConfigValue, Desired, Host};
use crate::model::Advice;
use crate::rabbitmq::{CONF_FILE, Conf};

/// The limits that several keys of rabbitmq.conf set, by what these begin with, and the command that changes them at run time.
const LIMITS: [(&str, &str); 2] = [
    ("vm_memory_high_watermark", "set_vm_memory_high_watermark"),
    ("disk_free_limit", "set_disk_free_limit"),
];

/// Settings of the inventory that a running node has in its file, and does not go by: `rabbitmqctl set_…` changed them since it
/// started. Nothing where its next restart is planned for its file anyway, which brings them back.
pub(super) fn changed(desired: &Desired, host: &Host, facts: &HostFacts) -> Vec<Outranked> {
    let Some(node) = facts.node().filter(|node| has_read_its_file(facts, node)) else { return Vec::new() };
    let Some(changed) = &node.changed else { return Vec::new() };
    let file = facts.file(CONF_FILE).and_then(|file| file.content.as_deref()).unwrap_or_default();
    let file = Conf::parse(file);
    let is_in_file = |entry: &&ConfigEntry| match &entry.value {
        ConfigValue::Text(wanted) => file.get(&entry.key) == Some(wanted.trim()),
        ConfigValue::Secret(_) => false,
    };
    let mut by_command: BTreeMap<&str, Vec<(&ConfigEntry, &str)>> = BTreeMap::new();
    for entry in desired.cluster.config.iter().filter(is_in_file) {
        let Some((known_as, command)) = run_time_name(&entry.key) else { continue };
        if let Some(now) = changed.get(known_as) {
            by_command.entry(command).or_default().push((entry, now));
        }
    }
    by_command.into_iter().map(|(command, entries)| outranked_by(host, facts, command, &entries)).collect()
}

/// Whether the inventory sets something that can be changed at run time, and the running node did not say whether it was.
pub(crate) fn unknown(desired: &Desired, facts: &HostFacts) -> bool {
    let can_change = desired.cluster.config.iter().any(|entry| run_time_name(&entry.key).is_some());
    can_change && facts.node().is_some_and(|node| node.changed.is_none())
}

/// Under which name a node reports a change of this key, and the command that changes it.
fn run_time_name(key: &str) -> Option<(&str, &'static str)> {
    if key.starts_with("log.") && key.ends_with(".level") {
        return Some((key, "set_log_level"));
    }
    let (limit, _) = key.split_once('.')?;
    LIMITS.into_iter().find(|(name, _)| *name == limit)
}

/// Whether the node is known to have started after its file was written.
fn has_read_its_file(facts: &HostFacts, node: &NodeFacts) -> bool {
    facts.file(CONF_FILE).zip(node.started).is_some_and(|(file, started)| file.modified <= started)
}

fn outranked_by(
    host: &Host,
    facts: &HostFacts,
    command: &str,
    entries: &[(&ConfigEntry, &str)],
) -> Outranked {
    let keys = listed(entries.iter().map(|(entry, _)| format!("`{}`", entry.key)).collect::<Vec<_>>());
    let values = entries.iter().filter_map(|(entry, now)| match &entry.value {
        ConfigValue::Text(wanted) => {
            Some(format!("{}: {} in {CONF_FILE}, {now} in the node", entry.key, wanted.trim()))
        }
        ConfigValue::Secret(_) => None,
    });
    let values: Vec<String> = values.collect();
    // RabbitMQ reads it at each start, and it replaces the levels of the file.
    if let Some(set) = facts.environment.get("LOG").filter(|_| command == "set_log_level") {
        let found = Outranked::on(
            host,
            Subject::Settings,
            format!(
                "{} in {} sets log levels, so the inventory's {keys} may have no effect",
                set.variable, set.by
            ),
        );
        let found = found.seen(set.to_string());
        let found = values.into_iter().fold(found, Outranked::seen);
        return found
            .advise("take the variable out, or take the levels out of [cluster.config]:")
            .fix(take_out(host, facts, &set.variable, &set.by))
            .fix(Advice::Rabbitup("run rolling-restart older-than=0s".to_owned()));
    }
    let (it, value) = if entries.len() == 1 { ("it", "value") } else { ("them", "values") };
    let found = Outranked::on(
        host,
        Subject::Settings,
        format!(
            "rabbitmqctl {command} changed {keys} since the node started, so the inventory's {value} has no effect"
        ),
    );
    let found = found.seen(format!("{} keeps the changed value until it restarts", host.node()));
    let found = values.into_iter().fold(found, Outranked::seen);
    let found = found.advise(format!(
        "to keep the node's {value}, put {it} into [cluster.config]; to go back to the inventory's:"
    ));
    match back(command, entries) {
        Some(back) => found.fix(shell(host, Some(facts), &back)),
        None => found.fix(Advice::Rabbitup("run rolling-restart older-than=0s".to_owned())),
    }
}

/// The command that gives a running node the value of its file; none if levels of logs differ, which only a restart tells apart.
fn back(command: &str, entries: &[(&ConfigEntry, &str)]) -> Option<String> {
    let [(entry, _)] = entries else { return None };
    let ConfigValue::Text(wanted) = &entry.value else { return None };
    let wanted = wanted.trim();
    let (_, kind) = entry.key.rsplit_once('.')?;
    let words = match (command, kind) {
        ("set_vm_memory_high_watermark", "relative") => wanted.to_owned(),
        ("set_vm_memory_high_watermark", "absolute") => format!("absolute {wanted}"),
        ("set_disk_free_limit", "relative") => format!("mem_relative {wanted}"),
        ("set_disk_free_limit", "absolute") => wanted.to_owned(),
        _ => return None,
    };
    Some(format!("rabbitmqctl {command} {words}"))
}
