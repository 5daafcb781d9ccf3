//! The data that a broker's package will run on, and whether a version may run on it: checked by every phase that installs one.

use super::Draft;
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::facts::{BrokerState, HostFacts, NodeFacts, PackageFacts};
use crate::inventory::Host;
use crate::model::{Next, Version};
use crate::operation::{InstalledOver, PackageChoice};
use crate::plan::{Reason, RefusalKind};
use crate::platform::Words;
use crate::rabbitmq::{BROKER_PACKAGE, ExistingData, Objection, Serving, allowed, may_be_of};

/// The broker's package in this version, checked against the data on the host and the running members.
///
/// # Errors
/// Why this version must not be installed over this data.
pub(super) fn judged(
    draft: &Draft<'_>,
    host: &Host,
    facts: &HostFacts,
    version: &str,
) -> Result<PackageChoice, Reason> {
    let found = beneath(facts, host);
    let what = || refused(facts, version);
    let Ok(to) = Version::parse(version) else {
        let why = format!("{version} is not a version number");
        return Err(RefusalKind::NoVersionNumber.reason(what(), why, "install it by hand"));
    };
    let object = |objected: Objected| objected.kind.reason(what(), objected.why, objected.next);
    allowed(&found, to).map_err(|objection| object(objected(&objection, &found, facts, to)))?;
    if holds_data(facts) && is_older_package(facts, version) {
        return Err(object(objected(&Objection::Older, &found, facts, to)));
    }
    match &found {
        ExistingData::NoData => {}
        ExistingData::Stopped(_) => members_allow(draft, host, to).map_err(object)?,
        ExistingData::Running(node) => is_not_changed_underneath(node, facts, to).map_err(object)?,
    }
    Ok(choice(facts, Some(version.to_owned())))
}

/// Why a version must not be installed, before it is said of which one.
struct Objected {
    kind: RefusalKind,
    why: String,
    next: Next,
}

/// The broker's package with the data that it will run on.
pub(super) fn choice(facts: &HostFacts, version: Option<String>) -> PackageChoice {
    let over = match holds_data(facts) {
        false => InstalledOver::NoData,
        true => InstalledOver::Data { package: there(facts) },
    };
    PackageChoice { name: BROKER_PACKAGE.to_owned(), version, over: Some(over) }
}

/// Whether a node of any name has a database here, or runs: what matters is the version that wrote it, not the node.
pub(super) fn holds_data(facts: &HostFacts) -> bool {
    !facts.data.is_empty() || facts.broker != BrokerState::Down
}

/// A version that is refused for a running member is not installed on its stopped peer.
fn members_allow(draft: &Draft<'_>, host: &Host, to: Version) -> Result<(), Objected> {
    let node = host.node();
    let members = view::running(draft.desired, &draft.facts);
    for (member, runs) in members.into_iter().filter(|(_, other)| other.lists(&node)) {
        let Some(facts) = draft.host(&member.name) else { continue };
        let beneath = ExistingData::Running(serving(runs, facts));
        allowed(&beneath, to).map_err(|objection| {
            let objected = objected(&objection, &beneath, facts, to);
            let why = format!("{} runs {}: {}", runs.name, runs.rabbitmq_version, objected.why);
            Objected { why, ..objected }
        })?;
    }
    Ok(())
}

/// If the package of a running node was removed, only the same version is installed again.
fn is_not_changed_underneath(node: &Serving, facts: &HostFacts, to: Version) -> Result<(), Objected> {
    if there(facts).is_some() || to == node.version {
        return Ok(());
    }
    Err(Objected {
        kind: RefusalKind::PackageRemovedUnderneath,
        why: format!("it runs {} although its package was removed", node.version),
        next: Next::say(format!(
            "install {} again first, with [package] version = \"{}\" in the inventory:",
            node.version, node.version
        ))
        .rabbitup("up"),
    })
}

/// Whether it is the same RabbitMQ in an older revision of the package: the package manager lists the newest first.
fn is_older_package(facts: &HostFacts, version: &str) -> bool {
    let Some(package) = facts.packages.get(BROKER_PACKAGE) else { return false };
    let place = |wanted: &str| package.offered.iter().position(|offered| offered == wanted);
    let there = there(facts).and_then(|there| place(&there));
    there.zip(place(version)).is_some_and(|(there, wanted)| wanted > there)
}

/// The package's version, fully or partly installed.
fn there(facts: &HostFacts) -> Option<String> {
    let package = facts.packages.get(BROKER_PACKAGE)?;
    package.installed.clone().or_else(|| package.half_installed.clone())
}

fn beneath(facts: &HostFacts, host: &Host) -> ExistingData {
    match &facts.broker {
        BrokerState::Running(node) => ExistingData::Running(serving(node, facts)),
        _ if !holds_data(facts) => ExistingData::NoData,
        _ => ExistingData::Stopped(ran_last(facts, host)),
    }
}

fn serving(node: &NodeFacts, facts: &HostFacts) -> Serving {
    Serving {
        version: node.rabbitmq_version,
        installed: there(facts).and_then(|version| Version::parse(&version).ok()),
        metadata_store: node.metadata_store,
        mirroring_policies: node.mirroring_policies.clone(),
    }
}

/// The version that last ran on a stopped node's data. RabbitMQ does not record it on disk. It is the package's if the
/// node has started since the package was unpacked; a package that changed while the node was stopped tells nothing. Of a
/// removed package only the removal time is left, so then the feature flags in the data must match such a version.
fn ran_last(facts: &HostFacts, host: &Host) -> Option<Version> {
    let data = facts.data_of(&host.node())?;
    let PackageFacts { installed, half_installed, removed, unpacked, .. } =
        facts.packages.get(BROKER_PACKAGE)?;
    match (installed, half_installed, removed) {
        (Some(installed), _, _) if data.started? >= (*unpacked)? => Version::parse(installed).ok(),
        (None, None, Some(removed)) => {
            Version::parse(removed).ok().filter(|version| may_be_of(&data.feature_flags, *version))
        }
        _ => None,
    }
}

fn refused(facts: &HostFacts, version: &str) -> String {
    match (&facts.broker, there(facts)) {
        (BrokerState::Running(_), Some(there)) => format!("no upgrade from {there} to {version}"),
        _ => format!("{BROKER_PACKAGE} {version} cannot be installed over this data"),
    }
}

/// Why not, and what to do.
fn objected(objection: &Objection, beneath: &ExistingData, facts: &HostFacts, to: Version) -> Objected {
    let (from, runs) = match beneath {
        ExistingData::Running(node) => (Some(node.version), true),
        ExistingData::Stopped(version) => (*version, false),
        ExistingData::NoData => (None, false),
    };
    let of = from.map_or("another version".to_owned(), |from| from.to_string());
    let series = from.map_or("that series".to_owned(), Version::series);
    let is_there = there(facts).is_some();
    // Only a running node can be upgraded, and only an installed one can be started.
    let first = |then: String| {
        match (runs, is_there) {
        (true, _) => Next::say(then),
        (false, true) => Next::say(format!("start it unchanged, and {then}")).rabbitup("run start"),
        (false, false) => Next::say(format!(
            "install {series} and start it, with [package] version = \"{series}.*\" in the inventory, and {then}"
        ))
        .rabbitup("up"),
    }
    };
    let by_way_of = |series: &str| match newest(facts, series, from) {
        Some(version) => {
            first(format!("upgrade to {series} first:")).rabbitup(format!("run upgrade version={version}"))
        }
        None => {
            Next::say(format!("add a repository that has the newest {series}, and upgrade to that first"))
        }
    };
    let Words { history, put_in_place, .. } = facts.system.family.words();
    let (kind, why, next) = match objection {
        Objection::Unknown => (
            RefusalKind::DataOfUnknownVersion,
            match is_there {
                true => "the package was installed or changed after the node's last start, so the version that wrote its \
                         data is unknown"
                    .to_owned(),
                false => "nothing on the host shows which version wrote its data".to_owned(),
            },
            Next::say(format!(
                "on the host: {history} shows which version it ran; install that one ({put_in_place}) and start it; then:"
            ))
            .rabbitup("run upgrade"),
        ),
        Objection::Older => (
            RefusalKind::DataOfNewerVersion,
            "RabbitMQ cannot be downgraded: its data and feature flags stay new".to_owned(),
            match is_there {
                true => Next::say("ask for a newer version"),
                false => Next::say(format!("add a repository that offers {of} or a later {series}")),
            },
        ),
        Objection::LatestFirst { series } => (
            RefusalKind::SeriesEndsFirst,
            format!("{} needs feature flags that {series} has only in its last versions", to.series()),
            by_way_of(series),
        ),
        Objection::NoWay { by_way_of: between } => (
            RefusalKind::SeriesBetween,
            format!("RabbitMQ supports no upgrade from {series} to {} in one step", to.series()),
            match between {
                Some(series) => by_way_of(series),
                None => Next::say("rabbitmq.com/docs/upgrade lists the supported upgrades"),
            },
        ),
        Objection::OnlyRunning => (
            RefusalKind::FlagsNeedRunningNode,
            format!(
                "{} requires feature flags of {series}, and they can be enabled only while the node runs",
                to.series()
            ),
            first("upgrade it while it runs, which enables them:".to_owned())
                .rabbitup(format!("run upgrade version={to}")),
        ),
        Objection::ExperimentalKhepri => (
            RefusalKind::ExperimentalKhepri,
            "3.13 with Khepri cannot be upgraded to 4.x (its Khepri was experimental)".to_owned(),
            Next::say("build a new cluster beside it and move clients and messages over (blue-green)"),
        ),
        Objection::Mirroring { policies } => (
            RefusalKind::MirroringPolicies,
            format!(
                "policies mirror queues, which {} does not support: they would exist on one node only (policy {})",
                to.series(),
                listed(policies.iter().take(3))
            ),
            Next::say("move their messages to quorum queues and delete the policies first"),
        ),
    };
    Objected { kind, why, next }
}

/// The newest version of a series that the host is offered, if it is newer than what is there. A pattern would be satisfied with that.
fn newest<'f>(facts: &'f HostFacts, series: &str, from: Option<Version>) -> Option<&'f str> {
    let of_series = |version: &Version| version.series() == series && from.is_none_or(|from| *version > from);
    let offered = facts.packages.get(BROKER_PACKAGE).into_iter().flat_map(|package| &package.offered);
    let found =
        offered.filter_map(|offered| Some((Version::parse(offered).ok().filter(of_series)?, offered)));
    // The package manager lists the newest revision of a version first.
    found.rev().max_by_key(|(version, _)| *version).map(|(_, offered)| offered.as_str())
}
