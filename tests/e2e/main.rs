//! The program on real hosts: throw-away Debian 12 (RabbitMQ 3.10) and Debian 13 (RabbitMQ 4.0) machines of
//! `tests/lab`. One test per release plays its scenarios one after the other, since most of them begin
//! where the one before ends; each tells how long it took, and a failure names its scenario.
//!
//!     cargo test --test e2e -- --test-threads=2             both releases side by side
//!     E2E_ONLY='second run,saved plan' cargo test --test e2e debian12

mod amqp;
mod hosts;
mod inventory;
mod lab;
mod program;
mod scenarios;
mod stage;
mod traffic;

use lab::Suite;
use scenarios::{access, balancer, changes, cold, half_done, runs, steady, traffic_check, trouble};
use stage::{Scenario, Stage, State};

/// In an order in which few of them need new hosts.
const SCENARIOS: &[Scenario] = &[
    fresh("a plan on fresh hosts touches nothing", cold::plan_touches_nothing),
    fresh("an unreachable host", trouble::unreachable_host),
    fresh("a wrong host key", trouble::wrong_host_key),
    fresh("a firewall between two brokers", trouble::firewall),
    fresh("a clock that is off before a time service runs", trouble::clock_of_nobody),
    fresh("a joiner alone while the seed node is down", changes::joiner_without_seed),
    Scenario { name: "cold bring-up", from: State::Fresh, leaves: State::Converged, play: cold::bring_up },
    converged("a second run changes nothing", steady::second_run),
    converged("what a plan costs", steady::cost),
    converged("a broker that was stopped", steady::stopped_broker),
    converged("a saved plan", changes::saved_plan),
    converged("a limit, plugins and another balancing", changes::limit_and_plugins),
    converged("a clock that is off", trouble::clock),
    converged("a cluster that was made by hand", half_done::taken_over),
    converged("an interrupt", runs::interrupt),
    converged("events as JSON", runs::events),
    converged("definitions", runs::definitions),
    converged("traffic through the balancer sees a loss", traffic_check::sees_a_loss),
    converged("a host more, and the next version in the repository", traffic_check::more_of_everything),
    converged("a power cut", steady::power_cut),
    converged("nginx in place of HAProxy", balancer::nginx),
    converged("a node with data of its own", half_done::own_data),
    Scenario {
        name: "a changed configuration restarts one after the other",
        from: State::Converged,
        leaves: State::Reconfigured,
        play: changes::rolling_restart,
    },
    Scenario {
        name: "two at once, a crash while packages are installed, a node added",
        from: State::Reconfigured,
        leaves: State::Any,
        play: changes::crash_and_added_node,
    },
    Scenario { name: "half-done hosts", from: State::Fresh, leaves: State::Any, play: half_done::half_done },
    Scenario {
        name: "root, doas, a sudo password; long names and RAM nodes on Debian 12",
        from: State::Any,
        leaves: State::Any,
        play: access::ways_in,
    },
];

const fn fresh(name: &'static str, play: fn(&Stage)) -> Scenario {
    Scenario { name, from: State::Fresh, leaves: State::Fresh, play }
}

const fn converged(name: &'static str, play: fn(&Stage)) -> Scenario {
    Scenario { name, from: State::Converged, leaves: State::Converged, play }
}

#[test]
fn debian12() {
    if lab::require_lab() {
        Stage::new("debian12", Suite::Bookworm).play(SCENARIOS);
    }
}

#[test]
fn debian13() {
    if lab::require_lab() {
        Stage::new("debian13", Suite::Trixie).play(SCENARIOS);
    }
}
