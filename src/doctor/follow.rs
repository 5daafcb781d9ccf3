//! Tells root causes from consequences. Root causes come first, in the order of the walk; consequences after them.

use super::{Awaits, Cause, Finding};
use crate::model::HostName;

/// Marks consequences, and sorts.
pub(super) fn classify(hosts: &[HostName], findings: &mut [Finding]) {
    let place = |host: Option<&HostName>| {
        host.and_then(|host| hosts.iter().position(|known| known == host)).unwrap_or(usize::MAX)
    };
    let order =
        |found: &Finding| (found.consequence, found.cause, place(found.host()), place(found.peer.as_ref()));
    findings.sort_by_key(order);
    for at in 0..findings.len() {
        let follows = findings.get(at).is_some_and(|found| {
            findings.iter().enumerate().any(|(other, cause)| other != at && explains(cause, found))
        });
        if let Some(found) = findings.get_mut(at) {
            found.consequence = follows;
        }
    }
    findings.sort_by_key(order);
}

/// Whether `cause` explains `found`. Two findings never explain each other.
fn explains(cause: &Finding, found: &Finding) -> bool {
    let same_host = cause.host().is_some() && cause.host() == found.host();
    let about_host = cause.host().is_some() && cause.host() == found.peer.as_ref();
    match (is_pairwise(cause.cause), is_pairwise(found.cause)) {
        (false, false) => same_host && on_one_host(cause.cause, found.cause) || cluster_wide(cause, found),
        (false, true) => {
            (same_host && from_here(cause.cause, found.cause))
                || (about_host && towards(cause.cause, found.cause))
        }
        (true, true) => same_host && cause.peer == found.peer && cause.cause < found.cause,
        (true, false) => of_a_pair(cause, found),
    }
}

fn is_pairwise(cause: Cause) -> bool {
    (Cause::NameUnresolved..=Cause::HandshakeRefused).contains(&cause)
}

fn is_cookie(cause: Cause) -> bool {
    (Cause::CookieByArgument..=Cause::CookieNotRunning).contains(&cause)
}

/// Why a broker does not run.
fn is_standstill(cause: Cause) -> bool {
    matches!(cause, Cause::DoesNotBoot | Cause::BrokerStopped | Cause::AppStopped)
}

/// Both are on one host.
fn on_one_host(cause: Cause, found: Cause) -> bool {
    use Cause::*;
    match cause {
        SameMachine => {
            matches!(found, HostNameDiffers | NodeNameDiffers | GhostMember | NotJoined)
                || is_standstill(found)
        }
        HostNameDiffers => {
            matches!(found, NamesDiffer | NodeNameDiffers) || is_standstill(found) || found == GhostMember
        }
        // Nothing else about its settings can be known.
        EnvironmentBroken => {
            is_standstill(found)
                || matches!(found, NamesDiffer | NodeNameDiffers | TlsDiffers | GhostMember | NotJoined)
        }
        DataElsewhere => is_standstill(found) || matches!(found, GhostMember | NotJoined),
        // It may set how a blank node finds its cluster.
        SettingOutranked => is_standstill(found) || found == NotJoined,
        DiskFull => is_standstill(found) || found == DiskAlarm,
        // The package is partly installed.
        NotInstalled => is_standstill(found) || found == NotJoined,
        // A node with an unknown cookie cannot be queried.
        CookieByArgument | CookieMissing | CookieUnusable | CookieMode | CookieOwner | CookieDiffers
        | CookieNotRunning => {
            (is_cookie(found) && cause < found) || is_standstill(found) || found == NotJoined
        }
        NamesDiffer | NodeNameDiffers | TlsDiffers => {
            is_standstill(found)
                || matches!(found, GhostMember | NotJoined)
                || (cause != TlsDiffers && found == TlsDiffers)
                || found == CookieNotRunning
        }
        // It neither finds the others nor listens where they look for it.
        AddressFamily => is_standstill(found) || matches!(found, GhostMember | NotJoined),
        // The unit fails because the other members reject it.
        GhostMember => is_standstill(found) || found == NotJoined,
        DoesNotBoot => matches!(found, BrokerStopped | AppStopped | NotJoined),
        // For a stopped node this is a finding only if RabbitMQ logged it as the reason.
        FeatureFlagsDiffer => is_standstill(found),
        BrokerStopped | AppStopped => found == NotJoined,
        Partition => found == NotJoined,
        BalancerDown => found == AddressCheckFails,
        _ => false,
    }
}

/// One of them concerns the whole cluster.
fn cluster_wide(cause: &Finding, found: &Finding) -> bool {
    use Cause::*;
    match cause.cause {
        VersionsDiffer | OtpDiffers => {
            matches!(found.cause, FeatureFlagsDiffer | NotJoined)
                || (cause.cause == VersionsDiffer && found.cause == OtpDiffers)
        }
        FeatureFlagsDiffer => found.cause == NotJoined,
        KeepalivedDown => matches!(found.cause, AddressSplit | AddressNowhere),
        BalancerDown | AddressCheckFails => found.cause == AddressNowhere,
        // The others consider such a node down.
        CookieByArgument | CookieDiffers | CookieNotRunning | NamesDiffer | NodeNameDiffers | TlsDiffers
        | AddressFamily => {
            found.cause == Partition && (cause.host() == found.host() || cause.host() == found.peer.as_ref())
        }
        _ => false,
    }
}

/// From the host with the cause to any other.
fn from_here(cause: Cause, found: Cause) -> bool {
    match cause {
        Cause::NamesDiffer | Cause::TlsDiffers => found == Cause::HandshakeRefused,
        Cause::AddressFamily => {
            matches!(found, Cause::EpmdWithoutNode | Cause::DistributionRefused | Cause::HandshakeRefused)
        }
        _ => is_cookie(cause) && found == Cause::HandshakeRefused,
    }
}

/// From any other to the host with the cause.
fn towards(cause: Cause, found: Cause) -> bool {
    use Cause::*;
    let absence = matches!(found, EpmdRefused | EpmdWithoutNode | DistributionRefused | HandshakeRefused);
    match cause {
        Unreachable => !matches!(found, NameUnresolved | NameLoopback | NameElsewhere),
        SameMachine | HostNameDiffers | NotInstalled | EnvironmentBroken | DataElsewhere | DiskFull
        | NamesDiffer | NodeNameDiffers | AddressFamily | GhostMember => absence,
        TlsDiffers => found == HandshakeRefused,
        _ => {
            (is_standstill(cause) && absence) || (is_cookie(cause) && (found == HandshakeRefused || absence))
        }
    }
}

/// A host or a cluster cannot be healthy if its nodes do not reach each other.
fn of_a_pair(cause: &Finding, found: &Finding) -> bool {
    let (host, peer) = (cause.host(), cause.peer.as_ref());
    let touches = |name: Option<&HostName>| name.is_some() && (name == host || name == peer);
    let same_pair = touches(found.host()) && touches(found.peer.as_ref());
    match found.cause {
        // When one connection is lost, Erlang drops others too (prevent_overlapping_partitions, OTP 25).
        Cause::Partition => true,
        Cause::NotJoined => same_pair,
        // It waits for, or was refused by, a node that it does not reach.
        Cause::DoesNotBoot | Cause::BrokerStopped => {
            found.host().is_some() && found.host() == host && found.awaits == Awaits::Peers
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Problem;

    fn host(name: &str) -> HostName {
        HostName::parse(name).expect("a host name")
    }

    fn finding(cause: Cause, on: Option<&str>, peer: Option<&str>) -> Finding {
        Finding {
            cause,
            problem: Problem { host: on.map(host), ..Problem::default() },
            peer: peer.map(host),
            awaits: Awaits::Peers,
            consequence: false,
        }
    }

    /// Otherwise two findings could explain each other away, and no root cause would be left.
    #[test]
    fn nothing_explains_what_explains_it() {
        let places = [
            (Some("a"), None),
            (Some("a"), Some("b")),
            (Some("b"), Some("a")),
            (Some("b"), None),
            (None, None),
        ];
        let all: Vec<Finding> =
            Cause::ALL.iter().flat_map(|cause| places.map(|(on, peer)| finding(*cause, on, peer))).collect();
        for one in &all {
            for other in &all {
                assert!(!(explains(one, other) && explains(other, one)), "{one:?} and {other:?}");
            }
        }
    }

    /// Its unit can be stopped for any reason: only if it says that it waits for another node, that explains it.
    #[test]
    fn a_stopped_node_follows_from_a_closed_port_only_if_it_waits() {
        let closed = finding(Cause::EpmdRefused, Some("a"), Some("b"));
        for cause in [Cause::BrokerStopped, Cause::DoesNotBoot] {
            let waits = finding(cause, Some("a"), None);
            assert!(explains(&closed, &waits));
            assert!(!explains(&closed, &Finding { awaits: Awaits::Nothing, ..waits }));
        }
    }

    #[test]
    fn roots_come_first_in_the_order_of_the_walk() {
        let mut findings = vec![
            finding(Cause::NotJoined, Some("c"), Some("a")),
            finding(Cause::EpmdRefused, Some("a"), Some("b")),
            finding(Cause::BrokerStopped, Some("b"), None),
            finding(Cause::DiskFull, Some("b"), None),
            finding(Cause::EpmdFiltered, Some("a"), Some("c")),
        ];
        classify(&["a", "b", "c"].map(host), &mut findings);
        let told: Vec<(Cause, bool)> = findings.iter().map(|f| (f.cause, f.consequence)).collect();
        assert_eq!(
            told,
            [
                (Cause::DiskFull, false),
                (Cause::EpmdFiltered, false),
                (Cause::BrokerStopped, true),
                (Cause::EpmdRefused, true),
                (Cause::NotJoined, true),
            ]
        );
    }
}
