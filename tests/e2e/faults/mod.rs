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
pub mod playbook;
mod table;
mod ways;

use crate::inventory::Inventory;
use crate::lab::{Disk, Host, Suite};
use crate::stage::{ALL, DAILY, Stage, State, all_are_played, octet, say, today};
use fault::Fault;
use march::{March, Outcome};
use moment::When;
use playbook::PLAYBOOKS;

/// How many strikes a sample has.
const SAMPLE: usize = 4;

/// Every march there is.
fn all() -> Vec<March> {
    let mut marches = Vec::new();
    for playbook in PLAYBOOKS {
        for fault in Fault::ALL {
            for when in When::ALL {
                marches.push(March { every: fault.every(), ..March::whole(playbook, fault, when) });
            }
        }
    }
    // Hosts with a disk of their own come last: they are new ones.
    marches.sort_by_key(|march| march.fault.disk() != Disk::Machines);
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

/// Processes, the system journal without its start, and the broker's log.
const EVIDENCE: &str = "date -u; ps -eo pid,ppid,etimes,args; timeout 20 journalctl -b --no-pager -n 2000; \
    tail -n 3000 /var/log/rabbitmq/rabbit@*.log";

/// Hosts that are marched over, one march after the other.
struct Field {
    stage: Stage,
    /// What the hosts are now.
    state: State,
    /// Whether the cluster holds what has to be there in the end.
    laden: bool,
}

impl Field {
    fn new(name: &str, suite: Suite) -> Self {
        Self { stage: Stage::new(name, suite), state: State::Any, laden: false }
    }

    /// Gets the hosts ready and marches.
    fn play(&mut self, march: March) -> Outcome {
        let playbook = march.playbook;
        self.reach(playbook.from, march.fault.disk());
        if playbook.keeps_data && !self.laden {
            data::lay(&self.stage);
            self.laden = true;
        }
        let outcome = march::play(&self.stage, march);
        self.state = if outcome.is_good() { playbook.leaves } else { State::Any };
        say(&format!(
            "{:8} {:6.1} s  {march}: {} struck{}",
            self.stage.lab.suite().name(),
            outcome.took.as_secs_f32(),
            outcome.cases.len(),
            if outcome.is_good() { String::new() } else { format!(", WRONG: {outcome:#?}") },
        ));
        if !outcome.is_good() {
            self.keep_evidence(march);
        }
        outcome
    }

    /// What the hosts say of a march that went wrong, in files: the next march gets new hosts.
    fn keep_evidence(&self, march: March) {
        let suite = self.stage.lab.suite().name();
        let name = format!("rabbitup-{suite}-{}-{}", march.to_string().replace(':', "-"), std::process::id());
        let directory = std::env::temp_dir().join(name);
        let kept = std::fs::create_dir_all(&directory).and_then(|()| {
            ALL.into_iter().try_for_each(|host| {
                std::fs::write(directory.join(host), self.stage.lab.run_on(host, EVIDENCE).stdout)
            })
        });
        say(&format!("{suite:8} {march}: {} has what the hosts say ({kept:?})", directory.display()));
    }

    fn reach(&mut self, state: State, disk: Disk) {
        if self.state == state && self.stage.lab.disk() == disk {
            return;
        }
        self.stage.lab.set_disk(disk);
        self.stage.fresh_hosts(&ALL.map(|name| Host::new(name, octet(name))));
        if state == State::Converged {
            self.stage.up(&Inventory::whole()).expect(0);
        }
        (self.state, self.laden) = (state, false);
    }
}

/// All marches that are asked for. The page gets its rows as they come: it takes hours.
pub fn play_all(name: &str, suite: Suite) {
    let words = std::env::var("E2E_FAULTS").unwrap_or_default();
    let mut field = Field::new(name, suite);
    let mut bad = Vec::new();
    for march in all().into_iter().filter(|march| is_wanted(march, &words)) {
        let outcome = field.play(march);
        let row = table::row(&outcome, suite);
        say(&row);
        table::write(std::slice::from_ref(&row));
        if !outcome.is_good() {
            bad.push(row);
        }
    }
    assert!(bad.is_empty(), "these went wrong:\n{}", bad.join("\n"));
}

/// What once went wrong on real hosts, was fixed, and is shown by no test without hosts. Tests of what else was found are in
/// src/apply/script_tests.rs, src/apply/interrupt.rs and tests/plan: docs/faults.md.
const ONCE_WRONG: &[March] = &[
    // Killed while a node entered the cluster: the next run took it for one with data of its own. And half-written files,
    // which a power cut had left, stayed for ever.
    March { most: 1, ..March::whole(&playbook::ENTER, Fault::Kill, When::Middle) },
    // Interrupted in its last step, the next run had nothing to do and failed, since the balancer had not noticed yet.
    March { most: 1, ..March::whole(&playbook::ENTER, Fault::Terminate, When::Middle) },
];

/// What continuous integration plays: another few strikes every day, one strike at another playbook, and what once went
/// wrong. `E2E_FAULTS` names other marches to play, which end after as few strikes.
pub fn play_sample(name: &str, suite: Suite) {
    let words = std::env::var("E2E_FAULTS").unwrap_or_default();
    let day = usize::try_from(today()).expect("a number of days");
    let mut marches = vec![bring_up_of_the_day(day)];
    marches.extend(ONCE_WRONG);
    let always_struck = marches.len();
    // The releases are a third of a round apart.
    let release = DAILY.iter().position(|daily| *daily == suite).unwrap_or_default();
    marches.push(playbook_of_the_day(day + release * PAIRS / DAILY.len()));
    if words.is_empty() && !all_are_played() && day % DAILY.len() != release {
        say(&format!(
            "{:8}           faults are another release's today (E2E_ALL=1 plays them on all)",
            suite.name()
        ));
        return;
    }
    if !words.is_empty() {
        marches = all().into_iter().filter(|march| is_wanted(march, &words)).collect();
        marches.iter_mut().for_each(|march| march.most = SAMPLE);
    }
    let mut field = Field::new(name, suite);
    for (at, march) in marches.into_iter().enumerate() {
        say(&format!(
            "{:8}           E2E_FAULTS='{march}', {} strikes at most, every {} steps from step {}",
            suite.name(),
            march.most,
            march.every,
            march.first % march.every
        ));
        let outcome = field.play(march);
        assert!(outcome.is_good(), "{outcome:#?}");
        // Where no broker runs, none can be stopped; and not every step says something in its middle.
        assert!(!outcome.cases.is_empty() || at >= always_struck, "{march} struck nothing");
    }
}

/// A bring-up, struck now here and now there by what needs no minutes to be noticed.
fn bring_up_of_the_day(day: usize) -> March {
    const QUICK: [Fault; 9] = [
        Fault::Kill,
        Fault::Interrupt,
        Fault::Terminate,
        Fault::HangUp,
        Fault::Session,
        Fault::Power,
        Fault::Second,
        Fault::ControllerClock,
        Fault::HostClock,
    ];
    let when = When::ALL[day / QUICK.len() % When::ALL.len()];
    March {
        most: SAMPLE,
        // A bring-up has about forty steps, of which eight show when they are in their middle.
        every: if when == When::Middle { 2 } else { 7 },
        first: day,
        ..March::whole(&playbook::BRING_UP, QUICK[day % QUICK.len()], when)
    }
}

/// The playbooks that take less than half a minute, and what can strike them: all but a silent mirror, which costs two
/// minutes and a half, and the faults of packages, of which they install none.
const SHORT: usize = 8;
const STRIKES: usize = Fault::ALL.len() - 3;
const PAIRS: usize = SHORT * STRIKES;

/// One strike at another playbook than a bring-up, each of them with each fault in turn.
fn playbook_of_the_day(day: usize) -> March {
    let long = ["bring-up", "upgrade", "replace-node"];
    let short: Vec<&'static playbook::Playbook> =
        PLAYBOOKS.iter().filter(|playbook| !long.contains(&playbook.name)).collect();
    let faults: Vec<Fault> = Fault::ALL
        .into_iter()
        .filter(|fault| !matches!(fault, Fault::Mirror | Fault::Repository | Fault::Dpkg))
        .collect();
    assert_eq!((short.len(), faults.len()), (SHORT, STRIKES));
    // 11 divides no number of pairs, so that every pair comes once in a round, and another fault every day.
    let pair = day * 11 % PAIRS;
    let when = When::ALL[day / PAIRS % When::ALL.len()];
    March { most: 1, first: 0, ..March::whole(short[pair / STRIKES], faults[pair % STRIKES], when) }
}
