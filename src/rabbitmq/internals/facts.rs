//! The probe's questions to a running node: all facts in one call (node_head.erl, node_tail.erl).

use super::{Definition, Fallback, Question, Release, code, define};

/// The consequence of an unknown fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
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
fn funs(facts: &[(Need, Question)]) -> String {
    let funs =
        facts.iter().map(|(_, fact)| format!("{{\"{}\", fun() ->\n{}end}}", fact.name, code(fact.text)));
    funs.collect::<Vec<_>>().join(",\n")
}

/// What a node reports whose RabbitMQ is stopped or still starting.
pub const FACTS_OF_STOPPED: &[(Need, Question)] = &[(
    Need::Unknown,
    Question {
        name: "known",
        asks: "which nodes were its cluster's when it last ran",
        tried: &[Release::V4_3_6],
        fallback: Fallback::Nothing("the cluster's own list decides"),
        within: REPORT_TIMEOUT,
        with: SHARED,
        text: include_str!("fact/known.erl"),
    },
)];

/// All facts of a running node, and the consequence if each is unknown.
pub const FACTS: &[(Need, Question)] = &[
    (
        Need::Plan,
        Question {
            name: "name",
            asks: "which node it is",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/name.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "version",
            asks: "which version it runs",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl version"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/version.erl"),
        },
    ),
    (
        Need::Shown,
        Question {
            name: "erlang",
            asks: "which Erlang it runs on",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/erlang.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "cookie",
            asks: "which cookie it runs with",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmq-diagnostics erlang_cookie_hash"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/cookie.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "started",
            asks: "when it was started",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/started.erl"),
        },
    ),
    (
        Need::Shown,
        Question {
            name: "uptime",
            asks: "how long it has been running",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/uptime.erl"),
        },
    ),
    (
        Need::Shown,
        Question {
            name: "memory",
            asks: "how much memory it uses",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/memory.erl"),
        },
    ),
    (
        Need::Shown,
        Question {
            name: "fds",
            asks: "how many files it can open",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/fds.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "link",
            asks: "which nodes it is connected to",
            tried: Release::ALL,
            fallback: Fallback::Nothing("a plan that needs it refuses"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/link.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "cluster_name",
            asks: "the name of its cluster",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl cluster_status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/cluster_name.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "member",
            asks: "which nodes are the members of its cluster",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl cluster_status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/member.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "running",
            asks: "which members run",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl cluster_status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/running.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "partition",
            asks: "from which members it is partitioned",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl cluster_status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/partition.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "alarm",
            asks: "which alarms are raised",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmq-diagnostics alarms"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/alarm.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "store",
            asks: "where it keeps its metadata",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_feature_flags"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/store.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "flag",
            asks: "which feature flags are disabled",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_feature_flags"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/flag.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "core",
            asks: "which feature flags RabbitMQ itself provides",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_feature_flags"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/core.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "plugin",
            asks: "which plugins run",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmq-plugins list --enabled"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/plugin.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "maintenance",
            asks: "whether it is in maintenance mode",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl cluster_status"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/maintenance.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "definitions",
            asks: "which definitions were imported",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_global_parameters"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/definitions.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "queue",
            asks: "which queues there are",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_queues name"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/queue.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "held",
            asks: "which nodes have the queues",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_queues name type members"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/held.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "messages",
            asks: "how many messages are in the queues",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_queues name messages"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/messages.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "vhost",
            asks: "which virtual hosts there are",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_vhosts"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/vhost.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "user",
            asks: "which users there are",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_users"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/user.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "policy",
            asks: "which policies there are",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_policies"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/policy.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "mirroring",
            asks: "which policies mirror queues",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_policies"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/mirroring.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "exchange",
            asks: "which exchanges there are",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_exchanges"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/exchange.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "parameter",
            asks: "which parameters there are",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_parameters"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/parameter.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "binding",
            asks: "which bindings there are",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_bindings"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/binding.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "guest",
            asks: "whether guest logs in with its well-known password",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl authenticate_user guest guest"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/guest.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "admin",
            asks: "whether the administrator exists, with the password of the inventory",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_users"),
            within: REPORT_TIMEOUT,
            with: SHARED,
            text: include_str!("fact/admin.erl"),
        },
    ),
];
