use super::{Notebook, Severity};
use crate::facts::{BrokerState, HostFacts, NodeFacts};
use crate::inventory::Host;

/// The package and the unit, both of this name on every supported system.
const SERVICE: &str = "rabbitmq-server";

/// Whether the broker of one host runs and is content.
pub(super) fn check(host: &Host, seen: &HostFacts, notebook: &mut Notebook<'_>) {
    if let Some(half) = seen.packages.get(SERVICE).and_then(|package| package.half_installed.as_ref()) {
        let what = format!("{SERVICE} {half} is there in part: dpkg was cut off");
        notebook.add(Severity::Warning, what, "`rabbitup up` ends what was begun");
    }
    match &seen.broker {
        BrokerState::Running(_) if seen.unit(SERVICE).active == "deactivating" => {
            notebook.add(Severity::Error, "the broker is being stopped", "`rabbitup up` starts it again");
        }
        BrokerState::Running(node) => running(host, node, notebook),
        BrokerState::Down => down(seen, notebook),
        BrokerState::CookieRefused => notebook.add(
            Severity::Error,
            "the broker runs with another cookie than its file holds now",
            "`rabbitup plan` shows the restart that mends it; rabbitmqctl cannot reach this node until then",
        ),
        BrokerState::AppStopped => notebook.add(
            Severity::Error,
            "the Erlang VM runs, RabbitMQ in it does not",
            "it is starting, or somebody ran `rabbitmqctl stop_app`; look again in a minute, then `rabbitup up`",
        ),
        BrokerState::Untold(why) => notebook.add(
            Severity::Error,
            why.trim(),
            "nothing is wrong with the node for this alone: use a rabbitup that knows its version",
        ),
        BrokerState::Unknown(why) => notebook.add(
            Severity::Error,
            format!("the broker gives no answer: {}", why.trim()),
            "`rabbitup doctor` says why",
        ),
    }
}

fn down(seen: &HostFacts, notebook: &mut Notebook<'_>) {
    if seen.installed(SERVICE).is_none() && !seen.unit(SERVICE).exists {
        notebook.add(Severity::Error, "RabbitMQ is not installed", "`rabbitup up` installs it");
        return;
    }
    let state = seen.unit(SERVICE).active;
    let what = match state.as_str() {
        "" | "active" => "the broker does not run".to_owned(),
        "activating" => "the broker is starting".to_owned(),
        state => format!("the broker does not run (its unit is {state})"),
    };
    let log = "`rabbitup up` starts it; `rabbitup doctor` says why it does not come up";
    notebook.add(Severity::Error, what, log);
}

fn running(host: &Host, node: &NodeFacts, notebook: &mut Notebook<'_>) {
    if node.name != host.node() {
        notebook.add(
            Severity::Error,
            format!("the node calls itself {}, not {}", node.name, host.node()),
            "it was started before the host got its name; `rabbitup plan` shows what that asks for",
        );
    }
    if node.maintenance {
        notebook.add(
            Severity::Warning,
            "the node is in maintenance mode: it takes no client connections",
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
