//! What brings a node back that does not serve, by the state in which it is: no command fits all of them.

use super::Draft;
use crate::cluster::view;
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::Host;
use crate::model::{Next, NodeName};

/// The command that leads on for this node.
pub(super) fn next(draft: &Draft<'_>, host: &Host) -> Next {
    let node = host.node();
    let Some(facts) = draft.observed.host(&host.name) else {
        return Next::say("its host could not be inspected:").rabbitup("status");
    };
    match &facts.broker {
        BrokerState::CookieRefused => with_its_cookie(draft, host),
        BrokerState::Unknown(_) | BrokerState::Unsupported(_) => {
            Next::say("this shows what is wrong with it:").rabbitup("doctor")
        }
        BrokerState::Down if draft.enters_at_first_start(host) => {
            Next::say("it has no data, and enters the cluster at its first start:").rabbitup("up")
        }
        BrokerState::Down if facts.data_of(&node).is_none() && !draft.options.limit.covers(&host.name) => {
            Next::say(format!("{node} has never run, and --limit leaves it out; without it:")).rabbitup("up")
        }
        BrokerState::Down | BrokerState::AppStopped | BrokerState::Running(_) => {
            Next::say(format!("this starts {node} and waits until it serves:")).rabbitup("run start")
        }
    }
}

/// For a node that runs with a cookie other than the one in its file.
pub(super) fn with_its_cookie(draft: &Draft<'_>, host: &Host) -> Next {
    if other_with_changed_cookie(draft, host).is_none() {
        return Next::say("this gives it the others' cookie, and restarts it:").rabbitup("up");
    }
    as_a_whole(draft, "")
}

/// For a cluster of which no node can be reached, since the files were changed while it ran. `or` is another way.
pub(super) fn as_a_whole(draft: &Draft<'_>, or: &str) -> Next {
    let next = format!(
        "{or}in a maintenance window, since no client is served meanwhile, and no data on disk is lost:"
    );
    let files: Vec<_> = draft
        .brokers()
        .iter()
        .filter_map(|host| draft.observed.host(&host.name))
        .filter(|facts| facts.broker != BrokerState::Down)
        .map(|facts| facts.cookie.as_ref().map(|cookie| cookie.normalised))
        .collect();
    match files.windows(2).all(|pair| pair[0] == pair[1]) {
        true => Next::say(next).rabbitup("run rotate-cookie"),
        false => Next::say(next).rabbitup("run stop").rabbitup("up"),
    }
}

/// Another member of this node's cluster that also runs with a cookie other than the one in its file, while no member that can be
/// reached lists this node. Then the whole cluster runs with the old one, and a node that restarts alone with the new one reaches no
/// other (a 4.0 node gives up after 32 seconds: timeout_waiting_for_leader).
pub(super) fn other_with_changed_cookie(draft: &Draft<'_>, host: &Host) -> Option<NodeName> {
    let facts = draft.host(&host.name).filter(|facts| facts.broker == BrokerState::CookieRefused)?;
    let node = host.node();
    // It gets the cookie that this member runs with, and finds it again.
    if view::running(draft.desired, draft.observed).iter().any(|(_, seen)| seen.lists(&node)) {
        return None;
    }
    let members = &facts.data_of(&node)?.members;
    let refuses = |other: &NodeName| {
        let seen: Option<&HostFacts> = draft.observed.host(other.host());
        seen.is_some_and(|seen| seen.broker == BrokerState::CookieRefused)
    };
    members.iter().map(|member| &member.node).find(|other| **other != node && refuses(other)).cloned()
}
