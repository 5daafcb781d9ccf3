//! Opening ports in the hosts' own firewalls.

use std::collections::BTreeSet;

use rabbitup::facts::{BrokerState, Facts, PortState, Purpose, Reach};
use rabbitup::firewall::{Change, Family, Filter, FirewallFacts, Opening, Seen, Software, Source};
use rabbitup::inventory::{Desired, FirewallSetting};
use rabbitup::plan::{Limit, Options, Plan, Step};
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::{INVENTORY, converged, desired, fresh, host, ids, name, options, planned};

fn managed() -> Desired {
    desired(&format!("{INVENTORY}[firewall]\nmanage = true\n"))
}

fn closed(software: Software) -> Seen {
    let filters = match software {
        Software::Nftables => vec![Filter { name: "inet filter input".to_owned(), family: Family::Both }],
        Software::Firewalld | Software::Ufw => Vec::new(),
    };
    let (now, lasting) = (BTreeSet::new(), BTreeSet::new());
    Seen::Manageable(FirewallFacts { software, filters, now, lasting, change: Change::Kept })
}

/// New hosts with a firewall of each kind.
fn behind_firewalls(desired: &Desired) -> Facts {
    let mut facts = fresh(desired);
    host(&mut facts, "node1").firewalls = vec![closed(Software::Firewalld)];
    host(&mut facts, "node2").firewalls = vec![closed(Software::Ufw)];
    host(&mut facts, "lb1").firewalls = vec![closed(Software::Nftables)];
    facts
}

/// The same after a bring-up.
fn opened(desired: &Desired) -> Facts {
    let (_, after) = planned(desired, &behind_firewalls(desired), &options()).expect("a plan");
    let mut facts = converged(desired);
    for text in ["node1", "node2", "lb1"] {
        let firewalls = after.host(&name(text)).expect("a host").firewalls.clone();
        host(&mut facts, text).firewalls = firewalls;
    }
    facts
}

fn firewall<'f>(facts: &'f mut Facts, text: &str) -> &'f mut FirewallFacts {
    match host(facts, text).firewalls.first_mut() {
        Some(Seen::Manageable(firewall)) => firewall,
        other => panic!("{text}: {other:?}"),
    }
}

fn plan(desired: &Desired, facts: &Facts) -> Plan {
    planned(desired, facts, &options()).expect("a plan").0
}

fn shown(steps: &[Step]) -> String {
    let steps = steps.iter().filter(|step| step.phase.as_str() == "firewall");
    let lines = steps.map(|step| {
        let diff = step.diff.as_deref().unwrap_or_default();
        format!("{} {}: {}\n  because {}\n{diff}", step.change.symbol(), step.host, step.title, step.reason)
    });
    lines.collect()
}

#[test]
fn closed_hosts_are_opened_for_those_who_need_them() {
    let desired = managed();
    let plan = plan(&desired, &behind_firewalls(&desired));
    insta::assert_snapshot!(shown(&plan.steps));
    let ids = ids(&plan);
    let place =
        |id: &str| ids.iter().position(|other| other == id).unwrap_or_else(|| panic!("{id}: {ids:?}"));
    assert!(place("node1/packages") < place("node1/open-ports-firewalld"));
    assert!(place("node1/open-ports-firewalld") + 1 == place("node1/keep-openings-firewalld"));
    assert!(place("node1/keep-openings-firewalld") < place("node1/start"));
    let note = plan.notes.iter().find(|note| note.host == Some(name("node3"))).expect("a note");
    assert_eq!(note.text, "no firewall is active on this host, so there is nothing to open");
}

#[test]
fn without_the_setting_firewalls_are_left_alone() {
    let desired = desired(INVENTORY);
    assert_eq!(desired.firewall, FirewallSetting::LeftAlone);
    assert_eq!(shown(&plan(&desired, &behind_firewalls(&desired)).steps), "");
}

#[test]
fn what_is_open_now_and_later_is_left_alone() {
    let desired = managed();
    assert_eq!(ids(&plan(&desired, &opened(&desired))), Vec::<String>::new());
}

#[test]
fn both_what_is_in_effect_and_what_is_saved_count() {
    let desired = managed();
    let reason = |change: fn(&mut FirewallFacts)| {
        let mut facts = opened(&desired);
        change(firewall(&mut facts, "node1"));
        let plan = plan(&desired, &facts);
        assert_eq!(ids(&plan), ["node1/open-ports-firewalld", "node1/keep-openings-firewalld"]);
        plan.steps[0].reason.clone()
    };
    assert_eq!(reason(|firewall| _ = firewall.now.pop_first()), "they are saved, but not in effect");
    assert_eq!(
        reason(|firewall| _ = firewall.lasting.pop_last()),
        "they would be closed after a reload or at the next boot"
    );
    assert_eq!(
        reason(|firewall| firewall.change = Change::OnTrial),
        "an interrupted run opened them, and the host is about to revert that"
    );
    let more = |firewall: &mut FirewallFacts| {
        let old = Opening::tcp(4369, Source::Address("192.168.0.99".parse().expect("an address")));
        firewall.now.insert(old.clone());
        firewall.lasting.insert(old);
    };
    assert_eq!(reason(more), "some that rabbitup opened are not needed any more");
}

#[test]
fn without_a_balancer_clients_come_from_everywhere() {
    let alone = INVENTORY.split("[[host]]\nname = \"lb1\"").next().expect("the brokers");
    let alone = alone.replace("servers = [\"lb1\"]", "manage = true");
    let tls = alone.replace("heartbeat = 30", "heartbeat = 30\nlisteners.ssl.default = 5671");
    let desired = desired(&format!("{tls}[firewall]\nmanage = true\n"));
    let mut facts = fresh(&desired);
    host(&mut facts, "node3").firewalls = vec![closed(Software::Firewalld)];
    insta::assert_snapshot!(shown(&plan(&desired, &facts).steps));
}

/// node1 cannot reach node2 on this port.
fn cut(facts: &mut Facts, port: u16) {
    let purpose = if port == 25672 { Purpose::Distribution } else { Purpose::Amqp };
    host(facts, "node1").reach =
        vec![Reach { peer: name("node2"), port, purpose, state: PortState::Rejected }];
}

#[test]
fn a_closed_port_that_the_plan_opens_is_no_reason_to_refuse() {
    let refusal = |desired: &Desired, facts: &Facts| match planned(desired, facts, &options()) {
        Ok(_) => None,
        Err(refused) => Some(refusals_text(&refused, Style::plain(100))),
    };
    let managed = managed();
    let mut facts = behind_firewalls(&managed);
    cut(&mut facts, 25672);
    assert_eq!(refusal(&managed, &facts), None);
    let limited = Options { limit: Limit::Only([name("node1")].into()), ..options() };
    assert!(planned(&managed, &facts, &limited).is_err(), "node2's firewall is not to be changed");
    // It is not the firewall that rabbitup manages.
    let mut facts = opened(&managed);
    cut(&mut facts, 25672);
    assert_eq!(refusal(&managed, &facts), None, "nothing is to be done");
    host(&mut facts, "node2").broker = BrokerState::Down;
    insta::assert_snapshot!("still_closed", refusal(&managed, &facts).expect("a refusal"));
    let mut facts = behind_firewalls(&managed);
    cut(&mut facts, 5672);
    assert_eq!(refusal(&managed, &facts), None, "no broker is a client of another one");
    let unmanaged = desired(INVENTORY);
    let mut facts = fresh(&unmanaged);
    cut(&mut facts, 25672);
    let refused = refusal(&unmanaged, &facts).expect("a refusal");
    assert!(refused.contains("[firewall] manage = true"), "{refused}");
}

#[test]
fn a_firewall_that_rabbitup_cannot_manage_refuses_the_plan() {
    let desired = managed();
    let mut facts = fresh(&desired);
    let why = "the chain `ip filter INPUT` belongs to iptables, which rabbitup does not manage".to_owned();
    host(&mut facts, "node1").firewalls = vec![Seen::Beyond { software: Software::Nftables, why }];
    let refused = planned(&desired, &facts, &options()).expect_err("a refusal");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));
}

/// Nodes restart one after the other, so each port is needed until the last has moved.
#[test]
fn ports_that_move_stay_open_at_both_places_until_all_nodes_have_moved() {
    let moved = desired(&format!(
        "{}[firewall]\nmanage = true\n",
        INVENTORY.replace("heartbeat = 30", "heartbeat = 30\ndistribution.listener.port_range.min = 25679")
    ));
    let mut facts = opened(&managed());
    let (plan, after) = planned(&moved, &facts, &options()).expect("a plan");
    let opens = plan.steps.iter().find(|step| step.id.to_string() == "node1/open-ports-firewalld");
    let diff = opens.and_then(|step| step.diff.clone()).unwrap_or_default();
    assert!(diff.contains("+25679/tcp from 192.168.0.42") && !diff.contains("-25672"), "{diff}");
    facts = after;
    let again = ids(&planned(&moved, &facts, &options()).expect("a plan").0);
    assert!(
        again.contains(&"node1/open-ports-firewalld".to_owned()),
        "the second pass closes the old one: {again:?}"
    );
}
