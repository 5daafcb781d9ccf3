//! Quorum queues and streams outside the node's data directory (`QUORUM_DIR`, `STREAM_DIR`, `raft.data_dir`, `stream.data_dir`): a node
//! that starts without them is a member that forgot what it had confirmed.

use super::{Outranked, Subject, same_path, take_out};
use crate::facts::{BrokerState, EnvironmentSetting, HostFacts, MainConfiguration, NodeFacts};
use crate::inventory::{ConfigValue, Desired, Host};
use crate::model::{Advice, NodeName};
use crate::rabbitmq::{CONF_FILE, Conf, settings_in_terms};

/// What has a place of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quorum,
    Stream,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Quorum, Self::Stream];

    fn name(self) -> &'static str {
        match self {
            Self::Quorum => "quorum queues",
            Self::Stream => "streams",
        }
    }

    /// The variable that names the place, without `RABBITMQ_`.
    fn variable(self) -> &'static str {
        match self {
            Self::Quorum => "QUORUM_DIR",
            Self::Stream => "STREAM_DIR",
        }
    }

    /// The key of rabbitmq.conf and what it is in Erlang terms. They count before the variable (rabbit_prelaunch applies the environment
    /// first, and the files over it).
    fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Quorum => ("raft.data_dir", "ra.data_dir"),
            Self::Stream => ("stream.data_dir", "osiris.data_dir"),
        }
    }

    /// The place in the data directory (`rabbit_env:quorum_queue_dir/1`, `stream_queue_dir/1`).
    fn within(self, data: &str) -> String {
        match self {
            Self::Quorum => format!("{data}/quorum"),
            Self::Stream => format!("{data}/stream"),
        }
    }

    fn of(self, node: &NodeFacts) -> Option<&str> {
        match self {
            Self::Quorum => node.quorum_dir.as_deref(),
            Self::Stream => node.stream_dir.as_deref(),
        }
    }
}

/// Where the next start looks.
enum Place<'f> {
    Variable(&'f EnvironmentSetting),
    /// The file and the directory.
    Conf(String, String),
    /// A file in Erlang terms, whose values are not read.
    Terms(String),
    InData,
}

impl<'f> Place<'f> {
    fn of(kind: Kind, facts: &'f HostFacts) -> Self {
        let environment = &facts.environment;
        let text = |path: &str| facts.file(path).and_then(|file| file.content.as_deref()).unwrap_or_default();
        let (key, term) = kind.keys();
        let old = match &environment.main {
            MainConfiguration::ErlangTerms(path) => Some(path),
            MainConfiguration::Current(_) | MainConfiguration::Absent(_) => None,
        };
        let mut terms = environment.advanced.iter().chain(old);
        if let Some(path) = terms.find(|path| settings_in_terms(text(path)).contains(term)) {
            return Self::Terms(path.clone());
        }
        let main = match &environment.main {
            MainConfiguration::Current(path) => Some(path),
            MainConfiguration::ErlangTerms(_) | MainConfiguration::Absent(_) => None,
        };
        // The last one wins.
        for path in environment.additional.iter().rev().chain(main) {
            if let Some(place) = Conf::parse(text(path)).get(key) {
                return Self::Conf(path.clone(), place.to_owned());
            }
        }
        environment.get(kind.variable()).map_or(Self::InData, Self::Variable)
    }
}

/// What puts a node's queues outside its data directory, as `FILE: KEY=DIRECTORY`.
pub(crate) fn outside_data(facts: &HostFacts, node: &NodeName) -> Option<String> {
    let data = facts.environment.data_of(node);
    Kind::ALL.into_iter().find_map(|kind| {
        let (key, term) = kind.keys();
        let (place, by) = match Place::of(kind, facts) {
            Place::Variable(set) => (set.value.clone(), set.to_string()),
            Place::Conf(file, place) => (place.clone(), format!("{file}: {key} = {place}")),
            Place::Terms(file) => return Some(format!("{file}: {term}")),
            Place::InData => return None,
        };
        (!same_path(&place, &kind.within(&data))).then_some(by)
    })
}

/// Whether the node's next start would look for its queues elsewhere, or find those of another node.
pub(super) fn misplaced(host: &Host, facts: &HostFacts) -> Vec<Outranked> {
    let judge = |kind| match facts.node() {
        Some(node) => moved_while_it_runs(host, facts, node, kind),
        None => unlike_its_data(host, facts, kind),
    };
    Kind::ALL.into_iter().filter_map(judge).collect()
}

fn moved_while_it_runs(host: &Host, facts: &HostFacts, node: &NodeFacts, kind: Kind) -> Option<Outranked> {
    let environment = &facts.environment;
    let now = kind.of(node)?;
    let inside = kind.within(&environment.data_of(&node.name));
    let (key, _) = kind.keys();
    let (next, why) = match Place::of(kind, facts) {
        Place::Variable(set) => (set.value.clone(), set.to_string()),
        Place::Conf(file, place) => (place.clone(), format!("{file}: {key} = {place}")),
        Place::Terms(_) => return None,
        Place::InData => (
            inside,
            format!(
                "{} and the unit do not set {}, nor rabbitmq.conf {key}",
                environment.file,
                kind.variable()
            ),
        ),
    };
    let in_data = node.data_dir.as_ref().is_some_and(|data| same_path(now, &kind.within(data)));
    // A change of the data directory is its own problem, and moves them with it.
    if same_path(now, &next) || (in_data && matches!(Place::of(kind, facts), Place::InData)) {
        return None;
    }
    let name = kind.name();
    let found = Outranked::on(
        host,
        Subject::DataPlace,
        format!(
            "{} runs with its {name} in {now}, and would start without them the next time, in {next}",
            node.name
        ),
    );
    let found = found.seen(why);
    Some(match Place::of(kind, facts) {
        Place::Variable(set) if in_data => found
            .advise("take the setting out: a replica that is moved may not be found again, with what it confirmed:")
            .fix(take_out(host, facts, &set.variable, &set.by))
            .fix(Advice::Rabbitup("up".to_owned())),
        Place::Variable(_) | Place::InData => found.advise(format!(
            "set {}={now} in {} before the broker restarts: a replica that is moved may not be found again, with what it confirmed",
            kind.variable(),
            environment.file
        )),
        Place::Conf(file, _) | Place::Terms(file) => found.advise(format!(
            "set {key} = {now} in {file} before the broker restarts: a replica that is moved may not be found again, with what it confirmed"
        )),
    })
}

/// A stopped node with data and no queues, or with queues and no data.
fn unlike_its_data(host: &Host, facts: &HostFacts, kind: Kind) -> Option<Outranked> {
    let Place::Variable(set) = Place::of(kind, facts) else { return None };
    let (node, name) = (host.node(), kind.name());
    let is_inside = same_path(&set.value, &kind.within(&facts.environment.data_of(&node)));
    if facts.broker != BrokerState::Down || is_inside {
        return None;
    }
    let is_filled = facts.data_place.filled.iter().any(|filled| same_path(filled, &set.value));
    let found = |what| Outranked::on(host, Subject::DataPlace, what).seen(set.to_string());
    match (facts.data_of(&node).is_some(), is_filled) {
        // Every node that has started has files of Ra; not every one has streams.
        (true, false) if kind == Kind::Quorum => Some(
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

/// Whether rabbitmq.conf, as the inventory has it, would make a node with data look for its queues elsewhere.
pub(super) fn moved_by_inventory(desired: &Desired, host: &Host, facts: &HostFacts) -> Vec<Outranked> {
    let current = facts.file(CONF_FILE).and_then(|file| file.content.as_deref()).unwrap_or_default();
    let current = Conf::parse(current);
    let judge = |kind: Kind| {
        let (key, _) = kind.keys();
        let wanted = desired.cluster.config.iter().find_map(|entry| match &entry.value {
            ConfigValue::Text(value) if entry.key == key => Some(value.trim()),
            ConfigValue::Text(_) | ConfigValue::Secret(_) => None,
        });
        let is_old = matches!(facts.environment.main, MainConfiguration::ErlangTerms(_));
        if wanted == current.get(key) || is_old {
            return None;
        }
        let inside = kind.within(&facts.environment.data_of(&host.node()));
        let without = facts.environment.get(kind.variable()).map_or(inside.as_str(), |set| &set.value);
        let next = wanted.unwrap_or(without);
        let now = match facts.node() {
            Some(node) => kind.of(node)?,
            None => {
                facts.data_of(&host.node())?;
                current.get(key).unwrap_or(without)
            }
        };
        let found = Outranked::on(
            host,
            Subject::Settings,
            format!("with the inventory's {key}, {} would start without its {}", host.node(), kind.name()),
        );
        let found = found.seen(format!("they are in {now}, and it would look in {next}"));
        let keep = match same_path(now, &inside) {
            true => format!("take {key} out of [cluster.config]"),
            false => format!("set {key} = \"{now}\" in [cluster.config]"),
        };
        (!same_path(now, next)).then(|| {
            found.advise(format!(
                "{keep}: a replica that is moved may not be found again, with what it confirmed"
            ))
        })
    };
    Kind::ALL.into_iter().filter_map(judge).collect()
}
