//! Load balancers that do not run.

use rabbitup::doctor::{Cause, diagnose};
use rabbitup::facts::UnitFacts;

use super::bed::Bed;
use super::fixtures::host;
use super::virtual_address::{fails, found, on, shared};

pub const CAUSE: Cause = Cause::BalancerDown;

fn stops(bed: &mut Bed, name: &str) {
    let unit = UnitFacts { exists: true, active: "failed".to_owned(), ..UnitFacts::default() };
    bed.seen(name).units.insert("haproxy".to_owned(), unit);
}

#[test]
fn a_load_balancer_that_runs_is_no_problem() {
    let bed = shared(&["lb1"]);
    assert_eq!(found(&bed), []);
    let checked = diagnose(&bed.desired, &bed.facts, &bed.exams).checked;
    assert!(checked.iter().any(|checked| checked.check == "load-balancers" && checked.looks == 2));
}

#[test]
fn one_that_does_not_start_is_named_with_its_last_words() {
    let mut bed = shared(&["lb1"]);
    stops(&mut bed, "lb2");
    let said = "[ALERT] (812) : config : parsing [/etc/haproxy/haproxy.cfg:40] : unknown keyword 'nonsense'";
    bed.exams.balancers.insert(host("lb2"), vec![said.to_owned()]);
    assert_eq!(found(&bed), [on(Cause::BalancerDown, "lb2")]);
    let told = bed.diagnosis().findings[0].problem.clone();
    assert_eq!(told.what, "haproxy does not run, so no client reaches a broker through it");
    assert_eq!(told.cause.why, ["the unit haproxy is failed", said]);
    let next: Vec<String> = told.cause.next.iter().map(|next| next.words("")).collect();
    assert_eq!(next[0], "rabbitup up");
    assert!(next[1].starts_with("ssh ") && next[1].contains("journalctl -u haproxy -n 50"), "{next:?}");
}

#[test]
fn one_that_is_missing_is_not_asked_for_its_log() {
    let mut bed = shared(&["lb1"]);
    let seen = bed.seen("lb2");
    seen.packages.remove("haproxy");
    seen.units.remove("haproxy");
    assert_eq!(found(&bed), [on(Cause::BalancerDown, "lb2")]);
    let told = bed.diagnosis().findings[0].problem.clone();
    assert_eq!(told.what, "haproxy is not installed");
    assert_eq!(told.cause.next.len(), 1, "{told:?}");
}

/// The address that both share goes where a load balancer works.
#[test]
fn what_the_address_does_then_follows() {
    let mut bed = shared(&[]);
    for name in ["lb1", "lb2"] {
        stops(&mut bed, name);
        fails(&mut bed, name);
    }
    let follows = |cause, host: &str| (cause, host.to_owned(), true);
    assert_eq!(
        found(&bed),
        [
            on(Cause::BalancerDown, "lb1"),
            on(Cause::BalancerDown, "lb2"),
            follows(Cause::AddressCheckFails, "lb1"),
            follows(Cause::AddressCheckFails, "lb2"),
            follows(Cause::AddressNowhere, ""),
        ]
    );
}
