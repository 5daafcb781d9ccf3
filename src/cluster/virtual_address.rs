//! Who holds the address that load balancers share, and what is wrong with it: for status and doctor.

use std::net::IpAddr;

use super::health::load_balancer;
use super::phrases::{grouped, listed};
use super::remedy;
use crate::facts::{Facts, HostFacts, Verdict};
use crate::inventory::{Desired, Host, Vip};
use crate::model::{Advice, Problem, Role};
use crate::virtual_address::{CONF, KEEPALIVED, NetworkAddress, router_id_in, serves};

/// Who holds one address.
#[derive(Clone, Debug)]
pub(crate) struct Holding<'a> {
    pub at: NetworkAddress,
    pub holders: Vec<&'a Host>,
    /// Those that can take it over.
    pub standby: Vec<&'a Host>,
    /// Those that did not tell.
    pub unknown: Vec<&'a Host>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    KeepalivedDown,
    CheckFails,
    Split,
    Nowhere,
    /// No host that answered has it; one that did not may have it.
    Unseen,
    /// A machine that is none of the load balancers has it.
    Taken,
}

pub(crate) fn vip(desired: &Desired) -> Option<&Vip> {
    desired.load_balancer.as_ref()?.vip.as_ref()
}

/// Every address with its holders, in the inventory's order.
pub(crate) fn holdings<'a>(desired: &'a Desired, facts: &'a Facts) -> Vec<Holding<'a>> {
    let addresses = vip(desired).map(|vip| vip.addresses.as_slice()).unwrap_or_default();
    let holding = |at: &NetworkAddress| {
        let mut holding = Holding { at: *at, holders: Vec::new(), standby: Vec::new(), unknown: Vec::new() };
        for host in desired.with_role(Role::LoadBalancer) {
            let seen =
                facts.host(&host.name).and_then(|facts| Some((facts, facts.virtual_address.as_ref()?)));
            match seen {
                None => holding.unknown.push(host),
                Some((_, seen)) if seen.holds(at.address) => holding.holders.push(host),
                Some((facts, _)) if is_ready(facts) => holding.standby.push(host),
                Some(_) => {}
            }
        }
        holding
    };
    addresses.iter().map(holding).collect()
}

/// Whether a load balancer gets the address if nobody else has it.
fn is_ready(facts: &HostFacts) -> bool {
    let check = facts.virtual_address.as_ref().and_then(|seen| seen.check.as_ref());
    facts.unit(KEEPALIVED).is_active() && check == Some(&Verdict::Passes)
}

/// Everything that is wrong, first what is wrong on one host.
pub(crate) fn troubles(desired: &Desired, facts: &Facts) -> Vec<(Trouble, Problem)> {
    if vip(desired).is_none() {
        return Vec::new();
    }
    let reached =
        || desired.with_role(Role::LoadBalancer).filter_map(|host| Some((host, facts.host(&host.name)?)));
    let mut found: Vec<(Trouble, Problem)> =
        reached().filter_map(|(host, seen)| on_host(host, seen)).collect();
    for holding in holdings(desired, facts) {
        let taken = taken_by(&answers(desired, facts, &holding), &holding).map(|(_, problem)| problem);
        let is_taken = taken.is_some();
        found.extend(taken.map(|problem| (Trouble::Taken, problem)));
        match holding.holders.as_slice() {
            [_] => {}
            [] if is_taken => {}
            [] if holding.unknown.is_empty() => found.push((Trouble::Nowhere, nowhere(&holding, facts))),
            [] => found.push((Trouble::Unseen, unseen(&holding))),
            _ => found.push((Trouble::Split, split(&holding, facts))),
        }
    }
    found
}

fn on_host(host: &Host, seen: &HostFacts) -> Option<(Trouble, Problem)> {
    let state = seen.unit(KEEPALIVED);
    if !state.is_active() {
        let what =
            "keepalived does not run, so this load balancer neither gives the vip away nor takes it over";
        let mut problem = Problem::bare(what).on(&host.name);
        problem.cause.why = vec![if state.exists {
            format!("the unit {KEEPALIVED} is {}", state.active)
        } else {
            format!("there is no unit {KEEPALIVED}")
        }];
        let log = remedy::shell(host, Some(seen), &format!("journalctl -u {KEEPALIVED} -n 30"));
        problem.cause.next = vec![Advice::Rabbitup("up".to_owned()), log];
        return Some((Trouble::KeepalivedDown, problem));
    }
    let Some(Verdict::Fails(said)) = seen.virtual_address.as_ref().and_then(|seen| seen.check.as_ref())
    else {
        return None;
    };
    let mut problem =
        Problem::bare(format!("this load balancer does not get the vip, since its check fails: {said}"))
            .on(&host.name);
    problem.cause.why = vec![format!("{}: {said}", crate::virtual_address::CHECK)];
    problem.cause.next = vec![if load_balancer::serves(seen) {
        remedy::shell(host, Some(seen), crate::virtual_address::CHECK)
    } else {
        Advice::Sentence(
            "repair the load balancer or its way to the brokers; the vip follows by itself".to_owned(),
        )
    }];
    Some((Trouble::CheckFails, problem))
}

fn split(holding: &Holding<'_>, facts: &Facts) -> Problem {
    let address = holding.at.address;
    let mut problem = Problem::bare(format!("{} have {address} at the same time", names(&holding.holders)));
    let runs = |host: &Host| facts.host(&host.name).is_some_and(|seen| seen.unit(KEEPALIVED).is_active());
    let (running, stopped): (Vec<&Host>, Vec<&Host>) =
        holding.holders.iter().copied().partition(|host| runs(host));
    let numbers = numbers(&running, facts);
    if !stopped.is_empty() {
        problem.cause.why =
            vec![format!("keepalived does not run on {}, where the address was left", names(&stopped))];
        problem.cause.next = vec![Advice::Rabbitup("up".to_owned())];
    } else if numbers.len() > 1 {
        let each: Vec<String> =
            numbers.iter().map(|(number, hosts)| format!("{number} on {}", names(hosts))).collect();
        problem.cause.why = vec![
            "keepalived runs on each of them".to_owned(),
            format!(
                "as virtual routers of different numbers ({}), which do not hear each other",
                listed(each)
            ),
        ];
        problem.cause.next = vec![Advice::Rabbitup("up".to_owned())];
    } else {
        problem.cause.why = vec![
            "keepalived runs on each of them".to_owned(),
            "so what it sends (VRRP, IP protocol 112) does not arrive: a firewall drops it, on a host or between them"
                .to_owned(),
        ];
        problem.cause.next = vec![Advice::Sentence(format!(
            "let IP protocol 112 (vrrp) in from the other load balancers ([firewall] manage does that on hosts): {}; then all \
             but one give the address up",
            names(&running)
        ))];
    }
    problem
}

/// The numbers of the virtual routers on these hosts, as far as they are known. A run that was interrupted while it changed the number
/// leaves two.
fn numbers<'a>(hosts: &[&'a Host], facts: &Facts) -> Vec<(u8, Vec<&'a Host>)> {
    let number = |host: &Host| router_id_in(facts.host(&host.name)?.file(CONF)?.content.as_deref()?);
    grouped(hosts.iter().filter_map(|host| Some((number(host)?, *host))))
}

fn nowhere(holding: &Holding<'_>, facts: &Facts) -> Problem {
    let mut problem =
        Problem::bare(format!("no load balancer has {}, so no client reaches it", holding.at.address));
    problem.cause.next = vec![if holding.standby.is_empty() {
        Advice::Sentence(
            "a load balancer whose check passes and whose keepalived runs takes it within seconds".to_owned(),
        )
    } else {
        Advice::Sentence(format!(
            "{} can take it: look again in some seconds; if it stays so, the log of {KEEPALIVED} there shows why",
            names(&holding.standby)
        ))
    }];
    problem.cause.why = facts
        .hosts
        .keys()
        .filter_map(|name| {
            let seen = facts.host(name)?;
            let check = seen.virtual_address.as_ref()?.check.as_ref();
            let state = match (seen.unit(KEEPALIVED).is_active(), check) {
                (false, _) => "keepalived does not run".to_owned(),
                (true, Some(Verdict::Fails(said))) => format!("its check fails: {said}"),
                (true, Some(Verdict::Passes)) => "keepalived runs, and its check passes".to_owned(),
                (true, None) => "keepalived runs, and its check did not answer".to_owned(),
            };
            Some(format!("{name}: {state}"))
        })
        .collect();
    problem
}

/// A machine outside the inventory has an address that load balancers are about to get: two would have it, and clients would reach now one,
/// now the other. Once per address. Where load balancers share it already, it is a finding, and no reason to refuse: an outage may need the run.
pub(crate) fn taken<'a>(desired: &'a Desired, facts: &'a Facts) -> Vec<(&'a Host, Problem)> {
    let free = holdings(desired, facts).into_iter().filter(|holding| holding.holders.is_empty());
    free.filter_map(|holding| {
        let mut answers = answers(desired, facts, &holding);
        answers.retain(|(host, _)| !shares(facts, host, holding.at.address));
        taken_by(&answers, &holding)
    })
    .collect()
}

/// Whether keepalived is configured to move it there.
fn shares(facts: &Facts, host: &Host, address: IpAddr) -> bool {
    let conf = facts.host(&host.name).and_then(|seen| seen.file(CONF)?.content.as_deref());
    serves(conf.unwrap_or_default()).iter().any(|served| served.parse() == Ok(address))
}

fn taken_by<'a>(answers: &[(&'a Host, &str)], holding: &Holding<'_>) -> Option<(&'a Host, Problem)> {
    let address = holding.at.address;
    // The same one in each look: of two machines that answer, one without the address sees now this one, now that one.
    let holds = |host: &Host| holding.holders.iter().any(|holder| holder.name == host.name);
    let (host, hardware) = *answers.iter().find(|(host, _)| holds(host)).or(answers.first())?;
    let mut problem = Problem::bare(if holding.holders.is_empty() {
        format!("another machine has the vip {address}")
    } else {
        format!("another machine, with the network adapter {hardware}, has the vip {address} as well")
    })
    .on(&host.name);
    problem.cause.why = vec![
        format!("the network adapter {hardware} answers for {address}, as seen from this host"),
        if holding.holders.is_empty() {
            "no load balancer of the inventory has it".to_owned()
        } else {
            format!(
                "{} has it, too, so clients reach now one, now the other; no load balancer of the inventory has that adapter",
                names(&holding.holders)
            )
        },
    ];
    let free = if holding.holders.is_empty() { "choose a vip that no machine has, or take" } else { "take" };
    problem.cause.next = vec![Advice::Sentence(format!(
        "{free} {address} from that one; where it is a load balancer that left the inventory: systemctl disable --now {KEEPALIVED}"
    ))];
    Some((host, problem))
}

/// The hardware addresses that answered for the address and belong to none of the load balancers, and which of these saw them. None while
/// a load balancer did not tell its own: it may be the one.
fn answers<'a>(desired: &'a Desired, facts: &'a Facts, holding: &Holding<'_>) -> Vec<(&'a Host, &'a str)> {
    let seen: Option<Vec<_>> = desired
        .with_role(Role::LoadBalancer)
        .map(|host| Some((host, facts.host(&host.name)?.virtual_address.as_ref()?)))
        .collect();
    let seen = seen.filter(|seen| seen.iter().all(|(_, seen)| !seen.hardware.is_empty())).unwrap_or_default();
    let is_own = |hardware: &String| seen.iter().any(|(_, seen)| seen.hardware.contains(hardware));
    let answers = seen.iter().flat_map(|(host, seen)| {
        let of_it = seen.neighbours.iter().filter(|neighbour| neighbour.address == holding.at.address);
        of_it.map(|neighbour| (*host, &neighbour.hardware))
    });
    answers
        .filter(|(_, hardware)| !is_own(hardware))
        .map(|(host, hardware)| (host, hardware.as_str()))
        .collect()
}

fn unseen(holding: &Holding<'_>) -> Problem {
    let mut problem = Problem::bare(format!(
        "it is not known who has {}: {} did not tell",
        holding.at.address,
        names(&holding.unknown)
    ));
    problem.cause.next =
        vec![Advice::Sentence("make them reachable for rabbitup, then look again".to_owned())];
    problem
}

fn names(hosts: &[&Host]) -> String {
    listed(hosts.iter().map(|host| &host.name))
}
