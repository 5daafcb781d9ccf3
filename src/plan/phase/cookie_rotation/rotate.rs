use super::state::{Target, Unfinished, back, file_of, has, staged_of, unfinished};
use crate::cluster::view;
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::{CookieSource, Host};
use crate::model::{CookieDigest, Next, SecretName};
use crate::operation::{AdoptCookie, CookieSide, Digests, Operation, StageCookie, SwitchCookie};
use crate::plan::phase::{bring_back, outranked, start, stop};
use crate::plan::{Change, Draft, Pass, Proposal, RefusalKind, StepId};
use crate::playbook::{Answer, Minutes};
use crate::rabbitmq::BROKER_UNIT;

/// Changes the cookie of running nodes: staged beside the old one on every host, then given to every running node,
/// then renamed into place. Erlang compares cookies only when nodes connect, so no link is dropped; one that drops
/// while half of the nodes have switched cannot reconnect, so all switch at the same time.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    if draft.options.arguments.back == Some(Answer::Yes) {
        return back(draft);
    }
    if let Some(found) = unfinished(draft) {
        return match found {
            Unfinished::Target(target) => rotate(draft, &target, patience),
            Unfinished::Refused => {}
        };
    }
    // The plan that verifies a rotation must not begin another.
    if draft.options.pass != Pass::Before {
        return;
    }
    outranked::refuse_cookies(draft);
    let refused = refused(draft);
    if refused.is_empty() {
        if let Some(target) = fresh(draft)
            && whole(draft)
        {
            rotate(draft, &target, patience);
        }
    } else {
        restart_all(draft, &refused, patience);
    }
}

/// The nodes whose Erlang VM refuses the cookie in its file: such a VM accepts no commands.
fn refused<'a>(draft: &Draft<'a>) -> Vec<&'a Host> {
    let refuses =
        |host: &&Host| draft.host(&host.name).is_some_and(|facts| facts.broker == BrokerState::CookieRefused);
    draft.brokers().into_iter().filter(refuses).collect()
}

/// The inventory's cookie if it gives one, else a new one.
fn fresh(draft: &mut Draft<'_>) -> Option<Target> {
    let given = draft.desired.cluster.cookie == CookieSource::Given;
    let secret = if given { SecretName::cookie() } else { SecretName::new_cookie() };
    let cookie = draft.secret(&secret)?;
    let (raw, digest) = (CookieDigest::of_file(cookie), CookieDigest::of(cookie));
    if given && draft.brokers().iter().all(|host| has(draft, &host.name, digest)) {
        let anchor = draft.anchor.clone();
        draft.note(&anchor, "every node has the inventory's cookie; change it there to rotate to another");
        return None;
    }
    let keyed = if given { digest.keyed(draft.options.digest_key) } else { String::new() };
    let reason = if given { "the inventory has a new one" } else { "requested" };
    Some(Target { raw, digest, secret, keyed, reason, goes_on: false })
}

/// Whether the running nodes see each other: a link that is down now could not reconnect half-way. Members that do
/// not run get the new file.
fn whole(draft: &mut Draft<'_>) -> bool {
    let mut good = true;
    for host in draft.brokers() {
        if let Some(BrokerState::Unknown(why) | BrokerState::Unsupported(why)) =
            draft.host(&host.name).map(|facts| facts.broker.clone())
        {
            good = false;
            draft.refuse(
                &host.name,
                RefusalKind::RotationOfSilentNode,
                format!("{} runs but does not answer, so it cannot get the new cookie", host.node()),
                why,
                Next::say("this shows what is wrong with it; once it is stopped or answers, rotate:")
                    .rabbitup("doctor"),
            );
        }
        let Some(node) = draft.host(&host.name).and_then(HostFacts::node).cloned() else { continue };
        let mut found = view::disagreements(draft.desired, &draft.facts, &node);
        let absent =
            node.members.iter().map(|member| &member.node).filter(|member| !node.running.contains(member));
        for member in absent {
            found.retain(|it| !it.is_absence_of(member));
        }
        if !found.is_empty() {
            good = false;
            draft.refuse(
                &host.name,
                RefusalKind::RotationOfIncomplete,
                "the nodes do not see each other, so no cookie can be changed",
                view::told(&found),
                Next::say("bring the cluster together first; this shows what is wrong with it:")
                    .rabbitup("doctor"),
            );
        }
    }
    good
}

/// The steps to one cookie, each only where needed: an interrupted rotation resumes with the same ones.
pub(super) fn rotate(draft: &mut Draft<'_>, target: &Target, patience: Minutes) {
    draft.cookie = Some(Digests { file: target.raw, compared: target.digest });
    let hosts: Vec<&Host> =
        draft.brokers().into_iter().filter(|host| !has(draft, &host.name, target.digest)).collect();
    for host in &hosts {
        let Some(facts) = draft.host(&host.name) else { continue };
        if staged_of(facts) == Some(target.digest) || file_of(facts) == Some(target.digest) {
            continue;
        }
        let operation = StageCookie { secret: target.secret.clone(), digest: target.keyed.clone() };
        draft.propose(
            Proposal::new(&host.name, "stage-cookie", Change::Add, operation)
                .title("stage the new Erlang cookie beside the old one")
                .because(target.reason)
                .within(60),
        );
    }
    let staged = draft.steps_that(|operation| matches!(operation, Operation::StageCookie(_)));
    let names = draft.desired.cluster.names;
    for host in &hosts {
        let Some(facts) = draft.host(&host.name) else { continue };
        let runs_with = match &facts.broker {
            BrokerState::Running(node) => node.cookie,
            // An Erlang VM in which RabbitMQ does not run (yet) has also read its cookie from the file.
            BrokerState::AppStopped | BrokerState::Unknown(_) | BrokerState::Unsupported(_) => None,
            BrokerState::CookieRefused | BrokerState::Down => continue,
        };
        if runs_with == Some(target.digest) {
            continue;
        }
        let node = host.node();
        let to = match draft.host(&host.name).and_then(file_of) {
            Some(file) if file == target.digest => CookieSide::File,
            _ => CookieSide::Staged,
        };
        let title = format!("switch {node} to the new cookie while it runs");
        let operation = SwitchCookie { node, names, to };
        draft.propose(
            Proposal::new(&host.name, "switch-cookie", Change::Change, operation)
                .title(title)
                .because(if target.goes_on {
                    target.reason
                } else {
                    "it runs with the old one; its links stay up"
                })
                .after(staged.clone())
                .within(60),
        );
    }
    adopt(draft, &hosts, target);
    start_again(draft, &hosts, patience);
}

/// A node that booted with the old cookie waits for the peers that refused it, and asks them only once: Mnesia connects
/// when it starts, and then waits for five minutes. It has no clients, so its boot may be restarted.
fn start_again(draft: &mut Draft<'_>, hosts: &[&Host], patience: Minutes) {
    let boots = |host: &&Host| {
        draft.host(&host.name).is_some_and(|facts| {
            matches!(facts.broker, BrokerState::AppStopped | BrokerState::Unknown(_))
                && facts.unit(BROKER_UNIT).active == "activating"
        })
    };
    let booting: Vec<Host> = hosts.iter().copied().filter(boots).cloned().collect();
    let adopted = draft.steps_that(|operation| matches!(operation, Operation::AdoptCookie(_)));
    for host in &booting {
        let reason = "it began to boot with the old cookie, and waits for peers that refused it";
        start::propose(draft, host, reason, adopted.clone(), patience);
    }
}

/// Renames the staged cookies into place, once every running node has the new one.
fn adopt(draft: &mut Draft<'_>, hosts: &[&Host], target: &Target) {
    let switched = draft.steps_that(|operation| matches!(operation, Operation::SwitchCookie(_)));
    let names = draft.desired.cluster.names;
    for host in hosts {
        let Some(facts) = draft.host(&host.name) else { continue };
        if staged_of(facts) != Some(target.digest) {
            continue;
        }
        let reason = match facts.broker {
            _ if target.goes_on => target.reason,
            BrokerState::Down => "it is not running and starts with the new one",
            _ => "every running node has it",
        };
        let operation = AdoptCookie { node: host.node(), names };
        draft.propose(
            Proposal::new(&host.name, "adopt-cookie", Change::Change, operation)
                .title("replace the old cookie file with the new one, and check both")
                .because(reason)
                .after(switched.clone())
                .within(60),
        );
    }
}

/// The files were changed while the nodes ran: the running VMs accept no commands any more, and a node that
/// restarts alone is isolated from the rest. So all are stopped, then started, the last one first.
fn restart_all(draft: &mut Draft<'_>, refused: &[&Host], patience: Minutes) {
    let running: Vec<&Host> = draft
        .brokers()
        .into_iter()
        .filter(|host| draft.host(&host.name).is_some_and(|facts| facts.broker != BrokerState::Down))
        .collect();
    let files: Vec<Option<CookieDigest>> =
        running.iter().map(|host| draft.host(&host.name).and_then(file_of)).collect();
    if refused.len() < running.len() || files.windows(2).any(|pair| pair[0] != pair[1]) {
        for host in refused {
            draft.refuse(
                &host.name,
                RefusalKind::RotationOfChangedFile,
                format!(
                    "{} runs with a cookie other than the one in its file, so it cannot get the new one",
                    host.node()
                ),
                "its file was changed while it ran, but not on all nodes",
                bring_back::with_its_cookie(draft, host),
            );
        }
        return;
    }
    let anchor = draft.anchor.clone();
    let text = format!(
        "the cookie files were changed while the nodes ran, so no running node can be reached: all {} are stopped and \
         started with the cookie in the files; no client is served meanwhile, and no data on disk is lost",
        running.len()
    );
    draft.note(&anchor, text);
    let mut before: Vec<StepId> = Vec::new();
    let stops = running.iter().rev().filter(|host| host.name != anchor);
    for host in stops.chain(running.iter().filter(|host| host.name == anchor)) {
        stop::propose(
            draft,
            host,
            "like all others, it runs with a cookie other than the one in its file",
            before.clone(),
        );
        before = draft.steps_that(|operation| matches!(operation, Operation::StopBroker(_)));
    }
    for host in running {
        let reason = format!("{BROKER_UNIT} was stopped for the new cookie");
        start::propose(draft, host, reason, before.clone(), patience);
    }
}
