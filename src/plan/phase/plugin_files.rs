//! Whether the files of the plugins are there, before a node is told to enable them: `rabbitmq-plugins` fails without, and a node that
//! starts only logs that it does not find them.

use std::collections::BTreeSet;

use super::{Draft, conf_keys};
use crate::cluster::phrases::listed;
use crate::cluster::plugin_files::{missing, moved};
use crate::facts::{HostFacts, NodeFacts};
use crate::inventory::Host;
use crate::model::{Problem, Version};
use crate::plan::RefusalKind;
use crate::rabbitmq::{PLUGINS_DIRECTORY, VERSIONS_DIRECTORY, is_ever_shipped, ships};

/// Refuses plugins without a file. Returns whether it refused.
pub(super) fn refuse_missing(draft: &mut Draft<'_>, host: &Host, plugins: &[String]) -> bool {
    let Some(facts) = draft.host(&host.name) else { return false };
    if let Some(set) = moved(facts) {
        let unknown: Vec<&String> = plugins.iter().filter(|plugin| !is_ever_shipped(plugin)).collect();
        if !unknown.is_empty() {
            let text = format!(
                "{} sets {}; whether {} is there shows when it is enabled",
                set.by,
                set.variable,
                listed(unknown)
            );
            draft.note(&host.name, text);
        }
        return false;
    }
    let release = conf_keys::reader(draft, host);
    let problems: Vec<Problem> =
        plugins.iter().filter_map(|plugin| missing(facts, plugin, release)).collect();
    let refused = !problems.is_empty();
    for problem in problems {
        draft.refuse_problem(&host.name, RefusalKind::PluginMissing, problem);
    }
    refused
}

/// Refuses an upgrade to a release that would start without a plugin that is enabled: RabbitMQ only logs that it does not find one, or that
/// one is for another version, and serves without it. Returns whether it refused.
pub(super) fn refuse_lost(draft: &mut Draft<'_>, host: &Host, release: Version) -> bool {
    let Some((facts, node)) = draft.host(&host.name).and_then(|facts| Some((facts, facts.node()?))) else {
        return false;
    };
    if moved(facts).is_some() {
        return false;
    }
    let wanted = draft.desired.cluster.plugins.iter().flatten();
    let enabled: BTreeSet<&String> = node.plugins.iter().chain(wanted).collect();
    let problems: Vec<Problem> =
        enabled.into_iter().filter_map(|plugin| lost(facts, node, plugin, release)).collect();
    let refused = !problems.is_empty();
    for problem in problems {
        draft.refuse_problem(&host.name, RefusalKind::PluginLost, problem);
    }
    refused
}

/// What keeps an enabled plugin from running on this release.
fn lost(facts: &HostFacts, node: &NodeFacts, plugin: &str, release: Version) -> Option<Problem> {
    if ships(release, plugin).unwrap_or_else(|| is_ever_shipped(plugin)) {
        return None;
    }
    let own = format!("{VERSIONS_DIRECTORY}/rabbitmq_server-{release}/plugins");
    let files = facts.plugins.files.get(plugin).map(Vec::as_slice).unwrap_or_default();
    if files.iter().any(|file| file.starts_with(&own)) {
        return None;
    }
    let in_common = files.iter().find(|file| file.starts_with(PLUGINS_DIRECTORY));
    let required = node.plugins_require.get(plugin).map(Vec::as_slice).unwrap_or_default();
    let why = match (in_common, files.first()) {
        (Some(_), _) if works_with(required, release) => return None,
        (Some(file), _) => {
            format!("{file} is for RabbitMQ {} and later of the same series", listed(required))
        }
        (None, Some(file)) => format!("RabbitMQ {release} does not ship it, and does not read {file}"),
        (None, None) if is_ever_shipped(plugin) => format!("RabbitMQ {release} no longer ships it"),
        (None, None) => format!("RabbitMQ {release} does not ship it, and has no file of it"),
    };
    let disable = "take it out of `plugins` under [cluster], or on the host: rabbitmq-plugins disable";
    let advice = match is_ever_shipped(plugin) {
        true => format!("{disable} {plugin}, if nothing uses it"),
        false => {
            let series = release.series();
            format!(
                "put its file for RabbitMQ {series} into {own} on every broker (mkdir -p; RabbitMQ {release} alone reads it); \
                 or, if nothing uses it, {disable} {plugin}"
            )
        }
    };
    Some(Problem::new(format!("{} would come back without the plugin {plugin}", node.name), why, advice))
}

/// RabbitMQ's own rule (`rabbit_plugins:is_version_supported/2`): of the same series as one of them, and no older than that.
fn works_with(required: &[String], release: Version) -> bool {
    required.is_empty()
        || required.iter().any(|version| {
            Version::parse(version)
                .is_ok_and(|version| version.series() == release.series() && version <= release)
        })
}
