//! The tables of a status page.

use super::markup::{Markup, element};
use super::parts::{Cell, Table, paragraph};
use super::tone::Tone;
use crate::cluster::health::host::offset;
use crate::cluster::health::load_balancer::{ServerState, server_state};
use crate::cluster::health::membership::running_nodes;
use crate::cluster::health::queues::{teller, unavailable, under_replicated, with_mirrors_behind};
use crate::cluster::phrases::{counted, grouped, span, whole};
use crate::cluster::virtual_address::{Holding, holdings};
use crate::facts::{Backend, HostFacts, QueueFacts};
use crate::inventory::{Host, LoadBalancer};
use crate::model::HostName;
use crate::report::cluster_seen::{condition_of, holding};
use crate::report::status::{Cookie, Row, Status, leads, node_type, uptime};
use crate::report::status_text::memory;

/// The anchor of a broker's row.
pub(super) fn anchor(host: &str) -> String {
    format!("node-{host}")
}

fn heads<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

pub(super) fn nodes(status: &Status<'_>) -> Table<'static> {
    let row = |row: Row<'_>| {
        let node = row.node;
        let sees = node.map(|node| (node.running.len(), node.members.len()));
        let cookie = match &row.cookie {
            Cookie::Agrees => Cell::toned(Tone::Good, "agrees"),
            Cookie::Differs => Cell::toned(Tone::Bad, "differs"),
            Cookie::RunningDiffers => Cell::toned(Tone::Bad, "the running one differs"),
            Cookie::Unknown => Cell::known(None::<String>),
        };
        let cells = vec![
            Cell::plain(row.host.node()),
            Cell::toned(condition_of(row.state).into(), row.state.words()),
            Cell::known(node.map(|node| node.rabbitmq_version)),
            Cell::known(node.map(|node| &node.erlang)),
            Cell::known(node.and_then(node_type)),
            Cell::known(node.and_then(|node| uptime(node, status.now).map(span))),
            Cell::known(node.and_then(|node| node.memory_bytes.map(memory))),
            Cell::known(
                node.map(|node| format!("{}{}", leads(node), if node.queues_complete { "" } else { "+" })),
            ),
            match sees {
                Some((some, all)) if some < all => Cell::toned(Tone::Bad, format!("{some} of {all}")),
                sees => Cell::known(sees.map(|(some, all)| format!("{some} of {all}"))),
            },
            cookie,
        ];
        (Some(anchor(row.host.name.as_str())), cells)
    };
    Table {
        caption: "Every broker of the inventory",
        heads: heads([
            "Node", "State", "Version", "Erlang", "Type", "Up", "Memory", "Leads", "Sees", "Cookie",
        ]),
        rows: status.rows().into_iter().map(row).collect(),
    }
}

/// From each node (rows) to each other (columns): whether it is a running member to it. Nothing if there is but one.
pub(super) fn sight(status: &Status<'_>) -> Markup {
    let rows = status.rows();
    if rows.len() < 2 {
        return Markup::default();
    }
    let cell = |from: &Row<'_>, to: &Row<'_>| {
        let name = to.host.node();
        match from.node {
            _ if from.host.name == to.host.name => Cell::Mark(Tone::Quiet, "itself"),
            None => Cell::plain("?"),
            Some(node) if node.partitions.iter().any(|pair| pair.node == node.name && pair.from == name) => {
                Cell::toned(Tone::Bad, "partitioned")
            }
            Some(node) if node.running.contains(&name) => Cell::Mark(Tone::Good, "sees it run"),
            Some(node) if node.lists(&name) => Cell::toned(Tone::Bad, "not seen"),
            Some(_) => Cell::toned(Tone::Bad, "not a member"),
        }
    };
    let line = |from: &Row<'_>| {
        let cells = rows.iter().map(|to| cell(from, to));
        (None, std::iter::once(Cell::plain(&from.host.name)).chain(cells).collect())
    };
    let columns = rows.iter().map(|row| row.host.name.to_string());
    let table = Table {
        caption: "What each node (row) says of each other (column): ✔ it sees it run, ? it could not be asked",
        heads: std::iter::once("Node".to_owned()).chain(columns).collect(),
        rows: rows.iter().map(line).collect(),
    };
    table.into()
}

pub(super) fn balancers(status: &Status<'_>) -> Markup {
    let Some(wanted) = &status.desired.load_balancer else { return Markup::default() };
    status.load_balancers().map(|(host, seen)| balancer(wanted, host, seen)).collect()
}

fn balancer(wanted: &LoadBalancer, host: &Host, seen: Option<&HostFacts>) -> Markup {
    let facts = seen.and_then(|seen| seen.load_balancer.as_ref());
    let port = wanted.amqp_port;
    let (tone, words) = match (seen, facts.map(|facts| facts.amqp_answers)) {
        (None, _) => (Tone::Bad, "not inspected".to_owned()),
        (Some(_), None) => (Tone::Bad, "does not run".to_owned()),
        (Some(_), Some(Some(true))) => (Tone::Good, format!("AMQP answers on port {port}")),
        (Some(_), Some(Some(false))) => (Tone::Bad, format!("AMQP does NOT answer on port {port}")),
        (Some(_), Some(None)) => (Tone::Quiet, format!("AMQP on port {port} was not tried")),
    };
    let caption = format!("Servers of {}, with their status in each backend", host.name);
    let table = servers(&caption, facts.map(|facts| facts.backends.as_slice()).unwrap_or_default());
    let answer = element("p").with("class", tone.class()).holds(tone.mark()).text(words);
    let title = format!("{} ({})", host.name, wanted.software.as_str());
    Markup::from(element("h3").text(title)).and(answer).and(table)
}

/// A row for each server, and a column for each backend that has servers.
fn servers<'a>(caption: &'a str, all: &[Backend]) -> Table<'a> {
    let proxies = grouped(all.iter().map(|backend| (&backend.proxy, ())));
    let cell = |backend: Option<&&Backend>| {
        let Some(backend) = backend else { return Cell::known(None::<String>) };
        let tone = match server_state(backend) {
            ServerState::Up => Tone::Good,
            ServerState::Down => Tone::Bad,
            ServerState::Out => Tone::Warning,
        };
        let port = backend.port.map(|port| format!(", port {port}")).unwrap_or_default();
        Cell::toned(tone, format!("{} ({}{port})", backend.status, backend.check))
    };
    let row = |(server, backends): (&String, Vec<&Backend>)| {
        let of = |proxy: &String| cell(backends.iter().find(|backend| &backend.proxy == proxy));
        (
            None,
            std::iter::once(Cell::plain(server)).chain(proxies.iter().map(|(proxy, _)| of(proxy))).collect(),
        )
    };
    let heads = proxies.iter().map(|(proxy, _)| (*proxy).clone());
    Table {
        caption,
        heads: std::iter::once("Server".to_owned()).chain(heads).collect(),
        rows: grouped(all.iter().map(|backend| (&backend.server, backend))).into_iter().map(row).collect(),
    }
}

pub(super) fn addresses(status: &Status<'_>) -> Table<'static> {
    let row = |held: &Holding<'_>| {
        let (condition, words) = holding(held);
        let standby: Vec<&HostName> = held.standby.iter().map(|host| &host.name).collect();
        let next = (!standby.is_empty()).then(|| whole(&standby));
        (None, vec![Cell::plain(held.at), Cell::toned(condition.into(), words), Cell::known(next)])
    };
    Table {
        caption: "Addresses that the load balancers share",
        heads: heads(["Address", "Holder", "Can take it over"]),
        rows: holdings(status.desired, status.facts).iter().map(row).collect(),
    }
}

/// How many queues there are, and those that lack a majority or a copy.
pub(super) fn queues(status: &Status<'_>) -> Markup {
    let nodes = running_nodes(status.desired, status.facts);
    let Some(node) = teller(&nodes) else {
        return element("p").text("No running node reported its queues, so their number is unknown.").into();
    };
    let more = if node.queues_complete { "" } else { " at least: not all could be listed" };
    let total =
        paragraph(&format!("{}{more}, as {} reports.", counted(node.queues.len(), "queue"), node.name));
    let idle = unavailable(&nodes, node)
        .into_iter()
        .map(|queue| (queue, Tone::Bad, "has no majority of replicas in service"));
    let lacking =
        under_replicated(node).into_iter().map(|queue| (queue, Tone::Warning, "has too few replicas"));
    let behind = with_mirrors_behind(node)
        .into_iter()
        .map(|queue| (queue, Tone::Warning, "has mirrors that are not in sync"));
    let row = |(queue, tone, wrong): (&QueueFacts, Tone, &str)| {
        let cells = vec![
            Cell::plain(&queue.name),
            Cell::plain(&queue.vhost),
            Cell::toned(tone, wrong),
            Cell::known(queue.leader.as_ref()),
            Cell::prose(whole(&queue.replicas)),
            Cell::prose(whole(&queue.in_sync)),
        ];
        (None, cells)
    };
    let table = Table {
        caption: "Queues that lack a majority or a copy",
        heads: heads(["Queue", "Virtual host", "Problem", "Leader", "Replicas", "In sync"]),
        rows: idle.chain(lacking).chain(behind).map(row).collect(),
    };
    Markup::from(total).and(table)
}

/// The clock of every host, brokers or not.
pub(super) fn clocks(status: &Status<'_>) -> Table<'static> {
    let row = |host: &Host| {
        let seen = status.facts.host(&host.name);
        let synchronised = match seen.and_then(|seen| seen.time_service.synchronised) {
            Some(true) => Cell::toned(Tone::Good, "yes"),
            Some(false) => Cell::toned(Tone::Warning, "no"),
            None => Cell::known(None::<String>),
        };
        let service = seen.and_then(|seen| seen.time_service.running.as_ref());
        let off = seen.and_then(|seen| seen.clock).map(offset);
        (None, vec![Cell::plain(&host.name), Cell::known(off), synchronised, Cell::known(service)])
    };
    Table {
        caption: "How far each host's clock is off, as seen from here",
        heads: heads(["Host", "Offset", "In sync", "Time service"]),
        rows: status.desired.hosts.iter().map(row).collect(),
    }
}
