//! What clients notice of a playbook: the longest time that a publisher waits for a confirm, on every kind of queue of the
//! version. Each playbook runs twice; the page shows the shorter and the longer time.
//!
//!     make gaps                                                                 every playbook on every release
//!     E2E_ONLY=rolling-restart cargo test --test e2e -- --ignored --exact gaps_debian12

use std::collections::BTreeMap;
use std::time::Duration;

use crate::amqp;
use crate::faults::playbook::{PLAYBOOKS, Playbook, day2, words};
use crate::inventory::{ADMIN, ADMIN_PASSWORD};
use crate::load::{Kind, Load};
use crate::page::{Table, date};
use crate::release::Suite;
use crate::stage::{Stage, State, say};

const GAPS: Table = Table {
    page: "docs/playbooks/README.md",
    mark: "gaps",
    columns: &[
        "playbook",
        "RabbitMQ",
        "quorum queue",
        "classic queue",
        "stream",
        "confirmed, all consumed",
        "date",
    ],
    keys: 2,
};

const RUNS: usize = 2;

const LOGIN: (&str, &str) = (ADMIN, ADMIN_PASSWORD);

/// Further playbooks, in addition to those of the fault runs.
const OTHERS: &[Playbook] = &[
    Playbook { prepare: crowd, ..day2("rebalance", |_| words(&["run", "rebalance"])) },
    Playbook {
        prepare: fall_behind,
        ..day2("sync-queue", |_| words(&["run", "sync-queue", "queue=behind"]))
    },
];

/// Six quorum queues that node1 leads.
fn crowd(stage: &Stage) {
    for number in 0..6 {
        let queue = format!("crowd-{number}");
        amqp::publish(&stage.lab.address(11), LOGIN, &queue, "quorum", 1).expect("a queue on node1");
    }
}

/// A mirrored queue whose mirrors have none of its messages.
fn fall_behind(stage: &Stage) {
    let _ =
        stage.lab.run_on("node1", "rabbitmqctl -q delete_queue behind; rabbitmqctl -q clear_policy behind");
    amqp::publish(&stage.lab.address(11), LOGIN, "behind", "classic", 1000).expect("messages on node1");
    stage.lab.stdout_of(
        "node1",
        "rabbitmqctl -q set_policy --apply-to queues behind '^behind$' '{\"ha-mode\":\"all\",\"ha-sync-mode\":\"manual\"}'",
    );
}

fn is_there(playbook: &Playbook, suite: Suite) -> bool {
    playbook.from == State::Converged
        && playbook.balancers.len() == 1
        && (playbook.name != "sync-queue" || suite.mirrors())
}

/// Every playbook that starts from a cluster, or those that `E2E_ONLY` names. The page gets its rows as they come.
pub fn measure(name: &str, suite: Suite) {
    let only = std::env::var("E2E_ONLY").unwrap_or_default();
    let wanted = |playbook: &&Playbook| {
        is_there(playbook, suite) && (only.is_empty() || only.split(',').any(|word| word == playbook.name))
    };
    let mut stage = Stage::new(name, suite);
    for playbook in PLAYBOOKS.iter().chain(OTHERS).filter(wanted) {
        let mut gaps: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
        let (mut confirmed, mut version) = (0, String::new());
        for _ in 0..RUNS {
            stage.reach(State::Converged);
            version = crate::hosts::running_version(&stage.lab, "node1");
            for (kind, tally) in once(&stage, playbook) {
                confirmed += tally.confirmed;
                gaps.entry(column(kind)).or_default().push(tally.longest_gap);
            }
            stage.left(playbook.leaves);
        }
        let cell = |column: &str| gaps.get(column).map_or_else(|| "none".to_owned(), |gaps| between(gaps));
        let row = GAPS.row(&[
            playbook.name.to_owned(),
            version,
            cell("quorum"),
            cell("classic"),
            cell("stream"),
            confirmed.to_string(),
            date(),
        ]);
        say(&row);
        GAPS.write(&[row]);
    }
}

/// Which column a kind of queue has. The page says where classic queues are mirrored.
fn column(kind: Kind) -> &'static str {
    match kind {
        Kind::Quorum => "quorum",
        Kind::Mirrored | Kind::Classic => "classic",
        Kind::Stream => "stream",
    }
}

fn between(gaps: &[Duration]) -> String {
    let least = gaps.iter().min().map_or(0.0, Duration::as_secs_f32);
    let most = gaps.iter().max().map_or(0.0, Duration::as_secs_f32);
    format!("{least:.2} to {most:.2} s")
}

/// One run under load, from its first step to its last; no confirmed message is missing.
fn once(stage: &Stage, playbook: &Playbook) -> Vec<(Kind, crate::traffic::Tally)> {
    let load = Load::of_every_kind(stage, "gaps");
    if playbook.keeps_quorum {
        (playbook.prepare)(stage);
        load.goes_on();
    }
    load.measure_from_now();
    if !playbook.keeps_quorum {
        // No client is served until all are up again, whichever of the two playbooks is run first.
        (playbook.prepare)(stage);
    }
    let words = (playbook.words)(stage);
    let args = words.iter().map(String::as_str).chain(["--yes"]);
    stage.rabbitup(&(playbook.inventory)(stage)).args(args).run().expect(0);
    if !playbook.keeps_quorum {
        (playbook.converged)(stage);
    }
    load.goes_on();
    let tallies = load.close_each(playbook.name);
    tallies.iter().for_each(|(_, tally)| tally.assert_none_lost());
    if playbook.keeps_quorum {
        (playbook.converged)(stage);
    }
    tallies
}
