use super::Draft;
use crate::facts::{BrokerState, CookieFile, CookieShape, HostFacts};
use crate::inventory::{CookieSource, Host};
use crate::model::{Advice, CookieDigest, HostName, Next, SecretName};
use crate::operation::{Digests, GuardCookie, InstallCookie};
use crate::plan::{Change, Proposal, Reason, RefusalKind, obstacle};
use crate::platform::GeneratedCookie;
use crate::rabbitmq::COOKIE_FILE;

/// Gives every broker the same Erlang cookie, readable only by the broker.
///
/// A cookie that a running cluster uses is never overwritten here: nodes with different cookies cannot talk, so a
/// restart after that is an outage (a 4.0 node gives up after 32 seconds: timeout_waiting_for_leader).
pub fn plan(draft: &mut Draft<'_>) {
    let Some(wanted) = wanted(draft) else { return };
    draft.cookie = Some(Digests { file: wanted.raw, compared: wanted.digest });
    for host in draft.brokers() {
        let Some(facts) = draft.host(&host.name) else { continue };
        match facts.cookie.clone() {
            Some(cookie) if cookie.raw == wanted.raw => guard(draft, &host.name, &cookie),
            _ if wanted.is_generated && replaces_generated(facts) && facts.data.is_empty() => {
                refuse_replaced(draft, &host.name, &wanted.whose);
            }
            Some(cookie) if cookie.normalised == wanted.digest => {
                install(draft, &host.name, Some(&cookie), &wanted)
            }
            found => {
                if clustered_with_other(facts, wanted.digest) {
                    refuse_rotation(draft, &host.name);
                } else {
                    install(draft, &host.name, found.as_ref(), &wanted);
                }
            }
        }
    }
}

/// The origin of a newly generated cookie.
const NEW: &str = "the new one";

struct Wanted {
    /// Of the file's bytes: `md5sum` must print the same everywhere, although Erlang ignores a line end.
    raw: CookieDigest,
    digest: CookieDigest,
    secret: SecretName,
    /// Its origin, for reasons: `node1's`, `the inventory's`, `the new one`.
    whose: String,
    /// Whether it has the form that Erlang generates and Debian's package replaces. The inventory's and a new one never have.
    is_generated: bool,
}

/// The digest that every cookie must have. If no existing cookie can stay, it is a new one, which the loader
/// has generated.
fn wanted(draft: &Draft<'_>) -> Option<Wanted> {
    let held = |secret: SecretName, whose: &str| {
        let cookie = draft.secret(&secret)?;
        let (raw, digest) = (CookieDigest::of_file(cookie), CookieDigest::of(cookie));
        Some(Wanted { raw, digest, secret, whose: whose.to_owned(), is_generated: false })
    };
    if draft.desired.cluster.cookie == CookieSource::Given {
        return held(SecretName::cookie(), "the inventory's");
    }
    match kept(draft) {
        Some((host, cookie)) => Some(Wanted {
            raw: cookie.raw,
            digest: cookie.normalised,
            secret: SecretName::cookie(),
            whose: format!("{host}'s"),
            is_generated: matches!(cookie.shape, CookieShape::Generated | CookieShape::DebianReplaces),
        }),
        None => held(SecretName::new_cookie(), NEW),
    }
}

/// The cookie that stays: the anchor's, if it is usable. With `generate`, only that of a running cluster.
fn kept<'d>(draft: &'d Draft<'_>) -> Option<(HostName, &'d CookieFile)> {
    let anchor = draft.observed.host(&draft.anchor)?;
    let lives = anchor.broker != BrokerState::Down || !anchor.data.is_empty();
    let cookie = anchor.cookie.as_ref()?;
    let is_usable = match cookie.shape {
        CookieShape::Usable => true,
        // It stays on this host, but not on Debian's.
        CookieShape::Generated => {
            let hosts = draft.brokers();
            let mut brokers = hosts.iter().filter_map(|host| draft.host(&host.name));
            lives || !brokers.any(replaces_generated)
        }
        // A running node keeps it until its package is configured again.
        CookieShape::DebianReplaces => anchor.node().is_some(),
        CookieShape::Unusable => false,
    };
    let keep = is_usable && (draft.desired.cluster.cookie != CookieSource::Generate || lives);
    keep.then(|| (draft.anchor.clone(), cookie))
}

/// Whether the package of the broker replaces a cookie that Erlang generated on such a host.
fn replaces_generated(facts: &HostFacts) -> bool {
    let platform = facts.system.family.platform();
    platform.is_some_and(|platform| platform.generated_cookie == GeneratedCookie::IsReplaced)
}

/// A node that entered with such a cookie would leave its cluster when its package is configured again.
fn refuse_replaced(draft: &mut Draft<'_>, host: &HostName, whose: &str) {
    draft.refuse(
        host,
        RefusalKind::CookieNotLasting,
        format!("the cluster's cookie, {whose}, would not last on this host"),
        "it is 20 upper-case letters, as Erlang generates a cookie; Debian's package replaces such a cookie at each upgrade, and this \
         node would then refuse the others",
        Next::say("this gives the nodes that run another one, without a restart:")
            .rabbitup("run rotate-cookie")
            .and(Advice::Command(draft.options.command.clone())),
    );
}

/// The upgrade of a member that would replace its cookie while it is down, so that it could not return.
pub(super) fn lost_by_upgrade(draft: &Draft<'_>, host: &Host, facts: &HostFacts) -> Option<Reason> {
    let is_replaced = facts.cookie.as_ref().is_some_and(|cookie| cookie.shape == CookieShape::DebianReplaces);
    let is_one_of_several = facts.node().is_some_and(|node| !node.is_alone());
    (is_replaced && is_one_of_several).then(|| {
        RefusalKind::CookieLostByUpgrade.reason(
            format!("{} would not return from its upgrade", host.node()),
            "its cookie is 20 upper-case letters; Debian's package replaces such a cookie at each upgrade, and this node would then \
             refuse the others",
            Next::say("this gives all nodes another one, without a restart:")
                .rabbitup("run rotate-cookie")
                .and(Advice::Command(draft.options.command.clone())),
        )
    })
}

/// Whether the node runs as one of several members with a cookie other than the wanted one.
fn clustered_with_other(facts: &HostFacts, wanted: CookieDigest) -> bool {
    facts
        .node()
        .is_some_and(|node| node.members.len() > 1 && node.cookie.is_some_and(|cookie| cookie != wanted))
}

fn refuse_rotation(draft: &mut Draft<'_>, host: &HostName) {
    draft.refuse(
        host,
        RefusalKind::CookieOfCluster,
        "the cookie of a running cluster would change",
        "this node runs as a member of a cluster with a different cookie; a node that restarts with \
         another cookie cannot rejoin",
        Next::say(
            "keep the cluster's cookie, with cookie = { from = \"seed\" } in the inventory; or change it while the nodes run:",
        )
        .rabbitup("run rotate-cookie"),
    );
}

/// The owner of the link's target is unknown: the link is not replaced, and its target does not get the broker's owner and mode.
fn refuse_link(draft: &mut Draft<'_>, host: &HostName, target: &str, why: &str) {
    draft.refuse(
        host,
        RefusalKind::CookieIsLink,
        format!("{COOKIE_FILE} is a symbolic link, so it is not changed"),
        format!("it points to {target}; {why}"),
        Next::say(format!("change {target} at its source, or replace the link with a regular file:"))
            .and(draft.on_host(host, &obstacle::unlink(COOKIE_FILE)))
            .and(Advice::Command(draft.options.command.clone())),
    );
}

/// Refuses if the cookie cannot be read because something else is at its path: it is not missing, and is not overwritten.
pub fn refuse_in_the_way(draft: &mut Draft<'_>) {
    for host in draft.brokers() {
        let found = draft.host(&host.name).map(|facts| facts.in_the_way.clone()).unwrap_or_default();
        for thing in found {
            let path = &thing.path;
            draft.refuse(
                &host.name,
                RefusalKind::CookieInTheWay,
                format!("{path} is not a file that user rabbitmq can use"),
                thing.in_words(),
                format!(
                    "check who created it (ls -la {path}), and move it away or replace it with a regular file"
                ),
            );
        }
    }
}

fn install(draft: &mut Draft<'_>, host: &HostName, found: Option<&CookieFile>, wanted: &Wanted) {
    if let Some(target) = found.and_then(|cookie| cookie.link_to.as_deref()) {
        return refuse_link(draft, host, target, &format!("its cookie differs from {}", wanted.whose));
    }
    let change = if found.is_some() { Change::Change } else { Change::Add };
    let reason = match found.map(|cookie| cookie.shape) {
        None if wanted.whose == NEW => "no broker has one yet".to_owned(),
        None => format!("there is none; the cluster's is {}", wanted.whose),
        Some(CookieShape::DebianReplaces) => {
            "20 upper-case letters: Debian's package replaces such a cookie".to_owned()
        }
        Some(CookieShape::Unusable) => "Erlang does not accept the present one".to_owned(),
        Some(CookieShape::Usable | CookieShape::Generated)
            if found.is_some_and(|cookie| cookie.normalised == wanted.digest) =>
        {
            format!("the same cookie as {}, but with a different line end", wanted.whose)
        }
        Some(CookieShape::Generated) if wanted.whose == NEW => {
            "20 upper-case letters: Debian's package would replace such a cookie on the other brokers"
                .to_owned()
        }
        Some(CookieShape::Usable | CookieShape::Generated) => format!("cookie differs from {}", wanted.whose),
    };
    // A new cookie is generated again when a saved plan is applied, so its digest means nothing then.
    let digest =
        if wanted.whose == NEW { String::new() } else { wanted.digest.keyed(draft.options.digest_key) };
    // The digest is for the program: its key is the plan's own, so that it is another one in each plan.
    let title =
        if digest.is_empty() { "install the Erlang cookie (a new one)" } else { "install the Erlang cookie" };
    let operation = InstallCookie { secret: wanted.secret.clone(), digest };
    draft.propose(Proposal::new(host, "cookie", change, operation).title(title).because(reason).within(60));
}

fn guard(draft: &mut Draft<'_>, host: &HostName, cookie: &CookieFile) {
    if cookie.shape == CookieShape::DebianReplaces {
        draft.note(
            host,
            "the cookie is 20 upper-case letters: Debian's package replaces it at the next upgrade, and this node \
             would then refuse the others; rabbitup run rotate-cookie gives all nodes another one",
        );
    }
    if cookie.mode & 0o077 == 0 && cookie.owner == "rabbitmq" {
        return;
    }
    if let Some(target) = &cookie.link_to {
        let why = format!("its mode is {:04o}, its owner {}", cookie.mode, cookie.owner);
        return refuse_link(
            draft,
            host,
            target,
            &format!("{why}: Erlang refuses a cookie that others can read"),
        );
    }
    let reason = format!(
        "mode {:04o}, owner {}: Erlang refuses a cookie that others can read",
        cookie.mode, cookie.owner
    );
    draft.propose(
        Proposal::new(host, "cookie-mode", Change::Change, GuardCookie)
            .title(format!("restrict {COOKIE_FILE} to the broker (0400)"))
            .because(reason),
    );
}
