use super::case::{Case, Notes, Seen, rabbitup, sentence};
use crate::cluster::unreachable::login;
use crate::doctor::{Cause, Finding};
use crate::facts::{BrokerState, CookieFile, CookieShape, HostFacts};
use crate::inventory::CookieSource;
use crate::model::{Advice, CookieDigest, HostName, SecretName};
use crate::rabbitmq::COOKIE_FILE;

/// Mode bits that only the owner may have (Erlang's auth.erl).
const OTHERS: u32 = 0o077;

/// Whether every broker can read its cookie, has the same one as the others, and runs with it.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    let reference = Reference::of(case);
    for (seen, facts) in case.reached().filter(|(seen, _)| seen.is_installed()) {
        notes.checked(Cause::CookieDiffers);
        file(case, seen, facts, reference.as_ref(), notes);
        if let Some(reference) = &reference {
            differs(case, seen, facts, reference, notes);
        }
    }
    for (seen, facts) in case.reached() {
        not_running(case, seen, facts, notes);
    }
}

/// The cookie that most hosts have; on a tie, that of the anchor.
struct Reference<'a> {
    digest: CookieDigest,
    holders: Vec<&'a HostName>,
}

impl<'a> Reference<'a> {
    fn of(case: &Case<'a>) -> Option<Self> {
        let mut groups: Vec<(CookieDigest, Vec<&'a HostName>)> = Vec::new();
        for (seen, file) in case.reached().filter_map(|(seen, facts)| Some((seen, usable(facts)?))) {
            match groups.iter_mut().find(|(digest, _)| *digest == file.normalised) {
                Some((_, hosts)) => hosts.push(&seen.host.name),
                None => groups.push((file.normalised, vec![&seen.host.name])),
            }
        }
        let most = groups.iter().map(|(_, hosts)| hosts.len()).max()?;
        let mut largest = groups.iter().filter(|(_, hosts)| hosts.len() == most);
        let anchor = case.anchor();
        let chosen = largest
            .clone()
            .find(|(_, hosts)| anchor.is_some_and(|anchor| hosts.contains(&anchor)))
            .or_else(|| largest.next())?;
        Some(Self { digest: chosen.0, holders: chosen.1.clone() })
    }
}

fn usable(facts: &HostFacts) -> Option<&CookieFile> {
    facts.cookie.as_ref().filter(|file| file.shape != CookieShape::Unusable)
}

fn file(
    case: &Case<'_>,
    seen: &Seen<'_>,
    facts: &HostFacts,
    reference: Option<&Reference<'_>>,
    notes: &mut Notes,
) {
    let name = &seen.host.name;
    if let Some(thing) = facts.in_the_way.iter().find(|thing| thing.path == COOKIE_FILE) {
        let what = "the path of the Erlang cookie is not a file that user rabbitmq can use";
        let seen = format!("{COOKIE_FILE}: {}", thing.in_words());
        return notes.add(Finding::on(name, Cause::CookieUnusable, what).seen(seen));
    }
    let Some(file) = &facts.cookie else {
        let found = Finding::on(name, Cause::CookieMissing, "there is no Erlang cookie")
            .seen(format!("{COOKIE_FILE} does not exist"));
        return notes.add(with_remedy(case, seen, reference, found));
    };
    if file.shape == CookieShape::Unusable {
        let what = "the cookie file does not contain a valid Erlang cookie";
        let found = Finding::on(name, Cause::CookieUnusable, what).seen(format!(
            "{COOKIE_FILE} is empty, longer than 255 bytes, or has bytes that are not printable ASCII"
        ));
        notes.add(with_remedy(case, seen, reference, found));
    }
    let state = format!("{COOKIE_FILE} has mode {:04o} and belongs to {}", file.mode, file.owner);
    // Erlang expects 0400, and accepts 0600 and any other mode that excludes group and others.
    if file.mode & OTHERS != 0 || file.mode & 0o400 == 0 {
        let what = format!("the cookie file has mode {:04o}, which Erlang refuses", file.mode);
        notes.add(Finding::on(name, Cause::CookieMode, what).seen(&state).fix(rabbitup("up")));
    }
    if file.owner != "rabbitmq" {
        let what = format!("the cookie file belongs to {}, so the broker cannot read it", file.owner);
        notes.add(Finding::on(name, Cause::CookieOwner, what).seen(&state).fix(rabbitup("up")));
    }
}

fn differs(
    case: &Case<'_>,
    seen: &Seen<'_>,
    facts: &HostFacts,
    reference: &Reference<'_>,
    notes: &mut Notes,
) {
    if usable(facts).is_none_or(|file| file.normalised == reference.digest) {
        return;
    }
    let others: Vec<String> = reference.holders.iter().map(ToString::to_string).collect();
    let whose = match others.as_slice() {
        [only] => format!("{only}'s"),
        _ => "the other hosts'".to_owned(),
    };
    let mut found =
        Finding::on(&seen.host.name, Cause::CookieDiffers, format!("its cookie differs from {whose}")).seen(
            format!("{COOKIE_FILE}: one cookie on {}, another on {}", others.join(", "), seen.host.name),
        );
    if let Some(holder) = reference.holders.first() {
        found = found.peer(holder);
    }
    notes.add(with_remedy(case, seen, Some(reference), found));
}

/// Adds the fix that installs the others' cookie. `rabbitup up` gives every broker the inventory's cookie, or the anchor's: if
/// the anchor itself has the wrong one, it would distribute that, or refuse.
fn with_remedy(
    case: &Case<'_>,
    seen: &Seen<'_>,
    reference: Option<&Reference<'_>>,
    found: Finding,
) -> Finding {
    let given = case.desired.secrets.get(&SecretName::cookie()).map(CookieDigest::of);
    let holder = reference.and_then(|reference| reference.holders.first());
    let up_does_it = match (case.desired.cluster.cookie == CookieSource::Given, reference) {
        (true, Some(reference)) => given == Some(reference.digest),
        (true, None) => true,
        (false, _) => case.anchor() != Some(&seen.host.name),
    };
    match holder.filter(|holder| !up_does_it && **holder != &seen.host.name).and_then(|name| case.seen(name))
    {
        Some(from) => found.fix(copy(from, seen)).fix(rabbitup("up")),
        None => found.fix(rabbitup("up")),
    }
}

/// From one host to another through a pipe here: the cookie is in no argument and no local file.
fn copy(from: &Seen<'_>, to: &Seen<'_>) -> Advice {
    let read = from.as_root(&format!("cat {COOKIE_FILE}"));
    let write = to.as_root(&format!("install -m 0400 -o rabbitmq -g rabbitmq /dev/stdin {COOKIE_FILE}"));
    let (here, there) = (login(&from.host.ssh), login(&to.host.ssh));
    Advice::Command(format!("{here} '{read}' | {there} '{write}'"))
}

/// The file is correct, but the VM runs with the previous cookie.
fn not_running(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts, notes: &mut Notes) {
    let name = &seen.host.name;
    if !seen.has_vm() {
        return;
    }
    notes.checked(Cause::CookieNotRunning);
    let file_is_wrong = [Cause::CookieMissing, Cause::CookieUnusable, Cause::CookieMode, Cause::CookieOwner];
    if file_is_wrong.iter().any(|cause| notes.has(*cause, name)) || super::settings::is_misnamed(case, seen) {
        return;
    }
    let file = facts.cookie.as_ref().map(|file| file.normalised);
    let evidence = match &facts.broker {
        BrokerState::CookieRefused => "the node refuses the cookie in its own file",
        BrokerState::Running(node) if node.cookie.is_some() && node.cookie != file => {
            "the running node's cookie differs from the file"
        }
        _ => return,
    };
    let refusing = case.reached().filter(|(_, facts)| facts.broker == BrokerState::CookieRefused).count();
    let what = "the broker runs with another cookie than the one in its file: it was not restarted";
    let found = Finding::on(name, Cause::CookieNotRunning, what).seen(evidence);
    notes.add(if refusing > 1 {
        // Restarted one by one, each would be refused by the others; a bring-up refuses that.
        found
            .fix(sentence("in a maintenance window, because it stops and starts all nodes:"))
            .fix(rabbitup("run rotate-cookie"))
    } else {
        found.fix(rabbitup("up"))
    });
}
