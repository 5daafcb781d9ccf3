//! The state of a cluster as a page.

use std::time::{Duration, UNIX_EPOCH};

use super::frame::{Made, Page, Section};
use super::markup::{Markup, element};
use super::parts::{Trouble, finding_troubles, troubles};
use super::picture::{Links, Picture};
use super::status_tables::{addresses, anchor, balancers, clocks, nodes, queues, sight};
use super::tone::Tone;
use crate::cluster::unreachable::{next_for, what};
use crate::cluster::{Severity, is_healthy};
use crate::history::ClusterSeen;
use crate::report::status::Status;
use crate::report::under_way::under_way;

/// The state of a cluster as the text of a file.
pub fn status_page(status: &Status<'_>, made: &Made) -> String {
    let sections = [
        Section::of("findings", "Findings", findings(status)),
        Section::of("unreachable", "Hosts that could not be inspected", unreached(status)),
        Section::of("under-way", "Runs in progress", runs(status)),
        Section::of("cluster", "Cluster", picture(status).markup()),
        Section::of("nodes", "Nodes", nodes(status).into()),
        Section::of("sight", "Who sees whom", sight(status)),
        Section::of("balancers", "Load balancers", balancers(status)),
        Section::of("addresses", "Shared addresses", addresses(status).into()),
        Section::of("queues", "Queues", queues(status)),
        Section::of("clocks", "Clocks", clocks(status).into()),
    ];
    let (word, words) = status.verdict();
    Page {
        command: "rabbitup status",
        subject: status.title(),
        verdict: (whole_tone(status), format!("{word}: {words}")),
        made: made.clone(),
        sections: sections.into_iter().flatten().collect(),
    }
    .html()
}

fn whole_tone(status: &Status<'_>) -> Tone {
    if !is_healthy(status.findings) {
        return Tone::Bad;
    }
    let warns = status.findings.iter().any(|finding| finding.severity == Severity::Warning);
    if warns { Tone::Warning } else { Tone::Good }
}

fn findings(status: &Status<'_>) -> Markup {
    let all = finding_troubles(status.findings);
    if all.is_empty() { element("p").holds(Tone::Good.mark()).text("Nothing is wrong.").into() } else { all }
}

/// The hosts that could not be inspected: what ssh said, and what to do.
fn unreached(status: &Status<'_>) -> Markup {
    let hosts = status.desired.hosts.iter();
    let silent = hosts.filter_map(|host| {
        let why = status.facts.unreachable().find(|(name, _)| **name == host.name)?.1;
        Some((host, why))
    });
    troubles(silent.map(|(host, why)| Trouble {
        tone: Tone::Bad,
        kind: "error",
        hosts: vec![&host.name],
        what: what(why.cause),
        why: vec![why.evidence.as_str()],
        next: next_for(status.desired, status.facts, host, why),
    }))
}

fn runs(status: &Status<'_>) -> Markup {
    let now = UNIX_EPOCH + Duration::from_secs(status.now);
    let runs = under_way(status.facts);
    let lines = runs.iter().map(|run| element("p").text(run.words(now)));
    if let (true, Some((host, process))) = (runs.is_empty(), status.facts.at_work()) {
        let words = format!("A step of an interrupted run is still running on {host} (process {process})");
        return element("p").text(words).into();
    }
    lines.collect()
}

fn picture(status: &Status<'_>) -> Picture {
    let links = Links {
        addresses: |_| Some("addresses".to_owned()),
        balancers: |_| Some("balancers".to_owned()),
        brokers: |host| Some(anchor(host)),
    };
    Picture::of_seen(&ClusterSeen::from(status), links)
}
