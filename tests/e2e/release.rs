//! The releases of a lab's hosts, and what differs between them: the version of RabbitMQ, and the family of packages.

/// The release of a lab's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Debian 11, with RabbitMQ 3.8. Played where everything is (`E2E_ALL=1`).
    Bullseye,
    /// Debian 12, with RabbitMQ 3.10.
    Bookworm,
    /// What a tool takes for Enterprise Linux 9, with the RabbitMQ of Debian 12 in RPMs.
    El9,
    /// Debian 13, with RabbitMQ 4.0.
    Trixie,
    /// Debian's testing release, with RabbitMQ 4.3 when these tests were written. It moves.
    Forky,
}

/// The RabbitMQ of a release, which decides on most of what tests expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Series {
    V3_8,
    V3_10,
    V4_0,
    V4_3,
}

/// How packages come onto hosts, and what else goes with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Debian and its descendants.
    Apt,
    /// Enterprise Linux, Fedora and their descendants.
    Dnf,
}

/// Where the cluster's metadata can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// In Mnesia alone.
    Mnesia,
    /// In Mnesia, until somebody enables the feature flag `khepri_db`.
    Either,
    /// In Khepri alone.
    Khepri,
}

impl Suite {
    /// The lab's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::El9 => "el9",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }

    /// As a person calls it.
    pub fn release(self) -> &'static str {
        match self {
            Self::Bullseye => "Debian 11",
            Self::Bookworm => "Debian 12",
            Self::El9 => "EL 9",
            Self::Trixie => "Debian 13",
            Self::Forky => "Debian testing",
        }
    }

    pub fn family(self) -> Family {
        match self {
            Self::Bullseye | Self::Bookworm | Self::Trixie | Self::Forky => Family::Apt,
            Self::El9 => Family::Dnf,
        }
    }

    fn broker(self) -> Series {
        match self {
            Self::Bullseye => Series::V3_8,
            Self::Bookworm | Self::El9 => Series::V3_10,
            Self::Trixie => Series::V4_0,
            Self::Forky => Series::V4_3,
        }
    }

    /// The series of RabbitMQ that the tests know there.
    pub fn series(self) -> &'static str {
        match self.broker() {
            Series::V3_8 => "3.8",
            Series::V3_10 => "3.10",
            Series::V4_0 => "4.0",
            Series::V4_3 => "4.3",
        }
    }

    /// Another release, with another RabbitMQ.
    pub fn unlike(self) -> Self {
        match self {
            Self::Bullseye => Self::Bookworm,
            Self::Bookworm | Self::El9 | Self::Forky => Self::Trixie,
            Self::Trixie => Self::Forky,
        }
    }

    /// Whether its packages move while the tests stay.
    pub fn moves(self) -> bool {
        self == Self::Forky
    }

    /// Whether its RabbitMQ mirrors classic queues: up to 3.13.
    pub fn mirrors(self) -> bool {
        self.broker() <= Series::V3_10
    }

    /// Whether its RabbitMQ has streams: from 3.9 on.
    pub fn streams(self) -> bool {
        self.broker() >= Series::V3_10
    }

    /// Where its RabbitMQ keeps metadata.
    pub fn store(self) -> Store {
        match self.broker() {
            Series::V3_8 | Series::V3_10 => Store::Mnesia,
            Series::V4_0 => Store::Either,
            Series::V4_3 => Store::Khepri,
        }
    }

    /// An older series and one that no single step leads to: what `image_versions` in `tests/lab/image.sh` puts into the
    /// repository to be refused.
    pub fn refused_versions(self) -> [String; 2] {
        let versions = match self.broker() {
            Series::V3_8 => ["3.7.28", "3.10.8"],
            Series::V3_10 => ["3.9.27", "4.0.5"],
            Series::V4_0 => ["3.13.7", "4.3.6"],
            Series::V4_3 => ["4.2.1", "5.9.0"],
        };
        let revision = match self.family() {
            Family::Apt => "1",
            Family::Dnf => "1.el9",
        };
        versions.map(|version| format!("{version}-{revision}"))
    }
}

/// What rabbitup puts on a host of either family while packages are installed, so that they start nothing; it is gone afterwards.
pub const RESTRAINTS: &str = "/usr/sbin/policy-rc.d /usr/sbin/policy-rc.d.rabbitup-saved /run/rabbitup-keys \
    /run/systemd/system/*.service.d/rabbitup-install.conf";

/// A lock of the package manager that a process holds by fcntl, and what messages call it.
#[derive(Debug, Clone, Copy)]
pub struct Lock {
    pub file: &'static str,
    pub what: &'static str,
}

/// Names and paths.
impl Family {
    /// A lock for each host of a lab.
    pub fn locks(self) -> [Lock; 4] {
        let lock = |file, what| Lock { file, what };
        match self {
            Self::Apt => [
                lock("/var/lib/apt/lists/lock", "the package lists"),
                lock("/var/cache/apt/archives/lock", "the directory of downloaded packages"),
                lock("/var/lib/dpkg/lock-frontend", "the package database"),
                lock("/var/lib/dpkg/lock", "the package database"),
            ],
            Self::Dnf => [lock("/var/lib/rpm/.rpm.lock", "the package database"); 4],
        }
    }

    /// The unit of chrony.
    pub fn time_unit(self) -> &'static str {
        match self {
            Self::Apt => "chrony",
            Self::Dnf => "chronyd",
        }
    }

    /// The directory of chrony's configuration file.
    pub fn time_directory(self) -> &'static str {
        match self {
            Self::Apt => "/etc/chrony",
            Self::Dnf => "/etc",
        }
    }

    /// chrony's configuration file.
    pub fn time_file(self) -> String {
        format!("{}/chrony.conf", self.time_directory())
    }

    /// The units of sshd.
    pub fn ssh_units(self) -> &'static str {
        match self {
            Self::Apt => "ssh.socket ssh",
            Self::Dnf => "sshd",
        }
    }

    /// The directory of Erlang/OTP.
    pub fn erlang(self) -> &'static str {
        match self {
            Self::Apt => "/usr/lib/erlang",
            Self::Dnf => "/usr/lib64/erlang",
        }
    }

    /// What /etc/hosts has from the start.
    pub fn word_of_hosts_file(self) -> &'static str {
        match self {
            Self::Apt => "ip6-localhost",
            Self::Dnf => "localhost6",
        }
    }

    /// Paths that change by being asked: rpm's shared memory and journal, which it makes anew for every reader, and dnf's cache.
    pub fn restless(self) -> &'static [&'static str] {
        match self {
            Self::Apt => &[],
            Self::Dnf => {
                &["/var/cache/dnf", "/var/lib/rpm/rpmdb.sqlite-shm", "/var/lib/rpm/rpmdb.sqlite-wal"]
            }
        }
    }

    /// Writes in the directories of those paths.
    pub fn settle(self) -> &'static str {
        match self {
            Self::Apt => ":",
            Self::Dnf => "rpm -q rpm >/dev/null; touch /var/cache/dnf",
        }
    }
}

/// The package manager, used without rabbitup: each is a shell line for root.
impl Family {
    /// The program that a bring-up is seen to run.
    pub fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
        }
    }

    /// Prints something else after each start of a package manager that a look at a host can do without. dnf writes into its cache
    /// whenever it is started, and takes 0.3 s; apt-cache and dpkg-query take hundredths.
    pub fn last_started(self) -> &'static str {
        match self {
            Self::Apt => ":",
            Self::Dnf => "stat -c %y /var/cache/dnf",
        }
    }

    /// Installs the broker; in the end it runs.
    pub fn install_broker(self) -> &'static str {
        match self {
            Self::Apt => {
                "export DEBIAN_FRONTEND=noninteractive && apt-get -qq update && \
                 apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install rabbitmq-server >/dev/null 2>&1"
            }
            Self::Dnf => {
                "dnf -q -y install rabbitmq-server >/dev/null 2>&1 && systemctl -q enable --now rabbitmq-server"
            }
        }
    }

    /// Removes the package of the broker; its data stay.
    pub fn remove_broker(self) -> &'static str {
        match self {
            Self::Apt => "apt-get -q -y remove rabbitmq-server >/dev/null 2>&1",
            Self::Dnf => "dnf -q -y remove rabbitmq-server >/dev/null 2>&1",
        }
    }

    /// Prints the installed version of the broker's package.
    pub fn installed_version(self) -> &'static str {
        match self {
            Self::Apt => "dpkg-query -W -f '${Version}' rabbitmq-server",
            Self::Dnf => "rpm -q --qf '%{version}-%{release}' rabbitmq-server",
        }
    }

    /// Prints the version that the repository `next` has.
    pub fn next_version(self) -> &'static str {
        match self {
            Self::Apt => "dpkg-deb -f /srv/repo/next/rabbitmq-server_*.deb Version",
            Self::Dnf => "rpm -qp --qf '%{version}-%{release}' /srv/repo/next/rabbitmq-server-*.rpm",
        }
    }

    /// Offers the versions in the repository `next` or `other`. apt lists them from the start and never chooses them by itself; dnf
    /// chooses the newest of the repositories that are on, and learns of one when its cache is made, which on a server is a timer's
    /// work.
    pub fn offer(self, repository: &str) -> String {
        match self {
            Self::Apt => ":".to_owned(),
            Self::Dnf => format!("{} && dnf -q -y makecache", switch(repository, "0", "1")),
        }
    }

    /// Undoes that.
    pub fn withdraw(self, repository: &str) -> String {
        match self {
            Self::Apt => ":".to_owned(),
            Self::Dnf => switch(repository, "1", "0"),
        }
    }

    /// Succeeds where the version that a host would get unasked is this one and another one is offered.
    pub fn chooses(self, installed: &str, next: &str) -> String {
        match self {
            Self::Apt => format!(
                "apt-cache policy rabbitmq-server | grep -qxF '  Candidate: {installed}' && \
                 apt-cache policy rabbitmq-server | grep -qF ' {next} 50' && dpkg --compare-versions '{next}' gt '{installed}'"
            ),
            Self::Dnf => format!(
                "list() {{ dnf -q -y repoquery --available --showduplicates \"$@\" --qf '%{{version}}-%{{release}}' rabbitmq-server; }}; \
                 list | grep -qxF '{installed}' && ! list | grep -qxF '{next}' && list --enablerepo=rabbitmq-next | grep -qxF '{next}' && \
                 [ \"$(rpm --eval '%{{lua: print(rpm.vercmp(\"{next}\", \"{installed}\"))}}')\" = 1 ]"
            ),
        }
    }

    /// Succeeds while packages are being unpacked.
    pub fn at_work(self) -> &'static str {
        match self {
            Self::Apt => "pgrep -x dpkg >/dev/null",
            Self::Dnf => "pgrep -x dnf >/dev/null && [ -e /var/lib/dnf/rpmdb_lock.pid ]",
        }
    }

    /// Succeeds where rabbitup has begun to install, and the package manager has not yet begun to change anything. It is an instant
    /// for dpkg.
    pub fn before_work(self) -> Option<&'static str> {
        match self {
            Self::Apt => None,
            Self::Dnf => Some(
                "[ -e /var/lib/dnf/rabbitup-unfinished ] && pgrep -x dnf >/dev/null && ! [ -e /var/lib/dnf/rpmdb_lock.pid ]",
            ),
        }
    }

    /// Succeeds where an upgrade has unpacked the broker's new version, and the package manager still has the old one.
    pub fn half_way(self) -> &'static str {
        match self {
            Self::Apt => self.at_work(),
            Self::Dnf => "[ \"$(rpm -q rabbitmq-server | wc -l)\" -gt 1 ]",
        }
    }

    /// Kills the package manager like the OOM killer: the program that unpacks and its children, then the one above. Some of them
    /// may have ended already.
    pub fn kill(self) -> &'static str {
        match self {
            Self::Apt => {
                "pids=$(ps -eo pid=,comm= | awk '$2 ~ /^(dpkg|apt-get|apt|dpkg-deb)$/ { print $1 }'); \
                 [ -n \"$pids\" ] && { kill -9 $pids || :; }"
            }
            Self::Dnf => "pids=$(pgrep -x 'dnf|rpm|rpmdb'); [ -n \"$pids\" ] && { kill -9 $pids || :; }",
        }
    }

    /// Prints what an interrupted installation has left half-done.
    pub fn half_installed(self) -> &'static str {
        match self {
            Self::Apt => "dpkg --audit",
            Self::Dnf => {
                "rpm -qa --qf '%{name}\\n' | grep -v ^gpg-pubkey | sort | uniq -d; dnf -q -y check || :"
            }
        }
    }
}

/// The shell line that switches one of dnf's repositories.
fn switch(repository: &str, from: &str, to: &str) -> String {
    format!(
        "sed -i '/^\\[rabbitmq-{repository}\\]/,/^gpgcheck/s/^enabled={from}/enabled={to}/' /etc/yum.repos.d/rabbitmq.repo"
    )
}
