//! Commands for secrets run when a comparison needs what they print, and not before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rabbitup::facts::{BrokerState, Facts};
use rabbitup::inventory::Desired;
use rabbitup::model::DigestKey;
use rabbitup::operation::{InstallCookie, Operation};
use rabbitup::plan::{Options, secrets_to_read};
use rabbitup::playbook::Playbook;
use rabbitup::report::{Style, plan_text};
use rabbitup::template::Templates;

use crate::fixtures::{INVENTORY, converged, cookie, desired, fresh, host, options, planned};

/// The fixtures' inventory, with every possible secret from a command.
fn of_commands() -> Desired {
    let command = r#"{ from = "command", argv = ["false"] }"#;
    let text = INVENTORY
        .replace("{ from = \"seed\" }", command)
        .replace("[cluster.config]", &format!("admin = {{ user = \"ops\", password = {command} }}\n[cluster.config]\ndefault_pass = {command}"))
        .replace("{ port = 8404 }", &format!("{{ port = 8404, user = \"ops\", password = {command} }}"));
    desired(&text)
}

fn needed(playbook: &str, facts: &Facts) -> BTreeSet<String> {
    let playbook = Playbook::load(playbook, Path::new("/nonexistent")).expect("an embedded playbook");
    let templates = Templates::new(&BTreeMap::new()).expect("the embedded templates");
    let needed = secrets_to_read(&of_commands(), &playbook, &templates, facts, &options());
    needed.iter().map(|name| name.as_str().to_owned()).collect()
}

#[test]
fn loading_runs_no_command_and_keeps_each_for_later() {
    let desired = of_commands();
    let names: Vec<&str> = desired.commands.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["admin", "config:default_pass", "cookie", "stats"]);
    assert!(names.iter().all(|name| desired.secrets.get(&rabbitup::model::SecretName::new(*name)).is_none()));
}

#[test]
fn a_plan_asks_for_what_it_compares() {
    let known = desired(INVENTORY);
    // There is no administrator yet: the password is needed by a step, and by no comparison.
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(needed("bring-up", &fresh(&known)), names(&["config:default_pass", "cookie", "stats"]));
    let facts = converged(&known);
    for playbook in ["rolling-restart", "stop", "start"] {
        assert_eq!(needed(playbook, &facts), names(&[]), "{playbook}");
    }
}

/// The digest in a plan has that plan's own key, so it would be another one each time that the same plan is shown.
#[test]
fn a_plans_text_has_no_digest_of_the_cookie() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    cookie(&mut facts, "node3", "another-cookie");
    let node3 = host(&mut facts, "node3");
    node3.broker = BrokerState::Down;
    let shown = |key: u8| {
        let options = Options { digest_key: DigestKey::fixed(key), ..options() };
        let (plan, _) = planned(&desired, &facts, &options).expect("a plan");
        let digest = plan.steps.iter().find_map(|step| match &step.operation {
            Operation::InstallCookie(InstallCookie { digest, .. }) => Some(digest.clone()),
            _ => None,
        });
        (plan_text(&plan, Style::plain(100)), digest.expect("a cookie"))
    };
    let ((one, digest), (two, other)) = (shown(1), shown(2));
    assert_ne!(digest, other, "a saved plan has its own");
    assert_eq!(one, two);
    assert!(
        one.contains("+ install the Erlang cookie\n") || one.contains("~ install the Erlang cookie\n"),
        "{one}"
    );
}
