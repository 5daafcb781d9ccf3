//! All questions about internals of RabbitMQ, Ra and Osiris, which use undocumented functions: one list of typed entries, each
//! with the versions it was tested on and the equivalent official command. docs/internals.md is generated from it. A question has
//! three outcomes: answered, answered by its official command, and unsupported, which refuses at once.

mod define;
mod facts;
#[cfg(test)]
mod page;
mod steps;

pub use facts::{FACTS, node_report};
pub(crate) use facts::{FACTS_OF_STOPPED, IfUnknown};
pub(crate) use steps::{
    ABSENT, ACCEPTS, DATABASE, DRAIN_NOTED, DRAINED, DUMP_LOG, GUEST_LOGIN, LACKING, LEADS, LINKS, MEMBERS,
    MIRRORS, MNESIA_NOTES, ONLY_COPIES, OWN_DATA, RELEASE_STREAMS, REOPEN, RUNNING_COOKIE, RUNS, SERVING,
    SYNCHRONISE, TAKE_COOKIE,
};
pub use steps::{ASKED_BY_STEPS, CAUGHT_UP, QUEUES_ON};

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
    /// All releases, oldest first.
    pub const ALL: &'static [Self] = &[Self::V3_8_9, Self::V3_10_8, Self::V4_0_5, Self::V4_3_6];

    /// In RabbitMQ's format.
    pub fn version(self) -> &'static str {
        match self {
            Self::V3_8_9 => "3.8.9",
            Self::V3_10_8 => "3.10.8",
            Self::V4_0_5 => "4.0.5",
            Self::V4_3_6 => "4.3.6",
        }
    }
}

/// What to do if a node does not support a question.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// The step uses this official command instead (`fallback.sh` parses its output).
    Asked(&'static str),
    /// An operator can use this official command; no decision depends on its output.
    ByHand(&'static str),
    /// No official command is equivalent; why the caller can do without it, or refuses.
    Nothing(&'static str),
}

/// Definitions that several questions share, each written once.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The Erlang variable that it binds.
    pub name: &'static str,
    /// Ends in a comma. Definitions that it uses come before it in a question's list.
    pub text: &'static str,
}

/// A question that is asked of a node.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Its name in messages and scripts.
    pub name: &'static str,
    /// The text after "cannot be asked".
    pub asks: &'static str,
    /// The releases that answered it, with this text and without its fallback.
    pub tried: &'static [Release],
    /// What to do if it is unsupported.
    pub fallback: Fallback,
    /// How many seconds a busy node may take to answer it.
    pub within: u8,
    /// The definitions that its text uses, in dependency order.
    pub with: &'static [Definition],
    /// Erlang expressions; the last one is the answer.
    pub text: &'static str,
}

impl Question {
    /// The expressions as sent: with their definitions and without comments.
    pub fn erlang(&self) -> String {
        let defined: String = self.with.iter().map(|definition| code(definition.text)).collect();
        defined + &code(self.text)
    }

    /// Assignments for a POSIX shell that define the question for `ask` (ask.sh).
    pub fn assignments(&self) -> String {
        let by_hand = match self.fallback {
            Fallback::Asked(command) | Fallback::ByHand(command) => command,
            Fallback::Nothing(_) => "",
        };
        let name = self.name;
        format!(
            "erl_{name}={}\nwithin_{name}={}\nasks_{name}={}\nby_hand_{name}={}\n",
            quote(self.erlang().trim_end()),
            self.within,
            quote(self.asks),
            quote(by_hand)
        )
    }
}

/// The shell functions that ask questions, with their wrapper; [`Question::assignments`] follow them.
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

/// Erlang without comments, which cost bytes on a slow connection.
fn code(text: &str) -> String {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('%'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

impl Question {
    /// Beyond the types, and checked when this compiles: it was tested on a release and has a description.
    const fn assert_described(&self) {
        assert!(!self.tried.is_empty() && !self.asks.is_empty());
    }
}

const _: () = {
    let mut n = 0;
    while n < ASKED_BY_STEPS.len() {
        ASKED_BY_STEPS[n].assert_described();
        n += 1;
    }
    let lists = [FACTS, FACTS_OF_STOPPED];
    let mut list = 0;
    while list < lists.len() {
        n = 0;
        while n < lists[list].len() {
            lists[list][n].1.assert_described();
            n += 1;
        }
        list += 1;
    }
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Each definition that a question lists is used, and what is used is listed.
    #[test]
    fn questions_list_the_definitions_that_they_use() {
        for question in ASKED_BY_STEPS {
            let mut listed = Vec::new();
            for definition in question.with {
                listed.push(definition.name);
                let used =
                    definition.name.split(", ").any(|name| question.erlang().matches(name).count() > 1);
                assert!(used, "{} does not use {}", question.name, definition.name);
            }
            for definition in define::ALL {
                for name in
                    definition.name.split(", ").filter(|name| !["Only", "Counts", "Open"].contains(name))
                {
                    let used = question.erlang().contains(&format!("{name}("));
                    assert!(!used || listed.contains(&definition.name), "{} uses {name}", question.name);
                }
            }
        }
    }

    /// Answers and messages use names.
    #[test]
    fn names_are_taken_once() {
        let steps: BTreeSet<_> = ASKED_BY_STEPS.iter().map(|question| question.name).collect();
        let facts: BTreeSet<_> = FACTS.iter().chain(FACTS_OF_STOPPED).map(|(_, fact)| fact.name).collect();
        assert_eq!((steps.len(), facts.len()), (ASKED_BY_STEPS.len(), FACTS.len() + FACTS_OF_STOPPED.len()));
    }

    /// The limits and log levels in effect are part of the one question that is asked of a node anyway.
    #[test]
    fn one_question_reports_all_facts() {
        let report = node_report();
        for name in FACTS.iter().chain(FACTS_OF_STOPPED).map(|(_, fact)| fact.name) {
            assert_eq!(report.matches(&format!("{{\"{name}\", fun() ->")).count(), 1, "{name}");
        }
        assert_eq!(report.matches("get_vm_memory_high_watermark").count(), 1);
        let probe = concat!(
            include_str!("../../facts/probe_broker.sh"),
            include_str!("../../facts/probe.sh"),
            include_str!("../../facts/environment_probe.sh")
        );
        let asking =
            probe.lines().filter(|line| !line.trim_start().starts_with('#') && line.contains("$node_erl"));
        assert_eq!(asking.count(), 2, "through erl_call, or else through rabbitmqctl");
    }

    /// fallback.sh implements exactly the commands in the table.
    #[test]
    fn the_commands_that_steps_ask_are_there() {
        let shell = include_str!("fallback.sh");
        for question in ASKED_BY_STEPS {
            let there = shell.contains(&format!("\nfallback_{}() {{", question.name));
            let promised = match question.fallback {
                Fallback::Asked(command) => {
                    let words = command.split_whitespace().last().unwrap_or_default();
                    assert!(shell.contains(words), "{command}");
                    true
                }
                Fallback::ByHand(_) | Fallback::Nothing(_) => false,
            };
            assert_eq!(there, promised, "{}", question.name);
        }
    }
}
