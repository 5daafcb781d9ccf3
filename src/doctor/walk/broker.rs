use super::case::{Case, Notes, Seen, rabbitup, sentence};
use crate::cluster::phrases::times;
use crate::cluster::vain_boot::is_in_vain;
use crate::cluster::view::{self, Forgotten};
use crate::doctor::{Awaits, Cause, Finding, Unit};
use crate::facts::{BrokerState, HostFacts, NodeFacts};
use crate::rabbitmq::{BROKER_UNIT, BootFailure};

/// How many of RabbitMQ's log lines are shown as evidence.
const LAST_WORDS: usize = 6;
/// The maximum length of such a line.
const LINE: usize = 200;

/// Whether each broker runs, and its cluster would accept it.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    for (seen, facts) in case.reached().filter(|(seen, _)| seen.is_installed()) {
        notes.checked(Cause::BrokerStopped);
        notes.checked(Cause::GhostMember);
        if let Some(found) = ghost(case, seen, facts) {
            notes.add(found);
        }
        match &facts.broker {
            BrokerState::Running(_) | BrokerState::CookieRefused => {}
            // settings.rs reports a wrong node name.
            BrokerState::Unknown(_) if super::settings::is_misnamed(case, seen) => {}
            state => notes.add(stopped(case, seen, facts, state)),
        }
    }
}

fn stopped(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts, state: &BrokerState) -> Finding {
    let name = &seen.host.name;
    let no_words = Unit::default();
    let unit = seen.exam.map_or(&no_words, |exam| &exam.unit);
    let word = known(unit);
    if let Some(found) = forgotten(case, seen, unit, word) {
        return found;
    }
    if fails(unit) || (unit.active == "activating" && word.is_some()) {
        return does_not_boot(seen, unit, word);
    }
    let is_moving = ["activating", "deactivating"].contains(&facts.unit(BROKER_UNIT).active.as_str());
    match state {
        BrokerState::AppStopped if !is_moving => {
            Finding::on(name, Cause::AppStopped, "the Erlang VM runs, but RabbitMQ in it is stopped")
                .seen(format!(
                    "{} answers and reports that its application is stopped (stop_app)",
                    seen.node()
                ))
                .fix(rabbitup("up"))
        }
        BrokerState::Unknown(why) => {
            Finding::on(name, Cause::AppStopped, "the Erlang VM runs but does not answer")
                .seen(why.trim())
                .fix(sentence("if it hangs, restart it:"))
                .fix(seen.shell(&format!("systemctl restart {BROKER_UNIT}")))
        }
        BrokerState::Unsupported(why) => Finding::on(
            name,
            Cause::AppStopped,
            "RabbitMQ runs, but its version does not support a query that rabbitup needs",
        )
        .seen(why.trim())
        .fix(sentence(
            "this alone does not mean that the node is broken: use a rabbitup that supports its version",
        )),
        _ if is_moving => moving(case, seen, facts),
        _ => {
            let found = Finding::on(name, Cause::BrokerStopped, "the broker is stopped").seen(stands(facts));
            match facts.unit(BROKER_UNIT).enabled.as_str() {
                "masked" => {
                    found.fix(seen.shell(&format!("systemctl unmask {BROKER_UNIT}"))).fix(rabbitup("up"))
                }
                _ => found.fix(rabbitup("up")),
            }
        }
    }
}

/// Its cluster runs without listing it, and it has data: starting other members does not bring it back.
fn forgotten(case: &Case<'_>, seen: &Seen<'_>, unit: &Unit, word: Option<BootFailure>) -> Option<Finding> {
    let running = case.running();
    let (_, seed) = running.first()?;
    let node = seen.node();
    let forgotten = view::forgotten(case.desired, case.facts, seen.host, seed)?;
    let why = match &forgotten {
        // Its log shows whether it was a member: one that never was does not wait for others.
        Forgotten::Unknown => {
            let waits = word.filter(|known| matches!(Fix::of(*known), Fix::WithTheOthers))?;
            last_words(unit, Some(waits.word())).into_iter().next()?
        }
        Forgotten::Notes(_) | Forgotten::Retired | Forgotten::StoppedInside => forgotten.to_string(),
    };
    let name = &seen.host.name;
    Some(
        Finding::on(
            name,
            Cause::DoesNotBoot,
            format!("the cluster has forgotten {node}, but its data is still here"),
        )
        .seen(format!("{} lists {}", seed.name, members_of(seed)))
        .seen(why)
        .fix(sentence("this moves its data aside and brings it back:"))
        .fix(rabbitup(format!("run recover-node node={name}"))),
    )
}

/// With Khepri a node that its cluster has forgotten logs nothing for five minutes, then that it finds no leader.
fn moving(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts) -> Finding {
    let name = &seen.host.name;
    let what = "the broker is starting or stopping, or waits for others";
    let found = Finding::on(name, Cause::BrokerStopped, what).awaits(Awaits::Peers).seen(stands(facts));
    let running = case.running();
    let seed = running.first().map(|(_, seed)| *seed);
    match seed.filter(|seed| view::forgotten(case.desired, case.facts, seen.host, seed).is_some()) {
        Some(seed) => found
            .seen(format!("{} does not list {}, but its data is here", seed.name, seen.node()))
            .fix(sentence(
                "if it was a member before, it cannot come up; this moves its data aside and brings it back:",
            ))
            .fix(rabbitup(format!("run recover-node node={name}"))),
        None if is_in_vain(case.desired, seen.host, facts, facts) => {
            Finding::on(name, Cause::BrokerStopped, "the broker's boot waits in vain for other members")
                .seen("it looked for them before their names resolved here, and does not look again")
                .seen(stands(facts))
                .fix(rabbitup("up"))
        }
        None => found.fix(sentence("check again in a minute:")).fix(rabbitup("doctor")),
    }
}

fn stands(facts: &HostFacts) -> String {
    let unit = facts.unit(BROKER_UNIT);
    match (unit.active.as_str(), unit.enabled.as_str()) {
        ("", _) => "it has no running Erlang VM".to_owned(),
        (active, "masked") => format!("its unit is {active} and masked, so it cannot be started"),
        (active, _) => format!("its unit is {active}"),
    }
}

/// Whether systemd considers the start failed.
fn fails(unit: &Unit) -> bool {
    unit.active == "failed"
        || unit.sub == "auto-restart"
        || (unit.active == "activating" && unit.restarts > Some(0))
        || (unit.active == "inactive" && !unit.result.is_empty() && unit.result != "success")
}

/// The kind of fix for a known failure.
#[derive(Clone, Copy)]
enum Fix {
    Up,
    Recover,
    WithTheOthers,
    Upgrade,
    Migration,
    Deprecated,
    Erlang,
    Conf,
    Port,
    Files,
}

impl Fix {
    fn of(failure: BootFailure) -> Self {
        match failure {
            BootFailure::InconsistentCluster
            | BootFailure::TablesDamaged
            | BootFailure::StatusFilesDamaged => Self::Recover,
            BootFailure::NoMembers | BootFailure::NoLeader | BootFailure::NoMajority => Self::WithTheOthers,
            BootFailure::MigrationError | BootFailure::MigrationFailed | BootFailure::MigrationNeedsAll => {
                Self::Migration
            }
            BootFailure::FeatureFlagDisabled | BootFailure::IncompatibleFeatureFlags => Self::Upgrade,
            BootFailure::DeprecatedFeatureUsed => Self::Deprecated,
            BootFailure::ErlangTooOld => Self::Erlang,
            BootFailure::NoPeer | BootFailure::DiskFull => Self::Up,
            BootFailure::UnknownVariable
            | BootFailure::UnknownSetting
            | BootFailure::ConfigurationUnreadable
            | BootFailure::ConfigurationNotPrepared
            | BootFailure::AdvancedConfigurationUnreadable => Self::Conf,
            BootFailure::PortInUse | BootFailure::NameInUse => Self::Port,
            BootFailure::NoPermission => Self::Files,
        }
    }
}

/// Whether it is for want of another node, or of this node alone.
fn awaited(failure: BootFailure) -> Awaits {
    match failure {
        BootFailure::InconsistentCluster
        | BootFailure::NoMembers
        | BootFailure::NoLeader
        | BootFailure::NoMajority
        | BootFailure::NoPeer => Awaits::Peers,
        BootFailure::MigrationError
        | BootFailure::MigrationFailed
        | BootFailure::MigrationNeedsAll
        | BootFailure::FeatureFlagDisabled
        | BootFailure::DeprecatedFeatureUsed
        | BootFailure::ErlangTooOld
        | BootFailure::IncompatibleFeatureFlags
        | BootFailure::TablesDamaged
        | BootFailure::StatusFilesDamaged
        | BootFailure::UnknownVariable
        | BootFailure::UnknownSetting
        | BootFailure::ConfigurationUnreadable
        | BootFailure::ConfigurationNotPrepared
        | BootFailure::AdvancedConfigurationUnreadable
        | BootFailure::PortInUse
        | BootFailure::NameInUse
        | BootFailure::DiskFull
        | BootFailure::NoPermission => Awaits::Nothing,
    }
}

fn known(unit: &Unit) -> Option<BootFailure> {
    let of = |lines: &[String]| BootFailure::of(lines);
    // Lines around "BOOT FAILED" are closer to the cause than later ones.
    of(&unit.failure).or_else(|| of(&unit.log)).or_else(|| of(&unit.journal))
}

/// Whether it was refused because of its feature flags.
pub(super) fn lacks_flags(unit: &Unit) -> bool {
    fails(unit) && known(unit) == Some(BootFailure::IncompatibleFeatureFlags)
}

fn does_not_boot(seen: &Seen<'_>, unit: &Unit, word: Option<BootFailure>) -> Finding {
    let name = &seen.host.name;
    let what = match word {
        Some(known) => format!("RabbitMQ does not boot: {}", known.explained()),
        None => "RabbitMQ does not boot".to_owned(),
    };
    let state = match unit.restarts {
        None | Some(0) => format!("its unit is {} ({})", unit.active, unit.result),
        Some(restarts) => format!(
            "its unit is {} ({}); systemd has restarted it {}",
            unit.active,
            unit.result,
            times(restarts)
        ),
    };
    let awaits = word.map_or(Awaits::Nothing, awaited);
    let mut found = Finding::on(name, Cause::DoesNotBoot, what).awaits(awaits).seen(state);
    for line in last_words(unit, word.map(BootFailure::word)) {
        found = found.seen(line);
    }
    match word.map(Fix::of) {
        Some(Fix::Recover) => found.fix(rabbitup(format!("run recover-node node={name}"))),
        Some(Fix::WithTheOthers) => {
            found.fix(sentence("start the other members, they come up together:")).fix(rabbitup("up"))
        }
        Some(Fix::Upgrade) => found
            .fix(sentence(
                "enable all flags on the running cluster, or install the cluster's version here:",
            ))
            .fix(rabbitup("run upgrade")),
        // The next start treats the partial copy as complete (`already clustered`), and serves with it.
        Some(Fix::Migration) => found
            .fix(sentence(
                "the next start may treat the partial copy as complete: back up /var/lib/rabbitmq on every member, \
                 start them together, and compare virtual hosts, users and queues before clients reconnect:",
            ))
            .fix(rabbitup("up")),
        Some(Fix::Deprecated) => found
            .fix(sentence(
                "permit the features named above in [cluster.config] (deprecated_features.permit.NAME = true) until they are \
                 no longer used; then:",
            ))
            .fix(rabbitup("up")),
        Some(Fix::Erlang) => found
            .fix(sentence("install the Erlang that its version needs (rabbitmq.com/docs/which-erlang); then:"))
            .fix(rabbitup("up")),
        Some(Fix::Conf) => found
            .fix(sentence("if the setting comes from the inventory, fix [cluster.config] first; then:"))
            .fix(rabbitup("up")),
        Some(Fix::Port) => found
            .fix(sentence("this shows which processes use the ports:"))
            .fix(seen.shell("ss -lntp"))
            .fix(rabbitup("up")),
        Some(Fix::Files) => found
            .fix(seen.shell("chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /var/log/rabbitmq"))
            .fix(rabbitup("up")),
        Some(Fix::Up) => found.fix(rabbitup("up")),
        None => found
            .fix(sentence("read its log; after fixing the cause:"))
            .fix(rabbitup("up"))
            .fix(seen.shell(&format!("journalctl -u {BROKER_UNIT} -b -n 100 --no-pager"))),
    }
}

/// RabbitMQ's log lines about its failure: those that name it, else those marked as errors, else the last ones.
fn last_words(unit: &Unit, word: Option<&str>) -> Vec<String> {
    let all = || unit.failure.iter().chain(&unit.log).chain(&unit.journal);
    let brief = |line: &String| line.chars().take(LINE).collect::<String>();
    // Every line of a crash report is marked as an error; its items are indented.
    let is_noise = |line: &&String| {
        let text = line.split_once("> ").map_or(line.as_str(), |(_, text)| text);
        // Configuration errors are indented as well, after a dash.
        let item = text.starts_with("  ") && !text.trim_start().starts_with("- ");
        let listed = item || text.trim_end().ends_with('>') || text.trim().is_empty();
        listed
            || ["=====", "-----", "CRASH REPORT", "BOOT FAILED", "crasher:"].iter().any(|w| text.contains(w))
    };
    let naming = |wanted: &dyn Fn(&&String) -> bool| -> Vec<String> {
        let lines = all().filter(|line| word.is_some_and(|word| line.contains(word)));
        lines.filter(wanted).take(2).map(brief).collect()
    };
    let errors = |lines: &[String]| -> Vec<String> {
        let marked = lines.iter().filter(|line| line.contains("[error]") || line.contains("[critical]"));
        marked.filter(|line| !is_noise(line)).map(brief).collect()
    };
    let more = [
        naming(&|line| !is_noise(line)),
        errors(&unit.failure),
        errors(&unit.log),
        unit.journal.iter().rev().take(3).rev().map(brief).collect(),
    ];
    let mut words: Vec<String> = Vec::new();
    for lines in more {
        // The same line can be in several of these logs.
        if words.len() >= 2 {
            break;
        }
        for line in lines.iter().map(|line| line.trim()) {
            if !words.iter().any(|known| known == line) {
                words.push(line.to_owned());
            }
        }
    }
    words.truncate(LAST_WORDS);
    // An item deep within a term: the line where the term begins comes first.
    if !words.iter().any(|line| word.is_some_and(|word| line.contains(word))) {
        words.extend(naming(&|_| true).first().map(|line| line.trim().to_owned()));
    }
    words
}

/// The cluster lists the host's node, and the host knows nothing of that: it would not be let in.
fn ghost(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts) -> Option<Finding> {
    let node = seen.node();
    let running = case.running();
    let (lister, other) = running
        .iter()
        .find(|(host, other)| host.name != seen.host.name && other.lists(&node) && other.name != node)?;
    let knows = |members: &dyn Fn(&NodeFacts) -> bool| seen.running().is_some_and(members);
    let what = match &facts.broker {
        BrokerState::Running(_) if !knows(&|own| own.lists(&other.name)) => {
            "its node runs in a cluster of its own, while the cluster still lists it"
        }
        BrokerState::Down | BrokerState::Unknown(_) | BrokerState::AppStopped
            if facts.data_of(&node).is_none() && !super::settings::is_misnamed(case, seen) =>
        {
            "the host is blank, while the cluster still lists its node, so it may refuse it"
        }
        BrokerState::Down | BrokerState::AppStopped if remembers_only_itself(facts, seen) => {
            "its node lost its data, while the cluster still lists it, so it may refuse it"
        }
        _ => return None,
    };
    let has = match seen.running() {
        Some(own) => format!("{} lists only {}", own.name, members_of(own)),
        None => format!("{} has no data of {node}, or none of its members", facts.environment.data_base),
    };
    Some(
        Finding::on(&seen.host.name, Cause::GhostMember, what)
            .peer(&lister.name)
            .seen(format!("{} lists {}", other.name, members_of(other)))
            .seen(has)
            .fix(rabbitup(format!("run recover-node node={}", seen.host.name))),
    )
}

/// Mnesia's note of the members names nobody else. (With Khepri there is no such note.)
fn remembers_only_itself(facts: &HostFacts, seen: &Seen<'_>) -> bool {
    let node = seen.node();
    facts
        .data_of(&node)
        .is_some_and(|data| !data.members.is_empty() && data.members.iter().all(|member| member.node == node))
}

fn members_of(node: &NodeFacts) -> String {
    node.members.iter().map(|member| member.node.to_string()).collect::<Vec<_>>().join(", ")
}
