//! Quorum queues and streams outside the node's data directory (`QUORUM_DIR`, `STREAM_DIR`): a node that starts without them is a member that
//! forgot what it had confirmed.

use super::{Outranked, Subject, same_path, take_out};
use crate::facts::{BrokerState, EnvironmentSetting, HostFacts};
use crate::inventory::Host;
use crate::model::{Advice, NodeName};

/// What has a place of its own.
#[derive(Clone, Copy)]
struct Kind {
    /// The variable that names the place, without `RABBITMQ_`.
    variable: &'static str,
    name: &'static str,
    /// The place without the variable, in the node's data directory (`rabbit_env:quorum_queue_dir/1`, `stream_queue_dir/1`).
    within: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { variable: "QUORUM_DIR", name: "quorum queues", within: "quorum" },
    Kind { variable: "STREAM_DIR", name: "streams", within: "stream" },
];

/// The settings that put a node's queues outside its data directory.
pub(crate) fn outside_data<'f>(facts: &'f HostFacts, node: &NodeName) -> Option<&'f EnvironmentSetting> {
    let environment = &facts.environment;
    let data = environment.data_of(node);
    KINDS.into_iter().find_map(|kind| {
        let set = environment.get(kind.variable)?;
        (!same_path(&set.value, &format!("{data}/{}", kind.within))).then_some(set)
    })
}

/// Whether the node's next start would look for its queues elsewhere, or find those of another node.
pub(super) fn misplaced(host: &Host, facts: &HostFacts) -> Vec<Outranked> {
    KINDS.into_iter().filter_map(|kind| of_kind(host, facts, kind)).collect()
}

fn of_kind(host: &Host, facts: &HostFacts, kind: Kind) -> Option<Outranked> {
    let Kind { variable, name, within } = kind;
    let environment = &facts.environment;
    let set = environment.get(variable);
    let node = facts.node().map_or_else(|| host.node(), |node| node.name.clone());
    let inside = format!("{}/{within}", environment.data_of(&node));
    let next = set.map_or(inside.as_str(), |set| &set.value);
    let why = set.map_or_else(
        || format!("{} and its unit do not set {variable}", environment.file),
        ToString::to_string,
    );
    let found = |what| Outranked::on(host, Subject::DataPlace, what).seen(&why);
    if let Some(running) = facts.node() {
        let dirs = [("QUORUM_DIR", &running.quorum_dir), ("STREAM_DIR", &running.stream_dir)];
        let now = dirs.into_iter().find(|(name, _)| *name == variable).and_then(|(_, dir)| dir.as_deref())?;
        // A change of the data directory is its own problem, and moves them with it.
        let moves_with_data =
            running.data_dir.as_ref().is_some_and(|data| same_path(now, &format!("{data}/{within}")));
        if same_path(now, next) || (set.is_none() && moves_with_data) {
            return None;
        }
        let found = found(format!(
            "{node} runs with its {name} in {now}, and would start without them the next time, in {next}"
        ));
        return Some(match set {
            Some(set) if moves_with_data => found
                .advise("take the setting out: a replica that is moved may not be found again, and lacks what it confirmed")
                .fix(take_out(host, facts, &set.variable, &set.by))
                .fix(Advice::Rabbitup("up".to_owned())),
            Some(_) | None => found.advise(format!(
                "set {variable}={now} in {} before the broker restarts: a replica that is moved may not be found again, and lacks what it confirmed",
                environment.file
            )),
        });
    }
    let set = set.filter(|_| facts.broker == BrokerState::Down && !same_path(next, &inside))?;
    let is_filled = facts.data_place.filled.iter().any(|filled| same_path(filled, &set.value));
    match (facts.data_of(&node).is_some(), is_filled) {
        // Every node that has started has files of Ra; not every one has streams.
        (true, false) if variable == "QUORUM_DIR" => Some(
            found(format!("{node} would start without its {name}: nothing is in {}", set.value))
                .advise("if they are on a disk, mount it; if the setting is new, take it out:")
                .fix(take_out(host, facts, &set.variable, &set.by)),
        ),
        (false, true) => Some(
            found(format!("{node} has no data, and {} has {name} of a node that had", set.value)).advise(format!(
                "if that node's data is on another disk, mount it; if it is gone for good, move {} away, so that the new node does not start with \
                 its {name}",
                set.value
            )),
        ),
        (true, _) | (false, false) => None,
    }
}
