//! Advice of refusals, followed as it is printed: each command is taken from the screen and run, until a plan is made; and what was
//! asked for is then refused for that reason no more.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use super::doctor::{Act, filled_in, perform, run_printed};
use crate::hosts::on_all;
use crate::inventory::Inventory;
use crate::program::Run;
use crate::release::Store;
use crate::stage::{BROKERS, Stage, reason, say};

/// One state of hosts in which plans are refused.
struct Case {
    name: &'static str,
    breaks: &'static [Act],
    /// What is asked for, and words of the refusal. The last one's commands are followed.
    asked: &'static [(&'static str, &'static str)],
    /// What tidies up that the commands leave.
    after: &'static [Act],
}

/// How many refusals in a row are followed.
const HOPS: usize = 5;

const CASES: &[Case] = &[
    Case {
        name: "a stopped node",
        breaks: &[Act::Run("node3", "systemctl stop rabbitmq-server")],
        asked: &[("plan rolling-restart", "does not serve, so none of the others can be stopped")],
        after: &[],
    },
    Case {
        name: "a wiped node that the cluster lists",
        breaks: &[Act::Run("node3", "systemctl stop rabbitmq-server; rm -rf /var/lib/rabbitmq/mnesia/*")],
        // It has no data, so `start` would leave it alone; and a bring-up does not forget its data.
        asked: &[("plan rolling-restart", "does not serve, so none of the others can be stopped")],
        after: &[],
    },
    Case {
        name: "a cookie file that was changed while its node ran",
        breaks: &[Act::Run(
            "node3",
            "cd /var/lib/rabbitmq && rm -f .erlang.cookie && install -o rabbitmq -g rabbitmq -m 400 /dev/null .erlang.cookie && \
             printf OtherCookieOfNode3 >.erlang.cookie",
        )],
        asked: &[
            ("plan rotate-cookie", "runs with a cookie other than the one in its file"),
            ("plan recover-node node=node3", "does not need recover-node"),
            ("plan rolling-restart", "does not serve, so none of the others can be stopped"),
        ],
        after: &[],
    },
    Case {
        name: "another node name",
        breaks: &[Act::Run("node3", "echo NODENAME=hare >>/etc/rabbitmq/rabbitmq-env.conf")],
        asked: &[("plan", "the node is called hare@node3")],
        after: &[],
    },
    Case {
        name: "epmd on another port",
        breaks: &[Act::Run("node3", "echo ERL_EPMD_PORT=4370 >>/etc/rabbitmq/rabbitmq-env.conf")],
        asked: &[("plan", "the broker uses epmd on port 4370")],
        // The line is gone before a start has read it.
        after: &[Act::Run("node3", "touch -d yesterday /etc/rabbitmq/rabbitmq-env.conf")],
    },
    Case {
        name: "a file that RabbitMQ reads later",
        breaks: &[Act::Run(
            "node2",
            "mkdir -p /etc/rabbitmq/conf.d && echo heartbeat = 10 >/etc/rabbitmq/conf.d/90-mine.conf",
        )],
        asked: &[("plan", "90-mine.conf sets `heartbeat` after")],
        after: &[Act::Run("node2", "rm /etc/rabbitmq/conf.d/90-mine.conf.old")],
    },
    Case {
        name: "a configuration file in the old format",
        breaks: &[Act::Run(
            "node2",
            "printf '%s\\n' '[{rabbit,[{vm_memory_high_watermark,0.3}]}].' >/etc/rabbitmq/rabbitmq.config",
        )],
        asked: &[("plan", "rabbitmq.config (the old format) is there")],
        after: &[Act::Run("node2", "rm /etc/rabbitmq/rabbitmq.config.old")],
    },
    Case {
        name: "a file of another tool",
        breaks: &[Act::Run(
            "node2",
            "sed '/rabbitup/d; / node3/d' /etc/hosts >/srv/hosts && ln -sf /srv/hosts /etc/hosts",
        )],
        asked: &[("plan", "/etc/hosts is a symbolic link, so it is not written")],
        after: &[Act::Run("node2", "rm /srv/hosts")],
    },
    Case {
        name: "a queue that is not mirrored",
        breaks: &[],
        asked: &[("plan sync-queue queue=e2e", "")],
        after: &[],
    },
    Case {
        name: "a node that was forgotten while it was away",
        breaks: &[
            Act::Run("node3", "systemctl stop rabbitmq-server"),
            Act::Run("node1", "timeout 60 rabbitmqctl -q forget_cluster_node rabbit@node3"),
        ],
        asked: &[("plan", "no longer lists it as a member")],
        after: &[],
    },
    Case {
        name: "a node with data of its own",
        breaks: &[
            Act::Run("node3", super::doctor::LEAVE),
            Act::Run("node3", "timeout 60 rabbitmqctl -q add_vhost of-its-own"),
        ],
        asked: &[("plan", "has data of its own")],
        after: &[],
    },
];

pub fn leads_on(stage: &Stage) {
    stage.assert_amqp("e2e");
    let mut failed = Vec::new();
    for case in CASES {
        if stage.lab.suite().store() == Store::Khepri && case.name.contains("forgotten") {
            // Khepri does not record membership on disk, so such a node is started, with a note.
            continue;
        }
        // Cases start brokers more often than systemd's limit allows.
        let lab = &stage.lab;
        on_all(&BROKERS, |host| lab.stdout_of(host, "systemctl reset-failed rabbitmq-server || :"));
        let begin = Instant::now();
        let played = std::panic::catch_unwind(AssertUnwindSafe(|| play(stage, case)));
        let end = if played.is_ok() { "ok" } else { "FAILED" };
        say(&format!("         {:6.1} s    {}: {end}", begin.elapsed().as_secs_f32(), case.name));
        if let Err(panic) = played {
            say(&reason(panic.as_ref()));
            failed.push(case.name);
            break;
        }
    }
    assert!(failed.is_empty(), "advice that does not lead on: {}", failed.join("; "));
    stage.assert_serves();
}

fn play(stage: &Stage, case: &Case) {
    case.breaks.iter().for_each(|act| perform(stage, *act));
    let refused: Vec<Run> = case
        .asked
        .iter()
        .map(|(asked, words)| ask(stage, asked).expect(1).says("No plan:").says(&filled_in(stage, words)))
        .collect();
    let mut block = first_block(refused.last().expect("something is asked for"));
    let mut met = vec![block[0].clone()];
    for hop in 0.. {
        assert!(hop < HOPS, "still refused: {met:#?}");
        match follow(stage, &block) {
            None => break,
            Some(again) => block = first_block(&again),
        }
        assert!(!met.contains(&block[0]), "the advice leads back to: {}", block[0]);
        met.push(block[0].clone());
    }
    for (asked, words) in case.asked.iter().filter(|(_, words)| !words.is_empty()) {
        ask(stage, asked).does_not_say(words);
    }
    case.after.iter().for_each(|act| perform(stage, *act));
    stage.assert_nothing_to_do(&Inventory::whole());
}

fn ask(stage: &Stage, words: &str) -> Run {
    stage.rabbitup(&Inventory::whole()).args(words.split_whitespace()).run()
}

/// The lines of the first refusal: what, why, and what to do.
fn first_block(run: &Run) -> Vec<String> {
    let lines = run.err.lines().skip_while(|line| !line.starts_with('✘'));
    let block: Vec<String> = lines
        .enumerate()
        .take_while(|(at, line)| *at == 0 || line.starts_with(' '))
        .map(|(_, line)| line.to_owned())
        .collect();
    assert!(!block.is_empty(), "there is a refusal\n{run}");
    block
}

/// Runs the commands of the first way that is printed, or returns the next refusal.
fn follow(stage: &Stage, block: &[String]) -> Option<Run> {
    let printed = block.iter().map(|line| line.trim_start().trim_start_matches("next: "));
    let mut commands = printed
        .skip_while(|line| !line.starts_with("$ "))
        .take_while(|line| line.starts_with("$ "))
        .peekable();
    assert!(commands.peek().is_some(), "a command is printed: {block:#?}");
    for command in commands.map(|line| line.trim_start_matches("$ ")) {
        if let Some(words) = command.strip_prefix("rabbitup ") {
            let refused = stage.rabbitup(&Inventory::whole()).args(own_words(words)).run();
            if refused.err.contains("No plan:") {
                return Some(refused);
            }
            refused.expect(0);
            continue;
        }
        assert!(run_printed(stage, command), "a command of this machine: {command}");
    }
    None
}

/// The harness names the inventory itself, and confirms.
fn own_words(words: &str) -> impl Iterator<Item = &str> {
    let words =
        words.strip_prefix("-i ").and_then(|rest| rest.split_once(' ')).map_or(words, |(_, rest)| rest);
    words.split_whitespace().chain(["--yes"])
}
