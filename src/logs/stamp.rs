//! Times at the beginning of log lines.

use crate::history::Moment;

/// An offset of local time from UTC, in minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Zone(i64);

impl Zone {
    /// Of `+0100` or `+01:00`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'+' => (1, &text[1..]),
            b'-' => (-1, &text[1..]),
            _ => return None,
        };
        let digits = digits.replacen(':', "", 1);
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (hours, minutes) = digits.split_at(2);
        Some(Self(sign * (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)))
    }
}

/// The time of a line, and what follows it. RabbitMQ writes `2026-11-29 18:41:54.772589+00:00 [info] …` since 3.9 and
/// `2026-11-29 18:41:54.772 [info] …` in the host's zone before (rabbit_prelaunch_logging, lager's default formatter); journalctl
/// `2026-11-29T18:41:54.772589+0000 …` (`-o short-iso-precise`).
pub(super) fn stamped(line: &str, zone: Zone) -> Option<(Moment, &str)> {
    const SECONDS: usize = "2026-11-29 18:41:54".len();
    let (date_time, rest) = (line.get(..SECONDS)?, line.get(SECONDS..)?);
    let (fraction, rest) = match rest.strip_prefix(['.', ',']) {
        Some(after) => {
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            after.split_at(end)
        }
        None => ("", rest),
    };
    let (offset, text) = match rest.split_once(' ').unwrap_or((rest, "")) {
        ("", text) => (zone, text),
        ("Z", text) => (Zone::default(), text),
        (offset, text) => (Zone::parse(offset)?, text),
    };
    let milliseconds: String = fraction.chars().chain("000".chars()).take(3).collect();
    let (date, time) = date_time.split_at(10);
    let time = time.strip_prefix(['T', ' '])?;
    let local = Moment::try_from(format!("{date}T{time}.{milliseconds}Z")).ok()?;
    Some((local.earlier_by_minutes(offset.0)?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, zone: &str) -> Option<(String, String)> {
        let (at, text) = stamped(line, Zone::parse(zone).expect("a zone"))?;
        Some((at.into(), text.to_owned()))
    }

    #[test]
    fn times_of_all_versions_and_of_journalctl_are_in_utc() {
        let is = |at: &str, text: &str| Some((at.to_owned(), text.to_owned()));
        let new = "2026-11-29 18:41:54.772589+01:00 [info] <0.1.0> up";
        assert_eq!(read(new, "+0500"), is("2026-11-29T17:41:54.772Z", "[info] <0.1.0> up"));
        let old = "2026-11-29 00:10:54.772 [info] <0.1.0> up";
        assert_eq!(read(old, "+0100"), is("2026-11-28T23:10:54.772Z", "[info] <0.1.0> up"));
        let journal = "2026-11-29T18:41:54.772589+0000 node1 systemd[1]: Started";
        assert_eq!(read(journal, "+0100"), is("2026-11-29T18:41:54.772Z", "node1 systemd[1]: Started"));
        assert_eq!(read("2026-11-29 18:41:54", "-0330"), is("2026-11-29T22:11:54.000Z", ""));
    }

    #[test]
    fn other_lines_have_no_time() {
        for line in
            ["", "  Error in boot", "2026-13-29 18:41:54.1 x", "2026-11-29 18:41:54é", "ééééééééééééééé"]
        {
            assert_eq!(read(line, "+0000"), None, "{line}");
        }
        for zone in ["", "0100", "+1", "+é100", "+01:0:0"] {
            assert_eq!(Zone::parse(zone), None, "{zone}");
        }
    }
}
