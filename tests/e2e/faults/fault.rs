//! The faults: how each is injected, and how it is undone if rabbitup cannot do that.

use std::time::Duration;

use super::invariants;
use super::moment::When;
use super::playbook::Playbook;
use super::ways::mirror::{Manner, Mirror};
use super::ways::{clock, controller, hold, hostile, names, storage};
use crate::inventory::Inventory;
use crate::lab::Disk;
use crate::program::{Running, Start, until};
use crate::stage::{ALL, BROKERS, Stage, octet};
use crate::watch::server_states;

/// How long a host keeps the lock of a lost run (`LEASE` of src/apply/lock.rs), and a margin.
const LEASE: Duration = Duration::from_secs(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Kill,
    Interrupt,
    Terminate,
    HangUp,
    Session,
    Power,
    Cut,
    Broker,
    Disk,
    StoppedDisk,
    Inodes,
    ReadOnly,
    Repository,
    Mirror,
    PackageManager,
    Names,
    ControllerClock,
    HostClock,
    Pause,
    Second,
    Hostile,
}

/// Set-up of a fault for the whole fault run.
pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub playbook: &'static Playbook,
    /// Where the packages come from, for the fault that silences it.
    pub mirror: Option<Mirror>,
    /// The hosts on which steps are held in their middle, so that the fault can hit them there.
    held: Vec<&'static str>,
}

impl<'a> Scene<'a> {
    pub fn set(stage: &'a Stage, playbook: &'static Playbook, fault: Fault, when: When) -> Self {
        let mirror = (fault == Fault::Mirror).then(|| {
            let mirror = Mirror::start(&stage.lab, stage.lab.suite().family(), &ALL);
            mirror.enter(&stage.lab);
            mirror
        });
        let held = if when == When::Middle { invariants::hosts_of(playbook) } else { Vec::new() };
        hold::prepare(&stage.lab, &held);
        Self { stage, playbook, mirror, held }
    }

    /// Before a run: its short steps are held in their middle.
    pub fn hold(&self) {
        hold::arm(&self.stage.lab, &self.held);
    }

    /// A step that is not to be hit, or has been, goes on.
    pub fn let_go(&self, host: &str, step: &str) {
        if self.held.contains(&host) {
            hold::spare(&self.stage.lab, host, step);
        }
    }

    /// After a run: whatever is still held goes on.
    pub fn release(&self) {
        hold::release(&self.stage.lab, &self.held);
    }

    /// Removes the set-up.
    pub fn clear(self) {
        if let Some(mirror) = self.mirror {
            mirror.leave(&self.stage.lab);
        }
        hold::remove(&self.stage.lab, &self.held);
    }
}

/// The result of an injection.
pub enum Struck {
    /// Nothing was hit: no broker ran, or the run had ended.
    Nothing,
    /// It hit, and this was wrong immediately.
    Found(Vec<String>),
}

impl Struck {
    fn there(done: bool) -> Self {
        if done { Self::Found(Vec::new()) } else { Self::Nothing }
    }
}

impl Fault {
    pub const ALL: [Self; 21] = [
        Self::Kill,
        Self::Interrupt,
        Self::Terminate,
        Self::HangUp,
        Self::Session,
        Self::Power,
        Self::Cut,
        Self::Broker,
        Self::Repository,
        Self::Mirror,
        Self::PackageManager,
        Self::Names,
        Self::ControllerClock,
        Self::HostClock,
        Self::ReadOnly,
        Self::Pause,
        Self::Second,
        Self::Hostile,
        Self::Disk,
        Self::StoppedDisk,
        Self::Inodes,
    ];

    /// Its name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Interrupt => "interrupt",
            Self::Terminate => "terminate",
            Self::HangUp => "hang-up",
            Self::Session => "session",
            Self::Power => "power",
            Self::Cut => "cut",
            Self::Broker => "broker",
            Self::Disk => "disk",
            Self::StoppedDisk => "stopped-disk",
            Self::Inodes => "inodes",
            Self::ReadOnly => "read-only",
            Self::Repository => "repository",
            Self::Mirror => "mirror",
            Self::PackageManager => "dpkg",
            Self::Names => "names",
            Self::ControllerClock => "controller-clock",
            Self::HostClock => "host-clock",
            Self::Pause => "pause",
            Self::Second => "second",
            Self::Hostile => "hostile",
        }
    }

    /// Whether it can be injected while this step runs: `packages`, `restart`.
    pub fn concerns(self, host: &str, step: &str) -> bool {
        match self {
            Self::Repository | Self::Mirror | Self::PackageManager => matches!(step, "packages" | "upgrade"),
            Self::Broker | Self::StoppedDisk | Self::Names | Self::Hostile => BROKERS.contains(&host),
            _ => true,
        }
    }

    /// Hits only every n-th step in a whole fault run, if noticing it takes a minute or more.
    pub fn every(self) -> usize {
        match self {
            Self::Cut | Self::Pause => 5,
            Self::Mirror => 2,
            _ => 1,
        }
    }

    /// The exit codes of a run with this fault. A run whose last step had ended cannot fail any more.
    pub fn exits(self) -> &'static [Option<i32>] {
        match self {
            Self::Kill => &[None],
            Self::Interrupt | Self::Terminate | Self::HangUp => &[Some(130), Some(0)],
            // Despite the second controller, the first run succeeds.
            Self::Second => &[Some(0)],
            _ => &[Some(1), Some(0)],
        }
    }

    /// Whether the same run is also hit at its other steps, since it continues.
    pub fn lets_the_run_go_on(self) -> bool {
        matches!(self, Self::Second | Self::Hostile)
    }

    /// Whether the fault itself stops the broker on the host.
    pub fn takes_broker(self) -> bool {
        matches!(
            self,
            Self::Power
                | Self::Broker
                | Self::Disk
                | Self::StoppedDisk
                | Self::Inodes
                | Self::ReadOnly
                | Self::Cut
        )
    }

    /// The disk that a host needs for it.
    pub fn disk(self) -> Disk {
        match self {
            Self::Disk | Self::StoppedDisk | Self::Inodes => storage::SMALL,
            _ => Disk::Machines,
        }
    }

    /// How long the next run may find the host still locked by the one before.
    pub fn locked_for(self) -> Duration {
        if self == Self::Cut { LEASE } else { Duration::ZERO }
    }

    /// What a run needs before the fault hits it.
    pub fn ready(self, stage: &Stage, start: Start) -> Start {
        if self == Self::ControllerClock { clock::settable(stage, start) } else { start }
    }

    /// Injects it.
    pub fn strike(self, scene: &Scene<'_>, run: &Running, host: &str) -> Struck {
        let (stage, lab) = (scene.stage, &scene.stage.lab);
        match self {
            Self::Kill => return Struck::there(run.signal("KILL")),
            Self::Interrupt => return Struck::there(run.signal("INT")),
            Self::Terminate => return Struck::there(run.signal("TERM")),
            Self::HangUp => return Struck::there(run.signal("HUP")),
            Self::Pause => return Struck::there(controller::pause(run)),
            Self::Second => return controller::second(scene, run),
            Self::Session => drop(lab.stdout_of(host, KILL_SESSIONS)),
            Self::Power => {
                lab.kill(host);
                lab.boot(host);
            }
            Self::Cut => lab.cut(host),
            Self::Broker => return Struck::there(lab.run_on(host, STOP_BROKER).status.success()),
            Self::Disk => drop(lab.stdout_of(host, storage::FILL)),
            Self::StoppedDisk => {
                let stopped = lab.run_on(host, STOP_BROKER).status.success();
                if stopped {
                    lab.stdout_of(host, storage::FILL);
                }
                return Struck::there(stopped);
            }
            Self::Inodes => drop(lab.stdout_of(host, storage::TAKE_INODES)),
            Self::ReadOnly => drop(lab.stdout_of(host, storage::REMOUNT_READ_ONLY)),
            Self::Repository => drop(lab.stdout_of(host, "mount -t tmpfs none /srv/repo")),
            Self::Mirror => scene.mirror.as_ref().expect("the scene has one").set(Manner::IsSilent),
            Self::PackageManager => {
                return Struck::there(
                    lab.run_on(host, scene.stage.lab.suite().family().kill()).status.success(),
                );
            }
            Self::Names => names::mislead(lab, host),
            Self::ControllerClock => clock::jump_here(stage),
            Self::HostClock => clock::jump_there(lab, host),
            Self::Hostile => return Struck::there(hostile::begin(lab, host)),
        }
        Struck::there(true)
    }

    /// What an operator sees before the fault is undone: the words that name the cause, by the command that must print them.
    fn shows(self) -> &'static [(&'static [&'static str], &'static str)] {
        const FULL: &[(&[&str], &str)] =
            &[(&["status"], "has no space left"), (&["doctor"], "has no space left")];
        match self {
            Self::Disk => FULL,
            Self::StoppedDisk => &[
                (&["status"], "has no space left"),
                (&["plan"], "has no space left"),
                (&["doctor"], "has no space left"),
            ],
            Self::Inodes => &[(&["status"], "has no inodes left"), (&["doctor"], "has no inodes left")],
            Self::ReadOnly => &[(&["status"], "is read-only")],
            Self::Names => &[(&["plan"], "resolves to")],
            Self::HostClock => &[(&["plan"], "the clock is"), (&["status"], "the clock is")],
            _ => &[],
        }
    }

    /// Which of these commands does not name the cause. doctor inspects brokers only.
    pub fn unnamed(self, scene: &Scene<'_>, host: &str) -> Vec<String> {
        let inventory: Inventory = (scene.playbook.inventory)(scene.stage);
        let mut unnamed = Vec::new();
        let asked = |command: &[&str]| command != ["doctor"] || BROKERS.contains(&host);
        for (command, cause) in self.shows().iter().filter(|(command, _)| asked(command)) {
            let run = scene.stage.rabbitup(&inventory).args(command.iter().copied()).run();
            let said = format!("{} {}", run.out, run.err).split_whitespace().collect::<Vec<_>>().join(" ");
            if !said.contains(cause) {
                unnamed.push(format!("`{}` does not say `{cause}`:\n{run}", command.join(" ")));
            }
        }
        unnamed
    }

    /// Undoes it, as an operator would before running the command again. Returns what was wrong.
    pub fn heal(self, scene: &Scene<'_>, host: &str) -> Vec<String> {
        let (stage, lab) = (scene.stage, &scene.stage.lab);
        let brokers_too = scene.playbook.undo == Undo::AlsoBrokers;
        match self {
            Self::Cut => {
                lab.heal(host);
                if BROKERS.contains(&host) {
                    lab.run_on(host, RESTART_PARTED);
                }
                seen_by_balancers(scene);
            }
            Self::Disk | Self::StoppedDisk => drop(lab.stdout_of(host, storage::EMPTY)),
            Self::Inodes => drop(lab.stdout_of(host, storage::GIVE_INODES)),
            Self::ReadOnly => drop(lab.stdout_of(host, storage::REMOUNT_WRITABLE)),
            Self::Repository => drop(lab.stdout_of(host, "umount /srv/repo")),
            Self::Mirror => scene.mirror.as_ref().expect("the scene has one").set(Manner::Answers),
            Self::Power if brokers_too => drop(lab.run_on(host, WAIT_FOR_BOOT)),
            Self::Names => names::put_right(lab, host),
            Self::ControllerClock => clock::put_right_here(stage),
            Self::HostClock => clock::put_right_there(lab, host),
            Self::Hostile => return hostile::end(lab, host),
            Self::Kill
            | Self::Interrupt
            | Self::Terminate
            | Self::HangUp
            | Self::Session
            | Self::Power
            | Self::Broker
            | Self::PackageManager
            | Self::Pause
            | Self::Second => {}
        }
        if brokers_too && self.takes_broker() && !matches!(self, Self::Power | Self::Cut) {
            let takes_nothing =
                matches!(self, Self::Disk | Self::StoppedDisk | Self::Inodes | Self::ReadOnly);
            lab.run_on(host, if takes_nothing { RESTART_BROKER } else { START_BROKER });
        }
        Vec::new()
    }
}

/// What an operator fixes before running the command again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Networks and disks; starting brokers is the command's job.
    Surroundings,
    /// Brokers too: the command needs them to run, and refuses otherwise.
    AlsoBrokers,
}

/// In the host's own process table: every sshd but the one that listens.
const KILL_SESSIONS: &str =
    "ps -eo pid=,ppid=,comm= | awk '$3 ~ /^sshd/ && $2 != 1 { print $1 }' | xargs -r kill -9";

const STOP_BROKER: &str = "case $(systemctl is-active rabbitmq-server) in active | activating) ;; *) exit 1 ;; esac; \
     systemctl stop --no-block rabbitmq-server";

const START_BROKER: &str =
    "! systemctl -q is-enabled rabbitmq-server || timeout 120 systemctl start rabbitmq-server";

/// Mnesia may have stopped inside a running RabbitMQ: `status` and `plan` say so, and that it needs a restart.
const RESTART_BROKER: &str = "systemctl -q is-enabled rabbitmq-server || exit 0; \
     timeout 60 rabbitmqctl -q eval 'yes = mnesia:system_info(is_running), rabbit:is_running().' 2>/dev/null | grep -qx true || \
     timeout 180 systemctl restart rabbitmq-server";

/// A node without network for longer than net_ticktime, a minute, is partitioned, and stays so unless it is restarted
/// (cluster_partition_handling is ignore): `status` and `doctor` say so. Waits until the node either sees every member or reports
/// the partition.
const RESTART_PARTED: &str = "systemctl -q is-active rabbitmq-server || exit 0; for _ in $(seq 40); do \
     case $(timeout 10 rabbitmqctl -q eval 'case rabbit_node_monitor:partitions() of [] -> \
     length(try rabbit_nodes:list_members() catch error:undef -> rabbit_mnesia:cluster_nodes(all) end) =:= \
     length(try rabbit_nodes:list_running() catch error:undef -> rabbit_mnesia:cluster_nodes(running) end); _ -> parted end.') in \
     true) exit 0 ;; parted) timeout 180 systemctl restart rabbitmq-server; exit ;; *) sleep 0.5 ;; esac; done";

/// Units that the command needs may still be booting. A broker that waits for others is left to the command.
const WAIT_FOR_BOOT: &str = "for _ in $(seq 100); do \
     case $(systemctl is-system-running) in initializing | starting) sleep 0.2 ;; *) exit 0 ;; esac; done";

/// Waits until every HAProxy that is installed has noticed which brokers are back. If it never does, the runs
/// that follow show why.
fn seen_by_balancers(scene: &Scene<'_>) {
    let stage = scene.stage;
    let active = invariants::active(stage);
    let notices = |balancer: &&str| {
        let states = server_states(&stage.lab.address(octet(balancer))).unwrap_or_default();
        let down = |host: &&str| states.get(*host).is_some_and(|state| state.starts_with("DOWN"));
        !active.iter().any(down)
    };
    let noticed = || scene.playbook.balancers.iter().all(notices).then_some(());
    invariants::attempt(|| until("HAProxy sees the brokers that run", Duration::from_secs(30), noticed));
}
