//! The address that two load balancers share.

use rabbitup::doctor::{Cause, diagnose};
use rabbitup::facts::{Neighbour, UnitFacts, Verdict, VirtualAddressFacts};
use rabbitup::inventory::Vip;
use rabbitup::virtual_address::InterfaceAddress;

use super::bed::Bed;
use super::fixtures;

pub const CAUSES: [Cause; 5] = [
    Cause::KeepalivedDown,
    Cause::AddressCheckFails,
    Cause::AddressSplit,
    Cause::AddressNowhere,
    Cause::AddressTaken,
];

fn address(text: &str) -> InterfaceAddress {
    InterfaceAddress::parse(&format!("2: eth0 inet {text} scope global")).expect("an address")
}

/// Three brokers behind two load balancers; these hold the address.
pub fn shared(holders: &[&str]) -> Bed {
    let mut bed = Bed::healthy();
    let more = fixtures::desired(3, 2);
    let facts = fixtures::facts(&more, rabbitup::model::Version::new(3, 10, 8));
    bed.desired.load_balancer = more.load_balancer.clone();
    bed.desired.load_balancer.as_mut().expect("one").vip =
        Some(Vip { addresses: vec![address("192.168.0.40/24").at], interface: None, router_id: 40 });
    for host in more.hosts.iter().skip(3) {
        bed.desired.hosts.push(host.clone());
        bed.facts.hosts.insert(host.name.clone(), facts.hosts[&host.name].clone());
        let seen = bed.seen(host.name.as_str());
        let held = holders.contains(&host.name.as_str()).then(|| address("192.168.0.40/24"));
        let addresses = [address("192.168.0.51/24")].into_iter().chain(held).collect();
        seen.virtual_address = Some(VirtualAddressFacts {
            addresses,
            hardware: vec![format!("52:54:00:00:00:{}", host.name.as_str())],
            neighbours: Vec::new(),
            check: Some(Verdict::Passes),
        });
        let unit = UnitFacts {
            exists: true,
            active: "active".to_owned(),
            enabled: "enabled".to_owned(),
            ..UnitFacts::default()
        };
        seen.units.insert("keepalived".to_owned(), unit);
    }
    bed
}

pub fn fails(bed: &mut Bed, name: &str) {
    let why = Verdict::Fails("it reaches no broker".to_owned());
    bed.seen(name).virtual_address.as_mut().expect("facts").check = Some(why);
}

fn stops(bed: &mut Bed, name: &str) {
    bed.seen(name).units.get_mut("keepalived").expect("a unit").active = "failed".to_owned();
}

/// The causes, and which of them are consequences.
pub fn found(bed: &Bed) -> Vec<(Cause, String, bool)> {
    bed.found().into_iter().map(|(cause, host, _, consequence)| (cause, host, consequence)).collect()
}

pub fn on(cause: Cause, host: &str) -> (Cause, String, bool) {
    (cause, host.to_owned(), false)
}

#[test]
fn one_holder_is_no_problem() {
    let bed = shared(&["lb2"]);
    assert_eq!(found(&bed), []);
    let checked = diagnose(&bed.desired, &bed.facts, &bed.exams).checked;
    assert!(checked.iter().any(|checked| checked.check == "shared-addresses" && checked.looks == 1));
}

#[test]
fn another_machine_has_it_as_well() {
    let mut bed = shared(&["lb2"]);
    let address = "192.168.0.40".parse().expect("an address");
    let neighbour = Neighbour { address, hardware: "52:54:00:12:34:56".to_owned() };
    bed.seen("lb2").virtual_address.as_mut().expect("facts").neighbours.push(neighbour);
    assert_eq!(found(&bed), [on(Cause::AddressTaken, "lb2")]);
}

#[test]
fn two_holders_whose_packets_do_not_arrive() {
    let bed = shared(&["lb1", "lb2"]);
    assert_eq!(found(&bed), [on(Cause::AddressSplit, "")]);
    let told = &bed.diagnosis().findings[0].problem;
    assert_eq!(told.what, "lb1 and lb2 have 192.168.0.40 at the same time");
    assert!(told.cause.why.join(" ").contains("IP protocol 112"), "{told:?}");
}

/// As a run leaves them that is interrupted while it changes the number.
#[test]
fn two_holders_that_are_different_routers() {
    let conf = "/etc/keepalived/keepalived.conf";
    let mut bed = shared(&["lb1", "lb2"]);
    for (host, number) in [("lb1", 40), ("lb2", 77)] {
        bed.file(host, conf, &format!("vrrp_instance rabbitmq {{\n    virtual_router_id {number}\n}}\n"));
    }
    assert_eq!(found(&bed), [on(Cause::AddressSplit, "")]);
    let told = bed.diagnosis().findings[0].problem.cause.clone();
    assert!(told.why[1].contains("different numbers (40 on lb1 and 77 on lb2)"), "{told:?}");
    assert_eq!(told.next.len(), 1, "`rabbitup up` makes them one: {told:?}");
    bed.file("lb2", conf, "    virtual_router_id 40\n");
    assert!(bed.diagnosis().findings[0].problem.cause.why.join(" ").contains("IP protocol 112"));
}

#[test]
fn a_stopped_keepalived_explains_what_follows() {
    let mut left_behind = shared(&["lb1", "lb2"]);
    stops(&mut left_behind, "lb1");
    let follows = (Cause::AddressSplit, String::new(), true);
    assert_eq!(found(&left_behind), [on(Cause::KeepalivedDown, "lb1"), follows]);
    let mut nowhere = shared(&[]);
    stops(&mut nowhere, "lb1");
    fails(&mut nowhere, "lb2");
    let follows = (Cause::AddressNowhere, String::new(), true);
    let roots = [on(Cause::KeepalivedDown, "lb1"), on(Cause::AddressCheckFails, "lb2"), follows];
    assert_eq!(found(&nowhere), roots);
}

#[test]
fn an_address_that_nobody_takes_although_two_could() {
    let bed = shared(&[]);
    assert_eq!(found(&bed), [on(Cause::AddressNowhere, "")]);
    let told = &bed.diagnosis().findings[0].problem.cause;
    assert!(told.why[0].contains("lb1: keepalived runs, and its check passes"), "{told:?}");
}
