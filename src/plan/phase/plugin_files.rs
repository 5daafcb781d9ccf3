//! Whether the files of the plugins are there, before a node is told to enable them: `rabbitmq-plugins` fails without, and a node that
//! starts only logs that it does not find them.

use super::{Draft, conf_keys};
use crate::cluster::phrases::listed;
use crate::cluster::plugin_files::{missing, moved};
use crate::inventory::Host;
use crate::model::Problem;
use crate::plan::RefusalKind;
use crate::rabbitmq::is_ever_shipped;

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
