use super::line::{LogLine, of_broker, of_journal, told_once};
use super::stamp::Zone;
use super::units::units;
use crate::facts::{Frames, ParseError, command_text};
use crate::model::NodeName;

const READ: &str = concat!(
    include_str!("../facts/script_head.sh"),
    include_str!("../facts/broker_user.sh"),
    include_str!("read.sh")
);

/// How many bytes of a log are read at once. Of more, the last ones: what follows a log reads on where it stopped.
const MOST: u64 = 4 * 1024 * 1024;

/// What is asked of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The broker's node, if the host has one.
    pub node: Option<NodeName>,
    pub from: From,
}

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// So many lines before the end, of each source.
    Last(u64),
    /// A time, in seconds since 1970 by the controller's clock.
    Since(u64),
    /// The end of an earlier answer.
    After(Place),
}

/// Where an answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The inode of the log and the position in it. A log that is rotated has another inode.
    log: Option<(u64, u64)>,
    /// journalctl's; none if the journal had nothing to tell yet.
    cursor: Option<String>,
    /// The host's clock, in seconds since 1970.
    now: u64,
}

/// What one host said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub lines: Vec<LogLine>,
    pub place: Place,
}

impl Reading {
    /// Goes on behind an answer.
    pub(crate) fn go_on(&mut self, answered: Place) {
        self.from = From::After(match &self.from {
            From::After(earlier) => answered.or(earlier),
            From::Last(_) | From::Since(_) => answered,
        });
    }

    /// The command text that a POSIX shell runs, as root. Its output is for [`Answer::parse`], with the same nonce.
    pub(crate) fn command(&self, nonce: &str) -> String {
        let mut place = Place::default();
        let (mut lines, mut since) = (String::new(), String::new());
        match &self.from {
            From::Last(count) => lines = count.to_string(),
            From::Since(seconds) => since = seconds.to_string(),
            From::After(last) => {
                place = last.clone();
                if place.cursor.is_none() {
                    since = place.now.to_string();
                }
            }
        }
        let (inode, position) = place.log.map(|(inode, at)| (inode.to_string(), at.to_string())).unzip();
        let values = [
            ("nonce", nonce.to_owned()),
            ("log", self.node.as_ref().map(|node| format!("{node}.log")).unwrap_or_default()),
            ("units", units().join("\n")),
            ("lines", lines),
            ("since", since),
            ("inode", inode.unwrap_or_default()),
            ("position", position.unwrap_or_default()),
            ("cursor", place.cursor.unwrap_or_default()),
            ("most", MOST.to_string()),
        ];
        command_text(&values, READ)
    }
}

impl Answer {
    /// Parses what a host answered.
    ///
    /// # Errors
    /// The output is not complete.
    pub(crate) fn parse(nonce: &str, output: &[u8]) -> Result<Self, ParseError> {
        let frames = Frames::read(nonce, output)?;
        let zone = frames.lines("zone").next().and_then(Zone::parse).unwrap_or_default();
        let place = frames.lines("place").next().and_then(|line| {
            let (inode, position) = line.split_once(' ')?;
            Some((inode.parse().ok()?, position.parse().ok()?))
        });
        // Where the next answer begins, if the journal does not tell: from another time it would repeat everything, or lose lines.
        let now = frames.lines("now").next().and_then(|line| line.parse().ok());
        let now = now.ok_or_else(|| ParseError::Incomplete { after: "journal".to_owned() })?;
        let cursor = frames.lines("journal").find_map(|line| line.strip_prefix("-- cursor: "));
        let is_message = |line: &&str| !line.starts_with("-- ") && !line.is_empty();
        // The last line of a section ends at the mark that follows.
        let mut log: Vec<&str> = frames.lines("log").collect();
        if log.last().is_some_and(|line| line.is_empty()) {
            log.pop();
        }
        let mut lines = of_broker(log.into_iter(), zone);
        lines.extend(told_once(of_journal(frames.lines("journal").filter(is_message))));
        let place = Place { log: place, cursor: cursor.map(str::to_owned), now };
        Ok(Self { lines, place })
    }
}

impl Place {
    /// This place, or what is known of an earlier one where this answer did not say.
    fn or(self, earlier: &Self) -> Self {
        Self {
            log: self.log.or(earlier.log),
            cursor: self.cursor.or_else(|| earlier.cursor.clone()),
            now: self.now,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::logs::line::Source;

    #[test]
    fn an_answer_tells_where_the_next_begins() {
        let output = b"banner\nN zone\n+0100\nN place\n12 345\nN log\n2026-11-29 19:00:00.000 [info] up\n\nN journal\n\
            2026-11-29T18:00:01.000000+0000 x systemd[1]: Started\n-- cursor: s=1;i=2\n\nN now\n1764439200\nN end\n";
        let answer = Answer::parse("N", output).expect("it is whole");
        let texts: Vec<(&str, Source)> =
            answer.lines.iter().map(|line| (line.text.as_str(), line.source)).collect();
        assert_eq!(texts, [("[info] up", Source::Broker), ("systemd[1]: Started", Source::Journal)]);
        let command = Reading { node: None, from: From::After(answer.place) }.command("M");
        for value in ["inode='12'", "position='345'", "cursor='s=1;i=2'", "since=''"] {
            assert!(command.contains(value), "{value} is not in {command}");
        }
        assert!(Answer::parse("N", b"N zone\n").is_err(), "it is cut short");
        assert!(
            Answer::parse("N", b"N journal\nN now\n\nN end\n").is_err(),
            "it does not say where it ended"
        );
    }

    #[test]
    fn a_journal_that_was_silent_is_asked_for_what_came_since() {
        let place = Answer::parse("N", b"N journal\n-- No entries --\n\nN now\n1764439200\nN end\n")
            .expect("it is whole")
            .place;
        let command = Reading { node: None, from: From::After(place) }.command("M");
        assert!(command.contains("since='1764439200'"), "{command}");
    }

    /// The function of the script that reads a log, on a file here, again and again.
    struct Log {
        directory: std::path::PathBuf,
        place: (String, String),
    }

    impl Log {
        fn new(name: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("rabbitup-logs-{name}-{}", std::process::id()));
            fs::create_dir_all(&directory).expect("a directory for temporary use");
            Self { directory, place: Default::default() }
        }

        fn write(&self, name: &str, text: &str) {
            let mut options = fs::OpenOptions::new();
            let mut file =
                options.append(true).create(true).open(self.directory.join(name)).expect("it opens");
            std::io::Write::write_all(&mut file, text.as_bytes()).expect("it is written");
        }

        fn read(&mut self, lines: &str, most: &str) -> String {
            let (script, _) =
                include_str!("read.sh").split_once("# end of read_log").expect("its function comes first");
            let call = "read_log \"$@\"";
            let output = Command::new("sh")
                .args(["-c", &format!("{script}\neval \"$read_log\"\n{call}"), "sh"])
                .arg(&self.directory)
                .args(["rabbit@node1.log", &self.place.0, &self.place.1, lines, most])
                .output()
                .expect("sh runs");
            let text = String::from_utf8(output.stdout).expect("it is text");
            let (place, rest) = text.split_once('\n').unwrap_or_default();
            let (inode, position) = place.split_once(' ').unwrap_or_default();
            self.place = (inode.to_owned(), position.to_owned());
            rest.to_owned()
        }
    }

    impl Drop for Log {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }

    #[test]
    fn a_log_that_is_followed_loses_nothing_when_it_is_rotated() {
        let mut log = Log::new("rotated");
        assert_eq!(log.read("2", "1000"), "", "there is none yet");
        log.write("rabbit@node1.log", "one\ntwo\nthree\n");
        assert_eq!(log.read("2", "1000"), "two\nthree\n");
        assert_eq!(log.read("2", "1000"), "");
        log.write("rabbit@node1.log", "four\n");
        let directory = log.directory.clone();
        let moved = |name: &str| directory.join(name);
        fs::rename(moved("rabbit@node1.log"), moved("rabbit@node1.log.1")).expect("it is renamed");
        log.write("rabbit@node1.log", "five\n");
        assert_eq!(log.read("2", "1000"), "four\nfive\n");
        assert_eq!(log.read("2", "1000"), "");
        fs::write(moved("rabbit@node1.log"), "six\n").expect("it is written");
        assert_eq!(log.read("2", "1000"), "six\n", "it was truncated");
        log.write("rabbit@node1.log", "0123456789");
        assert_eq!(log.read("2", "4"), "0123");
        assert_eq!(log.read("2", "1000"), "456789");
    }
}
