use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::stamp::{Zone, stamped};
use crate::balancer::Software;
use crate::history::Moment;
use crate::model::HostName;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// RabbitMQ's own log file.
    Broker,
    /// systemd's journal: the units of brokers and load balancers, and the steps of rabbitup.
    Journal,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// By the host's clock, in UTC. None: it belongs to the line before, and no line before has a time.
    pub at: Option<Moment>,
    pub source: Source,
    /// Without the time.
    pub text: String,
}

/// Lines of RabbitMQ's log. One without a time goes on with the event of the line before.
pub(super) fn of_broker<'l>(lines: impl Iterator<Item = &'l str>, zone: Zone) -> Vec<LogLine> {
    let mut last = None;
    let read = lines.map(|line| {
        let (at, text) = match stamped(line, zone) {
            Some((at, text)) => (Some(at), text),
            None => (last, line),
        };
        last = at;
        LogLine { at, source: Source::Broker, text: text.to_owned() }
    });
    read.collect()
}

/// Lines of journalctl, which names the host in each.
pub(super) fn of_journal<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<LogLine> {
    let mut last = None;
    let read = lines.map(|line| {
        let (at, text) = match stamped(line, Zone::default()) {
            Some((at, text)) => (Some(at), text.split_once(' ').map_or(text, |(_, text)| text)),
            // Further lines of a message are indented.
            None => (last, line.trim_start()),
        };
        last = at;
        LogLine { at, source: Source::Journal, text: text.to_owned() }
    });
    read.collect()
}

/// Without the lines that the journal has once more, with their severity.
pub(super) fn told_once(lines: Vec<LogLine>) -> Vec<LogLine> {
    /// How long after one of them the journal has the other.
    const BOTH: Duration = Duration::from_secs(1);
    let balancers = || Software::ALL.iter().filter_map(|software| software.balancer().same_in_syslog);
    let twin = |line: &LogLine| balancers().find_map(|twin| twin(&line.text));
    let mut twins: BTreeMap<String, Vec<Moment>> = BTreeMap::new();
    for (text, at) in lines.iter().filter_map(|line| Some((twin(line)?, line.at?))) {
        twins.entry(text).or_default().push(at);
    }
    let has_twin = |line: &LogLine| {
        let Some(at) = line.at.filter(|_| twin(line).is_none()) else { return false };
        let text = line.text.replace('\'', "");
        let near = |other: Moment| other.since(at).or_else(|| at.since(other)).is_some_and(|by| by <= BOTH);
        twins.get(&text).is_some_and(|times| times.iter().copied().any(near))
    };
    lines.iter().filter(|line| !has_twin(line)).cloned().collect()
}

/// Lines of all hosts by their times. Lines of one host and source stay in their order, even if its clock was set back.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    lines: Vec<(HostName, LogLine)>,
}

impl Sequence {
    pub(crate) fn add(&mut self, host: &HostName, lines: Vec<LogLine>) {
        self.lines.extend(lines.into_iter().map(|line| (host.clone(), line)));
    }

    /// Only lines since then. Those without a time are older than the others.
    pub(crate) fn since(&mut self, earliest: Moment) {
        self.lines.retain(|(_, line)| line.at.is_some_and(|at| at >= earliest));
    }

    pub(crate) fn in_order(self) -> Vec<(HostName, LogLine)> {
        let mut lines = self.lines;
        // A stable sort: what has the same time stays as it is.
        lines.sort_by_key(|(_, line)| line.at);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_hosts_and_sources_are_one_sequence() {
        let host = |name: &str| HostName::parse(name).expect("a host name");
        let log = "2026-11-29 18:00:02.000000+00:00 [error] crash\n  with a reason\n2026-11-29 18:00:04.000000+00:00 [info] up";
        let journal = "2026-11-29T18:00:03.000000+0000 x systemd[1]: Started\n        more of it";
        let mut sequence = Sequence::default();
        sequence.add(
            &host("node2"),
            of_broker("2026-11-29 19:00:01.000 [info] old".lines(), Zone::parse("+0100").expect("a zone")),
        );
        sequence.add(&host("node1"), of_broker(log.lines(), Zone::default()));
        sequence.add(&host("node1"), of_journal(journal.lines()));
        let told: Vec<String> =
            sequence.in_order().into_iter().map(|(host, line)| format!("{host} {}", line.text)).collect();
        assert_eq!(
            told,
            [
                "node2 [info] old",
                "node1 [error] crash",
                "node1   with a reason",
                "node1 systemd[1]: Started",
                "node1 more of it",
                "node1 [info] up"
            ]
        );
    }

    #[test]
    fn what_the_journal_has_twice_is_told_once() {
        let journal = "2026-11-29T18:00:03.100000+0000 x haproxy[9]: Server rabbitmq/node2 is DOWN\n\
            2026-11-29T18:00:03.200000+0000 x haproxy[9]: [WARNING]  (9) : Server rabbitmq/node2 is DOWN\n\
            2026-11-29T18:00:03.200000+0000 x haproxy[9]: [ALERT]    (9) : backend 'rabbitmq' has no server available!\n\
            2026-11-29T18:00:03.300000+0000 x haproxy[9]: backend rabbitmq has no server available!\n\
            2026-11-29T18:00:09.000000+0000 x haproxy[9]: Server rabbitmq/node2 is DOWN\n\
            2026-11-29T18:00:09.100000+0000 x haproxy[8]: [NOTICE]   (8) : New worker (9) forked";
        let told: Vec<String> =
            told_once(of_journal(journal.lines())).into_iter().map(|line| line.text).collect();
        assert_eq!(
            told,
            [
                "haproxy[9]: [WARNING]  (9) : Server rabbitmq/node2 is DOWN",
                "haproxy[9]: [ALERT]    (9) : backend 'rabbitmq' has no server available!",
                "haproxy[9]: Server rabbitmq/node2 is DOWN",
                "haproxy[8]: [NOTICE]   (8) : New worker (9) forked"
            ]
        );
    }

    #[test]
    fn what_is_older_or_without_a_time_is_left_out() {
        let mut sequence = Sequence::default();
        let text =
            "a tail\n2026-11-29 18:00:02.000000+00:00 old\n2026-11-29 18:00:04.000000+00:00 new\n  more";
        sequence.add(&HostName::parse("node1").expect("a name"), of_broker(text.lines(), Zone::default()));
        sequence.since(Moment::try_from("2026-11-29T18:00:03.000Z".to_owned()).expect("a time"));
        let told: Vec<String> = sequence.in_order().into_iter().map(|(_, line)| line.text).collect();
        assert_eq!(told, ["new", "  more"]);
    }
}
