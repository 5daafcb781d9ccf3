use super::case::{Case, Notes, Seen, rabbitup, sentence};
use crate::cluster::phrases::offset;
use crate::cluster::{machines, unreachable};
use crate::doctor::{Cause, Finding};
use crate::facts::{Barrier, HostFacts, Observation, Shortage, shortages};
use crate::model::NameMode;
use crate::platform::keeps_time;
use crate::rabbitmq::{BROKER_PACKAGE, DISK_FREE_LIMIT};

/// Erlang nodes do not need equal clocks; but with more than a minute, logs cannot be compared, and certificates and tokens
/// created on one host are not yet valid on another.
const CLOCK_MATTERS_MS: f64 = 60_000.0;

/// Problems of a single host, found without asking its broker.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    let middle = middle_of_clocks(case);
    for seen in &case.brokers {
        notes.checked(Cause::Unreachable);
        let Some(facts) = seen.facts else {
            notes.add(out_of_reach(case, seen));
            continue;
        };
        same_machine(case, seen, facts, notes);
        host_name(case, seen, facts, notes);
        notes.checked(Cause::NotInstalled);
        if !seen.is_installed() {
            let what = "RabbitMQ is not installed";
            let found = Finding::on(&seen.host.name, Cause::NotInstalled, what);
            notes.add(found.seen("there is no package and no unit rabbitmq-server").fix(rabbitup("up")));
        }
        let half = facts.packages.get(BROKER_PACKAGE).and_then(|package| package.half_installed.as_ref());
        if let Some(half) = half.filter(|_| seen.running().is_none()) {
            let what = format!("{BROKER_PACKAGE} {half} is partly installed");
            let found = Finding::on(&seen.host.name, Cause::NotInstalled, what);
            let interrupted = facts.system.family.words().interrupted;
            notes.add(
                found.seen(format!("{interrupted} while it unpacked or configured it")).fix(rabbitup("up")),
            );
        }
        disk(seen, facts, notes);
        clock(seen, facts, middle, notes);
    }
}

fn out_of_reach(case: &Case<'_>, seen: &Seen<'_>) -> Finding {
    let name = &seen.host.name;
    let Some(Observation::Unreachable(why)) = case.facts.hosts.get(name) else {
        return Finding::on(name, Cause::NotInspected, "the host was not inspected").fix(rabbitup("doctor"));
    };
    let cause = match why.cause.barrier() {
        Barrier::Login => Cause::Unreachable,
        Barrier::Sudo | Barrier::Session => Cause::NotInspected,
    };
    let mut found = Finding::on(name, cause, unreachable::what(why.cause));
    for line in why.evidence.lines().filter(|line| !line.trim().is_empty()).take(4) {
        found = found.seen(line.trim());
    }
    for advice in unreachable::next_for(case.desired, case.facts, seen.host, why) {
        found = found.fix(advice);
    }
    found
}

fn same_machine(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts, notes: &mut Notes) {
    if facts.system.identity.is_none() {
        return;
    }
    notes.checked(Cause::SameMachine);
    let twice = machines::same(case.desired, case.facts);
    let Some((first, again)) = twice.iter().find(|(_, again)| again.name == seen.host.name) else { return };
    let problem = machines::problem(first, again);
    let mut found = Finding::on(&again.name, Cause::SameMachine, problem.what);
    found.problem.cause = problem.cause;
    notes.add(found);
}

/// RabbitMQ names its node after the kernel's host name; with short names, up to the first dot (rabbitmq-env).
fn host_name(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts, notes: &mut Notes) {
    notes.checked(Cause::HostNameDiffers);
    let (name, running) = (&seen.host.name, facts.host_name.running.as_str());
    let first_label = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
    let same = match case.desired.cluster.names {
        NameMode::Short => first_label(running) == name.as_str(),
        // The domain comes from the resolver; settings.rs checks the running node's own name.
        NameMode::Long => first_label(running) == name.short(),
    };
    let is_given = seen.setting("NODENAME").is_some();
    if same || running.is_empty() || is_given {
        return;
    }
    let what = format!("the host name is {running}, so its node would be named rabbit@{running}");
    let mut found = Finding::on(name, Cause::HostNameDiffers, what)
        .seen(format!("the kernel's host name is {running}; the inventory's is {name}"));
    let other = facts.data.iter().find(|data| data.node != seen.node().to_string());
    found = match other {
        None => found.fix(rabbitup("up")),
        Some(data) => found
            .seen(format!("it has data of {}", data.node))
            .fix(sentence(format!(
                "name the host {running} in the inventory, like its data; rabbitup does not rename a node that has data"
            )))
            .fix(rabbitup("plan")),
    };
    notes.add(found);
}

fn disk(seen: &Seen<'_>, facts: &HostFacts, notes: &mut Notes) {
    if facts.resources.storage.is_empty() {
        return;
    }
    notes.checked(Cause::DiskFull);
    for (directory, shortage) in shortages(&facts.resources.storage, DISK_FREE_LIMIT) {
        let found = Finding::on(&seen.host.name, Cause::DiskFull, directory.what(shortage)).seen(format!(
            "{}: {}",
            directory.path,
            directory.evidence(shortage)
        ));
        let path = &directory.path;
        let (sentence_of_it, command) = match shortage {
            Shortage::Space => (
                "free space on that file system; this shows what uses it:",
                format!("du -xah --max-depth=3 {path}"),
            ),
            Shortage::Inodes => (
                "remove unneeded files; this shows where most of them are:",
                format!("du -x --inodes --max-depth=3 {path}"),
            ),
            Shortage::ReadOnly => (
                "find out why it is read-only, then make it writable (mount -o remount,rw); the kernel log shows disk errors:",
                "journalctl -k -n 50".to_owned(),
            ),
        };
        notes.add(found.fix(sentence(sentence_of_it)).fix(seen.shell(&command)).fix(rabbitup("up")));
    }
}

/// The median clock, including the controller's: with two hosts it shows which of them is wrong.
fn middle_of_clocks(case: &Case<'_>) -> f64 {
    let mut offsets: Vec<f64> =
        case.reached().filter_map(|(_, facts)| Some(facts.clock?.offset_ms)).chain([0.0]).collect();
    offsets.sort_by(f64::total_cmp);
    offsets.get(offsets.len() / 2).copied().unwrap_or_default()
}

fn clock(seen: &Seen<'_>, facts: &HostFacts, middle: f64, notes: &mut Notes) {
    let Some(clock) = facts.clock else { return };
    notes.checked(Cause::ClockOff);
    let off = clock.offset_ms - middle;
    if off.abs() - clock.uncertainty_ms <= CLOCK_MATTERS_MS {
        return;
    }
    let way = if off > 0.0 { "ahead of" } else { "behind" };
    let found = Finding::on(&seen.host.name, Cause::ClockOff, "the clock differs from the other hosts'")
        .seen(format!("it is {} {way} them", offset(off)));
    notes.add(match facts.time_service.running.as_deref() {
        None => found.seen("no time service runs").fix(rabbitup("up")),
        // A bring-up does not touch a running time service, and refuses to continue.
        Some(name) => found
            .seen(format!("{name} runs but has not corrected it"))
            .fix(sentence(format!(
                "check the time sources of {name}, and step the clock (`chronyc makestep`):"
            )))
            .fix(seen.shell(if keeps_time(name) { "chronyc -n sources" } else { "timedatectl" })),
    });
}
