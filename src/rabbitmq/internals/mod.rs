//! Everything that rabbitup asks of the inside of RabbitMQ, Ra and Osiris, by functions that no documentation promises: one
//! list of typed entries, each with the versions it was tried on and the official command for the same. docs/internals.md is
//! made of it. A question has three outcomes: told, told by its official command, and cannot be told, which refuses at once.

mod define;
mod facts;
mod page;
mod steps;

pub use facts::{FACTS, Need, node_report};
pub use page::page;
pub use steps::{
    ABSENT, ACCEPTS, ASKED_BY_STEPS, CAUGHT_UP, DRAIN_NOTED, DRAINED, DUMP_LOG, GUEST_LOGIN, LACKING, LEADS, LINKS,
    MEMBERS, MIRRORS, MNESIA_NOTES, ONLY_COPIES, OWN_DATA, QUEUES_ON, RELEASE_STREAMS, REOPEN, RUNNING_COOKIE, RUNS,
    SERVING, TAKE_COOKIE,
};

use crate::model::quote;

/// A release of RabbitMQ that the tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Debian 11.
    V3_8_9,
    /// Debian 12.
    V3_10_8,
    /// Debian 13.
    V4_0_5,
    /// Debian's testing release.
    V4_3_6,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: &'static [Self] = &[Self::V3_8_9, Self::V3_10_8, Self::V4_0_5, Self::V4_3_6];

    /// As RabbitMQ writes it.
    pub fn version(self) -> &'static str {
        match self {
            Self::V3_8_9 => "3.8.9",
            Self::V3_10_8 => "3.10.8",
            Self::V4_0_5 => "4.0.5",
            Self::V4_3_6 => "4.3.6",
        }
    }
}

/// What is left where a node cannot be asked a question.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// The step asks this official command in its place (`fallback.sh` reads its answer).
    Asked(&'static str),
    /// An operator can look with this official command; what it prints decides nothing.
    ByHand(&'static str),
    /// No official command tells this; why what needs it does without, or refuses.
    Nothing(&'static str),
}

/// Definitions that several questions share, each written once.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The Erlang variable that it binds.
    pub name: &'static str,
    /// Ends in a comma. What it uses stands before it in a question's list.
    pub text: &'static str,
}

/// A question that is asked of a node.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// How messages and scripts call it.
    pub name: &'static str,
    /// What stands behind "cannot be asked".
    pub asks: &'static str,
    /// The releases on which it was answered, by this text and without its fallback.
    pub tried: &'static [Release],
    /// What is left where it cannot be told.
    pub fallback: Fallback,
    /// What its text uses, in the order in which one builds on another.
    pub with: &'static [Definition],
    /// Erlang expressions, the last one of which is the answer.
    pub text: &'static str,
}

impl Question {
    /// The expressions as they are asked: with their definitions and without comments.
    pub fn erlang(&self) -> String {
        let defined: String = self.with.iter().map(|definition| code(definition.text)).collect();
        defined + &code(self.text)
    }

    /// Assignments for a POSIX shell, from which `ask` (ask.sh) knows the question.
    pub fn assignments(&self) -> String {
        let by_hand = match self.fallback {
            Fallback::Asked(command) | Fallback::ByHand(command) => command,
            Fallback::Nothing(_) => "",
        };
        let name = self.name;
        format!(
            "erl_{name}={}\nasks_{name}={}\nby_hand_{name}={}\n",
            quote(self.erlang().trim_end()),
            quote(self.asks),
            quote(by_hand)
        )
    }
}

/// The shell functions that ask, with what they put around a question; behind them go [`Question::assignments`].
pub fn asking() -> String {
    let newest = Release::ALL.last().map_or("", |release| release.version());
    let shell = concat!(include_str!("ask.sh"), include_str!("fallback.sh"));
    let shell = shell.lines().filter(|line| !line.trim_start().starts_with("# "));
    format!(
        "untold_erl={}\nask_erl={}\nnewest_tried={newest}\n{}",
        quote(&code(define::UNTOLD.text)),
        quote(&code(include_str!("ask.erl"))),
        shell.flat_map(|line| [line, "\n"]).collect::<String>(),
    )
}

/// Erlang without its comments: they cost bytes on a line that may be slow.
fn code(text: &str) -> String {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('%'));
    lines.flat_map(|line| [line, "\n"]).collect()
}
