use super::state::{Target, Unfinished, back, file_of, has, staged_of, unfinished};
use crate::cluster::view;
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::{CookieSource, Host};
use crate::model::{CookieDigest, SecretName};
use crate::operation::{AdoptCookie, CookieSide, Digests, Operation, StageCookie, SwitchCookie};
use crate::plan::phase::{start, stop};
use crate::plan::{Change, Draft, Moment, Proposal, StepId};
use crate::playbook::{Answer, Minutes};
use crate::rabbitmq::BROKER_UNIT;

/// Gives the running nodes another cookie: staged beside the old one on every host, then taken by every running node,
/// then renamed into place. Erlang compares cookies only when nodes connect, so no link is dropped; one that drops
/// while half of the nodes have switched cannot form again, so all switch within one moment.
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
    // What verifies a rotation is not to begin the next one.
    if draft.options.moment != Moment::Before {
        return;
    }
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

/// The nodes whose Erlang VM refuses what its file holds now: nobody can tell such a VM anything.
fn refused<'a>(draft: &Draft<'a>) -> Vec<&'a Host> {
    let refuses =
        |host: &&Host| draft.host(&host.name).is_some_and(|facts| facts.broker == BrokerState::CookieRefused);
    draft.brokers().into_iter().filter(refuses).collect()
}

/// The inventory's cookie where it gives one, else a new one.
fn fresh(draft: &mut Draft<'_>) -> Option<Target> {
    let given = draft.desired.cluster.cookie == CookieSource::Given;
    let secret = if given { SecretName::cookie() } else { SecretName::new_cookie() };
    let cookie = draft.secret(&secret)?;
    let (raw, digest) = (CookieDigest::of_file(cookie), CookieDigest::of(cookie));
    if given && draft.brokers().iter().all(|host| has(draft, &host.name, digest)) {
        let anchor = draft.anchor.clone();
        draft.note(&anchor, "every node has the inventory's cookie; put another one there to rotate to it");
        return None;
    }
    let keyed = if given { digest.keyed(draft.options.digest_key) } else { String::new() };
    let reason = if given { "the inventory has another one" } else { "asked for" };
    Some(Target { raw, digest, secret, keyed, reason, goes_on: false })
}

/// Whether the nodes that run see each other: a link that is down now would not come back half-way. Members that do
/// not run get the new file.
fn whole(draft: &mut Draft<'_>) -> bool {
    let mut good = true;
    for host in draft.brokers() {
        if let Some(BrokerState::Unknown(why) | BrokerState::Untold(why)) =
            draft.host(&host.name).map(|facts| facts.broker.clone())
        {
            good = false;
            draft.refuse(
                &host.name,
                format!("{} runs and does not answer, so it could not be told the new cookie", host.node()),
                why,
                "rabbitup doctor says what is wrong with it; once it is down or answers: rabbitup run rotate-cookie",
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
                "the nodes do not see each other, so none may change its cookie",
                view::told(&found),
                "bring the cluster together first; rabbitup status shows who sees what",
            );
        }
    }
    good
}

/// The steps to one cookie, each only where it is needed: a rotation that was cut off goes on with the same ones.
pub(super) fn rotate(draft: &mut Draft<'_>, target: &Target, patience: Minutes) {
    draft.cookie = Some(Digests { file: target.raw, compared: target.digest });
    let shown = if target.keyed.is_empty() { "a new one".to_owned() } else { target.keyed.clone() };
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
                .title(format!("stage the new Erlang cookie ({shown}) beside the old one"))
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
            // An Erlang VM in which RabbitMQ does not run, or not yet, took its cookie from the file all the same.
            BrokerState::AppStopped | BrokerState::Unknown(_) | BrokerState::Untold(_) => None,
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
        let title = format!("{node} takes the new cookie while it runs");
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

/// A node that booted with the old cookie waits for those who refused it, and asks them only once: Mnesia meets the others
/// when it starts, and then waits for five minutes. It serves nobody, so its boot may begin anew.
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
        let reason = "it began to boot with the old cookie, and waits for those who refused it";
        start::propose(draft, host, reason, adopted.clone(), patience);
    }
}

/// Renames the staged cookies into place, once every running node has taken the new one.
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
                .title("put the new cookie in the old one's place, and check both")
                .because(reason)
                .after(switched.clone())
                .within(60),
        );
    }
}

/// The files were changed behind the nodes' backs: nothing can be said to the running VMs any more, and one that
/// restarts alone is cut off from the rest. So all are stopped, the last in the order first to come back, and started.
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
                format!(
                    "{} runs with another cookie than its file holds, so it cannot be told the new one",
                    host.node()
                ),
                "its file was changed while it ran, and not on all nodes alike",
                "rabbitup up gives it the others' cookie and restarts it; then rotate",
            );
        }
        return;
    }
    let anchor = draft.anchor.clone();
    let text = format!(
        "the cookie files were changed while the nodes ran, so no running node can be reached: all {} are stopped and \
         started with what the files hold; no client is served meanwhile, and nothing that is on disk is lost",
        running.len()
    );
    draft.note(&anchor, text);
    let mut before: Vec<StepId> = Vec::new();
    let stops = running.iter().rev().filter(|host| host.name != anchor);
    for host in stops.chain(running.iter().filter(|host| host.name == anchor)) {
        stop::propose(
            draft,
            host,
            "it runs with another cookie than its file holds, as all do",
            before.clone(),
        );
        before = draft.steps_that(|operation| matches!(operation, Operation::StopBroker(_)));
    }
    for host in running {
        let reason = format!("{BROKER_UNIT} was stopped for the new cookie");
        start::propose(draft, host, reason, before.clone(), patience);
    }
}
