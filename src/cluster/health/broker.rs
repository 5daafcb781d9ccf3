use super::{Notebook, Severity};
use crate::cluster::outranked;
use crate::cluster::view::{self, Forgotten};
use crate::facts::{BrokerState, Facts, Failing, HostFacts, NodeFacts};
use crate::inventory::{Desired, Host};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT};

/// Whether the broker of one host runs and is healthy.
pub(super) fn check(
    desired: &Desired,
    facts: &Facts,
    (host, seen): (&Host, &HostFacts),
    notebook: &mut Notebook<'_>,
) {
    if let Some(half) = seen.packages.get(BROKER_PACKAGE).and_then(|package| package.half_installed.as_ref())
    {
        let interrupted = seen.system.family.words().interrupted;
        let what = format!("{BROKER_PACKAGE} {half} is partly installed: {interrupted}");
        notebook.add(Severity::Warning, what, "`rabbitup up` completes the installation");
    }
    let outranked = outranked::identity(desired, host, seen);
    for found in outranked.iter().chain(&outranked::settings(desired, host, seen)) {
        notebook.add(Severity::Error, found.problem.what.clone(), "`rabbitup doctor` shows the way out");
    }
    match &seen.broker {
        BrokerState::Running(_) if seen.unit(BROKER_UNIT).active == "deactivating" => {
            notebook.add(Severity::Error, "the broker is being stopped", "`rabbitup up` starts it again");
        }
        BrokerState::Running(node) => {
            if outranked.is_empty() {
                name(host, node, notebook);
            }
            running(node, notebook);
        }
        BrokerState::Down => match absence(desired, facts, host, seen) {
            Absence::Retired => notebook.add(
                Severity::Warning,
                format!("{} was removed from the cluster, but is still in the inventory", host.node()),
                "remove its host from the inventory, too; otherwise `rabbitup up` brings the node back",
            ),
            // The comparison of the nodes reports this, with the right fix: a start does not help.
            Absence::Forgotten => {}
            Absence::Stopped => down(seen, notebook),
        },
        BrokerState::CookieRefused => notebook.add(
            Severity::Error,
            "the broker runs with a cookie other than the one in its file",
            "`rabbitup plan` shows the restart that fixes it; rabbitmqctl cannot reach this node until then",
        ),
        BrokerState::AppStopped | BrokerState::Unknown(_) if seen.unit(BROKER_UNIT).failing().is_some() => {
            down(seen, notebook);
        }
        BrokerState::AppStopped => notebook.add(
            Severity::Error,
            "the Erlang VM runs, but RabbitMQ in it does not",
            "it is starting, or was stopped by `rabbitmqctl stop_app`; check again in a minute, then `rabbitup up`",
        ),
        BrokerState::Unsupported(why) => notebook.add(
            Severity::Error,
            why.trim(),
            "the node itself may be healthy: use a version of rabbitup that supports this RabbitMQ",
        ),
        BrokerState::Unknown(why) => notebook.add(
            Severity::Error,
            format!("the broker does not answer: {}", why.trim()),
            "`rabbitup doctor` shows why",
        ),
    }
}

/// Why a node does not run.
enum Absence {
    /// It was removed from the cluster, and its data moved aside.
    Retired,
    /// It was removed from the cluster, and its data is still in place.
    Forgotten,
    Stopped,
}

fn absence(desired: &Desired, facts: &Facts, host: &Host, seen: &HostFacts) -> Absence {
    let peers = view::running(desired, facts);
    let forgotten = peers.first().and_then(|(_, seed)| view::forgotten(desired, facts, host, seed));
    match forgotten {
        Some(Forgotten::Notes(_) | Forgotten::Retired | Forgotten::StoppedInside) => Absence::Forgotten,
        Some(Forgotten::Unknown) => Absence::Stopped,
        None if view::is_retired(desired, facts, host) && seen.data_of(&host.node()).is_none() => {
            Absence::Retired
        }
        None => Absence::Stopped,
    }
}

fn down(seen: &HostFacts, notebook: &mut Notebook<'_>) {
    if seen.installed(BROKER_PACKAGE).is_none() && !seen.unit(BROKER_UNIT).exists {
        notebook.add(Severity::Error, "RabbitMQ is not installed", "`rabbitup up` installs it");
        return;
    }
    if let Some(failing) = failing(seen) {
        let advice = "`rabbitup doctor` shows the lines of its log that say why, and what to do";
        notebook.add(Severity::Error, format!("the broker {failing}"), advice);
        return;
    }
    let state = seen.unit(BROKER_UNIT).active;
    let what = match state.as_str() {
        "" | "active" => "the broker does not run".to_owned(),
        "activating" => "the broker is starting".to_owned(),
        state => format!("the broker does not run (its unit is {state})"),
    };
    let log = "`rabbitup up` starts it; `rabbitup doctor` shows why it does not start";
    notebook.add(Severity::Error, what, log);
}

/// `keeps failing: a port that it needs is in use (eaddrinuse)`, if systemd starts it again. Without the number of times: the same
/// trouble is told in the same words as long as it lasts.
pub(crate) fn failing(seen: &HostFacts) -> Option<String> {
    let words = match seen.unit(BROKER_UNIT).failing()? {
        Failing::Repeatedly => "keeps failing",
        Failing::Once => "failed, and systemd starts it again",
    };
    let why = seen.boot_failure.map(|failure| format!(": {}", failure.explained()));
    Some(format!("{words}{}", why.unwrap_or_default()))
}

fn name(host: &Host, node: &NodeFacts, notebook: &mut Notebook<'_>) {
    if node.name != host.node() {
        notebook.add(
            Severity::Error,
            format!("the node's name is {}, not {}", node.name, host.node()),
            "it was started before the host got its name; `rabbitup plan` shows how to fix it",
        );
    }
}

fn running(node: &NodeFacts, notebook: &mut Notebook<'_>) {
    if node.maintenance {
        notebook.add(
            Severity::Warning,
            "the node is in maintenance mode: it accepts no client connections",
            "`rabbitup up` puts it back into service",
        );
    }
    if !node.disabled_feature_flags.is_empty() {
        let flags = node.disabled_feature_flags.join(", ");
        notebook.add(
            Severity::Note,
            format!("feature flags are not enabled: {flags}"),
            "a later version may need them; `rabbitup run upgrade` enables them",
        );
    }
}
