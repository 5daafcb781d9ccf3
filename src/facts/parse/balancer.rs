//! The state of a load balancer.

use std::collections::BTreeMap;

use super::ProbeRequest;
use super::frame::Frames;
use crate::balancer::Software;
use crate::facts::{Backend, Configuration, LoadBalancerFacts, UnitFacts};
use crate::rabbitmq::listeners::Security;

/// None if the request names no load balancer.
pub(super) fn load_balancer(
    request: &ProbeRequest,
    frames: &Frames,
    units: &BTreeMap<String, UnitFacts>,
    changed: impl Fn(&str) -> Option<u64>,
) -> Option<LoadBalancerFacts> {
    if request.load_balancer_port.is_none() && request.runtime_socket.is_none() {
        return None;
    }
    let amqp_answers = frames.has("amqp").then(|| {
        let bytes: String = frames.lines("amqp").collect();
        let bytes: Vec<_> = bytes.split_whitespace().collect();
        match request.load_balancer_security {
            // A method frame on channel 0, of any length, with class 10 and method 10: Connection.Start.
            Security::Plain => matches!(bytes[..], ["01", "00", "00", _, _, _, _, "00", "0a", "00", "0a"]),
            // A broker answers what is not TLS with a fatal alert: a record of type 21, version 3.x (RFC 8446, section 6).
            Security::Tls => matches!(bytes[..], ["15", "03", ..]),
        }
    });
    Some(LoadBalancerFacts {
        backends: backends(frames),
        amqp_answers,
        runs_with: configuration(frames, units, changed),
    })
}

fn backends(frames: &Frames) -> Vec<Backend> {
    let mut lines = frames.lines("haproxy");
    let Some(header) = lines.next() else { return Vec::new() };
    let columns: Vec<_> = header.trim_start_matches("# ").split(',').collect();
    let column = |name: &str| columns.iter().position(|column| *column == name);
    let (Some(proxy), Some(server), Some(status)) = (column("pxname"), column("svname"), column("status"))
    else {
        return Vec::new();
    };
    let (check, address) = (column("check_status"), column("addr"));
    let backend = |line: &str| {
        let fields: Vec<_> = line.split(',').collect();
        let field = |at: usize| fields.get(at).map(|field| (*field).to_owned());
        Some(Backend {
            proxy: field(proxy)?,
            server: field(server)?,
            status: field(status)?,
            // A check in progress is marked by an asterisk before its last verdict.
            check: check.and_then(field).unwrap_or_default().trim_start_matches("* ").to_owned(),
            // `192.168.0.41:5672`, `[fd00::41]:5672`.
            port: address.and_then(field).and_then(|at| at.rsplit_once(':')?.1.parse().ok()),
        })
    };
    lines.filter(|line| !line.is_empty()).filter_map(backend).collect()
}

/// Which configuration is in use, by the time when the processes that serve were started: systemd records a failed reload like one that
/// succeeded. Without their age, by when the unit was started or reloaded. The times themselves differ from one look to the next.
fn configuration(
    frames: &Frames,
    units: &BTreeMap<String, UnitFacts>,
    changed: impl Fn(&str) -> Option<u64>,
) -> Option<Configuration> {
    let software = |name: &str| Software::of_unit(name.trim_end_matches(".service"));
    let running = units.iter().filter(|(_, unit)| unit.is_active());
    let (software, unit) = running.filter_map(|(name, unit)| Some((software(name)?, unit))).next()?;
    let number = |name: &str| -> Option<u64> {
        frames.lines("balancer").find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    // By the clock right after they were asked: with an earlier one they would seem to be older than the file that they have read.
    let begun =
        number("Read_at:").zip(number("Uptime_sec:")).and_then(|(read_at, age)| read_at.checked_sub(age));
    let begun = begun.or(unit.since)?;
    Some(if changed(software.balancer().conf)? > begun {
        Configuration::Earlier
    } else {
        Configuration::Current
    })
}
