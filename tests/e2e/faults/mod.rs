//! Faults at every step: rabbitup is killed and interrupted, hosts are cut off, powered off and filled up while a playbook
//! is at work, and whatever happens, the invariants hold and the same command run again converges. docs/faults.md tells
//! what was played and what came of it.
//!
//!     make faults                                                     every march, for hours
//!     E2E_FAULTS='bring-up:kill' cargo test --test e2e -- --ignored --exact all_faults_debian13
//!
//! `E2E_FAULTS` is a list of `PLAYBOOK:FAULT` or `PLAYBOOK:FAULT:WHEN`.

mod data;
mod fault;
mod invariants;
mod march;
mod moment;
mod playbook;
mod table;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::inventory::Inventory;
use crate::lab::{Disk, Host, Suite};
use crate::stage::{ALL, Stage, State, octet, say};
use fault::Fault;
use march::{March, Outcome};
use moment::When;
use playbook::{PLAYBOOKS, Playbook};

/// Nobody waits for that many strikes: a march ends where no step is left to strike.
const UNBOUNDED: usize = 200;
/// How many strikes a sample has.
const SAMPLE: usize = 4;

/// Every march there is.
fn all() -> Vec<March> {
    let mut marches = Vec::new();
    for playbook in PLAYBOOKS {
        for fault in Fault::ALL {
            for when in When::ALL {
                // Some minutes each, until both sides have noticed.
                let every = if fault == Fault::Cut { 5 } else { 1 };
                marches.push(March { playbook, fault, when, most: UNBOUNDED, every, first: 0 });
            }
        }
    }
    marches
}

/// Whether somebody asked for it: by `E2E_FAULTS`, or by naming nothing.
fn is_wanted(march: &March, words: &str) -> bool {
    let names = [march.playbook.name, march.fault.word(), march.when.word()];
    words.is_empty()
        || words
            .split(',')
            .any(|word| word.split(':').zip(names).all(|(asked, name)| asked == "*" || asked == name))
}

/// All marches that are asked for. The page gets its rows as they come: it takes hours.
pub fn play_all(name: &str, suite: Suite) {
    let words = std::env::var("E2E_FAULTS").unwrap_or_default();
    let mut stage = Stage::new(name, suite);
    let mut bad = Vec::new();
    let mut at = State::Any;
    for march in all().into_iter().filter(|march| is_wanted(march, &words)) {
        let (outcome, left) = play(&mut stage, march, at);
        at = left;
        let row = table::row(&outcome, suite);
        say(&row);
        table::write(std::slice::from_ref(&row));
        if !outcome.is_good() {
            bad.push(row);
        }
    }
    assert!(bad.is_empty(), "these went wrong:\n{}", bad.join("\n"));
}

/// Gets the hosts ready and marches. Gives the state in which the hosts are afterwards.
fn play(stage: &mut Stage, march: March, at: State) -> (Outcome, State) {
    let Playbook { from, prepare, .. } = march.playbook;
    let disk = if march.fault == Fault::Disk { Disk::Own(fault::SMALL_DISK) } else { Disk::Machines };
    if *from != at || *from == State::Fresh || stage.lab.disk() != disk {
        stage.lab.set_disk(disk);
        stage.fresh_hosts(&ALL.map(|name| Host::new(name, octet(name))));
        if *from == State::Converged {
            stage.up(&Inventory::whole()).expect(0);
            data::lay(stage);
        }
    }
    prepare(stage);
    let outcome = march::play(stage, march);
    say(&format!(
        "{:8} {:6.1} s  {}:{}:{}: {} struck{}",
        stage.lab.suite().name(),
        outcome.took.as_secs_f32(),
        march.playbook.name,
        march.fault.word(),
        march.when.word(),
        outcome.cases.len(),
        if outcome.is_good() { String::new() } else { format!(", WRONG: {outcome:#?}") },
    ));
    let left = if outcome.is_good() && march.playbook.keeps_data { State::Converged } else { State::Any };
    (outcome, left)
}

/// What continuous integration plays: another few strikes every day.
pub fn play_sample(name: &str, suite: Suite) {
    let mut stage = Stage::new(name, suite);
    let march = of_the_day(day());
    say(&format!(
        "{:8}           today's faults are E2E_FAULTS='{}:{}:{}', every {} steps from step {}",
        suite.name(),
        march.playbook.name,
        march.fault.word(),
        march.when.word(),
        march.every,
        march.first
    ));
    let (outcome, _) = play(&mut stage, march, State::Any);
    assert!(outcome.is_good(), "{outcome:#?}");
}

/// A bring-up, struck now here and now there by what needs no minutes to be noticed.
fn of_the_day(day: usize) -> March {
    const QUICK: [Fault; 6] =
        [Fault::Kill, Fault::Interrupt, Fault::Terminate, Fault::HangUp, Fault::Session, Fault::Power];
    March {
        playbook: &PLAYBOOKS[0],
        fault: QUICK[day % QUICK.len()],
        when: When::ALL[day % When::ALL.len()],
        most: SAMPLE,
        every: 7,
        first: day % 7,
    }
}

/// Days since 1970.
fn day() -> usize {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    usize::try_from(since.as_secs() / 86_400).expect("a number of days")
}
