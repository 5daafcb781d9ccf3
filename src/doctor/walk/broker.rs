use super::case::{Case, Notes, Seen, rabbitup, sentence};
use crate::cluster::view::{self, Forgotten};
use crate::doctor::{Cause, Finding, Unit};
use crate::facts::{BrokerState, HostFacts, NodeFacts};
use crate::rabbitmq::BROKER_UNIT;

/// RabbitMQ's word where a node and its cluster do not know each other's feature flags.
const FLAGS: &str = "incompatible_feature_flags";
/// Lines of RabbitMQ's own words that are evidence.
const LAST_WORDS: usize = 6;
/// How long such a line may be.
const LINE: usize = 200;

/// Whether each broker runs, and would be let in.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    for (seen, facts) in case.reached().filter(|(seen, _)| seen.is_installed()) {
        notes.looked(Cause::BrokerStopped);
        notes.looked(Cause::GhostMember);
        if let Some(found) = ghost(case, seen, facts) {
            notes.add(found);
        }
        match &facts.broker {
            BrokerState::Running(_) | BrokerState::CookieRefused => {}
            // What the node is called is told elsewhere.
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
            Finding::on(name, Cause::AppStopped, "the Erlang VM runs, RabbitMQ in it is stopped")
                .seen(format!(
                    "{} answers, and says that its application does not run (stop_app)",
                    seen.node()
                ))
                .mend(rabbitup("up"))
        }
        BrokerState::Unknown(why) => {
            Finding::on(name, Cause::AppStopped, "the Erlang VM runs and gives no answer")
                .seen(why.trim())
                .mend(sentence("where it hangs, only a restart helps:"))
                .mend(seen.shell(&format!("systemctl restart {BROKER_UNIT}")))
        }
        BrokerState::Untold(why) => Finding::on(
            name,
            Cause::AppStopped,
            "RabbitMQ runs, and its version does not know what rabbitup must ask",
        )
        .seen(why.trim())
        .mend(sentence(
            "nothing is wrong with the node for this alone: use a rabbitup that knows its version",
        )),
        _ if is_moving => moving(case, seen, facts),
        _ => {
            let found = Finding::on(name, Cause::BrokerStopped, "the broker is stopped").seen(stands(facts));
            match facts.unit(BROKER_UNIT).enabled.as_str() {
                "masked" => {
                    found.mend(seen.shell(&format!("systemctl unmask {BROKER_UNIT}"))).mend(rabbitup("up"))
                }
                _ => found.mend(rabbitup("up")),
            }
        }
    }
}

/// Its cluster runs and does not list it, and it has data: no other member's start brings it back.
fn forgotten(case: &Case<'_>, seen: &Seen<'_>, unit: &Unit, word: Option<&KnownFailure>) -> Option<Finding> {
    let running = case.running();
    let (_, seed) = running.first()?;
    let node = seen.node();
    let forgotten = view::forgotten(case.desired, case.facts, seen.host, seed)?;
    let why = match &forgotten {
        // Its own words say whether it was a member: one that never was waits for nobody.
        Forgotten::Unknown => {
            let waits = word.filter(|(_, _, advice)| matches!(advice, Advice::WithTheOthers))?;
            last_words(unit, Some(waits.0)).into_iter().next()?
        }
        Forgotten::Notes(_) | Forgotten::Retired | Forgotten::StoppedInside => forgotten.to_string(),
    };
    let name = &seen.host.name;
    Some(
        Finding::on(
            name,
            Cause::DoesNotBoot,
            format!("the cluster has forgotten {node}, whose data is here"),
        )
        .seen(format!("{} lists {}", seed.name, members_of(seed)))
        .seen(why)
        .mend(sentence("this keeps what it holds aside and brings it back:"))
        .mend(rabbitup(format!("run recover-node node={name}"))),
    )
}

/// With Khepri a node whose cluster has forgotten it says nothing for five minutes, then that it finds no leader.
fn moving(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts) -> Finding {
    let name = &seen.host.name;
    let what = "the broker is starting or stopping, or waits for others";
    let found = Finding::on(name, Cause::BrokerStopped, what).seen(stands(facts));
    let running = case.running();
    let seed = running.first().map(|(_, seed)| *seed);
    match seed.filter(|seed| view::forgotten(case.desired, case.facts, seen.host, seed).is_some()) {
        Some(seed) => found
            .seen(format!("{} does not list {}, whose data is here", seed.name, seen.node()))
            .mend(sentence("if it was once a member, it waits in vain; this keeps what it holds aside and brings it back:"))
            .mend(rabbitup(format!("run recover-node node={name}"))),
        None => found.mend(sentence("look again in a minute:")).mend(rabbitup("doctor")),
    }
}

fn stands(facts: &HostFacts) -> String {
    let unit = facts.unit(BROKER_UNIT);
    match (unit.active.as_str(), unit.enabled.as_str()) {
        ("", _) => "no Erlang VM of it runs".to_owned(),
        (active, "masked") => format!("its unit is {active} and masked, so nothing can start it"),
        (active, _) => format!("its unit is {active}"),
    }
}

/// Whether systemd itself calls the start a failure.
fn fails(unit: &Unit) -> bool {
    unit.active == "failed"
        || unit.sub == "auto-restart"
        || (unit.active == "activating" && unit.restarts > 0)
        || (unit.active == "inactive" && !unit.result.is_empty() && unit.result != "success")
}

/// RabbitMQ's word for a failure, ours, and what helps.
type KnownFailure = (&'static str, &'static str, Advice);

/// What RabbitMQ calls a failure, in words for people. The first that its last words name counts.
const KNOWN: [KnownFailure; 23] = [
    (
        "inconsistent_cluster",
        "it and its cluster disagree about whether it is a member (inconsistent_cluster)",
        Advice::Recover,
    ),
    (
        "timeout_waiting_for_tables",
        "it waits for members that do not come (timeout_waiting_for_tables)",
        Advice::WithTheOthers,
    ),
    (
        "timeout_waiting_for_leader",
        "it finds no majority of its cluster (timeout_waiting_for_leader)",
        Advice::WithTheOthers,
    ),
    (
        "timeout_waiting_for_khepri",
        "it finds no majority of its cluster (timeout_waiting_for_khepri)",
        Advice::WithTheOthers,
    ),
    (
        "khepri_mnesia_migration_ex",
        "its metadata could not be copied from Mnesia to Khepri (khepri_mnesia_migration_ex)",
        Advice::Migration,
    ),
    (
        "migration_failure",
        "its metadata could not be copied from Mnesia to Khepri (migration_failure)",
        Advice::Migration,
    ),
    (
        "all_mnesia_nodes_must_run",
        "its metadata is copied to Khepri only while all members run (all_mnesia_nodes_must_run)",
        Advice::Migration,
    ),
    (
        "disabled_required_feature_flag",
        "a feature flag that its version requires is not enabled (disabled_required_feature_flag)",
        Advice::Upgrade,
    ),
    (
        "failed_to_deny_deprecated_features",
        "what its version has given up is still in use (failed_to_deny_deprecated_features)",
        Advice::Deprecated,
    ),
    ("erlang_version_too_old", "its Erlang is too old for it (erlang_version_too_old)", Advice::Erlang),
    (
        FLAGS,
        "its feature flags do not go with those of its cluster (incompatible_feature_flags)",
        Advice::Upgrade,
    ),
    ("schema_integrity_check_failed", "its tables are damaged or of another version", Advice::Recover),
    ("corrupt_cluster_status_files", "its notes of the cluster's members are damaged", Advice::Recover),
    (
        "failed_to_cluster_with",
        "the node that it was to join did not answer (failed_to_cluster_with)",
        Advice::Up,
    ),
    (
        "Conf file attempted to set unknown variable",
        "rabbitmq.conf has a setting that it does not know",
        Advice::Conf,
    ),
    ("there is no setting with that name", "rabbitmq.conf has a setting that it does not know", Advice::Conf),
    ("Error preparing configuration", "its configuration cannot be read", Advice::Conf),
    ("failed_to_prepare_configuration", "its configuration cannot be read", Advice::Conf),
    ("failed_to_read_advanced_configuration_file", "advanced.config cannot be read", Advice::Conf),
    ("eaddrinuse", "a port that it needs is taken (eaddrinuse)", Advice::Port),
    ("duplicate_name", "another VM on the host has its node name", Advice::Port),
    ("enospc", "the disk is full (enospc)", Advice::Up),
    ("eacces", "it may not read or write a file of its own (eacces)", Advice::Files),
];

/// What kind of remedy a known failure has.
#[derive(Clone, Copy)]
enum Advice {
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

fn known(unit: &Unit) -> Option<&'static KnownFailure> {
    let of = |lines: &[String]| KNOWN.iter().find(|(word, ..)| lines.iter().any(|line| line.contains(word)));
    // What was said around "BOOT FAILED" is nearer to the cause than whatever came after it.
    of(&unit.failure).or_else(|| of(&unit.log)).or_else(|| of(&unit.journal))
}

/// Whether it was refused for its feature flags.
pub(super) fn lacks_flags(unit: &Unit) -> bool {
    fails(unit) && known(unit).is_some_and(|(word, ..)| *word == FLAGS)
}

fn does_not_boot(seen: &Seen<'_>, unit: &Unit, word: Option<&KnownFailure>) -> Finding {
    let name = &seen.host.name;
    let what = match word {
        Some((_, words, _)) => format!("RabbitMQ does not boot: {words}"),
        None => "RabbitMQ does not boot".to_owned(),
    };
    let state = match unit.restarts {
        0 => format!("its unit is {} ({})", unit.active, unit.result),
        restarts => format!(
            "its unit is {} ({}); systemd started it again, {restarts} times",
            unit.active, unit.result
        ),
    };
    let mut found = Finding::on(name, Cause::DoesNotBoot, what).seen(state);
    for line in last_words(unit, word.map(|(word, ..)| *word)) {
        found = found.seen(line);
    }
    match word.map(|(_, _, advice)| *advice) {
        Some(Advice::Recover) => found.mend(rabbitup(format!("run recover-node node={name}"))),
        Some(Advice::WithTheOthers) => {
            found.mend(sentence("start the other members; together they come up:")).mend(rabbitup("up"))
        }
        Some(Advice::Upgrade) => found
            .mend(sentence(
                "enable all flags on the cluster that runs, or install the cluster's version here:",
            ))
            .mend(rabbitup("run upgrade")),
        // The next start takes what was copied for all of it (`already clustered`), and serves with that.
        Some(Advice::Migration) => found
            .mend(sentence(
                "the next start may take what is copied so far for all of it: keep a copy of /var/lib/rabbitmq of every member, \
                 start them together, and compare virtual hosts, users and queues before clients come back:",
            ))
            .mend(rabbitup("up")),
        Some(Advice::Deprecated) => found
            .mend(sentence(
                "permit what the lines above name in [cluster.config] (deprecated_features.permit.NAME = true) until nobody uses \
                 it; then:",
            ))
            .mend(rabbitup("up")),
        Some(Advice::Erlang) => found
            .mend(sentence("install the Erlang that its version needs (rabbitmq.com/docs/which-erlang); then:"))
            .mend(rabbitup("up")),
        Some(Advice::Conf) => found
            .mend(sentence("where the setting is the inventory's own, mend [cluster.config] first; then:"))
            .mend(rabbitup("up")),
        Some(Advice::Port) => found
            .mend(sentence("this shows who has the ports:"))
            .mend(seen.shell("ss -lntp"))
            .mend(rabbitup("up")),
        Some(Advice::Files) => found
            .mend(seen.shell("chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /var/log/rabbitmq"))
            .mend(rabbitup("up")),
        Some(Advice::Up) => found.mend(rabbitup("up")),
        None => found
            .mend(sentence("its log says more; when that is mended:"))
            .mend(rabbitup("up"))
            .mend(seen.shell(&format!("journalctl -u {BROKER_UNIT} -b -n 100 --no-pager"))),
    }
}

/// What RabbitMQ said about its failure: the lines that name it, else those that are marked as errors, else the last.
fn last_words(unit: &Unit, word: Option<&str>) -> Vec<String> {
    let all = || unit.failure.iter().chain(&unit.log).chain(&unit.journal);
    let brief = |line: &String| line.chars().take(LINE).collect::<String>();
    // Of a crash report every line is marked as an error; what it lists is indented.
    let is_noise = |line: &&String| {
        let text = line.split_once("> ").map_or(line.as_str(), |(_, text)| text);
        // What is wrong with a configuration is indented as well, behind a dash.
        let item = text.starts_with("  ") && !text.trim_start().starts_with("- ");
        let listed = item || text.trim_end().ends_with('>') || text.trim().is_empty();
        listed
            || ["=====", "-----", "CRASH REPORT", "BOOT FAILED", "crasher:"].iter().any(|w| text.contains(w))
    };
    let naming: Vec<String> = word
        .map(|word| all().filter(|line| line.contains(word)).take(2).map(brief).collect())
        .unwrap_or_default();
    let errors = |lines: &[String]| -> Vec<String> {
        let marked = lines.iter().filter(|line| line.contains("[error]") || line.contains("[critical]"));
        marked.filter(|line| !is_noise(line)).map(brief).collect()
    };
    let more = [
        naming,
        errors(&unit.failure),
        errors(&unit.log),
        unit.journal.iter().rev().take(3).rev().map(brief).collect(),
    ];
    let mut words: Vec<String> = Vec::new();
    for lines in more {
        // The same line stands in several of these texts.
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
            "the host is blank, while the cluster still lists its node: it may not be let in"
        }
        BrokerState::Down | BrokerState::AppStopped if remembers_only_itself(facts, seen) => {
            "its node was emptied, while the cluster still lists it: it may not be let in"
        }
        _ => return None,
    };
    let has = match seen.running() {
        Some(own) => format!("{} lists only {}", own.name, members_of(own)),
        None => format!("/var/lib/rabbitmq/mnesia has nothing of {node}, or nothing of its members"),
    };
    Some(
        Finding::on(&seen.host.name, Cause::GhostMember, what)
            .peer(&lister.name)
            .seen(format!("{} lists {}", other.name, members_of(other)))
            .seen(has)
            .mend(rabbitup(format!("run recover-node node={}", seen.host.name))),
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
