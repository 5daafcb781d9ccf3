use std::collections::BTreeMap;

use super::{GeneratedCookie, Held, Lock, PackageFacts, Platform, Sections, TimeService, Words};

pub(super) static PLATFORM: Platform = Platform {
    ids: &["rhel", "fedora", "centos", "rocky", "almalinux", "ol", "amzn"],
    systems: "Enterprise Linux 8, 9 and 10 (RHEL, Rocky, Alma, Oracle, CentOS Stream), Fedora, Amazon Linux 2023",
    supports,
    tool: "dnf",
    erlang: "erlang",
    time: TimeService {
        package: "chrony",
        unit: "chronyd",
        conf: "/etc/chrony.conf",
        drift_file: "/var/lib/chrony/drift",
        replaces: &[],
    },
    generated_cookie: GeneratedCookie::Stays,
    balancer: |packages| &packages.dnf,
    data: "/var/lib/rpm",
    locks: &[
        numbered("/var/lib/dnf/rpmdb_lock.pid", "the package database"),
        numbered("/var/cache/dnf/metadata_lock.pid", "the package lists"),
        numbered("/var/cache/dnf/download_lock.pid", "the directory of downloaded packages"),
        numbered("/var/log/log_lock.pid", "the log of dnf"),
        // rpm's own. It exists on every host and is locked during each transaction (fcntl).
        locked("/var/lib/rpm/.rpm.lock", "the package database"),
        locked("/usr/lib/sysimage/rpm/.rpm.lock", "the package database"),
    ],
    start_guard: "/run/systemd/system/*.service.d/rabbitup-install.conf",
    words: Words {
        interrupted: "a transaction of rpm was interrupted",
        refresh: "dnf makecache",
        history: "dnf history list rabbitmq-server",
        put_in_place: "dnf install rabbitmq-server-VERSION",
        simulate: "dnf --assumeno install",
        before_version: '-',
    },
    read,
};

const fn numbered(file: &'static str, what: &'static str) -> Lock {
    Lock { file, held: Held::Numbered, what }
}

const fn locked(file: &'static str, what: &'static str) -> Lock {
    Lock { file, held: Held::Locked, what }
}

/// Fedora has no other version numbers that this code depends on; Enterprise Linux 7 has no dnf and Python 2.
fn supports(id: &str, version: &str) -> bool {
    let major = version.split('.').next().and_then(|number| number.parse::<u32>().ok());
    match id {
        "fedora" => true,
        "amzn" => major == Some(2023),
        _ => major.is_some_and(|major| (8..=10).contains(&major)),
    }
}

/// Reads what dnf_probe.sh prints.
fn read(lines: Sections<'_>) -> BTreeMap<String, PackageFacts> {
    let mut packages: BTreeMap<String, PackageFacts> = BTreeMap::new();
    let mut versions: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for line in lines("rpm") {
        // "rabbitmq-server 1795385713 3.10.8-1.el9"
        let mut words = line.split(' ');
        let (Some(name), Some(time), Some(version)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let Ok(time) = time.parse() else { continue };
        versions.entry(name.to_owned()).or_default().push((time, version.to_owned()));
    }
    for (name, mut versions) in versions {
        versions.sort();
        let facts = packages.entry(name).or_default();
        facts.unpacked = versions.last().map(|(time, _)| *time);
        let newest = versions.pop().map(|(_, version)| version);
        // Both versions are in the database where a transaction was cut off between them; the files are the new one's.
        if versions.is_empty() {
            facts.installed = newest;
        } else {
            facts.half_installed = newest;
        }
    }
    for line in lines("unfinished") {
        // "rabbitmq-server 3.10.9-1.el9 1795385700": and when rabbitup began.
        let mut words = line.split(' ');
        let (Some(name), Some(version), Some(begun)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let facts = packages.entry(name.to_owned()).or_default();
        // A transaction since then, somebody's or the rest of ours, has put a whole package in its place.
        let is_over = facts.unpacked.is_some_and(|time| begun.parse().is_ok_and(|begun: u64| time >= begun));
        if !is_over && facts.installed.as_deref() != Some(version) {
            (facts.installed, facts.half_installed) = (None, Some(version.to_owned()));
        }
    }
    for line in lines("erased") {
        let Some((name, version)) = line.split_once(' ') else { continue };
        packages.entry(name.to_owned()).or_default().removed = Some(version.to_owned());
    }
    for line in lines("offered") {
        let Some((name, version)) = line.split_once(' ') else { continue };
        let facts = packages.entry(name.to_owned()).or_default();
        // Newest first.
        facts.candidate.get_or_insert_with(|| version.to_owned());
        facts.offered.push(version.to_owned());
    }
    for line in lines("conflicts") {
        // "rabbitmq-server their-consumer-1-1.noarch": what is installed, and what is in its way.
        let Some((name, removed)) = line.split_once(' ') else { continue };
        packages.entry(name.to_owned()).or_default().removes.push(removed.to_owned());
    }
    let locked = lines("locked");
    for (name, facts) in &mut packages {
        facts.held = facts.installed.as_ref().is_some_and(|version| is_locked(&locked, name, version));
    }
    packages
}

/// Whether one of versionlock's lines keeps a package at this version: `NAME-EPOCH:VERSION-RELEASE.*` of dnf 4, or the name
/// alone, which is what the probe prints of dnf 5's file.
fn is_locked(lines: &[String], name: &str, version: &str) -> bool {
    let full = if version.contains(':') { version.to_owned() } else { format!("0:{version}") };
    lines.iter().any(|line| {
        line == name
            || line.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| {
                [version, &full].iter().any(|wanted| rest.strip_suffix(".*") == Some(wanted))
            })
    })
}

#[cfg(test)]
#[path = "dnf_tests.rs"]
mod shell_tests;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(sections: &[(&str, &[&str])]) -> BTreeMap<String, PackageFacts> {
        read(&|wanted| {
            let found = sections.iter().find(|(name, _)| *name == wanted);
            found.map_or(Vec::new(), |(_, lines)| lines.iter().map(|&line| line.to_owned()).collect())
        })
    }

    #[test]
    fn what_rpm_and_dnf_say_of_packages() {
        let packages = read_from(&[
            ("rpm", &["rabbitmq-server 1795385713 3.10.8-1.el9", "erlang 1795385712 25.2.3-1.el9"]),
            ("locked", &["rabbitmq-server-0:3.10.8-1.el9.*", "erlang-0:25.2.2-1.el9.*"]),
            (
                "offered",
                &["rabbitmq-server 3.10.9-1.el9", "rabbitmq-server 3.10.8-1.el9", "chrony 4.3-1.el9"],
            ),
        ]);
        let broker = &packages["rabbitmq-server"];
        assert_eq!(
            (broker.installed.as_deref(), broker.half_installed.as_deref(), broker.unpacked),
            (Some("3.10.8-1.el9"), None, Some(1_795_385_713))
        );
        assert_eq!(broker.candidate.as_deref(), Some("3.10.9-1.el9"));
        assert_eq!(broker.offered.len(), 2);
        assert!(broker.held && !packages["erlang"].held, "a lock on another version holds nothing");
        assert_eq!(packages["chrony"].installed, None);
    }

    #[test]
    fn an_interrupted_transaction_is_seen() {
        let twice = read_from(&[(
            "rpm",
            &["rabbitmq-server 1795385713 3.10.9-1.el9", "rabbitmq-server 1795000000 3.10.8-1.el9"],
        )]);
        let broker = &twice["rabbitmq-server"];
        assert_eq!(
            (broker.installed.as_deref(), broker.half_installed.as_deref()),
            (None, Some("3.10.9-1.el9"))
        );
        let rpm: (&str, &[&str]) = ("rpm", &["rabbitmq-server 1795385713 3.10.8-1.el9"]);
        let since = |line| read_from(&[rpm, ("unfinished", &[line])])["rabbitmq-server"].clone();
        let cut = since("rabbitmq-server 3.10.9-1.el9 1795385799");
        assert_eq!((cut.installed.as_deref(), cut.half_installed.as_deref()), (None, Some("3.10.9-1.el9")));
        let done = since("rabbitmq-server 3.10.8-1.el9 1795385799");
        assert_eq!(done.installed.as_deref(), Some("3.10.8-1.el9"));
        let long_over = since("rabbitmq-server 3.10.7-1.el9 1795000000");
        assert_eq!(
            (long_over.installed.as_deref(), long_over.half_installed.as_deref()),
            (Some("3.10.8-1.el9"), None)
        );
    }

    #[test]
    fn a_removed_broker_is_remembered_by_dnfs_log() {
        let packages = read_from(&[("erased", &["rabbitmq-server 3.10.8-1.el9"])]);
        assert_eq!(packages["rabbitmq-server"].removed.as_deref(), Some("3.10.8-1.el9"));
    }

    #[test]
    fn supported_releases() {
        assert!(
            supports("rocky", "9.4")
                && supports("rhel", "8")
                && supports("centos", "10")
                && supports("amzn", "2023")
        );
        assert!(!supports("centos", "7") && !supports("amzn", "2") && !supports("rhel", ""));
    }
}
