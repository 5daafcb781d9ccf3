//! What the probe asks of a running node: all facts at once, in one call (node_head.erl, node_tail.erl).

use super::{Definition, Fallback, Question, Release, code, define};

/// What follows where a fact cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// No plan can be made for the cluster: every playbook refuses, and says which question.
    Plan,
    /// It is kept as unknown, which refuses what depends on it.
    Unknown,
    /// It is only shown.
    Shown,
}

/// All facts together: some block while a peer is gone.
const A_LOOK: u8 = 3;

/// What facts share.
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

/// The expressions that bind `Lines` to all that the node says of itself. `Admin` is bound before them.
pub fn node_report() -> String {
    let shared = SHARED.iter().map(|definition| code(definition.text));
    let head = code(include_str!("node_head.erl"));
    let tail = code(include_str!("node_tail.erl"));
    format!(
        "{}{head}Facts = [\n{}\n],\nFactsOfStopped = [\n{}\n],\nPatience = {A_LOOK}000,\n{tail}",
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

/// What is asked of a node whose RabbitMQ does not run, or not yet.
pub const FACTS_OF_STOPPED: &[(Need, Question)] = &[(
    Need::Unknown,
    Question {
        name: "known",
        asks: "which nodes were its cluster's when it last ran",
        tried: &[Release::V4_3_6],
        fallback: Fallback::Nothing("the cluster's own list decides"),
        within: A_LOOK,
        with: SHARED,
        text: include_str!("fact/known.erl"),
    },
)];

/// All facts of a running node, and what each is needed for.
pub const FACTS: &[(Need, Question)] = &[
    (
        Need::Plan,
        Question {
            name: "name",
            asks: "which node it is",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
            with: SHARED,
            text: include_str!("fact/started.erl"),
        },
    ),
    (
        Need::Shown,
        Question {
            name: "uptime",
            asks: "how long it has run",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: A_LOOK,
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
            within: A_LOOK,
            with: SHARED,
            text: include_str!("fact/memory.erl"),
        },
    ),
    (
        Need::Shown,
        Question {
            name: "fds",
            asks: "how many files it may open",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl status"),
            within: A_LOOK,
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
            within: A_LOOK,
            with: SHARED,
            text: include_str!("fact/link.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "cluster_name",
            asks: "what its cluster is called",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl cluster_status"),
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
            with: SHARED,
            text: include_str!("fact/maintenance.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "definitions",
            asks: "which definitions it was given",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_global_parameters"),
            within: A_LOOK,
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
            within: A_LOOK,
            with: SHARED,
            text: include_str!("fact/queue.erl"),
        },
    ),
    (
        Need::Unknown,
        Question {
            name: "held",
            asks: "who holds the queues",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_queues name type members"),
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
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
            within: A_LOOK,
            with: SHARED,
            text: include_str!("fact/guest.erl"),
        },
    ),
    (
        Need::Plan,
        Question {
            name: "admin",
            asks: "whether the administrator is there, with the password of the inventory",
            tried: Release::ALL,
            fallback: Fallback::ByHand("rabbitmqctl list_users"),
            within: A_LOOK,
            with: SHARED,
            text: include_str!("fact/admin.erl"),
        },
    ),
];
