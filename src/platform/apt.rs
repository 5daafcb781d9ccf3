use std::collections::BTreeMap;

use super::{GeneratedCookie, Held, Lock, PackageFacts, Platform, Sections, TimeService, Words};

pub(super) static PLATFORM: Platform = Platform {
    ids: &["debian"],
    systems: "Debian, Ubuntu and what derives from them",
    supports: |_, _| true,
    tool: "apt-get",
    erlang: "erlang-base",
    time: TimeService {
        package: "chrony",
        unit: "chrony",
        conf: "/etc/chrony/chrony.conf",
        drift_file: "/var/lib/chrony/chrony.drift",
        // Each provides time-daemon, with which chrony conflicts.
        replaces: &["systemd-timesyncd", "ntpsec", "ntp", "openntpd"],
    },
    generated_cookie: GeneratedCookie::IsReplaced,
    balancer: |packages| &packages.apt,
    data: "/var/lib/dpkg",
    locks: &[
        locked("/var/lib/apt/lists/lock", "the package lists"),
        locked("/var/cache/apt/archives/lock", "the directory of downloaded packages"),
        locked("/var/lib/dpkg/lock-frontend", "the package database"),
        locked("/var/lib/dpkg/lock", "the package database"),
        locked("/var/cache/debconf/config.dat", "the database of debconf"),
    ],
    start_guard: "/usr/sbin/policy-rc.d",
    words: Words {
        interrupted: "dpkg was interrupted",
        refresh: "apt-get update",
        history: "grep rabbitmq-server /var/log/dpkg.log",
        put_in_place: "apt-get install rabbitmq-server=VERSION",
        simulate: "apt-get -s install",
        before_version: '=',
    },
    read,
};

/// A file that apt, dpkg or debconf locks.
const fn locked(file: &'static str, what: &'static str) -> Lock {
    Lock { file, held: Held::Locked, what }
}

/// Reads what apt_probe.sh prints.
fn read(lines: Sections<'_>) -> BTreeMap<String, PackageFacts> {
    let mut packages: BTreeMap<String, PackageFacts> = BTreeMap::new();
    for line in lines("packages") {
        // "rabbitmq-server ii  3.10.8-1": name, status, version.
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let (Some(name), Some(status)) = (words.next(), words.next()) else { continue };
        let facts = packages.entry(name.to_owned()).or_default();
        let mut status = status.chars();
        facts.held |= status.next() == Some('h');
        let version = words.next().map(str::to_owned);
        match status.next() {
            // Installed, or installed with triggers to run.
            Some('i' | 't' | 'W') => facts.installed = version,
            // Half-installed, unpacked, half-configured (dpkg-query(1), "db:Status-Abbrev").
            Some('H' | 'U' | 'F') => facts.half_installed = version,
            // "config-files": removed, and not purged.
            Some('c') => facts.removed = version,
            _ => {}
        }
    }
    for line in lines("unpacked") {
        // "1795385713 /var/lib/dpkg/info/rabbitmq-server.list"
        let Some((seconds, path)) = line.split_once(' ') else { continue };
        let name = path.rsplit('/').next().and_then(|file| file.strip_suffix(".list"));
        if let Some(facts) = name.and_then(|name| packages.get_mut(name)) {
            facts.unpacked = seconds.parse().ok();
        }
    }
    let mut current = None;
    for line in lines("policy") {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            packages.entry(name.to_owned()).or_default();
            current = Some(name.to_owned());
        } else if let Some(facts) = current.as_ref().and_then(|name| packages.get_mut(name)) {
            if let Some(candidate) = line.strip_prefix("  Candidate: ") {
                facts.candidate = (candidate != "(none)").then(|| candidate.to_owned());
            } else if let Some(version) = offered(&line) {
                facts.offered.push(version.to_owned());
            }
        }
    }
    for line in lines("removals") {
        // "rabbitmq-server old-consumer": what is installed, and what is removed for it.
        let Some((name, removed)) = line.split_once(' ') else { continue };
        packages.entry(name.to_owned()).or_default().removes.push(removed.to_owned());
    }
    packages
}

/// The version in a line of the version table, which is indented by five columns (` *** ` before the installed
/// one) where the lines of its sources are indented by eight and more.
fn offered(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(" *** ").or_else(|| line.strip_prefix("     "))?;
    rest.split(' ').next().filter(|word| !word.is_empty())
}
