//! What outranks the inventory on a host is never written past: it is refused, with the way out (`cluster::outranked`).

use super::Draft;
use crate::cluster::outranked::{self, Outranked, Subject};
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::plan::RefusalKind;
use crate::playbook::Answer;

/// Refuses whatever the playbook does: what the nodes of these hosts are, where their data is, or which cookie they have is not what the
/// inventory says.
pub(in crate::plan) fn refuse_identities(draft: &mut Draft<'_>) {
    let brokers = draft.brokers().into_iter().chain(draft.desired.leaving_host());
    for host in brokers.collect::<Vec<_>>() {
        refuse(draft, host, |draft, facts| {
            let mut found = outranked::identity(draft.desired, host, facts);
            // What a rotation staged can always be taken back.
            if draft.options.arguments.back == Some(Answer::Yes) {
                found.retain(|found| found.subject != Subject::Cookie);
            }
            found
        });
    }
}

/// Refuses where the files that rabbitup would write for a broker have no effect.
pub(super) fn refuse_settings(draft: &mut Draft<'_>, host: &Host) {
    refuse(draft, host, |draft, facts| outranked::settings(draft.desired, host, facts));
}

/// Refuses a change of a cookie that is not in the file, even if it equals the file's.
pub(super) fn refuse_cookies(draft: &mut Draft<'_>) {
    for host in draft.brokers() {
        refuse(draft, host, |_, facts| outranked::any_cookie(host, facts).into_iter().collect());
    }
}

fn refuse(draft: &mut Draft<'_>, host: &Host, judge: impl Fn(&Draft<'_>, &HostFacts) -> Vec<Outranked>) {
    let Some(facts) = draft.observed.host(&host.name) else { return };
    for found in judge(draft, facts) {
        draft.refuse_problem(&host.name, kind(found.subject), found.problem);
    }
}

fn kind(subject: Subject) -> RefusalKind {
    match subject {
        Subject::Environment => RefusalKind::EnvironmentUnknown,
        Subject::NodeName => RefusalKind::OtherNodeName,
        Subject::LongNames => RefusalKind::LongNodeName,
        Subject::DataPlace => RefusalKind::DataOfNextStart,
        Subject::Cookie => RefusalKind::CookieElsewhere,
        Subject::Tools => RefusalKind::ToolsElsewhere,
        Subject::Settings => RefusalKind::SettingOutranked,
    }
}
