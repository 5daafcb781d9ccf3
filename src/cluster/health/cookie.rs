use super::{Finding, Notebook, Severity};
use crate::facts::{BrokerState, CookieFile, CookieShape, Facts, HostFacts};
use crate::inventory::Desired;
use crate::model::{CookieDigest, HostName};

/// Mode bits for others than the owner: Erlang refuses a cookie file with any of them.
const OTHERS: u32 = 0o077;

/// How one host's cookie compares with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// File and running node agree with the reference.
    Agrees,
    /// The file differs from the reference.
    Differs(CookieDigest),
    /// The file agrees, but the running node has another.
    RunningDiffers,
    /// Nothing to compare.
    Unknown,
}

/// The cookie that the others are compared with: that of the first broker whose node runs with the cookie in its file,
/// else of the first that has one.
pub(crate) fn reference<'a>(desired: &'a Desired, facts: &'a Facts) -> Option<(&'a HostName, CookieDigest)> {
    let seen = || desired.brokers().filter_map(|host| facts.host(&host.name).map(|seen| (&host.name, seen)));
    let of_running = |(name, seen): (&'a HostName, &HostFacts)| {
        let running = seen.node().and_then(|node| node.cookie)?;
        let file = seen.cookie.as_ref().map(|file| file.normalised);
        file.is_none_or(|file| file == running).then_some((name, running))
    };
    let of_file = |(name, seen): (&'a HostName, &HostFacts)| Some((name, seen.cookie.as_ref()?.normalised));
    seen().find_map(of_running).or_else(|| seen().find_map(of_file))
}

/// How one host's cookie compares with the reference.
pub(crate) fn agreement(seen: &HostFacts, reference: CookieDigest) -> Agreement {
    let running = seen.node().and_then(|node| node.cookie);
    let file = seen.cookie.as_ref().map(|file| file.normalised);
    match (file, running) {
        (Some(file), _) if file != reference => Agreement::Differs(file),
        (_, Some(running)) if running != reference => Agreement::RunningDiffers,
        (_, None) if seen.broker == BrokerState::CookieRefused => Agreement::RunningDiffers,
        (None, None) => Agreement::Unknown,
        _ => Agreement::Agrees,
    }
}

pub(super) fn check(desired: &Desired, facts: &Facts, findings: &mut Vec<Finding>) {
    let Some((whose, reference)) = reference(desired, facts) else { return };
    let mut reference_raw = None;
    for host in desired.brokers() {
        let Some(seen) = facts.host(&host.name) else { continue };
        let mut notebook = Notebook { host: Some(&host.name), findings };
        // A cookie outside the file is an error of its own, and explains any difference.
        if !seen.environment.cookies.is_empty() {
            continue;
        }
        match agreement(seen, reference) {
            Agreement::Differs(_) => notebook.add(
                Severity::Error,
                format!("the cookie file differs from {whose}'s"),
                "`rabbitup plan` shows the steps that install the same cookie and restart nodes",
            ),
            // The broker's own finding covers this if the node refuses to answer because of it.
            Agreement::RunningDiffers if seen.broker != BrokerState::CookieRefused => notebook.add(
                Severity::Error,
                "the running node has a cookie other than the one in its file",
                "it was changed without a restart; `rabbitup plan` shows the restart that fixes it",
            ),
            _ => {}
        }
        for thing in &seen.in_the_way {
            notebook.add(
                Severity::Error,
                format!("{} is not a file that user rabbitmq can use: {}", thing.path, thing.in_words()),
                "check who created it, and move it away or replace it with a regular file",
            );
        }
        if seen.staged_cookie.is_some() {
            notebook.add(
                Severity::Warning,
                "a cookie rotation was not finished: the new cookie is staged beside the one in use",
                "`rabbitup run rotate-cookie` completes it; `back=yes` reverts it",
            );
        }
        if let Some(file) = &seen.cookie {
            guard(file, &mut notebook);
            let raw = *reference_raw.get_or_insert(file.raw);
            if raw != file.raw && file.normalised == reference {
                notebook.add(
                    Severity::Note,
                    "the cookie file differs from the others only in its line end",
                    "Erlang ignores that; md5sum does not",
                );
            }
        }
    }
}

fn guard(file: &CookieFile, notebook: &mut Notebook<'_>) {
    if file.mode & OTHERS != 0 {
        let what =
            format!("the cookie file has mode {:04o}: others may read it, and Erlang refuses it", file.mode);
        notebook.add(Severity::Error, what, "`rabbitup up` sets 0400");
    }
    if file.owner != "rabbitmq" {
        let what = format!("the cookie file belongs to {}, not to rabbitmq", file.owner);
        notebook.add(Severity::Error, what, "`rabbitup up` sets the owner");
    }
    match file.shape {
        // Whether it lasts on all hosts is another one's finding: on those that replace it.
        CookieShape::Usable | CookieShape::Generated => {}
        CookieShape::DebianReplaces => notebook.add(
            Severity::Warning,
            "the cookie is 20 upper-case letters: Debian's package replaces it at its next upgrade",
            "`rabbitup run rotate-cookie` gives all nodes another one; until then hold the package",
        ),
        CookieShape::Unusable => notebook.add(
            Severity::Error,
            "the cookie file contains nothing that Erlang accepts as a cookie",
            "`rabbitup up` installs the cluster's cookie",
        ),
    }
}
