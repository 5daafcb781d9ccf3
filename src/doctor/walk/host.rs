use super::case::{Case, Notes, Seen, rabbitup, sentence};
use crate::doctor::unreachable::{self, COMMAND};
use crate::doctor::{Cause, Finding, Remedy};
use crate::facts::{HostFacts, Observation, Shortage, shortages};
use crate::model::NameMode;
use crate::platform::keeps_time;
use crate::rabbitmq::{BROKER_PACKAGE, DISK_FREE_LIMIT};

/// Erlang nodes need no equal clocks; beyond a minute logs cannot be laid side by side, and certificates and tokens that
/// are made on one host are not valid yet on another.
const CLOCK_MATTERS_MS: f64 = 60_000.0;

/// What is wrong with a host on its own, before any broker is asked.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    let middle = middle_of_clocks(case);
    for seen in &case.brokers {
        notes.looked(Cause::Unreachable);
        let Some(facts) = seen.facts else {
            notes.add(out_of_reach(case, seen));
            continue;
        };
        host_name(case, seen, facts, notes);
        notes.looked(Cause::NotInstalled);
        if !seen.is_installed() {
            let what = "RabbitMQ is not installed";
            let found = Finding::on(&seen.host.name, Cause::NotInstalled, what);
            notes
                .add(found.seen("no package rabbitmq-server, and no unit of that name").mend(rabbitup("up")));
        }
        let half = facts.packages.get(BROKER_PACKAGE).and_then(|package| package.half_installed.as_ref());
        if let Some(half) = half.filter(|_| seen.running().is_none()) {
            let what = format!("{BROKER_PACKAGE} {half} is there in part");
            let found = Finding::on(&seen.host.name, Cause::NotInstalled, what);
            let interrupted = facts.system.family.words().interrupted;
            notes.add(
                found.seen(format!("{interrupted} while it unpacked or configured it")).mend(rabbitup("up")),
            );
        }
        disk(seen, facts, notes);
        clock(seen, facts, middle, notes);
    }
}

fn out_of_reach(case: &Case<'_>, seen: &Seen<'_>) -> Finding {
    let name = &seen.host.name;
    let Some(Observation::Unreachable(why)) = case.facts.hosts.get(name) else {
        return Finding::on(name, Cause::Unreachable, "the host was not looked at").mend(rabbitup("doctor"));
    };
    let mut found = Finding::on(name, Cause::Unreachable, unreachable::what(why.cause));
    for line in why.evidence.lines().filter(|line| !line.trim().is_empty()).take(4) {
        found = found.seen(line.trim());
    }
    for line in unreachable::next(why, Some(&seen.host.ssh)) {
        found = found.mend(match line.strip_prefix(COMMAND) {
            Some(command) => Remedy::Command(command.to_owned()),
            None => Remedy::Sentence(line),
        });
    }
    found
}

/// RabbitMQ names its node after the kernel's host name, up to the first dot where names are short (rabbitmq-env).
fn host_name(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts, notes: &mut Notes) {
    notes.looked(Cause::HostNameDiffers);
    let (name, running) = (&seen.host.name, facts.host_name.running.as_str());
    let first_label = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
    let same = match case.desired.cluster.names {
        NameMode::Short => first_label(running) == name.as_str(),
        // The domain comes from the resolver; the running node's own name is looked at elsewhere.
        NameMode::Long => first_label(running) == name.short(),
    };
    let is_given = seen.setting("NODENAME").is_some();
    if same || running.is_empty() || is_given {
        return;
    }
    let what = format!("the host calls itself {running}, so its node would call itself rabbit@{running}");
    let mut found = Finding::on(name, Cause::HostNameDiffers, what)
        .seen(format!("the kernel's host name is {running}; the inventory's is {name}"));
    let other = facts.data.iter().find(|data| data.node != seen.node().to_string());
    found = match other {
        None => found.mend(rabbitup("up")),
        Some(data) => found
            .seen(format!("it holds data of {}", data.node))
            .mend(sentence(format!(
                "name the host {running} in the inventory, as its data is; rabbitup does not rename a node that holds data"
            )))
            .mend(rabbitup("plan")),
    };
    notes.add(found);
}

fn disk(seen: &Seen<'_>, facts: &HostFacts, notes: &mut Notes) {
    if facts.resources.storage.is_empty() {
        return;
    }
    notes.looked(Cause::DiskFull);
    for (directory, shortage) in shortages(&facts.resources.storage, DISK_FREE_LIMIT) {
        let found = Finding::on(&seen.host.name, Cause::DiskFull, directory.what(shortage)).seen(format!(
            "{}: {}",
            directory.path,
            directory.evidence(shortage)
        ));
        let path = &directory.path;
        let (sentence_of_it, command) = match shortage {
            Shortage::Space => (
                "make room on that file system; this shows what takes it:",
                format!("du -xah --max-depth=3 {path}"),
            ),
            Shortage::Inodes => (
                "remove files that nobody needs; this shows where they are:",
                format!("du -x --inodes --max-depth=3 {path}"),
            ),
            Shortage::ReadOnly => (
                "find out why it is read-only, then make it writable (mount -o remount,rw); the kernel tells of errors of the disk:",
                "journalctl -k -n 50".to_owned(),
            ),
        };
        notes.add(found.mend(sentence(sentence_of_it)).mend(seen.shell(&command)).mend(rabbitup("up")));
    }
}

/// The clock in the middle, with the controller's among them: with two hosts it tells which of them is off.
fn middle_of_clocks(case: &Case<'_>) -> f64 {
    let mut offsets: Vec<f64> =
        case.reached().filter_map(|(_, facts)| Some(facts.clock?.offset_ms)).chain([0.0]).collect();
    offsets.sort_by(f64::total_cmp);
    offsets.get(offsets.len() / 2).copied().unwrap_or_default()
}

fn clock(seen: &Seen<'_>, facts: &HostFacts, middle: f64, notes: &mut Notes) {
    let Some(clock) = facts.clock else { return };
    notes.looked(Cause::ClockOff);
    let off = clock.offset_ms - middle;
    if off.abs() - clock.uncertainty_ms <= CLOCK_MATTERS_MS {
        return;
    }
    let way = if off > 0.0 { "ahead of" } else { "behind" };
    let found = Finding::on(&seen.host.name, Cause::ClockOff, "the clock differs from the other hosts'")
        .seen(format!("it is {:.0} s {way} them", off.abs() / 1000.0));
    notes.add(match facts.time_service.running.as_deref() {
        None => found.seen("no time service runs").mend(rabbitup("up")),
        // A bring-up leaves a service that runs alone, and refuses to go on.
        Some(name) => found
            .seen(format!("{name} runs, and has not set it right"))
            .mend(sentence(format!(
                "see which time {name} goes by, and step the clock to it (`chronyc makestep`):"
            )))
            .mend(seen.shell(if keeps_time(name) { "chronyc -n sources" } else { "timedatectl" })),
    });
}
