use super::case::{ALIVE, Case, Notes, Seen, rabbitup, sentence};
use crate::doctor::{Answer, Cause, Finding, Pair, PairState, Peer};
use crate::facts::PortState;
use crate::model::{Advice, HostName};
use crate::rabbitmq::listeners::EPMD;

/// From each broker's host to each other: epmd, the node's own port, and whether the node accepts it.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    for from in &case.brokers {
        let Some(exam) = from.exam else { continue };
        for to in case.brokers.iter().filter(|to| to.host.name != from.host.name) {
            let Some(peer) = exam.peers.get(&to.host.name) else { continue };
            let found = epmd(from, to, peer, notes);
            let found = found.or_else(|| distribution(from, to, peer, notes));
            let found = found.or_else(|| handshake(from, to, peer, notes));
            if let Some(found) = found {
                notes.add(found.peer(&to.host.name));
            }
        }
    }
}

fn epmd(from: &Seen<'_>, to: &Seen<'_>, peer: &Peer, notes: &mut Notes) -> Option<Finding> {
    let state = peer.epmd?;
    notes.checked(Cause::EpmdRefused);
    let (here, there) = (&from.host.name, &to.host.name);
    let port = format!("port {EPMD} (epmd) of {there} ({})", to.host.address);
    let own = to.exam.map(|exam| &exam.loopback);
    match state {
        PortState::Open => {}
        PortState::Refused => {
            let found = Finding::on(here, Cause::EpmdRefused, format!("{port} refuses connections"))
                .seen(format!("from {here}: connection refused"));
            return Some(match own.and_then(|own| own.epmd) {
                Some(PortState::Open) => only_loopback(to, found, EPMD),
                _ => found
                    .seen(format!("on {there} itself nothing answers at 127.0.0.1:{EPMD} either"))
                    .fix(rabbitup("up")),
            });
        }
        PortState::Filtered | PortState::Rejected => {
            let found = Finding::on(here, Cause::EpmdFiltered, format!("{port} cannot be reached"));
            return Some(blocked(found, from, to, EPMD, state));
        }
    }
    let names = peer.names.as_ref()?;
    if names.contains_key(ALIVE) || is_named_otherwise(notes, to) {
        return None;
    }
    let known: Vec<String> = names.iter().map(|(name, port)| format!("{name} (port {port})")).collect();
    let known = if known.is_empty() { "no node".to_owned() } else { known.join(", ") };
    let what = format!("epmd of {there} does not know the node {}", to.node());
    let found = Finding::on(here, Cause::EpmdWithoutNode, what)
        .seen(format!("from {here}: epmd at {}:{EPMD} knows {known}", to.host.address));
    Some(match to.has_vm() {
        true => found
            .seen(format!("its VM runs on {there}: epmd was restarted, or another host's epmd answered"))
            .fix(to.shell("systemctl restart rabbitmq-server")),
        false => found.fix(rabbitup("up")),
    })
}

/// It answers on the host itself but refuses remote connections.
fn only_loopback(to: &Seen<'_>, found: Finding, port: u16) -> Finding {
    let there = &to.host.name;
    let at_own = to.exam.and_then(|exam| exam.peers.get(there)).and_then(|own| match port {
        EPMD => own.epmd,
        other => own.ports.get(&other).copied(),
    });
    let found = found.seen(format!("on {there} itself 127.0.0.1:{port} answers"));
    if at_own == Some(PortState::Open) {
        return found
            .seen(format!(
                "{}:{port} answers there too: a firewall in between rejects connections",
                to.host.address
            ))
            .fix(sentence(format!("allow port {port} to {there}; this shows its own firewall rules:")))
            .fix(to.shell("nft list ruleset"));
    }
    found
        .seen(format!("{}:{port} does not: it listens on other addresses only", to.host.address))
        .fix(sentence(format!(
            "remove ERL_EPMD_ADDRESS, inet_dist_use_interface or a socket unit's address on {there}, then restart; \
             this shows what listens:"
        )))
        .fix(to.shell("ss -lntp"))
}

fn distribution(from: &Seen<'_>, to: &Seen<'_>, peer: &Peer, notes: &mut Notes) -> Option<Finding> {
    let port = peer.port_of(ALIVE)?;
    let state = *peer.ports.get(&port)?;
    notes.checked(Cause::DistributionRefused);
    let (here, there) = (&from.host.name, &to.host.name);
    let words = format!("port {port} (Erlang distribution) of {there} ({})", to.host.address);
    // Without a port in epmd, nothing listens: the node is down.
    let is_known = peer.names.as_ref().is_some_and(|names| names.contains_key(ALIVE));
    match state {
        PortState::Open => None,
        PortState::Refused if !is_known => None,
        PortState::Refused => {
            let found = Finding::on(here, Cause::DistributionRefused, format!("{words} refuses connections"))
                .seen(format!("from {here}: connection refused, although epmd names it"));
            let own = to.exam.and_then(|exam| exam.loopback.ports.get(&port).copied());
            Some(match own {
                Some(PortState::Open) => only_loopback(to, found, port),
                _ => found.fix(to.shell("systemctl restart rabbitmq-server")),
            })
        }
        PortState::Filtered | PortState::Rejected => {
            let found = Finding::on(here, Cause::DistributionFiltered, format!("{words} cannot be reached"));
            Some(blocked(found, from, to, port, state))
        }
    }
}

fn blocked(found: Finding, from: &Seen<'_>, to: &Seen<'_>, port: u16, state: PortState) -> Finding {
    let (here, there) = (&from.host.name, &to.host.name);
    let found = found.seen(match state {
        PortState::Filtered => {
            format!("from {here}: no answer within two seconds; packets are dropped")
        }
        _ => format!("from {here}: a router or firewall rejects the connection"),
    });
    let own = to.exam.and_then(|exam| exam.peers.get(there)).and_then(|own| match port {
        EPMD => own.epmd,
        other => own.ports.get(&other).copied(),
    });
    let found = match own {
        Some(PortState::Open) => found.seen(format!("on {there} itself {}:{port} answers", to.host.address)),
        _ => found,
    };
    let rules: Advice = to.shell("nft list ruleset");
    found
        .fix(sentence(format!(
            "allow TCP port {port} to {there} from every other broker; this shows its own firewall rules:"
        )))
        .fix(rules)
}

/// The ports are open, but the node refuses this host.
fn handshake(from: &Seen<'_>, to: &Seen<'_>, peer: &Peer, notes: &mut Notes) -> Option<Finding> {
    let said = match &peer.answer {
        Answer::NotAsked => return None,
        Answer::Name(_) => "",
        Answer::Refused(said) => said.as_str(),
        Answer::TimedOut => "no answer within three seconds",
    };
    if !peer.names.as_ref().is_some_and(|names| names.contains_key(ALIVE)) {
        return None;
    }
    notes.checked(Cause::HandshakeRefused);
    let linked = from.running().is_some_and(|node| node.links.contains(&to.node()));
    // erl_call does not support TLS: with TLS, existing connections are the proof.
    let tls = to.exam.and_then(|exam| exam.vm.as_ref()).is_some_and(|vm| vm.proto_dist.is_some());
    if matches!(peer.answer, Answer::Name(_)) || linked || tls {
        return None;
    }
    let (here, there) = (&from.host.name, &to.host.name);
    let what = format!("{} refuses it, although its ports are open", to.node());
    let found = Finding::on(here, Cause::HandshakeRefused, what);
    // erl_call prints nothing if the cookie is refused, and "failed to connect" if no node answers.
    Some(if said.contains("failed to connect") {
        let port = peer.port_of(ALIVE)?;
        found
            .seen(format!(
                "from {here}: {}:{port} is open, but no Erlang node answers there: {said}",
                to.host.address
            ))
            .fix(sentence(format!(
                "check what else listens on port {port} of {there}, or is in front of it:"
            )))
            .fix(to.shell("ss -lntp"))
            .fix(to.shell("nft list ruleset"))
    } else {
        let said = if said.is_empty() {
            "the connection was closed in the handshake: the cookies differ"
        } else {
            said
        };
        found
            .seen(format!("from {here}: tried with the cookie in its file: {said}"))
            .fix(sentence(format!("restart {there}'s broker, so that it reads its cookie again:")))
            .fix(to.shell("systemctl restart rabbitmq-server"))
    })
}

/// What each host sees of each other, root causes and consequences alike.
pub(super) fn matrix(case: &Case<'_>, findings: &[Finding]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for from in &case.brokers {
        for to in case.brokers.iter().filter(|to| to.host.name != from.host.name) {
            let state = state(from, to, findings);
            pairs.push(Pair { from: from.host.name.clone(), to: to.host.name.clone(), state });
        }
    }
    pairs
}

fn state(from: &Seen<'_>, to: &Seen<'_>, findings: &[Finding]) -> PairState {
    let is_pair = |found: &&Finding| {
        found.cause >= Cause::NameUnresolved
            && found.cause <= Cause::HandshakeRefused
            && found.host() == Some(&from.host.name)
            && found.peer.as_ref() == Some(&to.host.name)
    };
    let wrong = findings.iter().filter(is_pair).map(|found| found.cause).min();
    let of_host = |name: &HostName| {
        let on_it = findings.iter().filter(|found| found.host() == Some(name));
        on_it.map(|found| found.cause).filter(|cause| *cause < Cause::NameUnresolved).min()
    };
    match (from.exam, wrong) {
        (None, _) => PairState::Unknown,
        (Some(_), Some(cause)) if to.has_vm() || !is_absence(cause) => PairState::Wrong(cause),
        _ if !to.has_vm() => match of_host(&to.host.name) {
            Some(Cause::Unreachable | Cause::NotInspected) => PairState::Unknown,
            _ => PairState::Down,
        },
        (Some(_), _) => PairState::Open,
    }
}

/// Whether this is how a stopped broker appears from outside.
fn is_absence(cause: Cause) -> bool {
    matches!(cause, Cause::EpmdRefused | Cause::EpmdWithoutNode | Cause::DistributionRefused)
}

/// Whether a wrong node name on this host has been found already.
fn is_named_otherwise(notes: &Notes, to: &Seen<'_>) -> bool {
    notes.has(Cause::NodeNameDiffers, &to.host.name)
}
