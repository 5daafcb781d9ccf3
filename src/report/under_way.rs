//! Rabbitup runs in progress on the hosts: nodes that they have stopped, drained or taken out of the balancer come back when they
//! end.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::facts::{Facts, RunUnderWay};
use crate::model::{HostName, one_line, shortened};

use super::words::since;
use crate::cluster::phrases::{grouped, whole};

/// The maximum length of a name read from a host.
const NAME: usize = 100;

/// One run that holds locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct UnderWay {
    /// `USER@MACHINE`.
    pub who: String,
    /// Its process there.
    pub process: Option<u32>,
    pub playbook: String,
    /// For how many seconds it has held its first lock.
    pub age_s: Option<u64>,
    /// The hosts that it has locked.
    pub hosts: Vec<HostName>,
}

/// The runs that hold locks on these hosts.
pub fn under_way(facts: &Facts) -> Vec<UnderWay> {
    of(facts.under_way())
}

fn of<'a>(held: impl Iterator<Item = (&'a HostName, &'a RunUnderWay)>) -> Vec<UnderWay> {
    let held = held.map(|(host, run)| ((&run.who, run.process, &run.playbook), (host, run.age)));
    let one = |((who, process, playbook), holds): ((&String, _, &String), Vec<(&HostName, _)>)| UnderWay {
        who: shortened(who, NAME),
        process,
        playbook: shortened(playbook, NAME),
        age_s: holds
            .iter()
            .filter_map(|(_, age): &(_, Option<Duration>)| *age)
            .max()
            .map(|age| age.as_secs()),
        hosts: holds.into_iter().map(|(host, _)| host.clone()).collect(),
    };
    grouped(held).into_iter().map(one).collect()
}

impl UnderWay {
    /// `ann@desk (process 4711) runs bring-up since 13:24:57 UTC, 2 min ago`.
    pub fn words(&self, now: SystemTime) -> String {
        let began = self.age_s.and_then(|age| now.checked_sub(Duration::from_secs(age)));
        let since = began.map(|began| format!(" {}", since(began, now))).unwrap_or_default();
        let process = self.process.map(|process| format!(" (process {process})")).unwrap_or_default();
        format!("{}{process} runs {}{since}", self.who, self.playbook)
    }
}

/// The lines shown above everything else while a run is in progress on these hosts; else empty.
pub fn under_way_text(facts: &Facts, now: SystemTime) -> String {
    let runs = under_way(facts);
    let mut text: String = runs.iter().map(|run| format!("{}\n", one_line(&run.words(now)))).collect();
    if let (true, Some((host, process))) = (runs.is_empty(), facts.at_work()) {
        text.push_str(&format!(
            "A step of an interrupted run is still running on {host} (process {process})\n"
        ));
    }
    text
}

/// The same for a command that goes on beside them: which hosts they hold. Empty if there is none.
pub(crate) fn beside_text<'a>(
    held: impl Iterator<Item = (&'a HostName, &'a RunUnderWay)>,
    now: SystemTime,
) -> String {
    let line = |run: &UnderWay| format!("{} on {}\n", one_line(&run.words(now)), whole(&run.hosts));
    of(held).iter().map(line).collect()
}
