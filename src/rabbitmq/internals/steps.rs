//! The questions that steps ask nodes.

use super::define;
use super::{Definition, Fallback, Question, Release};

/// For answers from the node's memory: its host may be busy.
const MOMENTS: u8 = 10;
/// For questions that suspend all queues, with some seconds each time.
const EACH_QUEUE: u8 = 30;

/// Mnesia exists up to 4.2, and is the default on these.
const MNESIA: &[Release] = &[Release::V3_8_9, Release::V3_10_8, Release::V4_0_5];
/// Mirrored queues were removed in 4.0.
const MIRRORED: &[Release] = &[Release::V3_8_9, Release::V3_10_8];
/// Streams were added in 3.9.
const STREAMS: &[Release] = &[Release::V3_10_8, Release::V4_0_5, Release::V4_3_6];

/// The definitions for counting data that exists only on one node.
const COPIES: &[Definition] = &[
    define::KHEPRI,
    define::VHOSTS,
    define::RUNNING,
    define::REPLICAS,
    define::SECOND_TABLE,
    define::COUNTED,
    define::ONLY_COPIES,
];

/// See `step/serving.erl`.
pub const SERVING: Question = Question {
    name: "serving",
    asks: "whether it serves",
    tried: Release::ALL,
    fallback: Fallback::Asked("rabbitmq-diagnostics check_running"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/serving.erl"),
};

/// See `step/members.erl`.
pub const MEMBERS: Question = Question {
    name: "members",
    asks: "which nodes are the members of its cluster",
    tried: Release::ALL,
    fallback: Fallback::Asked("rabbitmqctl cluster_status"),
    within: MOMENTS,
    with: &[define::MEMBERS],
    text: include_str!("step/members.erl"),
};

/// See `step/runs.erl`.
pub const RUNS: Question = Question {
    name: "runs",
    asks: "whether another member runs",
    tried: Release::ALL,
    fallback: Fallback::Asked("rabbitmqctl cluster_status"),
    within: MOMENTS,
    with: &[define::RUNNING],
    text: include_str!("step/runs.erl"),
};

/// See `step/absent.erl`.
pub const ABSENT: Question = Question {
    name: "absent",
    asks: "how many members do not run",
    tried: Release::ALL,
    fallback: Fallback::Asked("rabbitmqctl cluster_status"),
    within: MOMENTS,
    with: &[define::MEMBERS, define::RUNNING],
    text: include_str!("step/absent.erl"),
};

/// See `step/drained.erl`.
pub const DRAINED: Question = Question {
    name: "drained",
    asks: "whether it is in maintenance mode",
    tried: Release::ALL,
    fallback: Fallback::Asked("rabbitmqctl cluster_status"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/drained.erl"),
};

/// See `step/drain_noted.erl`.
pub const DRAIN_NOTED: Question = Question {
    name: "drain_noted",
    asks: "whether its cluster can record that a node is in maintenance mode",
    tried: Release::ALL,
    fallback: Fallback::Nothing("only the explanation of a failed drain is missing; the drain still refuses"),
    within: MOMENTS,
    with: &[define::KHEPRI],
    text: include_str!("step/drain_noted.erl"),
};

/// See `step/leads.erl`.
pub const LEADS: Question = Question {
    name: "leads",
    asks: "how many queues it leads",
    tried: Release::ALL,
    fallback: Fallback::ByHand("rabbitmqctl list_queues name leader"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/leads.erl"),
};

/// See `step/caught_up.erl`.
pub const CAUGHT_UP: Question = Question {
    name: "caught_up",
    asks: "whether the replicas on a node have caught up",
    tried: Release::ALL,
    fallback: Fallback::Asked("rabbitmqctl list_queues members online"),
    within: MOMENTS,
    with: &[define::REPLICAS, define::LEADER_INDEX],
    text: include_str!("step/caught_up.erl"),
};

/// See `step/queues_on.erl`.
pub const QUEUES_ON: Question = Question {
    name: "queues_on",
    asks: "which queues have a replica on a node",
    tried: Release::ALL,
    fallback: Fallback::ByHand("rabbitmqctl list_queues name members"),
    within: MOMENTS,
    with: &[define::REPLICAS],
    text: include_str!("step/queues_on.erl"),
};

/// See `step/lacking.erl`.
pub const LACKING: Question = Question {
    name: "lacking",
    asks: "which queues have no replica on a node",
    tried: Release::ALL,
    fallback: Fallback::ByHand("rabbitmqctl list_queues name members"),
    within: MOMENTS,
    with: &[define::REPLICAS],
    text: include_str!("step/lacking.erl"),
};

/// See `step/release_streams.erl`.
pub const RELEASE_STREAMS: Question = Question {
    name: "release_streams",
    asks: "to remove a node from its streams",
    tried: STREAMS,
    fallback: Fallback::ByHand("rabbitmq-streams delete_replica"),
    within: MOMENTS,
    with: &[define::REPLICAS],
    text: include_str!("step/release_streams.erl"),
};

/// See `step/mirrors.erl`.
pub const MIRRORS: Question = Question {
    name: "mirrors",
    asks: "how many mirrors of a queue are in sync",
    tried: MIRRORED,
    fallback: Fallback::ByHand("rabbitmqctl list_queues name slave_pids synchronised_slave_pids"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/mirrors.erl"),
};

/// See `step/synchronise.erl`.
pub const SYNCHRONISE: Question = Question {
    name: "synchronise",
    asks: "to synchronise mirrors that are behind despite their policy",
    tried: MIRRORED,
    fallback: Fallback::ByHand("rabbitmqctl sync_queue"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/synchronise.erl"),
};

/// See `step/database.erl`.
pub const DATABASE: Question = Question {
    name: "database",
    asks: "whether it has its database",
    tried: Release::ALL,
    fallback: Fallback::Nothing("only the explanation of a timeout is missing"),
    within: MOMENTS,
    with: &[define::KHEPRI],
    text: include_str!("step/database.erl"),
};

/// See `step/only_copies.erl`.
pub const ONLY_COPIES: Question = Question {
    name: "only_copies",
    asks: "which queues exist only on one node, and how many messages are in them",
    tried: Release::ALL,
    fallback: Fallback::ByHand("rabbitmqctl list_queues name pid type messages"),
    within: EACH_QUEUE,
    with: COPIES,
    text: include_str!("step/only_copies.erl"),
};

/// See `step/own_data.erl`.
pub const OWN_DATA: Question = Question {
    name: "own_data",
    asks: "which data a join would delete",
    tried: Release::ALL,
    fallback: Fallback::ByHand("rabbitmqctl export_definitions -"),
    within: EACH_QUEUE,
    with: COPIES,
    text: include_str!("step/own_data.erl"),
};

/// See `step/reopen.erl`.
pub const REOPEN: Question = Question {
    name: "reopen",
    asks: "to accept messages in its queues again",
    tried: Release::ALL,
    fallback: Fallback::Nothing("suspended queues resume by themselves within seven minutes"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/reopen.erl"),
};

/// See `step/mnesia_notes.erl`.
pub const MNESIA_NOTES: Question = Question {
    name: "mnesia_notes",
    asks: "which nodes are Mnesia's members",
    tried: MNESIA,
    fallback: Fallback::ByHand("rabbitmqctl cluster_status"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/mnesia_notes.erl"),
};

/// See `step/dump_log.erl`.
pub const DUMP_LOG: Question = Question {
    name: "dump_log",
    asks: "to dump the log of Mnesia",
    tried: MNESIA,
    fallback: Fallback::Nothing("RabbitMQ has no command for it, and RAM nodes were removed with Mnesia"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/dump_log.erl"),
};

/// See `step/guest_login.erl`.
pub const GUEST_LOGIN: Question = Question {
    name: "guest_login",
    asks: "whether guest logs in with its well-known password",
    tried: Release::ALL,
    fallback: Fallback::ByHand("rabbitmqctl authenticate_user guest guest"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/guest_login.erl"),
};

/// See `step/running_cookie.erl`.
pub const RUNNING_COOKIE: Question = Question {
    name: "running_cookie",
    asks: "which cookie it runs with",
    tried: Release::ALL,
    fallback: Fallback::ByHand("rabbitmq-diagnostics erlang_cookie_hash"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/running_cookie.erl"),
};

/// See `step/take_cookie.erl`.
pub const TAKE_COOKIE: Question = Question {
    name: "take_cookie",
    asks: "to switch to another cookie",
    tried: Release::ALL,
    fallback: Fallback::Nothing("only Erlang can change the cookie of a running node"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/take_cookie.erl"),
};

/// See `step/links.erl`.
pub const LINKS: Question = Question {
    name: "links",
    asks: "which nodes it is connected to",
    tried: Release::ALL,
    fallback: Fallback::Nothing("it is only shown"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/links.erl"),
};

/// Asks the installed RabbitMQ, in a separate VM, whether it runs or not: `conf.sh` starts it.
pub const ACCEPTS: Question = Question {
    name: "accepts",
    asks: "whether it accepts a rabbitmq.conf",
    tried: Release::ALL,
    fallback: Fallback::Nothing("the start shows it; after a failed start the old file is restored"),
    within: MOMENTS,
    with: &[],
    text: include_str!("step/accepts.erl"),
};

/// All questions of steps.
pub const ASKED_BY_STEPS: &[Question] = &[
    SERVING,
    MEMBERS,
    RUNS,
    ABSENT,
    DRAINED,
    DRAIN_NOTED,
    LEADS,
    CAUGHT_UP,
    QUEUES_ON,
    LACKING,
    RELEASE_STREAMS,
    MIRRORS,
    SYNCHRONISE,
    DATABASE,
    ONLY_COPIES,
    OWN_DATA,
    REOPEN,
    MNESIA_NOTES,
    DUMP_LOG,
    GUEST_LOGIN,
    RUNNING_COOKIE,
    TAKE_COOKIE,
    LINKS,
    ACCEPTS,
];
