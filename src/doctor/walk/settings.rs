use super::case::{ALIVE, Case, Notes, Seen, rabbitup, sentence};
use crate::cluster::outranked::{self, Subject};
use crate::cluster::plugin_files::missing;
use crate::doctor::{Cause, Finding};
use crate::model::{Advice, HostName, NameMode, Version};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT, ENV_FILE, ERL_ARGS};

/// What outranks the inventory on a host, and settings that nodes need in common to connect: short or long names, the name itself,
/// and TLS.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    for (seen, facts) in case.reached().filter(|(seen, _)| seen.is_installed()) {
        notes.checked(Cause::SettingOutranked);
        notes.checked(Cause::NamesDiffer);
        let identity = outranked::identity(case.desired, seen.host, facts);
        let is_named = !identity.iter().any(|found| names_it(found.subject));
        let settings = outranked::settings(case.desired, seen.host, facts);
        for found in identity.into_iter().chain(settings) {
            notes.add(Finding::of_problem(cause_of(found.subject), found.problem));
        }
        if let Some(found) = names(case, seen).or_else(|| node_name(case, seen)).filter(|_| is_named) {
            notes.add(found);
        }
        plugins(case, seen, notes);
    }
    tls(case, notes);
    super::address_family::walk(case, notes);
}

fn cause_of(subject: Subject) -> Cause {
    match subject {
        Subject::Environment => Cause::EnvironmentBroken,
        Subject::NodeName => Cause::NodeNameDiffers,
        Subject::LongNames => Cause::NamesDiffer,
        Subject::DataPlace => Cause::DataElsewhere,
        Subject::Cookie => Cause::CookieByArgument,
        Subject::Tools | Subject::Settings => Cause::SettingOutranked,
    }
}

fn names_it(subject: Subject) -> bool {
    matches!(subject, Subject::NodeName | Subject::LongNames)
}

/// Plugins of the inventory whose file is not on the host.
fn plugins(case: &Case<'_>, seen: &Seen<'_>, notes: &mut Notes) {
    let (Some(wanted), Some(facts)) = (&case.desired.cluster.plugins, seen.facts) else { return };
    notes.checked(Cause::PluginMissing);
    let installed = facts.installed(BROKER_PACKAGE).and_then(|version| Version::parse(version).ok());
    let release = seen.running().map(|node| node.rabbitmq_version).or(installed);
    let enabled = |plugin: &&String| seen.running().is_some_and(|node| node.plugins.contains(plugin));
    for plugin in wanted.iter().filter(|plugin| !enabled(plugin)) {
        let Some(problem) = missing(facts, plugin, release) else { continue };
        let mut found = Finding::on(&seen.host.name, Cause::PluginMissing, problem.what);
        found.problem.cause = problem.cause;
        notes.add(found);
    }
}

/// Whether the node's name differs from the inventory.
pub(super) fn is_misnamed(case: &Case<'_>, seen: &Seen<'_>) -> bool {
    let by_settings = seen.facts.is_some_and(|facts| {
        outranked::identity(case.desired, seen.host, facts).iter().any(|found| names_it(found.subject))
    });
    by_settings || names(case, seen).is_some() || node_name(case, seen).is_some()
}

fn words(mode: NameMode) -> &'static str {
    match mode {
        NameMode::Short => "short",
        NameMode::Long => "long",
    }
}

/// Erlang nodes with short names refuse those with long ones, and vice versa.
fn names(case: &Case<'_>, seen: &Seen<'_>) -> Option<Finding> {
    let wanted = case.desired.cluster.names;
    let set = seen.setting("USE_LONGNAME");
    let by_environment = seen
        .exam
        .and_then(|exam| exam.vm.as_ref())
        .and_then(|vm| vm.environment.get("RABBITMQ_USE_LONGNAME").or(vm.environment.get("USE_LONGNAME")));
    let by_setting =
        if set.is_some_and(|set| set.value == "true") { NameMode::Long } else { NameMode::Short };
    let by_node = seen.running().map(|node| match node.name.host().is_qualified() {
        true => NameMode::Long,
        false => NameMode::Short,
    });
    let mode = match (by_node, by_environment.map(String::as_str)) {
        (Some(mode), _) if mode != wanted => mode,
        (_, Some("true")) => NameMode::Long,
        _ => by_setting,
    };
    if mode == wanted {
        return None;
    }
    let what = format!(
        "the node uses {} names, the others and the inventory use {} ones",
        words(mode),
        words(wanted)
    );
    let mut found = Finding::on(&seen.host.name, Cause::NamesDiffer, what);
    found = match (set, by_environment, seen.running()) {
        (Some(set), _, _) => found.seen(set.to_string()),
        (None, Some(value), _) => found.seen(format!("the running VM's environment: USE_LONGNAME={value}")),
        (None, None, Some(node)) => found.seen(format!("it runs as {}", node.name)),
        (None, None, None) => found.seen(format!("{ENV_FILE} does not set USE_LONGNAME=true")),
    };
    Some(match wanted {
        // rabbitup adds the line, but never removes one.
        NameMode::Short => unset(seen, found, "USE_LONGNAME"),
        NameMode::Long => found.fix(rabbitup("up")),
    })
}

fn unset(seen: &Seen<'_>, found: Finding, setting: &str) -> Finding {
    let edit = format!("sed -i -E \"/^(RABBITMQ_)?{setting}=/d\" {ENV_FILE}");
    let restart = format!("systemctl restart {BROKER_UNIT}");
    found.fix(seen.shell(&edit)).fix(seen.shell(&restart)).fix(rabbitup("up"))
}

fn node_name(case: &Case<'_>, seen: &Seen<'_>) -> Option<Finding> {
    let wanted = seen.node();
    if let Some(node) = seen.running().filter(|node| node.name != wanted) {
        let what = format!("the node's name is {}, not {wanted}", node.name);
        let found = Finding::on(&seen.host.name, Cause::NodeNameDiffers, what)
            .seen(format!("{} runs here; it was started before the host was renamed", node.name));
        return Some(match node.members.len() < 2 && node.holdings.is_empty() {
            true => found.fix(rabbitup("up")),
            false => found.fix(sentence("it has data under that name:")).fix(rabbitup("plan")),
        });
    }
    under_another_name(case, seen)
}

/// A VM runs, but this host's own epmd knows it under another name.
fn under_another_name(case: &Case<'_>, seen: &Seen<'_>) -> Option<Finding> {
    let exam = seen.exam?;
    let vm = exam.vm.as_ref()?;
    let known = exam.loopback.names.as_ref()?;
    if known.contains_key(ALIVE) || known.is_empty() || seen.running().is_some() {
        return None;
    }
    let names: Vec<String> = known.iter().map(|(name, port)| format!("{name} (port {port})")).collect();
    let what = format!("a broker runs under a name other than {}", seen.node());
    let found = Finding::on(&seen.host.name, Cause::NodeNameDiffers, what).seen(format!(
        "process {} is a RabbitMQ node; epmd here knows {}",
        vm.pid,
        names.join(", ")
    ));
    let others = case.facts.host(&seen.host.name).map(|facts| facts.data.as_slice()).unwrap_or_default();
    let of_other = others.iter().find(|data| data.node != seen.node().to_string());
    let found = match of_other {
        Some(data) => found.seen(format!("it has data of {} here", data.node)),
        None => found,
    };
    let restart: Advice = seen.shell(&format!("systemctl restart {BROKER_UNIT}"));
    Some(
        found
            .fix(sentence(format!(
                "it started under the old name of the host, {ENV_FILE} or its unit; that is gone now, so a restart corrects \
                 the name:"
            )))
            .fix(restart),
    )
}

/// A node with TLS between nodes accepts nothing else (rabbitmq.com/docs/clustering-ssl).
fn tls(case: &Case<'_>, notes: &mut Notes) {
    let speaks = |seen: &Seen<'_>| {
        let runs = seen.exam.and_then(|exam| exam.vm.as_ref());
        match runs {
            Some(vm) => vm
                .proto_dist
                .as_deref()
                .is_some_and(|proto| proto.starts_with("inet") && proto.ends_with("tls")),
            None => ERL_ARGS
                .into_iter()
                .filter_map(|name| seen.setting(name))
                .any(|set| set.value.contains("inet_tls") || set.value.contains("inet6_tls")),
        }
    };
    let installed: Vec<(&Seen<'_>, bool)> = case
        .reached()
        .filter(|(seen, _)| seen.is_installed())
        .map(|(seen, _)| (seen, speaks(seen)))
        .collect();
    installed.iter().for_each(|_| notes.checked(Cause::TlsDiffers));
    let with = installed.iter().filter(|(_, tls)| *tls).count();
    let anchor = case.anchor();
    let anchors = installed.iter().find(|(seen, _)| Some(&seen.host.name) == anchor).map(|(_, tls)| *tls);
    let usual = match (2 * with).cmp(&installed.len()) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => anchors.unwrap_or(false),
    };
    let others: Vec<&HostName> =
        installed.iter().filter(|(_, tls)| *tls == usual).map(|(seen, _)| &seen.host.name).collect();
    for (seen, tls) in installed.iter().filter(|(_, tls)| *tls != usual) {
        let (has, have) = if *tls { ("TLS", "plain TCP") } else { ("plain TCP", "TLS") };
        let what = format!("the node uses {has} between nodes, the others use {have}");
        let names: Vec<String> = others.iter().map(ToString::to_string).collect();
        let mut found = Finding::on(&seen.host.name, Cause::TlsDiffers, what)
            .seen(format!("-proto_dist inet_tls {} here, and {} on {}", is_set(*tls), is_set(!tls), names.join(", ")))
            .fix(sentence(format!(
                "make RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS and RABBITMQ_CTL_ERL_ARGS in {ENV_FILE} the same as on {}, \
                 then restart the broker:",
                names.first().map(String::as_str).unwrap_or_default()
            )))
            .fix(seen.shell(&format!("systemctl restart {BROKER_UNIT}")));
        if let Some(other) = others.first() {
            found = found.peer(other);
        }
        notes.add(found);
    }
}

fn is_set(tls: bool) -> &'static str {
    if tls { "is set" } else { "is not set" }
}
