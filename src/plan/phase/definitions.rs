use super::{Draft, definable};
use crate::cluster::phrases::listed;
use crate::facts::{Guest, NodeFacts};
use crate::inventory::{Admin, Definitions, GuestSetting, Host};
use crate::operation::{CloseGuest, ImportDefinitions, PutAdmin};
use crate::plan::{Change, Proposal, RefusalKind};

/// Imports the inventory's definitions if they differ from the last import or something of them is
/// missing, sets up the administrator, and disables the user guest.
pub fn plan(draft: &mut Draft<'_>) {
    let Some(anchor) = draft.desired.host(&draft.anchor).filter(|host| draft.knows_database(host)) else {
        return;
    };
    if let Some(definitions) = &draft.desired.cluster.definitions {
        import(draft, anchor, definitions);
    }
    if let Some(admin) = &draft.desired.cluster.admin {
        administrator(draft, anchor, admin);
        guest(draft, anchor, admin);
    }
}

fn import(draft: &mut Draft<'_>, anchor: &Host, definitions: &Definitions) {
    let Some(node) = draft.host(&anchor.name).and_then(|facts| facts.node()) else { return };
    let missing = missing(node, definitions);
    let reason = match (&node.definitions_marker, missing.is_empty()) {
        (Some(mark), true) if *mark == definitions.digest => return,
        (Some(mark), false) if *mark == definitions.digest => {
            format!("missing from it: {}", listed(&missing))
        }
        (Some(_), _) => "the file has changed since it was imported".to_owned(),
        (None, _) => "it was never imported".to_owned(),
    };
    if let Some(problem) = definable::objection(draft, anchor, node, definitions) {
        return draft.refuse_problem(&anchor.name, RefusalKind::DefinitionsNotAccepted, problem);
    }
    let operation = ImportDefinitions {
        node: anchor.node(),
        secret: Definitions::secret(),
        digest: definitions.digest.clone(),
    };
    let file =
        definitions.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    draft.propose(
        Proposal::new(&anchor.name, "definitions", Change::Command, operation)
            .title(format!("import {file}"))
            .because(reason)
            .within(420),
    );
}

fn missing(node: &NodeFacts, definitions: &Definitions) -> Vec<String> {
    let mut missing = Vec::new();
    let mut look = |noun: &str, wanted: &[String], there: &[String], default: &str| {
        for name in wanted.iter().filter(|name| *name != default && !there.contains(name)) {
            missing.push(format!("{noun} {name}"));
        }
    };
    look("virtual host", &definitions.vhosts, &node.holdings.vhosts, "/");
    look("user", &definitions.users, &node.holdings.users, "guest");
    look("policy", &definitions.policies, &node.holdings.policies, "");
    missing
}

fn administrator(draft: &mut Draft<'_>, anchor: &Host, admin: &Admin) {
    let Some(node) = draft.host(&anchor.name).and_then(|facts| facts.node()) else { return };
    // If the user does not exist there is nothing to compare, so the password is not needed.
    let secret = Admin::secret();
    let password = if node.admin_exists { draft.secret(&secret) } else { draft.desired.secrets.get(&secret) };
    let right = match (&node.admin, password) {
        (Some(stored), Some(password)) => stored.matches(password),
        // Without the password, only the existence of the user can be checked.
        (_, None) => true,
        (None, Some(_)) => false,
    };
    if node.admin_exists && right {
        return;
    }
    let (change, reason) = match (&node.admin, node.admin_exists) {
        (None, _) => (Change::Add, "the user does not exist"),
        (Some(_), true) => (Change::Change, "the password differs"),
        (Some(_), false) => (Change::Change, "the user is not an administrator"),
    };
    let operation = PutAdmin { node: anchor.node(), user: admin.user.clone(), secret: Admin::secret() };
    draft.propose(
        Proposal::new(&anchor.name, "admin", change, operation)
            .title(format!("make {} an administrator with the inventory's password", admin.user))
            .because(reason)
            .within(240),
    );
}

/// On a broker's host every local user can log in as guest, which is an administrator. A guest that the inventory names, as
/// administrator or in the definitions, is left alone.
fn guest(draft: &mut Draft<'_>, anchor: &Host, admin: &Admin) {
    let cluster = &draft.desired.cluster;
    let defined = cluster.definitions.iter().flat_map(|definitions| &definitions.users);
    let is_named = defined.chain([&admin.user]).any(|user| user == "guest");
    let is_open =
        draft.host(&anchor.name).and_then(|facts| facts.node()).is_some_and(|node| node.guest == Guest::Open);
    if !is_open || is_named || cluster.guest == GuestSetting::Keep {
        return;
    }
    let operation = CloseGuest { node: anchor.node(), names: cluster.names };
    draft.propose(
        Proposal::new(&anchor.name, "guest", Change::Change, operation)
            .title("remove the password of the user guest")
            .because(format!(
                "it is publicly known, and {} is the administrator; guest = \"keep\" under [cluster] keeps it",
                admin.user
            ))
            .within(120),
    );
}
