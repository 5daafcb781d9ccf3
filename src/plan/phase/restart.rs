use super::broker_config::changed_since;
use super::roll::{RollKind, roll};
use super::{Draft, bring_back};
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::Host;
use crate::model::NodeName;
use crate::plan::RefusalKind;
use crate::playbook::Minutes;
use crate::rabbitmq::{CONF_FILE, ENV_FILE, INETRC_FILE, LIMITS_FILE};

/// Restarts exactly the nodes that run with a cookie other than the one in their file, or with a configuration that has
/// changed since they read it. One at a time, each once the previous one serves again.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    for host in draft.brokers() {
        let Some(reason) = reason(draft, host) else {
            note_unknown_start(draft, host);
            continue;
        };
        match bring_back::other_with_changed_cookie(draft, host) {
            Some(peer) => refuse_outage(draft, host, &peer),
            None => roll(draft, host, RollKind::Restart, &reason, patience),
        }
    }
}

/// Whether such a node has read its files is unknown: it is not restarted in vain, and not passed over in silence.
fn note_unknown_start(draft: &mut Draft<'_>, host: &Host) {
    let node = draft.observed.host(&host.name).and_then(HostFacts::node);
    if node.is_some_and(|node| node.started.is_none()) {
        let text = "does not report when it was started, so it is not restarted for files that may have changed since; \
                    `rabbitup run rolling-restart` restarts it";
        draft.note(&host.name, text);
    }
}

fn refuse_outage(draft: &mut Draft<'_>, host: &Host, peer: &NodeName) {
    draft.refuse(
        &host.name,
        RefusalKind::CookieFilesChanged,
        format!("the cookie files of {} and {peer} were changed while their cluster ran", host.node()),
        "both run with a cookie other than the one in their files; restarting them one by one would isolate each from the rest",
        bring_back::as_a_whole(draft, "restore the old cookie in the files; or, "),
    );
}

fn reason(draft: &Draft<'_>, host: &Host) -> Option<String> {
    let facts = draft.host(&host.name)?;
    let new =
        draft.held_back(&host.name).next().map(|file| format!("it reads {} only when it starts", file.path));
    let cookie = facts.cookie.as_ref().map(|cookie| cookie.normalised);
    match &facts.broker {
        BrokerState::CookieRefused => Some("it runs with a cookie other than the one in its file".to_owned()),
        BrokerState::Running(node) if node.cookie.is_some() && node.cookie != cookie => {
            Some("it runs with a cookie other than the one in its file".to_owned())
        }
        BrokerState::Running(node) => {
            let read_at_start = [CONF_FILE, ENV_FILE, INETRC_FILE, LIMITS_FILE];
            let changed =
                read_at_start.into_iter().find(|path| changed_since(facts.file(path), node.started));
            let wanted = draft.desired.cluster.file_descriptors;
            let limit = node.file_descriptors.filter(|limit| wanted.is_some() && Some(*limit) != wanted);
            // A restart helps only if its unit has the limit.
            let limit = limit.filter(|_| facts.environment.file_descriptors == wanted);
            new.or_else(|| changed.map(|path| format!("{path} has changed since it started"))).or_else(|| {
                limit.map(|limit| format!("it can open {limit} files, and its unit allows another number"))
            })
        }
        _ => None,
    }
}
