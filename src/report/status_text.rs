//! The state of a cluster for people, at 80 columns and with 50 hosts.

use crate::facts::{Backend, HostFacts, NodeFacts};
use crate::inventory::{Host, LoadBalancer};
use crate::model::{HostName, one_line};

use super::entrances::entrances_text;
use super::groups::Block;
use super::status::{Cookie, Row, State, Status, leads, node_type, uptime};
use super::style::{Detail, Ink, Style};
use super::table::{Column, table};
use super::words::{Wrapped, list, span};
use crate::cluster::health::host::offset;
use crate::cluster::health::load_balancer::{ServerState, server_state};
use crate::cluster::health::membership::{membership_views, running_nodes};
use crate::cluster::health::{Finding, Severity, is_healthy};
use crate::cluster::phrases::{counted, grouped};
use crate::cluster::virtual_address::{Holding, holdings};

/// How many backends of a load balancer are listed one by one.
const BACKENDS: usize = 12;

/// The state of a cluster for people. The last line says whether it is healthy.
pub fn status_text(status: &Status<'_>, style: Style) -> String {
    let rows = status.rows();
    let mut text = head(status, style);
    text.push('\n');
    text.push_str(&nodes(&rows, status.now, style));
    text.push_str(&views(status, style));
    if let Some(wanted) = &status.desired.load_balancer {
        for (host, seen) in status.load_balancers() {
            text.push_str(&load_balancer(wanted, host, seen, style));
        }
        text.push_str(&addresses(status, style));
    }
    text.push_str(&other_hosts(status, style));
    let entrances = entrances_text(status.desired, status.facts, style);
    if !entrances.is_empty() {
        text.push_str(&format!("\n{entrances}"));
    }
    text.push('\n');
    text.push_str(&findings_text(status.findings, style));
    text.push_str(&last_line(status, style));
    text
}

/// Findings for people: the problem, where, and what to do; equal ones once.
pub fn findings_text(findings: &[Finding], style: Style) -> String {
    let mut text = String::new();
    let groups = grouped(
        findings
            .iter()
            .map(|f| ((f.severity, &f.problem.what, &f.problem.cause.next), f.problem.host.as_ref())),
    );
    for ((severity, what, next), hosts) in groups {
        let mark = match severity {
            Severity::Error => (Ink::Bad, "error:"),
            Severity::Warning => (Ink::Warning, "warning:"),
            Severity::Note => (Ink::Dimmed, "note:"),
        };
        let seen = hosts.into_iter().map(|host| (host, "")).collect();
        text.push_str(&Block { mark, what, seen, next: next.clone() }.text(style));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn head(status: &Status<'_>, style: Style) -> String {
    let name = status.title();
    let tally = status.counted();
    let stores = status.stores();
    let store =
        if stores.is_empty() { String::new() } else { format!(", metadata in {}", stores.join(" and ")) };
    let words = format!(": {} of {} run{store}", tally.running, counted(tally.brokers, "node"));
    format!("{}{words}\n", style.paint(Ink::Heading, one_line(&name)))
}

fn nodes(rows: &[Row<'_>], now: u64, style: Style) -> String {
    let plain = |of: &dyn Fn(&Row<'_>) -> Option<String>| {
        rows.iter().map(|row| (Ink::Plain, of(row).unwrap_or_else(|| "-".to_owned()))).collect::<Vec<_>>()
    };
    let state = |row: &Row<'_>| match row.state {
        State::Running => (Ink::Good, row.state.words().to_owned()),
        State::Maintenance => (Ink::Warning, row.state.words().to_owned()),
        _ => (Ink::Bad, row.state.words().to_owned()),
    };
    let sees = |row: &Row<'_>| {
        let Some(node) = row.node else { return (Ink::Plain, "-".to_owned()) };
        let all = node.members.len() == node.running.len();
        (if all { Ink::Plain } else { Ink::Bad }, format!("{} of {}", node.running.len(), node.members.len()))
    };
    let cookie = |row: &Row<'_>| match &row.cookie {
        Cookie::Agrees => (Ink::Good, "✔".to_owned()),
        Cookie::Differs => (Ink::Bad, "≠ others".to_owned()),
        Cookie::RunningDiffers => (Ink::Bad, "≠ running".to_owned()),
        Cookie::Unknown => (Ink::Plain, "-".to_owned()),
    };
    let columns = vec![
        // The nodes are rabbit@HOST, so one column names both.
        Column {
            head: "NODE",
            yields: 0,
            cells: rows.iter().map(|r| (Ink::Plain, r.host.node().to_string())).collect(),
        },
        Column { head: "STATE", yields: 0, cells: rows.iter().map(state).collect() },
        Column { head: "VERSION", yields: 4, cells: plain(&|r| Some(r.node?.rabbitmq_version.to_string())) },
        Column { head: "ERLANG", yields: 8, cells: plain(&|r| Some(r.node?.erlang.clone())) },
        Column { head: "TYPE", yields: 6, cells: plain(&|r| Some(node_type(r.node?)?.to_owned())) },
        Column { head: "UP", yields: 3, cells: plain(&|r| uptime(r.node?, now).map(span)) },
        Column { head: "MEMORY", yields: 5, cells: plain(&|r| r.node?.memory_bytes.map(memory)) },
        Column { head: "LEADERS", yields: 7, cells: plain(&|r| leaders(r.node?)) },
        Column { head: "SEES", yields: 0, cells: rows.iter().map(sees).collect() },
        Column { head: "COOKIE", yields: 0, cells: rows.iter().map(cookie).collect() },
        Column { head: "CLOCK", yields: 2, cells: plain(&|r| r.clock.map(offset)) },
    ];
    table(columns, 2, style)
}

/// The number of queues that a node leads; a minimum if there are more than were listed: `334+`.
fn leaders(node: &NodeFacts) -> Option<String> {
    let more = if node.queues_complete { "" } else { "+" };
    (!node.queues.is_empty()).then(|| format!("{}{more}", leads(node)))
}

/// `143 MiB`, `1.2 GiB`.
pub(super) fn memory(bytes: u64) -> String {
    let mib = bytes / (1024 * 1024);
    if mib < 1024 {
        return format!("{mib} MiB");
    }
    let tenths = mib * 10 / 1024;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// Each node's view, if the nodes disagree.
fn views(status: &Status<'_>, style: Style) -> String {
    let views = membership_views(&running_nodes(status.desired, status.facts));
    if views.len() < 2 {
        return String::new();
    }
    let mut text = format!("\n{}\n", style.paint(Ink::Bad, "The nodes disagree about who is a member:"));
    for (members, hosts) in views {
        let hosts: Vec<&HostName> = hosts.iter().map(|host| &host.name).collect();
        let members: Vec<_> = members.into_iter().collect();
        let label = format!("{}: ", list(&hosts, style.detail));
        text.push_str(
            &Wrapped::new(2, (Ink::Plain, &label), (Ink::Plain, &list(&members, style.detail))).text(style),
        );
    }
    text
}

fn load_balancer(wanted: &LoadBalancer, host: &Host, seen: Option<&HostFacts>, style: Style) -> String {
    let name = wanted.software.as_str();
    let facts = seen.and_then(|seen| seen.load_balancer.as_ref());
    let (ink, answer) = match (seen, facts.map(|facts| facts.amqp_answers)) {
        (None, _) => (Ink::Bad, "not inspected".to_owned()),
        (Some(_), None) => (Ink::Bad, "does not run".to_owned()),
        (Some(_), Some(Some(true))) => (Ink::Good, format!("AMQP answers on port {}", wanted.amqp_port)),
        (Some(_), Some(Some(false))) => {
            (Ink::Bad, format!("AMQP does NOT answer on port {}", wanted.amqp_port))
        }
        (Some(_), Some(None)) => (Ink::Plain, format!("AMQP on port {} was not tried", wanted.amqp_port)),
    };
    let title = style.paint(Ink::Heading, format!("Load balancer {} ({name})", host.name));
    let mut text = format!("\n{title}: {}\n", style.paint(ink, answer));
    let backends = facts.map(|facts| facts.backends.as_slice()).unwrap_or_default();
    if backends.is_empty() {
        return text;
    }
    let fold = backends.len() > BACKENDS && style.detail == Detail::Folded;
    let faulty = |backend: &&Backend| !fold || server_state(backend) != ServerState::Up;
    let shown: Vec<&Backend> = backends.iter().filter(faulty).collect();
    if !shown.is_empty() {
        let cells = |of: fn(&Backend) -> &String| shown.iter().map(|b| (Ink::Plain, of(b).clone())).collect();
        let status = |backend: &&Backend| {
            let ink = match server_state(backend) {
                ServerState::Up => Ink::Good,
                ServerState::Down => Ink::Bad,
                ServerState::Out => Ink::Warning,
            };
            (ink, backend.status.clone())
        };
        let columns = vec![
            Column { head: "BACKEND", yields: 0, cells: cells(|b| &b.proxy) },
            Column { head: "SERVER", yields: 0, cells: cells(|b| &b.server) },
            Column { head: "STATUS", yields: 0, cells: shown.iter().map(status).collect() },
            Column { head: "CHECK", yields: 0, cells: cells(|b| &b.check) },
        ];
        text.push_str(&table(columns, 2, style));
    }
    if fold {
        for (proxy, servers) in
            grouped(backends.iter().map(|backend| (&backend.proxy, server_state(backend))))
        {
            let up = servers.iter().filter(|server_state| **server_state == ServerState::Up).count();
            text.push_str(&format!(
                "  {}: {up} of {} UP\n",
                one_line(proxy),
                counted(servers.len(), "server")
            ));
        }
    }
    text
}

/// Who holds the address that the load balancers share.
fn addresses(status: &Status<'_>, style: Style) -> String {
    let holdings = holdings(status.desired, status.facts);
    let line = |holding: &Holding<'_>| {
        let names =
            |hosts: &[&Host]| list(&hosts.iter().map(|host| &host.name).collect::<Vec<_>>(), style.detail);
        let (ink, mut words) = match holding.holders.len() {
            1 => (Ink::Good, format!("held by {}", names(&holding.holders))),
            0 if holding.unknown.is_empty() => (Ink::Bad, "held by NO load balancer".to_owned()),
            0 => (Ink::Warning, format!("not known; {} did not tell", names(&holding.unknown))),
            _ => (Ink::Bad, format!("held by {} AT ONCE", names(&holding.holders))),
        };
        if !holding.standby.is_empty() {
            words.push_str(&format!("; {} can take it over", names(&holding.standby)));
        }
        let label = format!("Address {}: ", holding.at);
        Wrapped::new(0, (Ink::Heading, &label), (ink, &words)).text(style)
    };
    let lines: String = holdings.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// The clocks of hosts that are not brokers and have no row in the table.
fn other_hosts(status: &Status<'_>, style: Style) -> String {
    let others = status.desired.hosts.iter().filter(|host| !host.has(crate::model::Role::Broker));
    let clocks: Vec<String> = others
        .filter_map(|host| Some(format!("{} {}", host.name, offset(status.facts.host(&host.name)?.clock?))))
        .collect();
    if clocks.is_empty() {
        return String::new();
    }
    let words = list(&clocks, style.detail);
    format!(
        "\n{}",
        Wrapped::new(0, (Ink::Plain, "Clocks of the other hosts: "), (Ink::Plain, &words)).text(style)
    )
}

fn last_line(status: &Status<'_>, style: Style) -> String {
    let ink = if is_healthy(status.findings) { Ink::Good } else { Ink::Bad };
    let (word, words) = status.verdict();
    Wrapped::new(0, (ink, &format!("{word}: ")), (Ink::Heading, &words)).text(style)
}
