//! A lab with the program and a list of scenarios that run on it one after the other.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use crate::hosts;
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::lab::{Host, Lab};
use crate::program::{Home, Run, Start, until};
use crate::release::{Store, Suite};
use crate::traffic::Traffic;
use crate::turns::{self, Turns, today};

/// The hosts of [`Inventory::whole`].
pub const ALL: [&str; 4] = ["node1", "node2", "node3", "lb1"];
pub const BROKERS: [&str; 3] = ["node1", "node2", "node3"];

/// The initial state of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Four new hosts, as from a provider. A scenario that leaves them so says so.
    Fresh,
    /// The cluster of [`Inventory::whole`], as `up` leaves it.
    Converged,
    /// The same with the configuration of [`Inventory::reconfigured`].
    Reconfigured,
    /// Any state; the scenario creates its own hosts, or its final state is unknown.
    Any,
}

/// One scenario: its name, its initial and final state.
pub struct Scenario {
    pub name: &'static str,
    pub from: State,
    pub leaves: State,
    pub turns: Turns,
    pub play: fn(&Stage),
}

impl Scenario {
    pub const fn new(name: &'static str, from: State, leaves: State, play: fn(&Stage)) -> Self {
        Self { name, from, leaves, turns: Turns::Every, play }
    }

    /// The same, on one release a day.
    pub const fn by_turns(mut self) -> Self {
        self.turns = Turns::One;
        self
    }

    /// The same, on all releases but one a day.
    pub const fn but_one(mut self) -> Self {
        self.turns = Turns::ButOne;
        self
    }
}

pub struct Stage {
    pub lab: Lab,
    pub home: RefCell<Home>,
    state: State,
}

impl Stage {
    pub fn new(name: &str, suite: Suite) -> Self {
        let home = Home::new(name);
        std::fs::write(home.path("admin-password"), format!("{ADMIN_PASSWORD}\n"))
            .expect("the home is writable");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(home.path("admin-password"), mode).expect("the file is ours");
        // Two runs at the same time need labs of different names.
        let suffix = std::env::var("E2E_LAB").map(|word| format!("-{word}")).unwrap_or_default();
        let lab = Lab::new(&format!("{name}{suffix}"), suite);
        Self { lab, home: RefCell::new(home), state: State::Any }
    }

    /// Runs them all, even after a failure, and panics at the end with the names of the failed ones.
    /// `E2E_ONLY` selects those whose name contains one of its words; `E2E_ALL=1` also runs those of other days.
    pub fn play(mut self, scenarios: &[Scenario]) {
        let only = std::env::var("E2E_ONLY").unwrap_or_default();
        let suite = self.lab.suite().name();
        let wanted: Vec<&Scenario> = if !only.is_empty() {
            let named = |scenario: &&Scenario| only.split(',').any(|word| scenario.name.contains(word));
            scenarios.iter().filter(named).collect()
        } else if all_are_played() {
            scenarios.iter().collect()
        } else {
            turns::due(scenarios, self.lab.suite(), today())
        };
        let start = Instant::now();
        let mut failed = Vec::new();
        if only.is_empty() && wanted.len() < scenarios.len() {
            let resting = scenarios.len() - wanted.len();
            say(&format!(
                "{suite:8} {resting} scenarios are other releases' today (E2E_ALL=1 plays them all)"
            ));
        }
        for scenario in wanted {
            let begin = Instant::now();
            let played = std::panic::catch_unwind(AssertUnwindSafe(|| {
                self.reach(scenario.from);
                let ready = begin.elapsed();
                (scenario.play)(&self);
                ready
            }));
            let took = begin.elapsed();
            let end = match &played {
                Ok(ready) if ready.as_secs() > 0 => {
                    format!("ok, {:.1} s of it to get the hosts ready", ready.as_secs_f32())
                }
                Ok(_) => "ok".to_owned(),
                Err(_) => "FAILED".to_owned(),
            };
            // To the terminal itself: a test's standard error is shown only when it fails.
            say(&format!("{suite:8} {:6.1} s  {}: {end}", took.as_secs_f32(), scenario.name));
            self.state = if played.is_ok() { scenario.leaves } else { State::Any };
            if let Err(panic) = played {
                // At once, since the test runner keeps it back until everything has ended.
                say(&reason(panic.as_ref()));
                failed.push(scenario.name);
            }
        }
        say(&format!("{suite:8} {:6.1} s  in total", start.elapsed().as_secs_f32()));
        assert!(failed.is_empty(), "on {suite} these scenarios failed: {}", failed.join("; "));
    }

    /// Brings the hosts into the initial state of a scenario, unless they are in it.
    pub fn reach(&mut self, state: State) {
        if state == State::Any || state == self.state {
            return;
        }
        self.fresh_hosts(&ALL.map(|name| Host::new(name, octet(name))));
        match state {
            State::Converged => drop(self.up(&Inventory::whole()).expect(0)),
            State::Reconfigured => drop(self.up(&Inventory::reconfigured()).expect(0)),
            State::Fresh | State::Any => {}
        }
        self.state = state;
    }

    /// The state after the last scenario on the hosts.
    pub fn left(&mut self, state: State) {
        self.state = state;
    }

    /// These hosts, new, and no others.
    pub fn fresh_hosts(&self, wanted: &[Host]) {
        self.home.borrow_mut().forget_connections();
        self.lab.remove_hosts();
        self.lab.up(wanted);
    }

    /// One more new host; an existing one of that name is replaced.
    pub fn add_host(&self, name: &str) {
        self.home.borrow_mut().forget_connections();
        self.lab.up(&[Host::new(name, octet(name))]);
    }

    /// The host is powered off permanently; it is not among the next fresh hosts.
    pub fn lose_host(&self, name: &str) {
        self.lab.kill(name);
        self.home.borrow_mut().forget_connections();
    }

    /// Metadata in Khepri from here on, if not from the start.
    pub fn enable_khepri(&self) {
        if self.lab.suite().store() == Store::Either {
            let enable = "timeout 120 rabbitmqctl -q enable_feature_flag --experimental khepri_db >/dev/null";
            self.lab.stdout_of("node1", enable);
        }
    }

    /// Publishes and consumes through the load balancer until it is stopped.
    pub fn traffic(&self, queue: &str, kind: &str) -> Traffic {
        Traffic::start(&self.lab.address(21), (ADMIN, ADMIN_PASSWORD), queue, kind)
    }

    /// A run with this inventory.
    pub fn rabbitup(&self, inventory: &Inventory) -> Start {
        self.rabbitup_on(&inventory.text(&self.lab, None))
    }

    /// A run with an inventory of this text.
    pub fn rabbitup_on(&self, inventory: &str) -> Start {
        let home = self.home.borrow();
        let path = home.path("inventory.toml");
        std::fs::write(&path, inventory).expect("the home is writable");
        home.rabbitup(&path)
    }

    pub fn up(&self, inventory: &Inventory) -> Run {
        self.rabbitup(inventory).args(["up", "--yes"]).run()
    }

    /// A run of another playbook than bring-up: its name, then its arguments.
    pub fn playbook(&self, inventory: &Inventory, words: &[&str]) -> Run {
        let args = ["run"].into_iter().chain(words.iter().copied()).chain(["--yes"]);
        self.rabbitup(inventory).args(args).run()
    }

    pub fn plan(&self, inventory: &Inventory) -> Run {
        self.rabbitup(inventory).args(["plan", "--detailed-exitcode"]).run()
    }

    /// The steps that are planned, as `HOST title`.
    pub fn planned(&self, inventory: &Inventory) -> Vec<String> {
        let run = self.rabbitup(inventory).args(["plan", "--json"]).run().expect(0);
        let plan = run.json();
        let steps = plan["steps"].as_array().unwrap_or_else(|| panic!("a plan has steps\n{run}"));
        let word = |step: &serde_json::Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
        steps.iter().map(|step| format!("{} {}", word(step, "host"), word(step, "title"))).collect()
    }

    /// The hosts match the inventory, as the program sees it.
    #[track_caller]
    pub fn assert_nothing_to_do(&self, inventory: &Inventory) {
        self.plan(inventory).expect(0).says("No changes.");
    }

    /// The whole cluster serves: its members, its cookie, and AMQP through the load balancer.
    #[track_caller]
    pub fn assert_serves(&self) {
        hosts::assert_cluster(&self.lab, &BROKERS);
        hosts::assert_cookie(&self.lab, &BROKERS);
        hosts::assert_tidy(&self.lab, &ALL);
        self.assert_amqp("e2e");
    }

    /// A message goes through the load balancer to a quorum queue and comes back.
    #[track_caller]
    pub fn assert_amqp(&self, queue: &str) {
        let balancer = self.lab.address(21);
        let login = (ADMIN, ADMIN_PASSWORD);
        crate::amqp::publish(&balancer, login, queue, "quorum", 1)
            .expect("a confirmed message through the balancer");
        let taken = until("the message comes back", Duration::from_secs(10), || {
            crate::amqp::take(&balancer, login, queue).expect("a message taken through the balancer")
        });
        assert_eq!(taken, "message 0");
    }
}

/// Whether everything is requested, including scenarios of other days.
pub fn all_are_played() -> bool {
    std::env::var_os("E2E_ALL").is_some_and(|value| value == "1")
}

/// Whether scenarios or faults are selected by name.
pub fn is_asked_for() -> bool {
    ["E2E_ONLY", "E2E_FAULTS"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Why a scenario failed, shortened to a screen.
pub fn reason(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words")
        .lines()
        .take(60)
        .map(|line| format!("         | {line}\n"))
        .collect()
}

/// The last number of a host's address.
pub fn octet(name: &str) -> u8 {
    match name.strip_prefix("node").and_then(|number| number.parse::<u8>().ok()) {
        Some(number) => 10 + number,
        None => 20 + name.strip_prefix("lb").and_then(|number| number.parse::<u8>().ok()).unwrap_or(1),
    }
}

pub fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}
