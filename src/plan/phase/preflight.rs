use super::Draft;
use crate::cluster::machines;
use crate::cluster::phrases::offset;
use crate::facts::PackageLock;
use crate::model::{Advice, Cause, HostName, Next, Problem};
use crate::plan::RefusalKind;
use crate::platform::{LOCK_PATIENCE_S, Platform, platforms};
use crate::playbook::HostCheck;
use crate::rabbitmq::BROKER_PACKAGE;

/// Checks for what would make a later phase fail, and refuses with the evidence before anything is changed.
pub fn plan(draft: &mut Draft<'_>, floor: &HostCheck) {
    let controller_is_off = controllers_clock(draft);
    one_machine_twice(draft);
    for host in draft.hosts() {
        system(draft, &host.name);
        resources(draft, &host.name, draft.desired.is_broker(host), floor);
        package_manager(draft, &host.name);
        if !controller_is_off {
            clock(draft, &host.name);
        }
    }
}

/// Two hosts of the inventory that are one machine: each would undo what was done for the other.
fn one_machine_twice(draft: &mut Draft<'_>) {
    for (first, again) in machines::same(draft.desired, draft.observed) {
        let problem = machines::problem(first, again);
        draft.refuse_problem(&again.name, RefusalKind::SameMachine, problem);
    }
}

/// The platform of the host's package family. A host of an unknown family is refused, once.
pub(super) fn platform(draft: &mut Draft<'_>, name: &HostName) -> Option<&'static Platform> {
    let system = &draft.host(name)?.system;
    let known = system.family.platform();
    if let Some(platform) = known.filter(|platform| (platform.supports)(&system.id, &system.version)) {
        return Some(platform);
    }
    let systems: Vec<&str> = platforms().map(|platform| platform.systems).collect();
    let what = format!("{} is not supported", system.pretty_name);
    let why = match known {
        Some(_) => format!("os-release says ID={} and VERSION_ID={}", system.id, system.version),
        None => format!("os-release says ID={}, and ID_LIKE names no system that rabbitup knows", system.id),
    };
    let kind = RefusalKind::UnsupportedSystem;
    if !draft.refuses(name, kind) {
        draft.refuse(name, kind, what, why, format!("rabbitup manages {}", systems.join("; ")));
    }
    None
}

fn system(draft: &mut Draft<'_>, name: &HostName) {
    let Some(facts) = draft.host(name) else { return };
    let system = facts.system.clone();
    if platform(draft, name).is_some() && !system.systemd {
        draft.refuse(
            name,
            RefusalKind::NoSystemd,
            "systemd does not run as process 1",
            "/run/systemd/system does not exist",
            "rabbitup starts, stops and enables services through systemd only",
        );
    }
}

fn resources(draft: &mut Draft<'_>, name: &HostName, is_broker: bool, floor: &HostCheck) {
    let Some(facts) = draft.host(name) else { return };
    let installs = facts.installed(BROKER_PACKAGE).is_none();
    let (disk, memory) = (facts.resources.disk_free_kib, facts.resources.memory_total_kib);
    if let Some(free) = disk.filter(|free| installs && free / 1024 < floor.min_free_disk.mib()) {
        draft.refuse(
            name,
            RefusalKind::TooLittleDisk,
            "there is not enough free disk space",
            format!(
                "{} MiB are free under /var/lib, {} MiB are needed",
                free / 1024,
                floor.min_free_disk.mib()
            ),
            "make room, or lower min_free_disk in the playbook's preflight",
        );
    }
    if let Some(total) = memory.filter(|total| is_broker && total / 1024 < floor.min_memory.mib()) {
        draft.refuse(
            name,
            RefusalKind::TooLittleMemory,
            "there is not enough memory for a broker",
            format!("the host has {} MiB, {} MiB are needed", total / 1024, floor.min_memory.mib()),
            "use a larger host, or lower min_memory in the playbook's preflight",
        );
    }
}

fn package_manager(draft: &mut Draft<'_>, name: &HostName) {
    if let Some(lock) = draft.host(name).and_then(|facts| facts.package_lock.clone()) {
        let PackageLock { pid, command, .. } = &lock;
        draft.note(
            name,
            format!(
                "{command} (process {pid}) holds {}; an installation waits for it, up to {} min",
                lock.what(),
                LOCK_PATIENCE_S / 60
            ),
        );
    }
}

/// If time services run on the hosts and their clocks agree with each other, then this machine's clock is wrong. True if it
/// was refused for that reason.
fn controllers_clock(draft: &mut Draft<'_>) -> bool {
    let limit = draft.desired.time.max_offset.as_secs_f64() * 1000.0;
    let mut offsets: Vec<f64> = Vec::new();
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let Some(clock) = facts.clock.filter(|_| facts.time_service.running.is_some()) else { return false };
        if clock.offset_ms.abs() - clock.uncertainty_ms <= limit {
            return false;
        }
        offsets.push(clock.offset_ms);
    }
    offsets.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (offsets.first(), offsets.last()) else { return false };
    if offsets.len() < 2 || most - least > 2.0 * limit {
        return false;
    }
    let side = if *most > 0.0 { "behind" } else { "ahead of" };
    let off = offset((least + most).abs() / 2.0);
    let problem = Problem::new(
        format!(
            "this machine's clock is {off} {side} the clocks of all {} hosts; at most {} is allowed",
            offsets.len(),
            offset(limit)
        ),
        "a time service runs on each of them, and they agree with each other",
        draft.again("set this machine's clock (timedatectl shows whether a time service runs here); then"),
    );
    draft.push_refusal(RefusalKind::ControllersClock, problem);
    true
}

/// A wrong clock is refused if this run will not correct it: time is not managed, or it is
/// managed and still wrong.
fn clock(draft: &mut Draft<'_>, name: &HostName) {
    let Some(facts) = draft.host(name) else { return };
    let Some(clock) = facts.clock else { return };
    let limit = draft.desired.time.max_offset.as_secs_f64() * 1000.0;
    let off = clock.offset_ms.abs() - clock.uncertainty_ms;
    if off <= limit {
        return;
    }
    let kept = facts.time_service.running.clone();
    let side = if clock.offset_ms > 0.0 { "ahead of" } else { "behind" };
    let found = format!("the clock is {} {side} this machine's", offset(clock.offset_ms.abs()));
    match kept {
        Some(service) => draft.refuse(
            name,
            RefusalKind::WrongClock,
            format!("{found}; at most {} is allowed", offset(limit)),
            format!("{service} runs on the host and has not corrected it"),
            Next::say(format!(
                "this shows whether {service} is in sync; if it is, this machine's own clock is wrong:"
            ))
            .and(draft.on_host(name, "timedatectl")),
        ),
        None if off > PACKAGES_MIND_MS && installs(draft, name) => {
            let cause = unusable(draft, name, clock.offset_ms);
            draft.refuse_problem(name, RefusalKind::WrongClockForPackages, cause.of(found));
        }
        None if draft.desired.time.manage => {
            draft.note(name, format!("{found}; no time service runs yet, chrony will correct it"));
        }
        None => draft.refuse(
            name,
            RefusalKind::WrongClockUnmanaged,
            format!("{found}; at most {} is allowed", offset(limit)),
            "no time service runs on the host, and [time] manage is false",
            "start one, or let rabbitup do it: [time] manage = true",
        ),
    }
}

/// How far a clock may be off where packages are fetched, in milliseconds. apt refuses lists that are ten seconds from the future
/// (Acquire::Max-FutureTime in apt.conf(5)), and mirrors publish new ones several times a day.
const PACKAGES_MIND_MS: f64 = 600_000.0;

/// Whether this run installs packages on the host before chrony can correct its clock.
fn installs(draft: &Draft<'_>, name: &HostName) -> bool {
    let (Some(host), Some(facts)) = (draft.desired.host(name), draft.host(name)) else { return false };
    let Some(platform) = facts.system.family.platform() else { return false };
    let broker = draft.desired.is_broker(host).then_some(BROKER_PACKAGE);
    let time = draft.desired.time.manage.then_some(platform.time.package);
    broker.into_iter().chain(time).any(|package| facts.installed(package).is_none())
}

/// Why packages cannot be installed with a clock that is this far off, and how it is set.
fn unusable(draft: &Draft<'_>, name: &HostName, ms: f64) -> Cause {
    let (refused, relative) = if ms < 0.0 {
        ("lists, certificates and signatures that are newer than its clock", "seconds")
    } else {
        ("lists and certificates that have expired by its clock", "seconds ago")
    };
    let offsets: Vec<f64> =
        draft.hosts().iter().filter_map(|host| Some(draft.host(&host.name)?.clock?.offset_ms)).collect();
    let agree = offsets.len() > 1 && offsets.iter().all(|other| (other - ms).abs() < 60_000.0);
    let doubt = if agree {
        "; the hosts agree with each other, so it may be this machine's clock that is wrong"
    } else {
        ""
    };
    Cause::new(
        format!("no time service runs on the host, and its package manager refuses {refused}{doubt}"),
        Next::say("this sets it right:")
            .and(draft.on_host(name, &format!("date -s '{:.0} {relative}'", (ms / 1000.0).abs())))
            .and(Advice::Command(draft.options.command.clone())),
    )
}
