//! What one command printed on many hosts, for people: hosts with the same answer together.

use std::fmt::Write as _;
use std::time::Duration;

use super::style::{Ink, Style};
use super::words::list;
use crate::cluster::phrases::{grouped, span, whole};
use crate::exec::{Ended, Fate};
use crate::model::{HostName, printable};

/// The answers by content: those of hosts where the command succeeded first, so that what failed is next to the prompt. Each line of
/// output is indented, so that none looks like a heading. Hosts that never began have no answer.
pub(crate) fn exec_text(ended: &[(&HostName, &Ended)], limit: Duration, style: Style) -> String {
    let answers = ended.iter().filter(|(_, ended)| !matches!(ended.fate, Fate::Unreachable(_)));
    let mut groups =
        grouped(answers.map(|(host, ended)| ((&ended.fate, ended.output.as_str(), ended.cut), *host)));
    groups.sort_by_key(|((fate, ..), _)| !fate.is_success());
    let mut text = String::new();
    for ((fate, output, cut), hosts) in groups {
        let hosts = style.paint(Ink::Heading, whole(&hosts));
        let end = match fate {
            Fate::Exited(0) if output.is_empty() => ": no output".to_owned(),
            Fate::Exited(0) => ":".to_owned(),
            other => format!(": {}", style.paint(Ink::Bad, words(other, limit))),
        };
        let _ = writeln!(text, "{hosts}{end}");
        for line in output.lines() {
            let _ = writeln!(text, "{}", format!("  {}", printable(line)).trim_end());
        }
        if cut > 0 {
            let _ = writeln!(text, "  {}", style.paint(Ink::Dimmed, format!("… and {cut} more bytes")));
        }
    }
    text
}

/// The last line where it did not succeed everywhere: on which hosts, and why. None if it did.
pub(crate) fn failed_line(ended: &[(&HostName, &Ended)], limit: Duration, style: Style) -> Option<String> {
    let failed = ended.iter().filter(|(_, ended)| !ended.fate.is_success());
    let groups = grouped(failed.map(|(host, ended)| (words(&ended.fate, limit), *host)));
    if groups.is_empty() {
        return None;
    }
    let count: usize = groups.iter().map(|(_, hosts)| hosts.len()).sum();
    let each = groups.iter().map(|(why, hosts)| format!("{} ({why})", whole(hosts)));
    let line = format!("Failed on {count} of {}: {}", ended.len(), each.collect::<Vec<_>>().join(", "));
    Some(format!("{}\n", style.paint(Ink::Bad, line)))
}

/// For an operator who waits.
pub(crate) fn waiting_line(hosts: &[&HostName], after: Duration, style: Style) -> String {
    format!("{}: no end after {}\n", list(hosts, style.detail), span(after.as_secs()))
}

/// How it ended, in a few words.
fn words(fate: &Fate, limit: Duration) -> String {
    match fate {
        Fate::Exited(code) => format!("exit code {code}"),
        Fate::TimedOut => format!("timed out after {}", span(limit.as_secs())),
        Fate::Interrupted => "interrupted".to_owned(),
        Fate::TooMuchOutput => "ended: too much output".to_owned(),
        Fate::Lost(why) => {
            let why = printable(why.lines().next().unwrap_or("no answer"));
            format!("may still be running: {why}")
        }
        Fate::Unreachable(_) => "not reached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Unreachable, UnreachableCause};

    fn ended(fate: Fate, output: &str) -> Ended {
        Ended { fate, output: output.to_owned(), cut: 0, took: None, under_way: None }
    }

    #[test]
    fn equal_answers_are_shown_once_and_what_failed_is_last() {
        let names = ["lb1", "node1", "node2", "node3", "node4"];
        let hosts = names.map(|name| HostName::parse(name).expect("a name"));
        let down = Unreachable { cause: UnreachableCause::NoConnection, evidence: "timed out".to_owned() };
        let all = [
            ended(Fate::Exited(3), "node9:\n\u{1b}[2Jno\n"),
            ended(Fate::Exited(0), "3.10.8\n\nnode1: x\n"),
            Ended { cut: 70, ..ended(Fate::TimedOut, "a\n") },
            ended(Fate::Exited(0), "3.10.8\n\nnode1: x\n"),
            ended(Fate::Unreachable(down), ""),
        ];
        let pairs: Vec<(&HostName, &Ended)> = hosts.iter().zip(&all).collect();
        let limit = Duration::from_secs(60);
        assert_eq!(
            exec_text(&pairs, limit, Style::plain(80)),
            "node1, node3:\n  3.10.8\n\n  node1: x\nlb1: exit code 3\n  node9:\n  no\nnode2: timed out after 1 min\n  a\n  \
             … and 70 more bytes\n"
        );
        assert_eq!(
            failed_line(&pairs, limit, Style::plain(80)).as_deref(),
            Some("Failed on 3 of 5: lb1 (exit code 3), node2 (timed out after 1 min), node4 (not reached)\n")
        );
        let good = ended(Fate::Exited(0), "");
        let pairs = [(&hosts[0], &good), (&hosts[1], &good)];
        assert_eq!(exec_text(&pairs, limit, Style::plain(80)), "lb1, node1: no output\n");
        assert_eq!(failed_line(&pairs, limit, Style::plain(80)), None);
    }
}
