//! Lines of logs, for people and programs.

use serde::Serialize;

use super::Style;
use super::style::Ink;
use crate::history::Moment;
use crate::logs::{LogLine, Source};
use crate::model::{HostName, printable};

/// A line of `rabbitup logs --json`.
#[derive(Debug, Serialize)]
pub(crate) struct LogRecord<'a> {
    format_version: u32,
    event: &'static str,
    host: &'a HostName,
    source: Source,
    /// None: no line before it has a time either.
    at: Option<Moment>,
    text: &'a str,
}

impl<'a> LogRecord<'a> {
    pub(crate) fn new(host: &'a HostName, line: &'a LogLine) -> Self {
        let LogLine { at, source, text } = line;
        Self { format_version: 1, event: "log_line", host, source: *source, at: *at, text }
    }
}

/// Each line with its time in UTC and its host, which is `width` columns wide.
pub(crate) fn log_text(lines: &[(HostName, LogLine)], width: usize, style: Style) -> String {
    let unknown = || " ".repeat("2026-11-29 18:41:54.772".len());
    let line = |(host, line): &(HostName, LogLine)| {
        let at = style.paint(Ink::Dimmed, line.at.map_or_else(unknown, Moment::to_the_millisecond));
        let text = style.paint(ink(&line.text), printable(&line.text));
        format!("{at} {host:width$} {text}").trim_end().to_owned() + "\n"
    };
    lines.iter().map(line).collect()
}

/// By the level that RabbitMQ writes in front.
fn ink(text: &str) -> Ink {
    match text.split_whitespace().next() {
        Some("[error]" | "[critical]" | "[alert]" | "[emergency]") => Ink::Bad,
        Some("[warning]") => Ink::Warning,
        Some(_) | None => Ink::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_time_and_host_and_steers_no_terminal() {
        let host = |name: &str| HostName::parse(name).expect("a host name");
        let at = Moment::try_from("2026-11-29T18:41:54.772Z".to_owned()).expect("a time");
        let line = |at, text: &str| LogLine { at, source: Source::Broker, text: text.to_owned() };
        let lines =
            [(host("lb1"), line(None, "a tail")), (host("node1"), line(Some(at), "[error] \u{1b}[2Jcrash"))];
        let text = log_text(&lines, 5, Style::plain(80));
        assert_eq!(
            text,
            "                        lb1   a tail\n2026-11-29 18:41:54.772 node1 [error] crash\n"
        );
        let json = serde_json::to_value(LogRecord::new(&lines[1].0, &lines[1].1)).expect("it serialises");
        assert_eq!(json["at"], "2026-11-29T18:41:54.772Z");
        assert_eq!((&json["event"], &json["source"]), (&"log_line".into(), &"broker".into()));
    }
}
