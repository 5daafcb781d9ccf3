use std::time::Duration;

use super::roll::{RollKind, roll};
use super::{Draft, bring_back};
use crate::facts::BrokerState;
use crate::plan::{Pass, RefusalKind};
use crate::playbook::{Answer, RestartSettings, RestartWhen};

/// A node that has run for less was restarted by the run that this one resumes.
const RECENTLY: Duration = Duration::from_secs(600);

/// Restarts every broker, one at a time. A recently started node is left alone, so that a run that failed
/// half-way can be run again and resumes where it stopped.
pub fn plan(draft: &mut Draft<'_>, settings: &RestartSettings) {
    let arguments = &draft.options.arguments;
    let asked = arguments.restart == Some(Answer::Yes);
    let least = match settings.when {
        RestartWhen::Asked if !asked => return,
        RestartWhen::Asked => Duration::ZERO,
        RestartWhen::Always => arguments.older_than.unwrap_or(RECENTLY),
    };
    for host in draft.brokers() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let uptime = match &facts.broker {
            BrokerState::Running(node) => node.uptime_s.map(Duration::from_secs),
            _ => {
                let node = host.node();
                draft.refuse(
                    &host.name,
                    RefusalKind::RestartBesideStoppedNode,
                    format!("{node} does not serve, so none of the others can be stopped"),
                    "one node is restarted at a time, and all the others must run",
                    bring_back::next(draft, host),
                );
                continue;
            }
        };
        let due = match draft.options.pass {
            Pass::Before => least.is_zero() || uptime >= Some(least),
            // Nodes that the run restarted are younger than the run; nodes that were too young when it began still are.
            Pass::After(age) => uptime >= Some(least.saturating_add(age)),
        };
        if due {
            // Not how long: a plan that is made again a moment later must be the same.
            let reason = match least.is_zero() {
                true => "every broker is restarted".to_owned(),
                false => format!("it has run for more than {}", words(least)),
            };
            roll(draft, host, RollKind::Restart, &reason, settings.patience);
        } else if draft.options.pass == Pass::Before {
            let since = match uptime {
                Some(uptime) => format!("started {} ago, so it is not restarted again", words(uptime)),
                None => "does not report how long it has run, so it is not restarted".to_owned(),
            };
            let text = format!("{since}; older-than=0s restarts it anyway");
            draft.note(&host.name, text);
        }
    }
}

/// `3 minutes`, `5 days`.
fn words(span: Duration) -> String {
    let seconds = span.as_secs();
    let (count, noun) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    crate::cluster::phrases::counted(usize::try_from(count).unwrap_or(usize::MAX), noun)
}
