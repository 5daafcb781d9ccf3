//! Faults at every step: rabbitup is killed and interrupted, hosts lose network or power or run full while a playbook runs. In
//! every case the invariants hold and the same command, run again, converges. docs/faults.md has the results.
//!
//!     make faults                                                     every fault run, for hours
//!     E2E_FAULTS='bring-up:kill' cargo test --test e2e -- --ignored --exact all_faults_debian13
//!
//! `E2E_FAULTS` is a list of `PLAYBOOK:FAULT`, `PLAYBOOK:FAULT:WHEN` or `PLAYBOOK:FAULT:WHEN:STEP`, where only steps of that kind are hit.

mod data;
mod fault;
mod fault_run;
mod invariants;
mod moment;
pub mod playbook;
mod table;
pub mod ways;

use crate::inventory::Inventory;
use crate::lab::{Disk, Host};
use crate::release::Suite;
use crate::stage::{ALL, BROKERS, Stage, State, all_are_played, octet, say};
use crate::turns::{self, PER_DAY, today};
use fault::Fault;
use fault_run::{FaultRun, Outcome};
use moment::When;
use playbook::PLAYBOOKS;

/// How many injections a sample has.
const SAMPLE: usize = 4;

/// Every fault run there is on a release.
fn all() -> Vec<FaultRun> {
    let mut fault_runs = Vec::new();
    for playbook in PLAYBOOKS {
        for fault in Fault::ALL {
            for when in When::ALL {
                fault_runs.push(FaultRun { every: fault.every(), ..FaultRun::whole(playbook, fault, when) });
            }
        }
    }
    // Hosts with their own disk come last: they have to be created.
    fault_runs.sort_by_key(|fault_run| fault_run.fault.disk() != Disk::Machines);
    fault_runs
}

/// Those that `E2E_FAULTS` asks for, all if it is empty.
fn wanted(words: &str) -> Vec<FaultRun> {
    if words.is_empty() {
        return all();
    }
    all().into_iter().filter_map(|fault_run| asked_for(fault_run, words)).collect()
}

/// With the step, if a word names one.
fn asked_for(fault_run: FaultRun, words: &str) -> Option<FaultRun> {
    let names = [fault_run.playbook.name, fault_run.fault.word(), fault_run.when.word()];
    let word = words
        .split(',')
        .find(|word| word.split(':').zip(names).all(|(asked, name)| asked == "*" || asked == name))?;
    // As long as the process: a fault run is copied about.
    let only = word.split(':').nth(names.len()).map(|step| &*step.to_owned().leak());
    Some(FaultRun { only, ..fault_run })
}

/// Processes, the system journal without its start, and the broker's log.
const EVIDENCE: &str = "date -u; ps -eo pid,ppid,etimes,args; timeout 20 journalctl -b --no-pager -n 2000; \
    tail -n 3000 /var/log/rabbitmq/rabbit@*.log";

/// The hosts of consecutive fault runs.
struct Field {
    stage: Stage,
    /// The current state of the hosts.
    state: State,
    /// Whether the cluster has the data that must exist in the end.
    laden: bool,
}

impl Field {
    fn new(name: &str, suite: Suite) -> Self {
        Self { stage: Stage::new(name, suite), state: State::Any, laden: false }
    }

    /// Prepares the hosts and does the fault run.
    fn play(&mut self, fault_run: FaultRun) -> Outcome {
        let playbook = fault_run.playbook;
        self.reach(playbook.from, fault_run.fault.disk());
        if playbook.keeps_data && !self.laden {
            data::lay(&self.stage);
            self.laden = true;
        }
        let outcome = fault_run::play(&self.stage, fault_run);
        self.state = if outcome.is_good() { playbook.leaves } else { State::Any };
        say(&format!(
            "{:8} {:6.1} s  {fault_run}: {} struck{}",
            self.stage.lab.suite().name(),
            outcome.took.as_secs_f32(),
            outcome.cases.len(),
            if outcome.is_good() { String::new() } else { format!(", WRONG: {outcome:#?}") },
        ));
        if !outcome.is_good() {
            self.keep_evidence(fault_run);
        }
        outcome
    }

    /// The hosts' logs of a failed fault run, in files: the next fault run gets new hosts.
    fn keep_evidence(&self, fault_run: FaultRun) {
        let suite = self.stage.lab.suite().name();
        let name =
            format!("rabbitup-{suite}-{}-{}", fault_run.to_string().replace(':', "-"), std::process::id());
        let directory = std::env::temp_dir().join(name);
        let kept = std::fs::create_dir_all(&directory).and_then(|()| {
            BROKERS.iter().chain(fault_run.playbook.balancers).try_for_each(|host| {
                std::fs::write(directory.join(host), self.stage.lab.run_on(host, EVIDENCE).stdout)
            })
        });
        say(&format!("{suite:8} {fault_run}: {} has what the hosts say ({kept:?})", directory.display()));
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

/// All requested fault runs. The page gets its rows one by one: it takes hours.
pub fn play_all(name: &str, suite: Suite) {
    let words = std::env::var("E2E_FAULTS").unwrap_or_default();
    let mut field = Field::new(name, suite);
    let mut bad = Vec::new();
    let wanted = wanted(&words);
    assert!(!wanted.is_empty(), "E2E_FAULTS='{words}' names no fault run");
    for fault_run in wanted {
        let outcome = field.play(fault_run);
        let row = table::row(&outcome, suite);
        say(&row);
        table::write(std::slice::from_ref(&row));
        if !outcome.is_good() {
            bad.push(row);
        }
    }
    assert!(bad.is_empty(), "these went wrong:\n{}", bad.join("\n"));
}

/// Past bugs on real hosts that no test without hosts covers. Tests of the others are in
/// src/apply/script_tests.rs, src/apply/interrupt.rs and tests/plan: docs/faults.md.
const ONCE_WRONG: &[FaultRun] = &[
    // Killed while a node entered the cluster: the next run mistook it for one with data of its own. And half-written files,
    // left by a power failure, stayed for ever.
    FaultRun { most: 1, ..FaultRun::whole(&playbook::ENTER, Fault::Kill, When::Middle) },
    // Interrupted in its last step, the next run had nothing to do and failed, since the balancer had not noticed yet.
    FaultRun { most: 1, ..FaultRun::whole(&playbook::ENTER, Fault::Terminate, When::Middle) },
];

/// What continuous integration runs: a few other injections every day, one into another playbook, and past bugs. `E2E_FAULTS`
/// names other fault runs, which end after as few injections.
pub fn play_sample(name: &str, suite: Suite) {
    let words = std::env::var("E2E_FAULTS").unwrap_or_default();
    let day = turns::count(today());
    let mut fault_runs = vec![bring_up_of_the_day(day)];
    fault_runs.extend(ONCE_WRONG);
    let always_struck = fault_runs.len();
    // The releases are a third of a round apart.
    let place = turns::place(suite).unwrap_or_default();
    fault_runs.push(playbook_of_the_day(day + place * PAIRS / PER_DAY));
    if words.is_empty() && !all_are_played() && day % PER_DAY != place {
        say(&format!(
            "{:8}           faults are another release's today (E2E_ALL=1 plays them on all)",
            suite.name()
        ));
        return;
    }
    if !words.is_empty() {
        fault_runs = wanted(&words);
        fault_runs.iter_mut().for_each(|fault_run| fault_run.most = SAMPLE);
    }
    let mut field = Field::new(name, suite);
    for (at, fault_run) in fault_runs.into_iter().enumerate() {
        say(&format!(
            "{:8}           E2E_FAULTS='{fault_run}', {} strikes at most, every {} steps from step {}",
            suite.name(),
            fault_run.most,
            fault_run.every,
            fault_run.first % fault_run.every
        ));
        let outcome = field.play(fault_run);
        assert!(outcome.is_good(), "{outcome:#?}");
        // If no broker runs, none can be stopped; and not every step shows when it is in its middle.
        assert!(!outcome.cases.is_empty() || at >= always_struck, "{fault_run} struck nothing");
    }
}

/// A bring-up with faults at varying steps, only those that are noticed quickly.
fn bring_up_of_the_day(day: usize) -> FaultRun {
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
    FaultRun {
        most: SAMPLE,
        // A bring-up has about forty steps, of which eight show when they are in their middle.
        every: if when == When::Middle { 2 } else { 7 },
        first: day,
        ..FaultRun::whole(&playbook::BRING_UP, QUICK[day % QUICK.len()], when)
    }
}

/// The playbooks that take less than half a minute, two load balancers a little more, and the faults that can hit them: all but a silent mirror, which costs two
/// minutes and a half, and the faults of packages, of which they install none.
const SHORT: usize = 14;
const STRIKES: usize = Fault::ALL.len() - 3;
const PAIRS: usize = SHORT * STRIKES;

/// One injection into a playbook other than bring-up, each of them with each fault in turn.
fn playbook_of_the_day(day: usize) -> FaultRun {
    let long = ["bring-up", "upgrade", "replace-node"];
    let short: Vec<&'static playbook::Playbook> =
        PLAYBOOKS.iter().filter(|playbook| !long.contains(&playbook.name)).collect();
    let faults: Vec<Fault> = Fault::ALL
        .into_iter()
        .filter(|fault| !matches!(fault, Fault::Mirror | Fault::Repository | Fault::PackageManager))
        .collect();
    assert_eq!((short.len(), faults.len()), (SHORT, STRIKES));
    // 11 divides no number of pairs, so that every pair comes once in a round, and another fault every day. The next round is a day
    // off: who has only every second day then meets the other half.
    let pair = (day + day / PAIRS) * 11 % PAIRS;
    let when = When::ALL[day / PAIRS % When::ALL.len()];
    FaultRun { most: 1, first: 0, ..FaultRun::whole(short[pair / STRIKES], faults[pair % STRIKES], when) }
}

#[test]
fn a_fourth_word_names_the_only_kind_of_step_to_hit() {
    let words = "change-address:kill:begins:address-conf-ready,bring-up:*:ends";
    let runs: Vec<String> = wanted(words).iter().map(ToString::to_string).collect();
    assert!(runs.contains(&"change-address:kill:begins:address-conf-ready".to_owned()), "{runs:?}");
    assert!(runs.contains(&"bring-up:power:ends".to_owned()), "{runs:?}");
    assert_eq!(runs.len(), 1 + Fault::ALL.len(), "{runs:?}");
}
