//! The probe's questions to a running node: all facts in one call (node_head.erl, node_tail.erl).

use super::{Definition, Fallback, Question, Release, code, define};

/// The consequence of an unknown fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfUnknown {
    /// No plan is possible: every playbook refuses, and names the question.
    Plan,
    /// It is unknown, which refuses steps that depend on it.
    Unknown,
    /// It is only shown.
    Shown,
}

/// The time for all facts together, in seconds: some block while a peer is down.
const REPORT_TIMEOUT: u8 = 3;

/// Definitions shared by facts.
const SHARED: &[Definition] = &[
    define::KHEPRI,
    define::MEMBERS,
    define::RUNNING,
    define::VHOSTS,
    define::REPLICAS,
    define::SECOND_TABLE,
    define::COUNTED,
    define::UNTOLD,
];

/// The expressions that bind `Lines` to the node's report. `Admin` is bound before them.
pub fn node_report() -> String {
    let shared = SHARED.iter().map(|definition| code(definition.text));
    let head = code(include_str!("node_head.erl"));
    let tail = code(include_str!("node_tail.erl"));
    format!(
        "{}{head}Facts = [\n{}\n],\nFactsOfStopped = [\n{}\n],\nPatience = {REPORT_TIMEOUT}000,\n{tail}",
        shared.collect::<String>(),
        funs(FACTS),
        funs(FACTS_OF_STOPPED)
    )
}

/// `{"KEY", fun() -> …end}` of each.
fn funs(facts: &[(IfUnknown, Question)]) -> String {
    let funs =
        facts.iter().map(|(_, fact)| format!("{{\"{}\", fun() ->\n{}end}}", fact.name, code(fact.text)));
    funs.collect::<Vec<_>>().join(",\n")
}

/// A fact that every release answered.
const fn told(
    need: IfUnknown,
    name: &'static str,
    asks: &'static str,
    fallback: Fallback,
    text: &'static str,
) -> (IfUnknown, Question) {
    (need, Question { name, asks, tried: Release::ALL, fallback, within: REPORT_TIMEOUT, with: SHARED, text })
}

/// A fact that only these releases have.
const fn tried(on: &'static [Release], (need, fact): (IfUnknown, Question)) -> (IfUnknown, Question) {
    (need, Question { tried: on, ..fact })
}

/// The facts of a node whose RabbitMQ is stopped or still starting.
pub const FACTS_OF_STOPPED: &[(IfUnknown, Question)] = &[
    tried(
        &[Release::V4_3_6],
        told(
            IfUnknown::Unknown,
            "known",
            "which nodes were members of its cluster when it last ran",
            Fallback::Nothing("the cluster's own list decides"),
            include_str!("fact/known.erl"),
        ),
    ),
    told(
        IfUnknown::Unknown,
        "met",
        "which members its Mnesia is connected to while it boots",
        Fallback::Nothing("its boot is not interrupted"),
        include_str!("fact/met.erl"),
    ),
];

/// All facts of a running node, and the consequence if each is unknown.
pub const FACTS: &[(IfUnknown, Question)] = &[
    told(
        IfUnknown::Plan,
        "name",
        "which node it is",
        Fallback::ByHand("rabbitmqctl status"),
        include_str!("fact/name.erl"),
    ),
    told(
        IfUnknown::Plan,
        "version",
        "which version it runs",
        Fallback::ByHand("rabbitmqctl version"),
        include_str!("fact/version.erl"),
    ),
    told(
        IfUnknown::Shown,
        "erlang",
        "which Erlang it runs on",
        Fallback::ByHand("rabbitmqctl status"),
        include_str!("fact/erlang.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "data_dir",
        "where it keeps its data",
        Fallback::ByHand("rabbitmqctl eval 'rabbit:data_dir().'"),
        include_str!("fact/data_dir.erl"),
    ),
    told(
        IfUnknown::Plan,
        "cookie",
        "which cookie it runs with",
        Fallback::ByHand("rabbitmq-diagnostics erlang_cookie_hash"),
        include_str!("fact/cookie.erl"),
    ),
    told(
        IfUnknown::Plan,
        "started",
        "when it was started",
        Fallback::ByHand("rabbitmqctl status"),
        include_str!("fact/started.erl"),
    ),
    told(
        IfUnknown::Shown,
        "uptime",
        "how long it has been running",
        Fallback::ByHand("rabbitmqctl status"),
        include_str!("fact/uptime.erl"),
    ),
    told(
        IfUnknown::Shown,
        "memory",
        "how much memory it uses",
        Fallback::ByHand("rabbitmqctl status"),
        include_str!("fact/memory.erl"),
    ),
    told(
        IfUnknown::Shown,
        "fds",
        "how many files it can open",
        Fallback::ByHand("rabbitmqctl status"),
        include_str!("fact/fds.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "changed",
        "which of its limits and log levels were changed since it started",
        Fallback::ByHand("rabbitmqctl status"),
        include_str!("fact/changed.erl"),
    ),
    told(
        IfUnknown::Plan,
        "link",
        "which nodes it is connected to",
        Fallback::Nothing("a plan that needs it refuses"),
        include_str!("fact/link.erl"),
    ),
    told(
        IfUnknown::Plan,
        "cluster_name",
        "the name of its cluster",
        Fallback::ByHand("rabbitmqctl cluster_status"),
        include_str!("fact/cluster_name.erl"),
    ),
    told(
        IfUnknown::Plan,
        "member",
        "which nodes are the members of its cluster",
        Fallback::ByHand("rabbitmqctl cluster_status"),
        include_str!("fact/member.erl"),
    ),
    told(
        IfUnknown::Plan,
        "running",
        "which members run",
        Fallback::ByHand("rabbitmqctl cluster_status"),
        include_str!("fact/running.erl"),
    ),
    told(
        IfUnknown::Plan,
        "partition",
        "from which members it is partitioned",
        Fallback::ByHand("rabbitmqctl cluster_status"),
        include_str!("fact/partition.erl"),
    ),
    told(
        IfUnknown::Plan,
        "alarm",
        "which alarms are raised",
        Fallback::ByHand("rabbitmq-diagnostics alarms"),
        include_str!("fact/alarm.erl"),
    ),
    told(
        IfUnknown::Plan,
        "store",
        "where it keeps its metadata",
        Fallback::ByHand("rabbitmqctl list_feature_flags"),
        include_str!("fact/store.erl"),
    ),
    told(
        IfUnknown::Plan,
        "flag",
        "which feature flags are disabled",
        Fallback::ByHand("rabbitmqctl list_feature_flags"),
        include_str!("fact/flag.erl"),
    ),
    told(
        IfUnknown::Plan,
        "core",
        "which feature flags RabbitMQ itself provides",
        Fallback::ByHand("rabbitmqctl list_feature_flags"),
        include_str!("fact/core.erl"),
    ),
    told(
        IfUnknown::Plan,
        "plugin",
        "which plugins run",
        Fallback::ByHand("rabbitmq-plugins list --enabled"),
        include_str!("fact/plugin.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "requires",
        "which versions of RabbitMQ its plugins require",
        Fallback::ByHand("rabbitmq-plugins list --enabled --verbose"),
        include_str!("fact/requires.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "listener",
        "what it listens on",
        Fallback::ByHand("rabbitmq-diagnostics listeners"),
        include_str!("fact/listener.erl"),
    ),
    told(
        IfUnknown::Plan,
        "maintenance",
        "whether it is in maintenance mode",
        Fallback::ByHand("rabbitmqctl cluster_status"),
        include_str!("fact/maintenance.erl"),
    ),
    told(
        IfUnknown::Plan,
        "definitions",
        "which definitions were imported",
        Fallback::ByHand("rabbitmqctl list_global_parameters"),
        include_str!("fact/definitions.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "queue",
        "which queues there are",
        Fallback::ByHand("rabbitmqctl list_queues name"),
        include_str!("fact/queue.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "held",
        "which nodes have the queues",
        Fallback::ByHand("rabbitmqctl list_queues name type members"),
        include_str!("fact/held.erl"),
    ),
    told(
        IfUnknown::Shown,
        "idle",
        "which replicas of quorum queues are not in service here",
        Fallback::ByHand("rabbitmq-queues quorum_status QUEUE"),
        include_str!("fact/idle.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "messages",
        "how many messages are in the queues",
        Fallback::ByHand("rabbitmqctl list_queues name messages"),
        include_str!("fact/messages.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "vhost",
        "which virtual hosts there are",
        Fallback::ByHand("rabbitmqctl list_vhosts"),
        include_str!("fact/vhost.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "user",
        "which users there are",
        Fallback::ByHand("rabbitmqctl list_users"),
        include_str!("fact/user.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "policy",
        "which policies there are",
        Fallback::ByHand("rabbitmqctl list_policies"),
        include_str!("fact/policy.erl"),
    ),
    told(
        IfUnknown::Plan,
        "mirroring",
        "which policies mirror queues",
        Fallback::ByHand("rabbitmqctl list_policies"),
        include_str!("fact/mirroring.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "exchange",
        "which exchanges there are",
        Fallback::ByHand("rabbitmqctl list_exchanges"),
        include_str!("fact/exchange.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "parameter",
        "which parameters there are",
        Fallback::ByHand("rabbitmqctl list_parameters"),
        include_str!("fact/parameter.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "binding",
        "which bindings there are",
        Fallback::ByHand("rabbitmqctl list_bindings"),
        include_str!("fact/binding.erl"),
    ),
    told(
        IfUnknown::Unknown,
        "guest",
        "whether guest logs in with its well-known password",
        Fallback::ByHand("rabbitmqctl authenticate_user guest guest"),
        include_str!("fact/guest.erl"),
    ),
    told(
        IfUnknown::Plan,
        "admin",
        "whether the administrator exists, with the password of the inventory",
        Fallback::ByHand("rabbitmqctl list_users"),
        include_str!("fact/admin.erl"),
    ),
];
