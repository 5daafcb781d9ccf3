use rabbitup::doctor::{Answer, Cause, PairState};
use rabbitup::facts::{BrokerState, PortState};
use rabbitup::model::NodeName;

use super::bed::Bed;
use super::fixtures::{cookie, host};

fn roots(bed: &Bed) -> Vec<(Cause, String)> {
    bed.found().into_iter().filter(|found| !found.3).map(|found| (found.0, found.1)).collect()
}

#[test]
fn closed_ports_of_a_stopped_broker_are_a_consequence() {
    let mut bed = Bed::healthy();
    bed.stop("node3", "inactive");
    assert_eq!(roots(&bed), [(Cause::BrokerStopped, "node3".to_owned())]);
    let followers = bed.found().into_iter().filter(|found| found.3).count();
    assert_eq!(followers, 2, "epmd without the node, from both others: {:?}", bed.found());
    let pairs = bed.diagnosis().pairs;
    let to_it = pairs.iter().filter(|pair| pair.to == host("node3"));
    assert!(
        to_it.clone().count() == 2 && to_it.clone().all(|pair| pair.state == PairState::Down),
        "{pairs:?}"
    );
}

#[test]
fn a_firewall_before_a_stopped_broker_is_a_root_cause() {
    let mut bed = Bed::healthy();
    bed.stop("node3", "inactive");
    bed.peer("node1", "node3").epmd = Some(PortState::Filtered);
    assert_eq!(
        roots(&bed),
        [(Cause::BrokerStopped, "node3".to_owned()), (Cause::EpmdFiltered, "node1".to_owned())]
    );
}

#[test]
fn handshakes_explained_by_a_cookie_are_a_consequence() {
    let mut bed = Bed::healthy();
    let file = bed.seen("node2").cookie.as_mut().expect("one");
    (file.raw, file.normalised) = (cookie("other"), cookie("other"));
    bed.seen("node2").broker = BrokerState::CookieRefused;
    for (from, to) in [("node2", "node1"), ("node2", "node3"), ("node1", "node2"), ("node3", "node2")] {
        bed.refuse(from, to);
    }
    assert_eq!(roots(&bed), [(Cause::CookieDiffers, "node2".to_owned())]);
    assert_eq!(bed.found().len(), 6, "{:?}", bed.found());
}

#[test]
fn a_node_that_waits_for_an_unreachable_one_is_not_the_cause() {
    let mut bed = Bed::healthy();
    bed.stop("node3", "failed");
    bed.exam("node3").unit.failure = vec![
        "2026-11-23 [error] <0.1.0> Error during startup: {error,timeout_waiting_for_tables}".to_owned(),
    ];
    assert_eq!(roots(&bed), [(Cause::DoesNotBoot, "node3".to_owned())]);
    bed.peer("node3", "node1").ports.insert(25672, PortState::Filtered);
    assert_eq!(roots(&bed), [(Cause::DistributionFiltered, "node3".to_owned())]);
}

#[test]
fn a_starting_broker_waits_for_an_unreachable_one() {
    let mut bed = Bed::healthy();
    bed.stop("node3", "activating");
    assert_eq!(roots(&bed), [(Cause::BrokerStopped, "node3".to_owned())]);
    bed.peer("node3", "node1").ports.insert(25672, PortState::Filtered);
    // Other connections that Erlang drops are not a cause either.
    let other = NodeName::rabbit(&host("node2"));
    bed.node("node1").running.retain(|node| *node != other);
    assert_eq!(roots(&bed), [(Cause::DistributionFiltered, "node3".to_owned())]);
}

#[test]
fn a_ghost_that_does_not_boot_is_a_ghost() {
    let mut bed = Bed::healthy();
    bed.stop("node3", "failed");
    bed.seen("node3").data.clear();
    bed.exam("node3").unit.log =
        vec!["{error,{inconsistent_cluster,\"Node rabbit@node3 thinks\"}}".to_owned()];
    assert_eq!(roots(&bed), [(Cause::GhostMember, "node3".to_owned())]);
}

#[test]
fn a_partition_explained_by_a_closed_port_is_a_consequence() {
    let mut bed = Bed::healthy();
    let other = NodeName::rabbit(&host("node2"));
    bed.node("node1").running.retain(|node| *node != other);
    bed.node("node1").links.retain(|node| *node != other);
    bed.peer("node1", "node2").ports.insert(25672, PortState::Filtered);
    bed.peer("node1", "node2").answer = Answer::TimedOut;
    assert_eq!(roots(&bed), [(Cause::DistributionFiltered, "node1".to_owned())]);
}

#[test]
fn without_bash_or_erl_call_nothing_is_guessed() {
    let mut bed = Bed::healthy();
    for name in ["node1", "node2", "node3"] {
        for peer in bed.exam(name).peers.values_mut() {
            *peer = rabbitup::doctor::Peer::default();
        }
        bed.exam(name).loopback = rabbitup::doctor::Peer::default();
    }
    assert_eq!(bed.found(), []);
}
