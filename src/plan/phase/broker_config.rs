use super::broker_file::{file, propose};
use super::{Draft, conf_keys, environment_file, outranked, plugin_files};
use crate::facts::{FileFacts, HostFacts, MainConfiguration};
use crate::inventory::Host;
use crate::model::{NodeName, Version, is_ours};
use crate::operation::{Operation, SetPlugins, Then, Validator};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, StepId, render};
use crate::rabbitmq::{
    CONF_FILE, Conf, LIMITS_FILE, PLUGINS_FILE, enabled_plugins, parse_enabled_plugins, waits_before_entering,
};
use crate::redact::redacted;
use crate::template::Rendered;

/// The broker's files: name mode, limits, rabbitmq.conf, plugins. A node reads them when it starts, so each
/// is written right before its node's start or restart ([`Draft::place_files`]): a file that prevents the first node from
/// starting is not on any other host. Plugins are switched while nodes run, on the first node before the others.
pub fn plan(draft: &mut Draft<'_>) {
    for host in draft.brokers() {
        outranked::refuse_settings(draft, host);
        environment_file::plan(draft, host);
        limits(draft, host);
        conf(draft, host);
        plugins(draft, host);
    }
}

fn limits(draft: &mut Draft<'_>, host: &Host) {
    let wanted = match render::limits(draft.templates, draft.desired) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return,
        Err(error) => return super::refuse_template(draft, &error),
    };
    let Some(facts) = draft.host(&host.name) else { return };
    let current = facts.file(LIMITS_FILE).and_then(|file| file.content.clone()).unwrap_or_default();
    let text = wanted.display_text();
    // Without our file the node may still have this limit, from its package's unit or another drop-in.
    let has_it = current.is_empty()
        && facts.node().is_some_and(|node| node.file_descriptors == draft.desired.cluster.file_descriptors);
    // What systemd has read counts: a file that was written, or taken away, without daemon-reload has no effect.
    let next = facts.environment.file_descriptors;
    let is_read = next.is_none() || next == draft.desired.cluster.file_descriptors;
    if has_it || (current == text && is_read) {
        return;
    }
    let reason = match current == text {
        true => "systemd has not read the file (daemon-reload)",
        false => "the file-descriptor limit differs from the inventory",
    };
    let mut write = file(LIMITS_FILE, "root", 0o644, wanted);
    write.then = Then::DaemonReload;
    propose(draft, host, "limits", write, reason, unified(&current, &text), &current);
}

/// rabbitmq.conf on a host, and as the inventory requires it.
struct Compared {
    current: Option<String>,
    wanted: Rendered,
    now: Conf,
    then: Conf,
}

/// Whether RabbitMQ reads rabbitmq.conf on this host.
fn reads_our_file(draft: &Draft<'_>, host: &Host) -> bool {
    let main = draft.host(&host.name).map(|facts| &facts.environment.main);
    match main {
        Some(MainConfiguration::Current(path) | MainConfiguration::Absent(path)) => path == CONF_FILE,
        Some(MainConfiguration::ErlangTerms(_)) => false,
        None => true,
    }
}

/// None if the file cannot be rendered, which is reported.
fn compared(draft: &mut Draft<'_>, host: &Host) -> Option<Compared> {
    let anchor = draft.desired.host(&draft.anchor).map(Host::node)?;
    let wanted = match render::rabbitmq_conf(draft.templates, draft.desired, host, &anchor) {
        Ok(wanted) => wanted,
        Err(error) => {
            super::refuse_template(draft, &error);
            return None;
        }
    };
    let Some(resolved) = draft.resolve(&wanted) else {
        draft.note(
            &host.name,
            format!("{CONF_FILE} needs a secret that is not available; it was not compared"),
        );
        return None;
    };
    let current = draft.host(&host.name)?.file(CONF_FILE).and_then(|file| file.content.clone());
    let now = Conf::parse(current.as_deref().unwrap_or_default());
    let then = Conf::parse(&String::from_utf8_lossy(resolved.expose()));
    Some(Compared { current, wanted, now, then })
}

fn conf(draft: &mut Draft<'_>, host: &Host) {
    // Refused, or the inventory sets nothing.
    if !reads_our_file(draft, host) {
        return;
    }
    let release = conf_keys::reader(draft, host);
    let Some(found) = compared(draft, host) else { return };
    let Some(facts) = draft.host(&host.name) else { return };
    let Compared { current, now, then, .. } = &found;
    // A node with a database ignores how blank nodes find their cluster, and needs no file that sets nothing else;
    // but it does not start with a removed setting of any kind.
    let outlived = release.is_some_and(|release| now.outlived(then, release));
    let same = match is_blank(facts, &host.node()) {
        true => current.is_some() && now == then,
        false => now.effective() == then.effective() && !outlived,
    };
    if same || (!outlived && keeps_its_own(draft, host, &found)) {
        return;
    }
    let reason = match current {
        None => "there is none",
        Some(_) if outlived => "it has settings of older versions, with which this version does not start",
        Some(_) => "its settings differ from the inventory",
    };
    conf_keys::refuse_unknown(draft, host, then);
    write_conf(draft, host, found, reason);
}

/// Whether a node keeps the settings that somebody else gave it: the inventory says nothing about any, as where a cluster is taken over. A
/// file that rabbitup wrote is another matter: its settings were taken out of the inventory.
fn keeps_its_own(draft: &mut Draft<'_>, host: &Host, found: &Compared) -> bool {
    let says_nothing = |text: &str, found: &Compared| !is_ours(text) && found.then.effective().is_empty();
    let own = found.current.as_deref().is_some_and(|text| says_nothing(text, found));
    let is_blank = draft.host(&host.name).is_none_or(|facts| is_blank(facts, &host.node()));
    if own && !is_blank {
        return true;
    }
    if is_blank && found.then.effective().is_empty() && draft.anchor != host.name {
        let theirs = draft.host(&draft.anchor).and_then(|facts| facts.file(CONF_FILE)?.content.as_deref());
        let has_settings =
            theirs.is_some_and(|text| !is_ours(text) && !Conf::parse(text).effective().is_empty());
        if has_settings {
            let text = format!(
                "it gets none of the settings that {} has in its own {CONF_FILE}: put them into [cluster.config], for all nodes",
                draft.anchor
            );
            draft.note(&host.name, text);
        }
    }
    false
}

/// Before an upgrade to a version that no longer waits before it enters, the setting that prevented the wait is removed (`enter.sh`
/// writes it). The next bring-up handles other differences from the inventory.
pub(super) fn end_startup_delay(draft: &mut Draft<'_>, host: &Host, release: Version) {
    if waits_before_entering(release) || draft.held_back(&host.name).any(|file| file.path == CONF_FILE) {
        return;
    }
    let Some(found) = compared(draft, host) else { return };
    if found.now.has_startup_delay() && found.now.effective() == found.then.effective() {
        write_conf(
            draft,
            host,
            found,
            "it has a setting of RabbitMQ before 3.8.18, with which 4.0 does not start",
        );
    }
}

fn write_conf(draft: &mut Draft<'_>, host: &Host, found: Compared, reason: &str) {
    let current = found.current.unwrap_or_default();
    let diff = unified(&redacted(&current), &redacted(&found.wanted.display_text()));
    let mode = if found.wanted.secrets().next().is_some() { 0o640 } else { 0o644 };
    let mut write = file(CONF_FILE, "rabbitmq", mode, found.wanted);
    write.validate = validator(draft, host);
    propose(draft, host, "conf", write, reason, diff, &current);
}

/// What validates rabbitmq.conf before it is written: the RabbitMQ that will read it, if it is installed by then. A
/// blank node needs no validator: it starts right after, and has no clients yet.
fn validator(draft: &Draft<'_>, host: &Host) -> Option<Validator> {
    let facts = draft.host(&host.name)?;
    let is_installed = conf_keys::reader(draft, host) == conf_keys::installed(facts);
    (is_installed && !is_blank(facts, &host.node())).then_some(Validator::Rabbitmq)
}

/// Whether the node on this host has never had a database.
fn is_blank(facts: &HostFacts, node: &NodeName) -> bool {
    facts.node().is_none() && facts.data_of(node).is_none()
}

fn plugins(draft: &mut Draft<'_>, host: &Host) {
    let Some(wanted) = draft.desired.cluster.plugins.clone() else { return };
    let Some(facts) = draft.host(&host.name) else { return };
    if let Some(node) = facts.node() {
        let mut enabled = node.plugins.clone();
        enabled.sort();
        if enabled == wanted {
            return;
        }
        let added: Vec<String> = wanted.iter().filter(|plugin| !enabled.contains(plugin)).cloned().collect();
        if plugin_files::refuse_missing(draft, host, &added) {
            return;
        }
        let reason = difference(&enabled, &wanted);
        let operation = SetPlugins { node: host.node(), plugins: wanted };
        let switches = |operation: &Operation| matches!(operation, Operation::SetPlugins(_));
        let first: Option<StepId> = draft.steps_that(switches).into_iter().next();
        return draft.propose(
            Proposal::new(&host.name, "plugins", Change::Command, operation)
                .title("switch plugins on the running node")
                .because(reason)
                .after(first)
                .within(300),
        );
    }
    let current = facts.file(PLUGINS_FILE).and_then(|file| file.content.clone()).unwrap_or_default();
    if plugin_files::refuse_missing(draft, host, &wanted) {
        return;
    }
    let enabled = parse_enabled_plugins(&current).unwrap_or_default();
    if enabled == wanted && !current.is_empty() {
        return;
    }
    let text = enabled_plugins(&wanted);
    let write = file(PLUGINS_FILE, "rabbitmq", 0o644, Rendered::from_text(&text));
    let reason = difference(&enabled, &wanted);
    propose(draft, host, "plugins", write, &reason, unified(&current, &text), &current);
}

fn difference(enabled: &[String], wanted: &[String]) -> String {
    let missing: Vec<&str> = wanted.iter().filter(|p| !enabled.contains(p)).map(String::as_str).collect();
    let extra: Vec<&str> = enabled.iter().filter(|p| !wanted.contains(p)).map(String::as_str).collect();
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("{} not enabled", missing.join(", ")));
    }
    if !extra.is_empty() {
        parts.push(format!("{} not in the inventory", extra.join(", ")));
    }
    parts.join("; ")
}

/// Whether a file is known to have changed after the node had read it.
pub(super) fn changed_since(file: Option<&FileFacts>, started: Option<u64>) -> bool {
    file.zip(started).is_some_and(|(file, started)| file.modified > started)
}
