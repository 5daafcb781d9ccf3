use crate::cluster::phrases::listed;
use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, Notes, Seen, rabbitup, sentence};
use crate::doctor::{Cause, Finding};
use crate::facts::{HostFacts, NodeFacts};
use crate::inventory::Host;
use crate::model::{HostName, NodeName, Version};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT, upgrades_to};

/// A value on a host.
type On<'a, V> = (&'a HostName, V);

/// Erlang nodes can connect to nodes up to two major versions apart (erlang.org, "Distributed Erlang").
const OTP_DISTANCE: u32 = 2;

/// Problems that show only when all nodes are compared.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    versions(case, notes);
    otp(case, notes);
    feature_flags(case, notes);
    partitions(case, notes);
    alarms(case, notes);
    clusters(case, notes);
}

/// The running version, else the installed one.
fn version(seen: &Seen<'_>, facts: &HostFacts) -> Option<Version> {
    match seen.running() {
        Some(node) => Some(node.rabbitmq_version),
        None => Version::parse(facts.installed(BROKER_PACKAGE)?).ok(),
    }
}

/// Nodes of two series may be in one cluster only during an upgrade from one to the other.
fn versions(case: &Case<'_>, notes: &mut Notes) {
    let versions: Vec<(&HostName, Version)> =
        case.reached().filter_map(|(seen, facts)| Some((&seen.host.name, version(seen, facts)?))).collect();
    versions.iter().for_each(|_| notes.checked(Cause::VersionsDiffer));
    let Some((oldest, newest)) = ends(&versions) else { return };
    if upgrades_to(oldest.1, newest.1).is_ok() {
        return;
    }
    let what = format!(
        "RabbitMQ {} on {} and {} on {} cannot be in one cluster",
        oldest.1, oldest.0, newest.1, newest.0
    );
    let told = versions.iter().fold(Finding::of(Cause::VersionsDiffer, what), |found, (host, version)| {
        found.seen(format!("{host}: RabbitMQ {version}"))
    });
    notes.add(
        told.fix(sentence(
            "install one series on all hosts: [package] version in the inventory, or the same repository; then:",
        ))
        .fix(rabbitup("run upgrade")),
    );
}

/// The hosts with the smallest and the largest value.
fn ends<'a, V: Ord + Copy>(values: &[On<'a, V>]) -> Option<(On<'a, V>, On<'a, V>)> {
    let least = values.iter().min_by_key(|(_, value)| *value)?;
    let most = values.iter().max_by_key(|(_, value)| *value)?;
    Some((*least, *most))
}

/// The major of `25 (erts 13.1.5)`, or of the package `1:25.2.3+dfsg-1`.
fn otp_major(seen: &Seen<'_>, facts: &HostFacts) -> Option<u32> {
    let text = match seen.running() {
        Some(node) => node.erlang.as_str(),
        None => facts.installed(facts.system.family.platform()?.erlang)?,
    };
    Version::parse(text).ok().map(|version| version.major)
}

fn otp(case: &Case<'_>, notes: &mut Notes) {
    let majors: Vec<(&HostName, u32)> =
        case.reached().filter_map(|(seen, facts)| Some((&seen.host.name, otp_major(seen, facts)?))).collect();
    majors.iter().for_each(|_| notes.checked(Cause::OtpDiffers));
    let Some((oldest, newest)) = ends(&majors) else { return };
    if newest.1 - oldest.1 <= OTP_DISTANCE {
        return;
    }
    let what = format!(
        "Erlang/OTP {} on {} and {} on {} are too far apart to connect",
        oldest.1, oldest.0, newest.1, newest.0
    );
    let told = majors.iter().fold(Finding::of(Cause::OtpDiffers, what), |found, (host, major)| {
        found.seen(format!("{host}: Erlang/OTP {major}"))
    });
    notes.add(
        told.fix(sentence(
            "install one Erlang on all hosts: from the same repository, one release at a time",
        )),
    );
}

/// A joining node must support every flag that the cluster has enabled; joining enables the supported ones
/// (rabbitmq.com/docs/feature-flags). All members of a cluster have the same flags.
fn feature_flags(case: &Case<'_>, notes: &mut Notes) {
    for seen in &case.brokers {
        let Some(lack) = lack(case, seen) else { continue };
        notes.checked(Cause::FeatureFlagsDiffer);
        if !lack.flags.is_empty() {
            notes.add(flags_found(seen, &lack));
        }
    }
}

/// Flags that others have enabled and a node has not.
struct Lack {
    why: Why,
    flags: BTreeSet<String>,
    /// The nodes that have at least one of them enabled.
    holders: Vec<HostName>,
}

enum Why {
    /// Its RabbitMQ does not support them.
    Unknown,
    /// RabbitMQ refused to boot because of its flags, without saying which.
    Refused,
    /// It is a member, and supports them.
    NotEnabled,
}

/// None if the node's enabled flags are unknown. A stopped node learns at its start which were enabled meanwhile.
fn lack(case: &Case<'_>, seen: &Seen<'_>) -> Option<Lack> {
    let others: Vec<(&Host, &NodeFacts)> =
        case.running().into_iter().filter(|(host, _)| host.name != seen.host.name).collect();
    let Some(own) = seen.running() else {
        let exam = seen.exam.filter(|exam| super::broker::lacks_flags(&exam.unit))?;
        let own = exam.feature_flags.as_ref()?;
        return Some(lacking(Why::Refused, &others, |other| &other.feature_flags.enabled - own));
    };
    let flags = Some(&own.feature_flags).filter(|flags| !flags.known.is_empty())?;
    let unknown = lacking(Why::Unknown, &others, |other| other.flags_unknown_to(own));
    if !unknown.flags.is_empty() {
        return Some(unknown);
    }
    let disabled = &flags.known - &flags.enabled;
    Some(lacking(Why::NotEnabled, &others, |other| match own.lists(&other.name) {
        true => &other.feature_flags.enabled & &disabled,
        false => BTreeSet::new(),
    }))
}

fn lacking(why: Why, others: &[(&Host, &NodeFacts)], lacks: impl Fn(&NodeFacts) -> BTreeSet<String>) -> Lack {
    let mut found = Lack { why, flags: BTreeSet::new(), holders: Vec::new() };
    for (host, other) in others {
        let flags = lacks(other);
        if !flags.is_empty() {
            found.holders.push(host.name.clone());
        }
        found.flags.extend(flags);
    }
    found
}

fn flags_found(seen: &Seen<'_>, lack: &Lack) -> Finding {
    let name = &seen.host.name;
    let (what, evidence) = match lack.why {
        Why::Unknown => ("feature flags are unknown", format!("unknown to the RabbitMQ on {name}")),
        Why::Refused => {
            ("feature flags are missing", format!("enabled there, and not in the data of {name}"))
        }
        Why::NotEnabled => ("feature flags are not enabled", format!("not enabled on {name}")),
    };
    let what = format!("{what} that are enabled on {}", listed(&lack.holders));
    let found = Finding::on(name, Cause::FeatureFlagsDiffer, what)
        .seen(format!("{evidence}: {}", listed(&lack.flags)));
    match lack.why {
        Why::NotEnabled => found.fix(seen.shell("rabbitmqctl enable_feature_flag all")),
        Why::Unknown | Why::Refused => found
            .fix(sentence(format!("flags cannot be disabled: {name} needs the version that they run:")))
            .fix(rabbitup("run upgrade")),
    }
}

/// Running members of one cluster that do not see each other.
fn partitions(case: &Case<'_>, notes: &mut Notes) {
    let running = case.running();
    let mut told: BTreeSet<(&NodeName, &NodeName)> = BTreeSet::new();
    for (host, node) in &running {
        for (peer, other) in running.iter().filter(|(peer, _)| peer.name != host.name) {
            if !node.lists(&other.name) || !other.lists(&node.name) {
                continue;
            }
            notes.checked(Cause::Partition);
            let noted = node.partitions.iter().any(|pair| pair.node == node.name && pair.from == other.name);
            let unseen = !node.running.contains(&other.name);
            if !(noted || unseen) || told.contains(&(&other.name, &node.name)) {
                continue;
            }
            told.insert((&node.name, &other.name));
            let evidence = match noted {
                true => format!("{} reports a partition from {}", node.name, other.name),
                false => format!("{} does not see {} running, though it runs", node.name, other.name),
            };
            let linked = node.links.contains(&other.name);
            let found = Finding::on(&host.name, Cause::Partition, format!("it was partitioned from {}", peer.name))
                .peer(&peer.name)
                .seen(evidence)
                .seen(match linked {
                    true => "they are connected again: the network has recovered, the cluster has not",
                    false => "they are not connected now",
                })
                .fix(sentence(
                    "without `cluster_partition_handling` it does not heal by itself: choose which side's messages to \
                     keep, and restart the nodes of the other side one by one:",
                ));
            let restart =
                case.seen(&peer.name).map(|seen| seen.shell(&format!("systemctl restart {BROKER_UNIT}")));
            notes.add(restart.into_iter().fold(found, Finding::fix));
        }
    }
}

/// An alarm blocks publishers in the whole cluster.
fn alarms(case: &Case<'_>, notes: &mut Notes) {
    let running = case.running();
    running.iter().for_each(|_| notes.checked(Cause::DiskAlarm));
    let alarms: BTreeSet<&String> = running.iter().flat_map(|(_, node)| &node.alarms).collect();
    for alarm in alarms {
        let (kind, node) = alarm.split_once(' ').unwrap_or((alarm, ""));
        let (cause, words, advice) = match kind {
            "memory" => (
                Cause::MemoryAlarm,
                "memory alarm: publishers are blocked in the whole cluster",
                "let consumers catch up, give the node more memory, or raise vm_memory_high_watermark in [cluster.config]; \
                 then:",
            ),
            "disk" => (
                Cause::DiskAlarm,
                "disk alarm: publishers are blocked in the whole cluster",
                "free space under /var/lib/rabbitmq, or lower disk_free_limit in [cluster.config]; then:",
            ),
            _ => continue,
        };
        let on = case.brokers.iter().find(|seen| seen.node().to_string() == node);
        let found = match on {
            Some(seen) => Finding::on(&seen.host.name, cause, words),
            None => Finding::of(cause, words),
        };
        notes.add(
            found
                .seen(format!("RabbitMQ reports the alarm {alarm}"))
                .fix(sentence(advice))
                .fix(rabbitup("up")),
        );
    }
}

/// All nodes are healthy, but in separate clusters.
fn clusters(case: &Case<'_>, notes: &mut Notes) {
    let running = case.running();
    running.iter().for_each(|_| notes.checked(Cause::NotJoined));
    let anchor = case.anchor();
    let Some((seed_host, seed)) =
        running.iter().find(|(host, _)| Some(&host.name) == anchor).or_else(|| running.first())
    else {
        return;
    };
    for (host, node) in running.iter().filter(|(host, _)| host.name != seed_host.name) {
        let (listed, lists) = (seed.lists(&node.name), node.lists(&seed.name));
        // If the others list it but it does not list them, it is a ghost member.
        if listed && (lists || notes.has(Cause::GhostMember, &host.name)) {
            continue;
        }
        let found = Finding::on(&host.name, Cause::NotJoined, not_joined_words(node, seed, lists))
            .peer(&seed_host.name)
            .seen(format!("{} lists {}", node.name, members(node)))
            .seen(format!("{} lists {}", seed.name, members(seed)));
        notes.add(match (lists, node.is_alone(), node.holdings.is_empty()) {
            (true, ..) => found.fix(rabbitup(format!("run recover-node node={}", host.name))),
            (false, true, true) => found.fix(rabbitup("up")),
            (false, true, false) => found
                .seen("it has queues, users or other data of its own, which joining would delete")
                .fix(sentence("first move the data that you need; to give it up:"))
                .fix(rabbitup(format!("up --destroy-data {}", host.name))),
            (false, false, _) => found.fix(sentence(
                "remove it from that cluster first, or add that cluster's other members to this inventory",
            )),
        });
    }
    forgotten(case, &running, notes);
}

fn not_joined_words(node: &NodeFacts, seed: &NodeFacts, lists: bool) -> String {
    match (lists, node.is_alone()) {
        (true, _) => format!("the cluster of {} has forgotten {}", seed.name, node.name),
        (false, true) => {
            format!("{} runs alone, and is not a member of the cluster of {}", node.name, seed.name)
        }
        (false, false) => format!("{} is a member of another cluster than {}", node.name, seed.name),
    }
}

/// A node that is down and has data, but that no member lists.
fn forgotten(case: &Case<'_>, running: &[(&Host, &NodeFacts)], notes: &mut Notes) {
    for (seen, facts) in case.reached().filter(|(seen, _)| seen.running().is_none()) {
        let node = seen.node();
        let remembers: Vec<&NodeName> = facts
            .data_of(&node)
            .into_iter()
            .flat_map(|data| &data.members)
            .map(|member| &member.node)
            .filter(|member| **member != node)
            .collect();
        let known_peers: BTreeMap<&NodeName, &NodeFacts> = running
            .iter()
            .filter(|(_, peer)| remembers.contains(&&peer.name))
            .map(|(_, n)| (&n.name, *n))
            .collect();
        if known_peers.is_empty() || known_peers.values().any(|peer| peer.lists(&node)) {
            continue;
        }
        let names: Vec<String> = known_peers.keys().map(ToString::to_string).collect();
        notes.add(
            Finding::on(&seen.host.name, Cause::NotJoined, format!("the cluster has forgotten {node}"))
                .seen(format!("its data names {}, which do not list it", names.join(", ")))
                .fix(rabbitup(format!("run recover-node node={}", seen.host.name))),
        );
    }
}

fn members(node: &NodeFacts) -> String {
    let names: Vec<String> = node.members.iter().map(|member| member.node.to_string()).collect();
    if names == [node.name.to_string()] { "only itself".to_owned() } else { names.join(", ") }
}
