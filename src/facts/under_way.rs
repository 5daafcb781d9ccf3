use std::time::Duration;

/// A rabbitup run that holds a host's lock, from its note on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunUnderWay {
    /// `USER@MACHINE`.
    pub who: String,
    /// Its process there.
    pub process: Option<u32>,
    /// The playbook that it runs.
    pub playbook: String,
    /// How long it has held the lock, by the host's clock.
    pub age: Option<Duration>,
}

impl RunUnderWay {
    /// Parses `NOW SINCE WHO PROCESS PLAYBOOK …`, separated by tabs. The times are Unix seconds of the host, whose clock may be
    /// wrong: only their difference counts. None if WHO is missing.
    pub fn parse(note: &str) -> Option<Self> {
        let words: Vec<&str> = note.trim_end_matches(['\r', '\n']).split('\t').collect();
        let word = |at: usize| words.get(at).copied().filter(|word| !word.is_empty());
        let seconds = |at: usize| word(at).and_then(|word| word.parse::<u64>().ok());
        let age = seconds(0).zip(seconds(1)).map(|(now, since)| now.saturating_sub(since));
        Some(Self {
            who: word(2)?.to_owned(),
            process: word(3).and_then(|word| word.parse().ok()),
            playbook: word(4).unwrap_or("a playbook").to_owned(),
            age: age.map(Duration::from_secs),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_far_as_it_goes() {
        let run = RunUnderWay::parse("160\t100\tann@desk\t7\tbring-up\t4711").expect("it names somebody");
        assert_eq!((run.who.as_str(), run.process, run.playbook.as_str()), ("ann@desk", Some(7), "bring-up"));
        assert_eq!(run.age, Some(Duration::from_secs(60)));
        // Its clock was set back in the meantime.
        assert_eq!(RunUnderWay::parse("99\t100\tann@desk").and_then(|run| run.age), Some(Duration::ZERO));
        assert_eq!(RunUnderWay::parse("x\t100\tann@desk").and_then(|run| run.age), None);
        for nobody in ["", "160", "160\t100\t\t7\tbring-up"] {
            assert_eq!(RunUnderWay::parse(nobody), None, "{nobody}");
        }
    }
}
