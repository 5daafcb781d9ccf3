//! Why hosts do not cluster, for people: the first root cause in full, then the other findings in brief.

use console::measure_text_width;

use crate::doctor::{Cause, Diagnosis, Finding, Meanwhile, Pair, PairState};
use crate::model::{Advice, HostName, one_line};

use super::style::{Detail, Ink, Style};
use super::words::{Wrapped, list};
use crate::cluster::phrases::{counted, grouped};

/// How many root causes are shown in full; the others only as a headline.
const WHOLE: usize = 3;
/// Lines of evidence per finding.
const EVIDENCE: usize = 8;
/// How many hosts have a row and a column in the matrix.
const MATRIX: usize = 12;

/// The diagnosis for people; `inventory` is inserted between `rabbitup` and its verb in commands.
pub fn diagnosis_text(diagnosis: &Diagnosis, inventory: &str, style: Style) -> String {
    if diagnosis.is_healthy() {
        return clean_bill(diagnosis, style);
    }
    let (roots, followers): (Vec<&Finding>, Vec<&Finding>) =
        diagnosis.findings.iter().partition(|found| !found.consequence);
    let mut groups = alike(&roots);
    let (found, following) = (groups.len(), alike(&followers));
    let rest = groups.split_off(groups.len().min(WHOLE));
    let mut text = String::new();
    for group in &groups {
        text.push_str(&whole(group, inventory, style));
        text.push('\n');
    }
    text.push_str(&matrix(diagnosis, style));
    text.push_str(&briefly("Other problems:", &rest, style));
    text.push_str(&briefly("Consequences:", &following, style));
    text.push_str(&last_line(found, following.len(), diagnosis.meanwhile, inventory, style));
    text
}

/// The first cause in a few lines, for a run that has just failed. Empty without findings.
pub fn diagnosis_brief(diagnosis: &Diagnosis, inventory: &str, style: Style) -> String {
    let roots: Vec<&Finding> = diagnosis.findings.iter().filter(|found| !found.consequence).collect();
    let groups = alike(&roots);
    let Some(first) = groups.first() else { return String::new() };
    let mut text = format!("\n{}\n", style.paint(Ink::Heading, "Diagnosis by rabbitup doctor:"));
    text.push_str(&whole(first, inventory, style));
    if groups.len() > 1 {
        let more = format!("for more run: rabbitup{inventory} doctor");
        text.push_str(&format!("  {}\n", style.paint(Ink::Dimmed, more)));
    }
    text
}

/// Findings of one kind with the same fix: a firewall that blocks three hosts is one problem.
struct Group<'a> {
    first: &'a Finding,
    all: Vec<&'a Finding>,
}

fn alike<'a>(findings: &[&'a Finding]) -> Vec<Group<'a>> {
    // Findings with separate fixes are shown separately, unless there are many equal ones.
    let key = |found: &'a Finding| {
        (found.cause, found.peer.as_ref().filter(|_| pairwise(found.cause)), subject(found))
    };
    grouped(findings.iter().map(|found| (key(found), *found)))
        .into_iter()
        .filter_map(|(_, all)| Some(Group { first: all.first().copied()?, all }))
        .collect()
}

fn pairwise(cause: Cause) -> bool {
    (Cause::NameUnresolved..=Cause::HandshakeRefused).contains(&cause)
}

/// What findings must have in common to be grouped.
fn subject(found: &Finding) -> (&str, Option<&Advice>) {
    let problem = &found.problem;
    (problem.what.as_str(), problem.cause.next.first().filter(|_| !pairwise(found.cause)))
}

fn whole(group: &Group<'_>, inventory: &str, style: Style) -> String {
    let Group { first, all } = group;
    let head = headline(group, style);
    let mut text = Wrapped::new(0, (Ink::Bad, "✘ "), (Ink::Heading, &head)).text(style);
    let mut label = "seen: ";
    let seen: Vec<&String> = unique(all.iter().flat_map(|found| &found.problem.cause.why));
    let shown = if style.detail == Detail::Full { seen.len() } else { EVIDENCE };
    for line in seen.iter().take(shown) {
        text.push_str(&Wrapped::new(2, (Ink::Dimmed, label), (Ink::Plain, line)).text(style));
        label = "      ";
    }
    if seen.len() > shown {
        let more = format!("      … and {} more lines (-v)", seen.len() - shown);
        text.push_str(&format!("  {}\n", style.paint(Ink::Dimmed, more)));
    }
    label = "fix:  ";
    for remedy in &first.problem.cause.next {
        let words = remedy.words(inventory);
        if matches!(remedy, Advice::Sentence(_)) {
            text.push_str(&Wrapped::new(2, (Ink::Dimmed, label), (Ink::Plain, &words)).text(style));
        } else {
            // Commands are for copying: they are never wrapped.
            let line = format!("{}$ {}", style.paint(Ink::Dimmed, label), one_line(&words));
            text.push_str(&format!("  {line}\n"));
        }
        label = "      ";
    }
    let id = format!("cause: {}", first.cause.id());
    text.push_str(&format!("  {}\n", style.paint(Ink::Dimmed, id)));
    text
}

fn unique<'a>(lines: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut seen: Vec<&String> = Vec::new();
    for line in lines {
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen
}

fn headline(group: &Group<'_>, style: Style) -> String {
    let hosts: Vec<&HostName> = group.all.iter().filter_map(|found| found.host()).collect();
    match hosts.is_empty() {
        true => group.first.problem.what.clone(),
        false => format!("{}: {}", list(&hosts, style.detail), group.first.problem.what),
    }
}

fn briefly(title: &str, groups: &[Group<'_>], style: Style) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.paint(Ink::Heading, title));
    for group in groups {
        let id = format!(" ({})", group.first.cause.id());
        let line = format!("{}{id}", headline(group, style));
        text.push_str(&Wrapped::new(2, (Ink::Dimmed, "· "), (Ink::Plain, &line)).text(style));
    }
    text.push('\n');
    text
}

/// Every pair of nodes, if something between two of them is wrong.
fn matrix(diagnosis: &Diagnosis, style: Style) -> String {
    let is_wrong = |pair: &&Pair| matches!(pair.state, PairState::Wrong(_));
    if !diagnosis.pairs.iter().any(|pair| is_wrong(&pair)) {
        return String::new();
    }
    let mut hosts: Vec<&HostName> = Vec::new();
    for pair in &diagnosis.pairs {
        if !hosts.contains(&&pair.from) {
            hosts.push(&pair.from);
        }
    }
    let all = hosts.len();
    if all > MATRIX {
        // Hosts with a problem to or from another one.
        hosts.retain(|host| {
            diagnosis.pairs.iter().filter(is_wrong).any(|pair| pair.from == **host || pair.to == **host)
        });
        hosts.truncate(MATRIX);
    }
    let cells: Vec<Vec<(Ink, String)>> =
        hosts.iter().map(|from| hosts.iter().map(|to| cell(diagnosis, from, to)).collect()).collect();
    let mut text =
        format!("{}\n", style.paint(Ink::Heading, "From each host (rows) to each other (columns):"));
    let first = hosts.iter().map(|host| host.as_str().len()).max().unwrap_or(0);
    let widths: Vec<usize> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| {
            let column = cells.iter().filter_map(|row| row.get(at));
            column.map(|(_, words)| measure_text_width(words)).chain([host.as_str().len()]).max().unwrap_or(0)
        })
        .collect();
    let heads: Vec<(Ink, String)> = hosts.iter().map(|host| (Ink::Dimmed, host.to_string())).collect();
    text.push_str(&row("", first, &heads, &widths, style));
    for (host, row_cells) in hosts.iter().zip(&cells) {
        text.push_str(&row(host.as_str(), first, row_cells, &widths, style));
    }
    if hosts.len() < all {
        text.push_str(&format!("  only the hosts with problems, of {all}; --json shows all\n"));
    }
    text.push('\n');
    text
}

fn row(name: &str, first: usize, cells: &[(Ink, String)], widths: &[usize], style: Style) -> String {
    let mut line = format!("  {name:first$}");
    for ((ink, words), width) in cells.iter().zip(widths) {
        let pad = width.saturating_sub(measure_text_width(words));
        line.push_str(&format!("  {}{:pad$}", style.paint(*ink, words), ""));
    }
    format!("{}\n", line.trim_end())
}

fn cell(diagnosis: &Diagnosis, from: &HostName, to: &HostName) -> (Ink, String) {
    if from == to {
        return (Ink::Dimmed, "·".to_owned());
    }
    let pair = diagnosis.pairs.iter().find(|pair| &pair.from == from && &pair.to == to);
    match pair.map(|pair| pair.state) {
        Some(PairState::Open) => (Ink::Good, "✔".to_owned()),
        Some(PairState::Wrong(cause)) => (Ink::Bad, cause.id().to_owned()),
        Some(PairState::Down) => (Ink::Warning, "down".to_owned()),
        Some(PairState::Unknown) | None => (Ink::Dimmed, "?".to_owned()),
    }
}

fn clean_bill(diagnosis: &Diagnosis, style: Style) -> String {
    // For one, and for several.
    let words = |check: &'static str| match check {
        "reach" => ("host answers over SSH", "hosts answer over SSH"),
        "machines" => ("host is a machine of its own", "hosts are different machines"),
        "host-names" => ("host name matches the inventory", "host names match the inventory"),
        "packages" => ("host has RabbitMQ installed", "hosts have RabbitMQ installed"),
        "settings" => (
            "broker has settings that leave the inventory's in effect",
            "brokers have settings that leave the inventory's in effect",
        ),
        "disk" => ("host has free space and inodes", "hosts have free space and inodes"),
        "clocks" => ("clock agrees with this machine's", "clocks agree"),
        "cookies" => ("cookie file is valid", "cookie files are valid and equal"),
        "running-cookies" => {
            ("node runs with the cookie in its file", "nodes run with the cookie in their file")
        }
        "names" => ("node name matches", "node names match"),
        "plugins" => ("broker has the files of its plugins", "brokers have the files of their plugins"),
        "tls" => ("node has the same TLS setting", "nodes have the same TLS setting"),
        "address-families" => {
            ("node uses the address family of the names", "nodes use the address family of the names")
        }
        "brokers" => ("broker runs", "brokers run"),
        "membership" => ("node knows its membership", "nodes agree about their membership"),
        "resolution" => ("name lookup returns the right address", "name lookups return the right address"),
        "epmd" => ("connection to epmd (port 4369) succeeds", "connections to epmd (port 4369) succeed"),
        "distribution" => (
            "connection to Erlang distribution, on the port that epmd names, succeeds",
            "connections to Erlang distribution, on the port that epmd names, succeed",
        ),
        "handshakes" => ("handshake succeeds", "handshakes succeed"),
        "versions" => ("RabbitMQ version is compatible", "RabbitMQ versions are compatible"),
        "otp" => ("Erlang version is compatible", "Erlang versions are compatible"),
        "feature-flags" => ("node has the feature flags", "nodes have the same feature flags"),
        "partitions" => ("pair of members sees each other", "pairs of members see each other"),
        "alarms" => ("node has no alarm", "nodes have no alarm"),
        "clusters" => ("node is in one cluster", "nodes are in one cluster"),
        other => (other, other),
    };
    let wide = diagnosis.checked.iter().map(|checked| checked.looks.to_string().len()).max().unwrap_or(1);
    let mut text = String::new();
    for checked in &diagnosis.checked {
        let looks = format!("{:>wide$}", checked.looks);
        let (one, several) = words(checked.check);
        let words = if checked.looks == 1 { one } else { several };
        text.push_str(&format!("{} {looks} {words}\n", style.paint(Ink::Good, "✔")));
    }
    let line = match diagnosis.meanwhile {
        Meanwhile::Quiet => "No problems found: these hosts can cluster, and do.",
        Meanwhile::RunUnderWay => "No problems found so far: check again when that run has ended.",
    };
    text.push_str(&format!("\n{}\n", style.paint(Ink::Heading, line)));
    text
}

fn last_line(roots: usize, followers: usize, meanwhile: Meanwhile, inventory: &str, style: Style) -> String {
    let mut words = counted(roots, "problem");
    if followers > 0 {
        let follow = if followers == 1 { "consequence" } else { "consequences" };
        words.push_str(&format!(" and {followers} {follow}"));
    }
    let next = match meanwhile {
        Meanwhile::Quiet => "Fix the first one, then check again",
        Meanwhile::RunUnderWay => "That run may have caused this: when it has ended, check again",
    };
    let words = format!("{words}. {next}: rabbitup{inventory} doctor");
    Wrapped::new(0, (Ink::Plain, ""), (Ink::Heading, &words)).text(style)
}
