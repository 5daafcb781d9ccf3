//! Whether the file of a plugin is where a host's node looks for it.

use super::phrases::listed;
use crate::facts::{EnvironmentSetting, HostFacts};
use crate::model::{Problem, Version};
use crate::rabbitmq::{PLUGINS_DIRECTORY, is_ever_shipped, ships};

/// What is wrong if the plugin's file is not where the node of this release looks for it. None as well if that is not known.
pub fn missing(facts: &HostFacts, plugin: &str, release: Option<Version>) -> Option<Problem> {
    if moved(facts).is_some() {
        return None;
    }
    let is_shipped =
        release.and_then(|release| ships(release, plugin)).unwrap_or_else(|| is_ever_shipped(plugin));
    let files = facts.plugins.files.get(plugin).map(Vec::as_slice).unwrap_or_default();
    // The directory of another version is not read.
    let is_read = |file: &&String| release.is_none_or(|release| !is_of_other(file, release));
    if is_shipped || files.iter().any(|file| is_read(&file)) {
        return None;
    }
    let rabbitmq = release.map_or("RabbitMQ".to_owned(), |release| format!("RabbitMQ {release}"));
    let mut directories = facts.plugins.directories.clone();
    if directories.is_empty() {
        directories.push(PLUGINS_DIRECTORY.to_owned());
    }
    let why = match files.first() {
        Some(file) => format!("{rabbitmq} does not ship it, and does not read {file}"),
        None => {
            format!("{rabbitmq} does not ship it, and there is no file of it in {}", listed(&directories))
        }
    };
    let series = release.map_or(String::new(), |release| format!(" for RabbitMQ {}", release.series()));
    Some(Problem::new(
        format!("the plugin {plugin} is not on this host"),
        why,
        format!(
            "put its file {plugin}-VERSION.ez{series} into {PLUGINS_DIRECTORY} on every broker (mkdir -p {PLUGINS_DIRECTORY}), or \
             remove it from `plugins` under [cluster]"
        ),
    ))
}

/// Whether a file is in the directory of another version: /usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins.
fn is_of_other(file: &str, release: Version) -> bool {
    let version = file.split('/').find_map(|part| part.strip_prefix("rabbitmq_server-"));
    version.is_some_and(|version| Version::parse(version).is_ok_and(|version| version != release))
}

/// The setting that moves the directories of plugins.
pub fn moved(facts: &HostFacts) -> Option<&EnvironmentSetting> {
    facts.environment.get("PLUGINS_DIR")
}
