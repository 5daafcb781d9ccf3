//! The program on real hosts: throw-away machines of `tests/lab` with Debian 12 and EL 9 (RabbitMQ 3.10), which take turns,
//! Debian 13 (4.0), Debian's testing release (4.3) and, where all are played, Debian 11 (3.8). Two tests per release run their scenarios one after the
//! other, since most of them start from the previous state; each prints its time, and a failure names its scenario.
//!
//!     cargo test --test e2e -- --test-threads=4             all of them side by side
//!     E2E_ONLY='second run,saved plan' cargo test --test e2e -- --exact debian12
//!     E2E_ONLY='one thing' E2E_ALL=1 cargo test --test e2e -- --exact day2_debian12          every cause of doctor
//!     E2E_ONLY='one thing' E2E_CASES=epmd cargo test --test e2e -- --exact day2_debian12     some of them

mod amqp;
#[path = "../browser/mod.rs"]
mod browser;
mod faults;
mod gaps;
mod hosts;
mod inventory;
mod lab;
mod load;
mod moving;
mod page;
mod pair;
mod processes;
mod program;
mod release;
mod remains;
mod scenarios;
mod search;
mod stage;
mod traffic;
mod tunnel;
mod turns;
mod watch;

use release::Suite;
use scenarios::{
    access, addresses, adoption, advice, balancer, by_hand, changes, cold, consent, doctor, exec, exposure,
    eyes, failing, families, files, firewall, half_done, history, hostile, leaving, logs, membership, names,
    offered, only_copies, outranked, packages, planted, ports, proxied, questions, queues, recovery, rolling,
    rotation, runs, secrets, shared_address, shells, steady, taken_over, tls, traffic_check, trouble,
    versions, vrrp,
};
use stage::{Scenario, Stage, State};

/// Bring-up and membership, in an order in which few scenarios need new hosts.
const SCENARIOS: &[Scenario] = &[
    fresh("a plan on fresh hosts touches nothing", cold::plan_touches_nothing).but_one(),
    fresh("an unreachable host", trouble::unreachable_host).but_one(),
    fresh("a wrong host key", trouble::wrong_host_key).but_one(),
    fresh("a firewall between two brokers", trouble::firewall).but_one(),
    fresh("a clock that is off before a time service runs", trouble::clock_of_nobody).by_turns(),
    fresh("a joiner alone while the seed node is down", changes::joiner_without_seed).but_one(),
    fresh("doctor on blank hosts", doctor::blank_hosts).by_turns(),
    fresh("the old configuration file is there", outranked::old_configuration).by_turns(),
    Scenario::new("a cluster made by the tutorial", State::Fresh, State::Any, by_hand::by_tutorial)
        .by_turns(),
    Scenario::new("a cluster made by a role", State::Fresh, State::Any, by_hand::by_role).by_turns(),
    Scenario::new("adopted with its data elsewhere", State::Fresh, State::Any, adoption::data_elsewhere)
        .by_turns(),
    Scenario::new("adopted with long names", State::Fresh, State::Any, adoption::long_names).by_turns(),
    Scenario::new("adopted again without its inventory", State::Converged, State::Any, adoption::again)
        .by_turns(),
    Scenario::new("a clock with which no package can be fetched", State::Fresh, State::Any, packages::clocks)
        .by_turns(),
    Scenario::new(
        "packages that would be removed, and packages that are held",
        State::Fresh,
        State::Any,
        packages::removals_and_holds,
    )
    .by_turns(),
    Scenario::new("locks of the package manager", State::Fresh, State::Converged, packages::locks).by_turns(),
    Scenario::new("hosts behind their own firewalls", State::Fresh, State::Any, firewall::bring_up)
        .by_turns(),
    Scenario::new(
        "two load balancers behind their own firewalls",
        State::Fresh,
        State::Any,
        firewall::two_balancers,
    )
    .by_turns(),
    Scenario::new("a firewall that keeps new logins out", State::Fresh, State::Any, firewall::reverted)
        .by_turns(),
    Scenario::new("hosts keep their full names", State::Fresh, State::Any, names::full_names).by_turns(),
    Scenario::new("brokers with IPv6 addresses", State::Fresh, State::Any, addresses::ipv6_only).by_turns(),
    Scenario::new("cold bring-up", State::Fresh, State::Converged, cold::bring_up),
    converged("a second run changes nothing", steady::second_run),
    converged("what outsiders can reach", exposure::strangers).by_turns(),
    converged("what a plan costs", steady::cost),
    converged("many runs inspect at once", steady::many_at_once).by_turns(),
    converged("doctor on a healthy cluster", doctor::healthy),
    converged("doctor's bundle without secrets", doctor::bundle).by_turns(),
    converged("a broker that was stopped", steady::stopped_broker).by_turns(),
    converged("a broker that systemd starts again and again", failing::again_and_again).by_turns(),
    converged("a host on which only sudo fails", failing::sudo_alone).by_turns(),
    converged("what was run last night", history::last_night).but_one(),
    converged("logs of all hosts as one sequence", logs::one_sequence).by_turns(),
    converged("a command on many hosts", exec::side_by_side).by_turns(),
    converged("a saved plan", changes::saved_plan).but_one(),
    converged("files that another tool manages", files::in_the_way).by_turns(),
    converged("a host whose /etc/hosts cloud-init writes", names::cloud_init).by_turns(),
    converged("a power cut of hosts that boot without names", names::booted_without_names).but_one(),
    converged("login shells that are no POSIX shells", shells::login_shells).by_turns(),
    converged("one machine twice in the inventory", names::one_machine_twice).by_turns(),
    converged("a limit, plugins and another balancing", changes::limit_and_plugins).by_turns(),
    converged("a clock that is off", trouble::clock),
    converged("a cluster that was made by hand", half_done::taken_over).by_turns(),
    converged("an interrupt", runs::interrupt).by_turns(),
    converged("a paused run, and another one that takes over", taken_over::paused).by_turns(),
    converged("events as JSON", runs::events).by_turns(),
    converged("definitions", runs::definitions).by_turns(),
    converged("definitions and plugins that a version does not know", packages::unknown_to_the_version)
        .by_turns(),
    converged("a configuration that no broker starts with", changes::bad_configuration).by_turns(),
    converged("no secret is visible anywhere", secrets::nowhere).by_turns(),
    converged("a power failure", steady::power_cut).by_turns(),
    converged("wrong arguments for a playbook", membership::mistakes),
    converged("missing replicas, and leaders on one node", queues::grow_and_rebalance).by_turns(),
    converged("mirrors that are out of sync", queues::mirrors).but_one(),
    converged("a member that is not in the inventory", membership::prune).by_turns(),
    converged("confirmed plans that grow before they run", consent::shown_and_no_more).by_turns(),
    converged("a node that was forgotten by hand while it was down", membership::forgotten_by_hand)
        .by_turns(),
    converged("TLS between nodes", tls::between_nodes).by_turns(),
    converged("RAM nodes, and the last disc node", membership::ram_nodes).by_turns(),
    converged("a wiped host whose ghost is in the way", recovery::wiped).by_turns(),
    converged("a member whose host is lost", membership::dead_host).by_turns(),
    converged("brokers that hang or are drained", balancer::unfit_brokers).by_turns(),
    converged("what an operator sees in a browser", eyes::in_a_browser).by_turns(),
    converged("nginx instead of HAProxy", balancer::nginx).by_turns(),
    converged("a load balancer that goes on with its old configuration", balancer::refused_reload).by_turns(),
    Scenario::new(
        "ports that are closed between brokers",
        State::Converged,
        State::Any,
        ports::closed_to_each_other,
    )
    .by_turns(),
    Scenario::new(
        "brokers that move behind HAProxy",
        State::Converged,
        State::Converged,
        ports::moved_behind_haproxy,
    )
    .by_turns(),
    Scenario::new("brokers that move behind nginx", State::Converged, State::Any, ports::moved_behind_nginx)
        .by_turns(),
    converged("the PROXY protocol behind HAProxy", proxied::behind_haproxy).by_turns(),
    converged("the PROXY protocol behind nginx", proxied::behind_nginx).by_turns(),
    converged("a node with data of its own", half_done::own_data).by_turns(),
    Scenario::new(
        "a changed configuration restarts one after the other",
        State::Converged,
        State::Reconfigured,
        changes::rolling_restart,
    )
    .by_turns(),
    converged("AMQP over TLS through the balancer", offered::over_tls).by_turns(),
    Scenario::new(
        "two runs at once, a crash while packages are installed, a node added",
        State::Reconfigured,
        State::Any,
        changes::crash_and_added_node,
    )
    .by_turns(),
    Scenario::new(
        "one cluster of hosts with apt and hosts with dnf",
        State::Any,
        State::Any,
        families::one_cluster,
    )
    .by_turns(),
    Scenario::new(
        "a repository that does not answer, a key from the network, dnf's lock",
        State::Any,
        State::Any,
        families::repositories,
    )
    .by_turns(),
    Scenario::new(
        "an upgrade that is killed between the two versions of dnf",
        State::Any,
        State::Any,
        families::killed_upgrade,
    )
    .by_turns(),
    Scenario::new("two load balancers with one address", State::Any, State::Any, shared_address::moves)
        .by_turns(),
    Scenario::new("an IPv6 address that two load balancers share", State::Any, State::Any, vrrp::ipv6)
        .by_turns(),
    Scenario::new(
        "two load balancers behind firewalls, beside a stranger",
        State::Any,
        State::Any,
        vrrp::behind_firewalls,
    )
    .by_turns(),
    Scenario::new("a shared address that is occupied", State::Any, State::Any, vrrp::occupied).by_turns(),
    Scenario::new("half-done hosts", State::Fresh, State::Any, half_done::half_done).by_turns(),
    Scenario::new(
        "hostile values, and obstructive login scripts",
        State::Any,
        State::Any,
        hostile::words_and_logins,
    )
    .by_turns(),
    Scenario::new(
        "root, doas, a sudo password, the narrowest rules; long names and RAM nodes on Debian 12",
        State::Any,
        State::Any,
        access::ways_in,
    )
    .by_turns(),
];

/// Operation of a running cluster: about as long as the other list, since the two run in parallel.
const DAY2: &[Scenario] = &[
    converged("traffic through the balancer sees a loss", traffic_check::sees_a_loss).but_one(),
    converged("a host more, and the next version in the repository", traffic_check::more_of_everything)
        .by_turns(),
    converged("doctor where one thing is wrong", doctor::table).by_turns(),
    converged("advice of refusals leads on", advice::leads_on).by_turns(),
    converged("a broker that does not start says why", trouble::first_reason).by_turns(),
    converged("a rolling restart", rolling::restart).but_one(),
    converged("a rolling restart that fails on its first node", rolling::restart_that_fails).but_one(),
    converged("a node that cannot be stopped safely", versions::not_spared).by_turns(),
    converged("versions that must not be installed over data", versions::over_data).by_turns(),
    converged("what user rabbitmq plants", planted::broker_user).by_turns(),
    converged("every question is answered", questions::every_question).by_turns(),
    converged("a cookie rotation", rotation::live).but_one(),
    converged("rotations that fail half-way", rotation::half_way).by_turns(),
    converged("rotations while nodes are down", rotation::nodes_down).by_turns(),
    converged("cookie files changed while the nodes run", rotation::behind_their_backs).by_turns(),
    converged("a node replaced, and one removed", leaving::replace_and_remove).by_turns(),
    converged("a leaving node with the only copy of queues", only_copies::leaves_with_queues).by_turns(),
    converged("an unmounted disk is not lost data", only_copies::not_mounted).by_turns(),
    converged("all down and all up again", recovery::full_stop).by_turns(),
    converged("all down, and the last one lost", recovery::dead_last).by_turns(),
    Scenario::new(
        "values that were changed at run time",
        State::Converged,
        State::Any,
        outranked::changed_at_run_time,
    )
    .by_turns(),
    Scenario::new(
        "quorum queues on another disk",
        State::Converged,
        State::Any,
        outranked::quorum_queues_elsewhere,
    )
    .by_turns(),
    Scenario::new("data on another disk", State::Converged, State::Any, outranked::on_another_disk)
        .by_turns(),
    Scenario::new("an upgrade to the next version", State::Converged, State::Any, rolling::upgrade)
        .by_turns(),
    Scenario::new(
        "an upgrade that would take something away",
        State::Converged,
        State::Any,
        packages::upgrade_that_takes_away,
    )
    .by_turns(),
    Scenario::new("the same playbooks with Khepri", State::Converged, State::Any, recovery::khepri)
        .by_turns(),
    Scenario::new("a node that was down while its cluster changed", State::Any, State::Any, recovery::slept)
        .by_turns(),
    Scenario::new("a cluster of two with Khepri", State::Any, State::Any, versions::one_of_two).but_one(),
    Scenario::new("doctor on two releases at once", State::Any, State::Any, doctor::releases),
];

const fn fresh(name: &'static str, play: fn(&Stage)) -> Scenario {
    Scenario::new(name, State::Fresh, State::Fresh, play)
}

const fn converged(name: &'static str, play: fn(&Stage)) -> Scenario {
    Scenario::new(name, State::Converged, State::Converged, play)
}

macro_rules! on_releases {
    ($($suite:ident: $whole:ident $day2:ident $faults:ident $all_faults:ident $gaps:ident;)*) => {$(
        #[test]
        fn $whole() {
            on(stringify!($whole), Suite::$suite, |lab| Stage::new(lab, Suite::$suite).play(SCENARIOS));
        }

        #[test]
        fn $day2() {
            on(stringify!($day2), Suite::$suite, |lab| Stage::new(lab, Suite::$suite).play(DAY2));
        }

        /// A few faults, others every day; docs/faults.md.
        #[test]
        fn $faults() {
            on(stringify!($faults), Suite::$suite, |lab| faults::play_sample(lab, Suite::$suite));
        }

        #[test]
        #[ignore = "takes hours: make faults"]
        fn $all_faults() {
            on(stringify!($all_faults), Suite::$suite, |lab| faults::play_all(lab, Suite::$suite));
        }

        #[test]
        #[ignore = "takes a quarter of an hour: make gaps"]
        fn $gaps() {
            on(stringify!($gaps), Suite::$suite, |lab| gaps::measure(lab, Suite::$suite));
        }
    )*};
}

on_releases! {
    Bookworm: debian12 day2_debian12 faults_debian12 all_faults_debian12 gaps_debian12;
    Trixie: debian13 day2_debian13 faults_debian13 all_faults_debian13 gaps_debian13;
    Forky: testing day2_testing faults_testing all_faults_testing gaps_testing;
    El9: el9 day2_el9 faults_el9 all_faults_el9 gaps_el9;
    Bullseye: debian11 day2_debian11 faults_debian11 all_faults_debian11 gaps_debian11;
}

/// Runs a test in its own lab, if it can run and is requested.
fn on(test: &str, suite: Suite, play: impl FnOnce(&str)) {
    if !lab::require_lab() {
        return;
    }
    if turns::is_on(suite, turns::today()) || stage::all_are_played() || stage::is_asked_for() {
        moving::play(suite, || play(&test.replace('_', "-")));
    } else if turns::place(suite).is_some() {
        stage::say(&format!("{:8} has its turn tomorrow (E2E_ALL=1 plays it today)", suite.name()));
    } else {
        stage::say(&format!("{:8} is played with E2E_ALL=1 only", suite.name()));
    }
}
