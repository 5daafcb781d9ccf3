//! The progress of a rotation, read from three digests of each node (file, staged, running), and its reversal.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{BrokerState, HostFacts};
use crate::inventory::Host;
use crate::model::{CookieDigest, HostName, Next, SecretName, SecretSource};
use crate::operation::{CookieSide, DropStagedCookie, Operation, SwitchCookie};
use crate::plan::{Change, Draft, Proposal, RefusalKind};
use crate::rabbitmq::BROKER_UNIT;

/// The new cookie.
pub(super) struct Target {
    pub raw: CookieDigest,
    pub digest: CookieDigest,
    pub secret: SecretName,
    /// Empty if a saved plan generates the cookie again.
    pub keyed: String,
    pub reason: &'static str,
    /// If a rotation is resumed, the reason of every step.
    pub goes_on: bool,
}

/// An unfinished rotation.
pub(super) enum Unfinished {
    /// Some nodes have the new cookie, and the others must get it, too.
    Target(Target),
    /// It cannot be resumed; the refusal is in the draft.
    Refused,
}

/// Whether an unfinished rotation cannot simply start over, because a node already has its cookie.
pub(super) fn unfinished(draft: &mut Draft<'_>) -> Option<Unfinished> {
    // A cookie that is staged on one host and is the one that a node runs with, or the one in another host's file.
    let hosts: Vec<(&Host, &HostFacts)> = answered(draft);
    let taken = |digest: CookieDigest| {
        hosts.iter().any(|(_, facts)| {
            let runs_with = facts.node().and_then(|node| node.cookie);
            runs_with == Some(digest) || file_of(facts) == Some(digest)
        })
    };
    let staged = hosts.iter().find_map(|(host, facts)| {
        let cookie = facts.staged_cookie.as_ref()?;
        taken(cookie.normalised).then(|| (host.name.clone(), cookie.raw, cookie.normalised))
    });
    let found = staged.map(|(host, raw, digest)| (SecretSource::StagedCookie(host), raw, digest));
    let differ =
        hosts.iter().filter_map(|(_, facts)| facts.node()?.cookie).collect::<BTreeSet<_>>().len() > 1;
    let Some((source, raw, digest)) = found.or_else(|| majority(&hosts)) else {
        if !differ {
            return None;
        }
        let anchor = draft.anchor.clone();
        draft.refuse(
            &anchor,
            RefusalKind::RotationWithoutMajority,
            "the running nodes have different cookies, and no cookie has a majority",
            "which of them is right cannot be determined",
            Next::say(
                "in a maintenance window, since no client is served meanwhile: this stops all of them and starts them with the seed \
                 node's cookie",
            )
            .rabbitup("run stop")
            .rabbitup("up"),
        );
        return Some(Unfinished::Refused);
    };
    let secret = SecretName::new("cookie-of-the-rotation");
    draft.secrets.insert(secret.clone(), source);
    let keyed = digest.keyed(draft.options.digest_key);
    let reason = "a rotation was not finished";
    Some(Unfinished::Target(Target { raw, digest, secret, keyed, reason, goes_on: true }))
}

/// Whether a host's file and running node both have this cookie.
pub(super) fn has(draft: &Draft<'_>, host: &HostName, digest: CookieDigest) -> bool {
    let Some(facts) = draft.host(host) else { return true };
    file_of(facts) == Some(digest) && facts.node().is_none_or(|node| node.cookie == Some(digest))
}

pub(super) fn file_of(facts: &HostFacts) -> Option<CookieDigest> {
    facts.cookie.as_ref().map(|cookie| cookie.normalised)
}

pub(super) fn staged_of(facts: &HostFacts) -> Option<CookieDigest> {
    facts.staged_cookie.as_ref().map(|cookie| cookie.normalised)
}

fn answered<'d>(draft: &'d Draft<'_>) -> Vec<(&'d Host, &'d HostFacts)> {
    draft.brokers().into_iter().filter_map(|host| Some((host, draft.host(&host.name)?))).collect()
}

/// Running nodes with different cookies: a host was unreachable while the others got theirs. The cookie that most
/// nodes run with is the right one; if none has more than half, it is unknown.
fn majority(hosts: &[(&Host, &HostFacts)]) -> Option<(SecretSource, CookieDigest, CookieDigest)> {
    let mut counts: BTreeMap<CookieDigest, Vec<&(&Host, &HostFacts)>> = BTreeMap::new();
    let mut all = 0;
    for seen in hosts {
        if let Some(cookie) = seen.1.node().and_then(|node| node.cookie) {
            counts.entry(cookie).or_default().push(seen);
            all += 1;
        }
    }
    if counts.len() < 2 {
        return None;
    }
    let (digest, with) = counts.into_iter().find(|(_, with)| 2 * with.len() > all)?;
    let (host, facts) = with.into_iter().find(|(_, facts)| file_of(facts) == Some(digest))?;
    let raw = facts.cookie.as_ref()?.raw;
    Some((SecretSource::HostCookie(host.name.clone()), raw, digest))
}

/// Reverts to the old cookie, if no file contains a staged one yet. Files may differ for another reason.
pub(super) fn back(draft: &mut Draft<'_>) {
    let hosts: Vec<(Host, HostFacts)> =
        answered(draft).into_iter().map(|(host, facts)| (host.clone(), facts.clone())).collect();
    let staged: BTreeSet<CookieDigest> = hosts.iter().filter_map(|(_, facts)| staged_of(facts)).collect();
    let is_staged = |cookie: Option<CookieDigest>| cookie.is_some_and(|cookie| staged.contains(&cookie));
    if hosts.iter().any(|(_, facts)| is_staged(file_of(facts))) {
        let anchor = draft.anchor.clone();
        return draft.refuse(
            &anchor,
            RefusalKind::RotationTooLateToRevert,
            "the rotation cannot be reverted: some files already contain the new cookie",
            "the new file has replaced the old cookie there",
            Next::say("this completes the rotation on all nodes:").rabbitup("run rotate-cookie"),
        );
    }
    let names = draft.desired.cluster.names;
    for (host, facts) in &hosts {
        let may_differ = match &facts.broker {
            BrokerState::Running(node) => node.cookie != file_of(facts) && is_staged(node.cookie),
            // Such a VM cannot be asked; it is left unchanged if it already has the file's cookie.
            BrokerState::AppStopped | BrokerState::Unknown(_) | BrokerState::Unsupported(_) => {
                facts.staged_cookie.is_some()
            }
            BrokerState::CookieRefused | BrokerState::Down => false,
        };
        if !may_differ {
            continue;
        }
        let node = host.node();
        let title = format!("switch {node} back to the old cookie while it runs");
        let operation = SwitchCookie { node, names, to: CookieSide::File };
        draft.propose(
            Proposal::new(&host.name, "switch-cookie", Change::Change, operation)
                .title(title)
                .because("requested")
                .within(60),
        );
    }
    drop_staged(draft, "the old cookie stays");
}

pub(super) fn drop_staged(draft: &mut Draft<'_>, reason: &str) {
    // The cookie of such a node is unknown: it may be the staged one.
    let is_refused =
        |facts: &HostFacts| facts.broker == BrokerState::CookieRefused && facts.staged_cookie.is_some();
    let refused =
        answered(draft).into_iter().find(|(_, facts)| is_refused(facts)).map(|(host, _)| host.clone());
    if let Some(host) = refused {
        return draft.refuse(
            &host.name,
            RefusalKind::RotationOfUnknownCookie,
            format!("{} accepts neither cookie on its host, so neither is removed", host.node()),
            "the staged one may be the only copy of the cookie that it runs with",
            Next::say("its start takes the cookie in its file; restart it, and rotate again:")
                .and(draft.on_host(&host.name, &format!("systemctl restart {BROKER_UNIT}")))
                .rabbitup("run rotate-cookie"),
        );
    }
    let switched = draft.steps_that(|operation| matches!(operation, Operation::SwitchCookie(_)));
    let names = draft.desired.cluster.names;
    let hosts: Vec<Host> = answered(draft)
        .into_iter()
        .filter(|(_, facts)| facts.staged_cookie.is_some())
        .map(|(host, _)| host.clone())
        .collect();
    for host in hosts {
        let operation = DropStagedCookie { node: host.node(), names };
        draft.propose(
            Proposal::new(&host.name, "drop-cookie", Change::Remove, operation)
                .title("remove the staged cookie")
                .because(reason)
                .after(switched.clone())
                .within(60),
        );
    }
}
