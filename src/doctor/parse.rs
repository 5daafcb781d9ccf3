//! Parses the output of `examine.sh`. Pure; it skips what it does not know, and no input makes it panic.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Examination, ExamineRequest, Peer, Unit, Vm};
use crate::facts::{Frames, ParseError, PortState};
use crate::model::HostName;
use crate::redact::Redactor;

/// The script's name for this host at its loopback address: not a valid name in an inventory.
const LOOPBACK: &str = "localhost";
/// The number of log lines of each kind; more would be repetition.
const WORDS: usize = 60;

/// Parses the output of the examination between the marks with `nonce`.
///
/// # Errors
/// [`ParseError`] if the output is incomplete.
pub fn parse_examination(
    request: &ExamineRequest,
    nonce: &str,
    output: &[u8],
) -> Result<Examination, ParseError> {
    let frames = Frames::read(nonce, output)?;
    Ok(Examination {
        vm: vm(&frames),
        feature_flags: feature_flags(&frames),
        unit: unit(&frames),
        peers: request
            .peers
            .iter()
            .map(|to| (to.name.clone(), peer(&frames, to.name.as_str(), to.port)))
            .collect::<BTreeMap<HostName, Peer>>(),
        loopback: peer(&frames, LOOPBACK, request.port()),
    })
}

fn vm(frames: &Frames<'_>) -> Option<Vm> {
    let pid = frames.value("vm", "pid")?.parse().ok()?;
    let arguments: Vec<&str> = frames.values("vm", "argument").collect();
    let after =
        |flag: &str| arguments.iter().skip_while(|word| **word != flag).nth(1).map(|w| (*w).to_owned());
    let environment = frames.values("vm", "environment").filter_map(|pair| pair.split_once('='));
    Some(Vm {
        pid,
        proto_dist: after("-proto_dist"),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    })
}

/// `[quorum_queue,\n stream_queue].`
fn feature_flags(frames: &Frames<'_>) -> Option<BTreeSet<String>> {
    let text: String = frames.lines("flags").collect();
    let list = text.trim().strip_suffix('.')?.trim().strip_prefix('[')?.strip_suffix(']')?;
    let names = list.split(',').map(|name| name.trim().trim_matches('\'').to_owned());
    Some(names.filter(|name| !name.is_empty()).collect())
}

fn unit(frames: &Frames<'_>) -> Unit {
    let value = |key| frames.value("unit", key).unwrap_or_default().to_owned();
    // The last lines matter most, and each is redacted.
    let words = |section: &str| {
        let mut lines: Vec<String> = frames
            .lines(section)
            .rev()
            .filter(|line| !line.trim().is_empty() && *line != "--")
            .take(WORDS)
            .map(str::to_owned)
            .collect();
        lines.reverse();
        let mut redactor = Redactor::default();
        lines.iter_mut().for_each(|line| *line = redactor.line(line));
        lines
    };
    Unit {
        active: value("ActiveState"),
        sub: value("SubState"),
        result: value("Result"),
        restarts: frames.value("unit", "NRestarts").and_then(|n| n.parse().ok()),
        failure: words("failure"),
        log: words("log"),
        journal: words("journal"),
    }
}

/// The lines of one peer: `node2 epmd 4369 open`, `node2 answered`, `node2 name rabbit 25672`,
/// `node2 distribution 25672 Connection refused`, `node2 asked 0 {ok, rabbit@node2}`.
fn peer(frames: &Frames<'_>, name: &str, port: Option<u16>) -> Peer {
    let mut peer = Peer::default();
    let lines: Vec<&str> =
        frames.lines("peers").filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).collect();
    // If no port was tried, bash is missing.
    let tried = frames.lines("peers").any(|line| line.contains(" epmd ") || line.contains(" distribution "));
    if tried {
        // No result in time means filtered.
        peer.epmd = Some(PortState::Filtered);
        peer.ports.extend(port.map(|port| (port, PortState::Filtered)));
    }
    for line in &lines {
        if *line == "answered" {
            peer.names.get_or_insert_default();
            continue;
        }
        let Some((kind, rest)) = line.split_once(' ') else { continue };
        let Some((first, rest)) = rest.split_once(' ') else { continue };
        match kind {
            "epmd" => peer.epmd = Some(port_state(rest)),
            "name" => {
                if let Ok(port) = rest.trim().parse() {
                    peer.names.get_or_insert_default().insert(first.to_owned(), port);
                }
            }
            "distribution" => {
                if let Ok(port) = first.parse() {
                    peer.ports.insert(port, port_state(rest));
                }
            }
            "asked" => peer.answer = answer(first, rest),
            _ => {}
        }
    }
    peer
}

/// The state of a port from bash's error message, which is strerror(3)'s.
fn port_state(said: &str) -> PortState {
    match said.trim() {
        "open" => PortState::Open,
        "Connection refused" => PortState::Refused,
        "Connection timed out" => PortState::Filtered,
        _ => PortState::Rejected,
    }
}

fn answer(code: &str, said: &str) -> Answer {
    match (code, said.trim().strip_prefix("{ok, ").and_then(|rest| rest.strip_suffix('}'))) {
        (_, Some(name)) => Answer::Name(name.trim_matches('\'').to_owned()),
        ("124" | "137", _) => Answer::TimedOut,
        _ => Answer::Refused(said.trim().to_owned()),
    }
}
