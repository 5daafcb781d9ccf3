use std::collections::BTreeMap;

use super::over;
use super::{Draft, preflight, time};
use crate::cluster::phrases::listed;
use crate::facts::{BrokerState, HostFacts, PackageFacts};
use crate::inventory::Host;
use crate::model::{Advice, HostName, Next, Role, Version, VersionSpec};
use crate::operation::{
    Hold, HoldPackages, InstallPackages, PackageChoice, RemoveLeftovers, RemoveStalePolicy, unit_of,
};
use crate::plan::{Change, Proposal, Reason, RefusalKind, StepId};
use crate::platform::{LOCK_PATIENCE_S, Platform};
use crate::rabbitmq::BROKER_PACKAGE;
use crate::virtual_address::KEEPALIVED;

/// Installs everything that a host needs in one transaction, and keeps packages from starting their services before
/// cookie, name and configuration are in place.
pub fn plan(draft: &mut Draft<'_>) {
    let mut hosts = draft.hosts();
    hosts.sort_by_key(|host| host.name != draft.anchor);
    for host in hosts {
        let Some(platform) = preflight::platform(draft, &host.name) else { continue };
        if draft.host(&host.name).is_some_and(|facts| facts.stale_policy) {
            draft.propose(
                Proposal::new(&host.name, "stale-policy", Change::Remove, RemoveStalePolicy)
                    .title(format!("remove {}", platform.start_guard))
                    .because("an interrupted run left it behind"),
            );
        }
        remove_leftovers(draft, host);
        install(draft, host, platform);
        hold(draft, host, platform);
    }
}

/// A host that lost power while a file was written keeps the half-written file beside it, perhaps with a secret
/// in it.
fn remove_leftovers(draft: &mut Draft<'_>, host: &Host) {
    let Some(directories) = draft.host(&host.name).map(|facts| facts.leftovers.clone()) else { return };
    if !directories.is_empty() {
        let title = format!("remove half-written files from {}", directories.join(", "));
        draft.propose(
            Proposal::new(&host.name, "leftovers", Change::Remove, RemoveLeftovers { directories })
                .title(title)
                .because("an interrupted run left them behind"),
        );
    }
}

/// The packages that a host's roles ask for.
fn wanted(draft: &Draft<'_>, host: &Host, facts: &HostFacts, platform: &Platform) -> Vec<&'static str> {
    let mut packages = Vec::new();
    if draft.desired.is_broker(host) {
        packages.push(BROKER_PACKAGE);
    }
    if let Some(wanted) = draft.desired.load_balancer.as_ref().filter(|_| host.has(Role::LoadBalancer)) {
        packages.extend(platform.packages_of(wanted.software.balancer()).all());
        packages.extend(wanted.vip.as_ref().map(|_| KEEPALIVED));
    }
    if time::wants_chrony(draft, host, facts) {
        packages.push(platform.time.package);
    }
    packages
}

fn install(draft: &mut Draft<'_>, host: &Host, platform: &Platform) {
    let Some(facts) = draft.host(&host.name) else { return };
    let mut choices = Vec::new();
    for package in wanted(draft, host, facts, platform) {
        let known = facts.packages.get(package).cloned().unwrap_or_default();
        if package == BROKER_PACKAGE {
            match broker_choice(draft, host, facts) {
                Ok(Some(choice)) => choices.push(choice),
                Ok(None) => {}
                Err(reason) => return draft.refuse_for(&host.name, reason),
            }
        } else if known.installed.is_none() {
            choices.push(PackageChoice { name: package.to_owned(), version: None, over: None });
        }
    }
    if choices.is_empty() {
        return;
    }
    let removes = match removed_for(draft, host, &choices, platform) {
        Ok(removes) => removes,
        Err(reason) => return draft.refuse_for(&host.name, reason),
    };
    let names: Vec<String> = choices.iter().map(|choice| describe(choice, facts)).collect();
    let held_back: Vec<String> = choices
        .iter()
        .filter_map(|choice| unit_of(facts.system.family, &choice.name))
        .map(str::to_owned)
        .collect();
    let known = |choice: &PackageChoice| facts.packages.get(&choice.name).cloned().unwrap_or_default();
    let (change, reason) = if choices.iter().any(|choice| known(choice).installed.is_some()) {
        (Change::Change, "the inventory asks for another version".to_owned())
    } else if choices.iter().any(|choice| known(choice).half_installed.is_some()) {
        (Change::Add, format!("partly installed: {}", platform.words.interrupted))
    } else {
        (Change::Add, "not installed".to_owned())
    };
    let reason = match unversioned(&choices, facts) {
        0 => reason,
        1 => format!("{reason}; 1 version is known only after {}", platform.words.refresh),
        n => format!("{reason}; {n} versions are known only after {}", platform.words.refresh),
    };
    let reason = match removes.as_slice() {
        [] => reason,
        replaced => {
            format!("{reason}; removes {}, which {} replaces", listed(replaced), platform.time.package)
        }
    };
    let first = goes_first(draft, host);
    let reason = match &first {
        Some(_) => format!(
            "{reason}; after {}, which is on the same machine and which all others wait for",
            draft.anchor
        ),
        None => reason,
    };
    let operation = InstallPackages {
        packages: choices,
        held_back_units: held_back,
        keys: draft.desired.package.keys.clone(),
        removes,
    };
    draft.propose(
        Proposal::new(&host.name, "packages", change, operation)
            .title(format!("install {}", names.join(", ")))
            .because(reason)
            .after(first)
            .within(1800 + LOCK_PATIENCE_S),
    );
}

/// The installed packages that the installation removes: other time services, which chrony replaces.
///
/// # Errors
/// The package manager would remove something else.
fn removed_for(
    draft: &Draft<'_>,
    host: &Host,
    choices: &[PackageChoice],
    platform: &Platform,
) -> Result<Vec<String>, Reason> {
    let Some(facts) = draft.host(&host.name) else { return Ok(Vec::new()) };
    for choice in choices {
        if let Some(reason) = in_the_way(draft, host, choice, platform) {
            return Err(reason);
        }
    }
    let replaced = platform.time.replaces.iter().filter(|name| {
        choices.iter().any(|choice| choice.name == platform.time.package) && facts.installed(name).is_some()
    });
    Ok(replaced.map(|&name| name.to_owned()).collect())
}

/// The packages that would have to go for this one. Nobody has agreed to lose them.
pub(super) fn in_the_way(
    draft: &Draft<'_>,
    host: &Host,
    choice: &PackageChoice,
    platform: &Platform,
) -> Option<Reason> {
    let known = draft.host(&host.name)?.packages.get(&choice.name)?;
    if known.removes.is_empty() {
        return None;
    }
    let (tool, words) = (platform.tool, &platform.words);
    let spec = match &choice.version {
        Some(version) => format!("{}{}{version}", choice.name, words.before_version),
        None => choice.name.clone(),
    };
    let simulation = format!("{} {spec}", words.simulate);
    Some(
        RefusalKind::RemovesOthers.reason(
            format!("the installation of {} would remove {}", choice.name, listed(&known.removes)),
            format!("{simulation} says so"),
            Next::say("see why:")
                .and(draft.on_host(&host.name, &simulation))
                .also("if what it would remove is not needed:")
                .and(draft.on_host(&host.name, &format!("{tool} remove {}", known.removes.join(" "))))
                .and(Advice::Command(draft.options.command.clone())),
        ),
    )
}

/// The installation on the anchor, if this host would compete with it for processors: containers on one machine. The
/// first to enter the cluster after it does not wait, because others wait for it next.
fn goes_first(draft: &Draft<'_>, host: &Host) -> Option<StepId> {
    let kernel = |name: &HostName| draft.observed.host(name).and_then(|facts| facts.system.kernel.clone());
    let next = draft.desired.brokers().map(|broker| &broker.name).find(|name| **name != draft.anchor);
    let shares = kernel(&draft.anchor).is_some() && kernel(&draft.anchor) == kernel(&host.name);
    if !shares || host.name == draft.anchor || next == Some(&host.name) {
        return None;
    }
    let first = StepId::new(&draft.anchor, "packages");
    draft.has(&first).then_some(first)
}

fn describe(choice: &PackageChoice, facts: &HostFacts) -> String {
    match version_of(choice, facts) {
        Some(version) => format!("{} {version}", choice.name),
        None => choice.name.clone(),
    }
}

/// The chosen version, else the one that the package manager would install by the lists that it has.
fn version_of(choice: &PackageChoice, facts: &HostFacts) -> Option<String> {
    let candidate = || facts.packages.get(&choice.name).and_then(|package| package.candidate.clone());
    choice.version.clone().or_else(candidate)
}

/// How many versions nobody knows before the lists are fetched.
fn unversioned(choices: &[PackageChoice], facts: &HostFacts) -> usize {
    choices.iter().filter(|choice| version_of(choice, facts).is_none()).count()
}

/// Which rabbitmq-server to install here, if any. Over data it is one checked version, never whatever a
/// repository offers when the step runs.
fn broker_choice(draft: &Draft<'_>, host: &Host, facts: &HostFacts) -> Result<Option<PackageChoice>, Reason> {
    let package = facts.packages.get(BROKER_PACKAGE).cloned().unwrap_or_default();
    // An interrupted installation under a running broker is completed by the phase `upgrade`.
    if package.half_installed.is_some() && facts.broker != BrokerState::Down {
        return Ok(None);
    }
    let spec = draft.desired.package.version.as_ref();
    // An interrupted installation is completed, unless another version is requested: its data may be of that version already.
    if let Some(half) = package.half_installed.as_ref().filter(|half| package.offered.contains(half))
        && spec.is_none_or(|spec| spec.accepts(half))
    {
        return Ok(Some(over::choice(facts, Some(half.clone()))));
    }
    let wanted = match spec {
        Some(spec) => asked_for(facts, &package, spec)?,
        None => unasked(draft, facts, &package)?,
    };
    match wanted {
        Wanted::Nothing => Ok(None),
        Wanted::Version(version) => over::judged(draft, host, facts, &version).map(Some),
        Wanted::Unseen(_) if over::holds_data(facts) => Err(RefusalKind::OfferUnknownOverData.reason(
            "no version of rabbitmq-server is known on this host, which has data of a node",
            "its package lists were never fetched, and over data only a version that was checked before is installed",
            Next::say("this fetches them:")
                .and(draft.on_host(&host.name, facts.system.family.words().refresh))
                .and(Advice::Command(draft.options.command.clone())),
        )),
        Wanted::Unseen(pattern) => Ok(Some(over::choice(facts, pattern))),
    }
}

/// The version that a host should have.
enum Wanted {
    /// The version that it has.
    Nothing,
    Version(String),
    /// Package lists that were never fetched offer nothing; then the package manager resolves the inventory's pattern itself.
    Unseen(Option<String>),
}

/// The inventory's version.
fn asked_for(facts: &HostFacts, package: &PackageFacts, spec: &VersionSpec) -> Result<Wanted, Reason> {
    // A running broker is upgraded by the phase `upgrade`.
    let stays = |installed: &String| spec.accepts(installed) || facts.broker != BrokerState::Down;
    if package.installed.as_ref().is_some_and(stays) {
        return Ok(Wanted::Nothing);
    }
    // The previous version, then the one that the package manager would choose: it may be pinned.
    let before = package.removed.iter().filter(|removed| package.offered.contains(removed));
    match before.chain(&package.candidate).chain(&package.offered).find(|version| spec.accepts(version)) {
        Some(version) => Ok(Wanted::Version(version.clone())),
        None if package.offered.is_empty() => Ok(Wanted::Unseen(Some(spec.as_str().to_owned()))),
        None => Err(RefusalKind::VersionNotOffered.reason(
            format!("no rabbitmq-server {} is offered to this host", spec.as_str()),
            format!("its repositories offer {}", package.offered.join(", ")),
            "add a repository that has it, or change [package] version",
        )),
    }
}

/// If no version is requested: that of the other brokers, since a cluster runs one version, else the previous
/// one, else what the repositories offer.
fn unasked(draft: &Draft<'_>, facts: &HostFacts, package: &PackageFacts) -> Result<Wanted, Reason> {
    if package.installed.is_some() {
        return Ok(Wanted::Nothing);
    }
    let Some((other, theirs)) = others_version(draft) else {
        let before = package.removed.iter().find(|removed| package.offered.contains(removed));
        let version = before.or(package.candidate.as_ref());
        return Ok(version.map_or(Wanted::Unseen(None), |version| Wanted::Version(version.clone())));
    };
    let same_family = draft.host(&other).is_some_and(|other| other.system.family == facts.system.family);
    let release = Version::parse(&theirs).ok();
    let is_theirs = |offered: &&String| match same_family {
        true => **offered == theirs,
        // The two families number their packages differently.
        false => release.is_some() && Version::parse(offered).ok() == release,
    };
    match package.offered.iter().find(is_theirs) {
        Some(version) => Ok(Wanted::Version(version.clone())),
        None if package.offered.is_empty() && same_family => Ok(Wanted::Version(theirs)),
        None if package.offered.is_empty() => {
            Ok(Wanted::Unseen(release.map(|release| format!("{release}-*"))))
        }
        None => Err(RefusalKind::VersionOfOthersNotOffered.reason(
            format!("rabbitmq-server {theirs}, which {other} runs, is not offered here"),
            format!("the repositories of this host offer {}", package.offered.join(", ")),
            "give all brokers the same repositories: the nodes of a cluster run one version",
        )),
    }
}

fn others_version(draft: &Draft<'_>) -> Option<(HostName, String)> {
    let installed =
        |host: &Host| draft.observed.host(&host.name)?.installed(BROKER_PACKAGE).map(str::to_owned);
    let mut versions: BTreeMap<String, HostName> = BTreeMap::new();
    for host in draft.desired.brokers() {
        if let Some(version) = installed(host) {
            versions.entry(version).or_insert_with(|| host.name.clone());
        }
    }
    let anchors = draft.desired.host(&draft.anchor).and_then(installed);
    match anchors {
        Some(version) => Some((draft.anchor.clone(), version)),
        None => versions.into_iter().next().map(|(version, host)| (host, version)),
    }
}

/// RabbitMQ, and the Erlang that it was tested with.
fn hold(draft: &mut Draft<'_>, host: &Host, platform: &Platform) {
    let Some(wanted) = draft.desired.package.hold.filter(|_| draft.desired.is_broker(host)) else { return };
    let Some(facts) = draft.host(&host.name) else { return };
    let differs = |name: &&str| {
        let held = facts.packages.get(*name).is_some_and(|package| package.held);
        held != wanted
    };
    let packages: Vec<String> =
        [BROKER_PACKAGE, platform.erlang].into_iter().filter(differs).map(str::to_owned).collect();
    if packages.is_empty() {
        return;
    }
    let (verb, hold) = if wanted { ("hold", Hold::Hold) } else { ("release", Hold::Release) };
    let title = format!("{verb} {}", packages.join(" and "));
    draft.propose(
        Proposal::new(&host.name, "hold", Change::Change, HoldPackages { packages, hold })
            .title(title)
            .because(format!("[package] hold is {wanted}"))
            .within(120 + LOCK_PATIENCE_S),
    );
}
