//! What goes wrong: how each fault is brought about, and how it is undone where that is not rabbitup's business.

use std::time::Duration;

use super::invariants;
use crate::lab::Disk;
use crate::program::{Running, until};
use crate::stage::{BROKERS, Stage, octet};
use crate::watch::server_states;

/// How large a host's disk is where it is to be filled: what a bring-up asks for, and some more.
const SMALL_DISK: &str = "1500M";

/// How long a host keeps the lock of a run that it has lost sight of (`LEASE` of src/apply/lock.rs), and some more.
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
    Repository,
    Dpkg,
}

impl Fault {
    pub const ALL: [Self; 11] = [
        Self::Kill,
        Self::Interrupt,
        Self::Terminate,
        Self::HangUp,
        Self::Session,
        Self::Power,
        Self::Cut,
        Self::Broker,
        Self::Disk,
        Self::Repository,
        Self::Dpkg,
    ];

    /// The word that picks it on the command line.
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
            Self::Repository => "repository",
            Self::Dpkg => "dpkg",
        }
    }

    /// Whether it can be brought about while this step runs: `packages`, `restart`.
    pub fn concerns(self, host: &str, step: &str) -> bool {
        match self {
            Self::Repository | Self::Dpkg => matches!(step, "packages" | "upgrade"),
            Self::Broker => BROKERS.contains(&host),
            _ => true,
        }
    }

    /// What a run ends with that this came upon. A run whose last step had ended has nothing left to fail at.
    pub fn exits(self) -> &'static [Option<i32>] {
        match self {
            Self::Kill => &[None],
            Self::Interrupt | Self::Terminate | Self::HangUp => &[Some(130), Some(0)],
            _ => &[Some(1), Some(0)],
        }
    }

    /// Whether the broker on the struck host is out of service by the fault itself.
    pub fn takes_broker(self) -> bool {
        matches!(self, Self::Power | Self::Broker | Self::Disk | Self::Cut)
    }

    /// The disk that a host needs for it.
    pub fn disk(self) -> Disk {
        if self == Self::Disk { Disk::Own(SMALL_DISK) } else { Disk::Machines }
    }

    /// How long the next run may find the host still locked by the one before.
    pub fn locked_for(self) -> Duration {
        if self == Self::Cut { LEASE } else { Duration::ZERO }
    }

    /// Brings it about. False where there was nothing to strike: no broker ran.
    pub fn strike(self, stage: &Stage, run: &Running, host: &str) -> bool {
        let lab = &stage.lab;
        match self {
            Self::Kill => return run.signal("KILL"),
            Self::Interrupt => return run.signal("INT"),
            Self::Terminate => return run.signal("TERM"),
            Self::HangUp => return run.signal("HUP"),
            Self::Session => drop(lab.stdout_of(host, KILL_SESSIONS)),
            Self::Power => {
                lab.kill(host);
                lab.boot(host);
            }
            Self::Cut => lab.cut(host),
            Self::Broker => return lab.run_on(host, STOP_BROKER).status.success(),
            Self::Disk => drop(lab.stdout_of(host, FILL_DISK)),
            Self::Repository => drop(lab.stdout_of(host, "mount -t tmpfs none /srv/repo")),
            Self::Dpkg => return lab.run_on(host, KILL_DPKG).status.success(),
        }
        true
    }

    /// Undoes it, as an operator would before he runs the command again.
    pub fn heal(self, stage: &Stage, host: &str, undo: Undo) {
        let lab = &stage.lab;
        match self {
            Self::Cut => {
                lab.heal(host);
                seen_by_balancer(stage);
            }
            Self::Disk => {
                lab.stdout_of(host, "rm -f /ballast");
                if undo == Undo::AlsoBrokers {
                    lab.run_on(host, START_BROKER);
                }
            }
            Self::Repository => drop(lab.stdout_of(host, "umount /srv/repo")),
            Self::Broker if undo == Undo::AlsoBrokers => drop(lab.run_on(host, START_BROKER)),
            Self::Power if undo == Undo::AlsoBrokers => drop(lab.run_on(host, WAIT_FOR_BOOT)),
            _ => {}
        }
    }
}

/// What an operator mends before he runs the command again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Networks and disks; a broker that does not run is what the command is for.
    Surroundings,
    /// Brokers, too: the command wants them to run, and refuses otherwise.
    AlsoBrokers,
}

/// In the host's own process table: every sshd but the one that listens.
const KILL_SESSIONS: &str =
    "ps -eo pid=,ppid=,comm= | awk '$3 ~ /^sshd/ && $2 != 1 { print $1 }' | xargs -r kill -9";

/// As if the kernel had run out of memory: dpkg and what it runs, then apt. Some of them may have ended meanwhile.
const KILL_DPKG: &str = "pids=$(ps -eo pid=,comm= | awk '$2 ~ /^(dpkg|apt-get|apt|dpkg-deb)$/ { print $1 }'); \
     [ -n \"$pids\" ] && { kill -9 $pids || :; }";

const STOP_BROKER: &str = "case $(systemctl is-active rabbitmq-server) in active | activating) ;; *) exit 1 ;; esac; \
     systemctl stop --no-block rabbitmq-server";

const START_BROKER: &str =
    "! systemctl -q is-enabled rabbitmq-server || timeout 120 systemctl start rabbitmq-server";

/// What the command wants to run may be a part of the boot. A broker that waits for others is left to the command.
const WAIT_FOR_BOOT: &str = "for _ in $(seq 100); do \
     case $(systemctl is-system-running) in initializing | starting) sleep 0.2 ;; *) exit 0 ;; esac; done";

/// Only a disk of the host's own is filled; the machine's is everybody's.
const FILL_DISK: &str = "[ \"$(df --output=size -m / | tail -n 1)\" -lt 2000 ] || exit 1; \
     rm -f /ballast; head -c 2G /dev/zero >/ballast 2>/dev/null; [ -s /ballast ]";

/// Waits until HAProxy, where there is one already, has noticed which brokers are there again. Where it never does, the runs
/// that follow tell why.
fn seen_by_balancer(stage: &Stage) {
    let active = invariants::active(stage);
    let noticed = || {
        let states = server_states(&stage.lab.address(octet("lb1"))).unwrap_or_default();
        let down = |host: &&str| states.get(*host).is_some_and(|state| state.starts_with("DOWN"));
        (!active.iter().any(down)).then_some(())
    };
    invariants::attempt(|| until("HAProxy sees the brokers that run", Duration::from_secs(30), noticed));
}
