//! Why a saved plan is not applied: what has changed on each host since.

use std::collections::{BTreeMap, BTreeSet};

use super::style::{Detail, Ink, Style};
use super::words::Wrapped;
use crate::cluster::phrases::grouped;
use crate::model::{HostName, one_line, shortened};
use crate::plan::Moved;

/// How many changes of a host are shown.
const SHOWN: usize = 3;
/// How long a value may be.
const VALUE: usize = 60;

/// What kind of thing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Packages,
    Files,
    Services,
    Membership,
    Broker,
    Cookie,
    Names,
    Data,
    Balancer,
    Network,
    System,
}

impl Kind {
    /// By the path of a fact (`plan::fingerprint`), which begins with the field of `HostFacts`.
    fn of(fact: &str) -> Self {
        let field = fact.split('.').next().unwrap_or(fact);
        match field {
            "packages" | "package_lock" | "stale_policy" => Self::Packages,
            "files" | "in_the_way" | "leftovers" => Self::Files,
            "units" | "time_service" => Self::Services,
            "broker"
                if ["members", "running", "links", "partitions"]
                    .iter()
                    .any(|word| fact.starts_with(&format!("broker.running.{word}"))) =>
            {
                Self::Membership
            }
            "met" => Self::Membership,
            "broker" | "environment" | "plugins" => Self::Broker,
            "cookie" => Self::Cookie,
            "host_name" | "resolution" | "full_names" | "cloud_init" => Self::Names,
            "data" | "data_place" | "kept" => Self::Data,
            "load_balancer" => Self::Balancer,
            "firewalls" | "reach" => Self::Network,
            _ => Self::System,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Files => "files",
            Self::Services => "services",
            Self::Membership => "membership",
            Self::Broker => "the broker",
            Self::Cookie => "the Erlang cookie",
            Self::Names => "host names",
            Self::Data => "the broker's data",
            Self::Balancer => "the load balancer",
            Self::Network => "the firewall",
            Self::System => "the system",
        }
    }
}

/// What has changed: per host the kinds of things, and the first of them; all with `-v`.
pub fn stale_text(moved: &[Moved], style: Style) -> String {
    let mut text = String::new();
    for (host, facts) in grouped(moved.iter().map(|fact| (&fact.host, fact))) {
        text.push_str(&of_host(host, &facts, style));
    }
    text
}

fn of_host(host: &HostName, facts: &[&Moved], style: Style) -> String {
    let kinds: BTreeSet<Kind> = facts.iter().map(|fact| Kind::of(&fact.fact)).collect();
    let kinds: Vec<&str> = kinds.into_iter().map(Kind::words).collect();
    let label = format!("{host}: ");
    let mut text = Wrapped::new(2, (Ink::Heading, &label), (Ink::Plain, &kinds.join(", "))).text(style);
    let changes = changes(facts);
    let shown = if style.detail == Detail::Full { changes.len() } else { SHOWN.min(changes.len()) };
    for change in changes.iter().take(shown) {
        text.push_str(&Wrapped::new(6, (Ink::Plain, ""), (Ink::Dimmed, change)).text(style));
    }
    if changes.len() > shown {
        text.push_str(&format!("      … and {} more (-v shows all)\n", changes.len() - shown));
    }
    text
}

/// A sentence per thing: all facts of one file are one.
fn changes(facts: &[&Moved]) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut files: BTreeMap<&str, Vec<&Moved>> = BTreeMap::new();
    for fact in facts {
        match fact.fact.strip_prefix("files.").and_then(|rest| rest.rsplit_once('.')) {
            Some((path, _)) => files.entry(path).or_default().push(fact),
            None => sentences.push((Kind::of(&fact.fact), sentence(fact))),
        }
    }
    for (path, facts) in files {
        let how = if facts.iter().all(|fact| fact.was.is_none()) {
            "is new"
        } else if facts.iter().all(|fact| fact.now.is_none()) {
            "is gone"
        } else {
            "has changed"
        };
        sentences.push((Kind::Files, format!("{} {how}", one_line(path))));
    }
    sentences.sort_by_key(|(kind, _)| *kind);
    sentences.into_iter().map(|(_, sentence)| sentence).collect()
}

/// `rabbitmq-server: installed was 3.10.8-1, is 3.10.9-1`.
fn sentence(fact: &Moved) -> String {
    let value = |value: &Option<String>| {
        value.as_deref().map_or_else(|| "unset".to_owned(), |text| shortened(&one_line(text), VALUE))
    };
    let path = ["packages.", "units."].iter().find_map(|field| fact.fact.strip_prefix(field));
    let name = match path.and_then(|rest| rest.rsplit_once('.')) {
        Some((thing, property)) => format!("{thing}: {property}"),
        None => fact.fact.replace(['_', '.'], " "),
    };
    format!("{} was {}, is {}", one_line(&name), value(&fact.was), value(&fact.now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(host: &str, fact: &str, was: Option<&str>, now: Option<&str>) -> Moved {
        let host = HostName::parse(host).expect("a name");
        Moved { host, fact: fact.to_owned(), was: was.map(str::to_owned), now: now.map(str::to_owned) }
    }

    fn some() -> Vec<Moved> {
        let chrony = "files./etc/chrony/chrony.conf";
        vec![
            moved("node1", "broker.running.members.2.node", None, Some("rabbit@node3")),
            moved("node1", &format!("{chrony}.content"), None, Some("e3b0")),
            moved("node1", &format!("{chrony}.mode"), None, Some("420")),
            moved("node1", "packages.chrony.installed", None, Some("4.6-1")),
            moved("node1", "units.chrony.service.active", Some("inactive"), Some("active")),
            moved("node2", "cookie.file", Some("1a"), Some("2b")),
        ]
    }

    #[test]
    fn what_has_changed_is_told_by_host_and_kind() {
        assert_eq!(
            stale_text(&some(), Style::plain(100)),
            "  node1: packages, files, services, membership\n      \
             chrony: installed was unset, is 4.6-1\n      \
             /etc/chrony/chrony.conf is new\n      \
             chrony.service: active was inactive, is active\n      \
             … and 1 more (-v shows all)\n  \
             node2: the Erlang cookie\n      \
             cookie file was 1a, is 2b\n"
        );
        let all = stale_text(&some(), Style::plain(100).with_detail(Detail::Full));
        assert!(all.contains("broker running members 2 node was unset, is rabbit@node3"), "{all}");
    }
}
