//! Packages and units.

use std::collections::BTreeMap;

use super::ProbeRequest;
use super::frame::Frames;
use crate::facts::request::unit_name;
use crate::facts::{PackageFacts, UnitFacts};

/// A unit, with details that the planner does not need.
#[derive(Debug, Default)]
pub(super) struct Unit {
    pub facts: UnitFacts,
    /// When its state last changed, Unix seconds. A reload counts.
    pub changed: Option<u64>,
}

/// The units by their names in the request, which may be aliases.
pub(super) fn units(request: &ProbeRequest, frames: &Frames) -> BTreeMap<String, Unit> {
    let mut found = Vec::new();
    let mut block = BTreeMap::new();
    // systemctl puts an empty line between units, and none after the last.
    for line in frames.lines("units").chain([""]) {
        match line.split_once('=') {
            Some((key, value)) => {
                block.insert(key, value);
            }
            None => found.push(std::mem::take(&mut block)),
        }
    }
    let of = |name: &String| {
        let full = unit_name(name);
        let block = found.iter().find(|block| {
            let names = block.get("Names").unwrap_or(&"").split(' ').chain(block.get("Id").copied());
            names.into_iter().any(|known| known == full)
        })?;
        let value = |key| block.get(key).copied().unwrap_or_default();
        let facts = UnitFacts {
            exists: !matches!(value("LoadState"), "not-found" | ""),
            active: value("ActiveState").to_owned(),
            enabled: value("UnitFileState").to_owned(),
        };
        Some((name.clone(), Unit { facts, changed: unix_seconds(value("StateChangeTimestamp")) }))
    };
    request.units.iter().filter_map(of).collect()
}

/// Parses `Sun 2026-11-22 22:15:13 UTC`, as systemctl prints it with TZ=UTC0.
fn unix_seconds(text: &str) -> Option<u64> {
    let mut words = text.split(' ').skip(1);
    let mut date = words.next()?.splitn(3, '-').map(str::parse::<u64>);
    let mut next_of_date = || date.next()?.ok();
    let (year, month, day) = (next_of_date()?, next_of_date()?, next_of_date()?);
    let mut time = words.next()?.splitn(3, ':').map(str::parse::<u64>);
    let mut next_of_time = || time.next()?.ok();
    let (hour, minute, second) = (next_of_time()?, next_of_time()?, next_of_time()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days from 1970 with the year starting in March, so that the leap day is its last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    (hour < 24 && minute < 60 && second < 61).then_some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// The requested packages that the package manager knows.
pub(super) fn packages(request: &ProbeRequest, frames: &Frames) -> BTreeMap<String, PackageFacts> {
    let mut packages: BTreeMap<String, PackageFacts> = BTreeMap::new();
    for line in frames.lines("packages") {
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
            // "config-files": removed but not purged.
            Some('c') => facts.removed = version,
            _ => {}
        }
    }
    for line in frames.lines("unpacked") {
        // "1795385713 /var/lib/dpkg/info/rabbitmq-server.list"
        let Some((seconds, path)) = line.split_once(' ') else { continue };
        let name = path.rsplit('/').next().and_then(|file| file.strip_suffix(".list"));
        if let Some(facts) = name.and_then(|name| packages.get_mut(name)) {
            facts.unpacked = seconds.parse().ok();
        }
    }
    let mut current: Option<&mut PackageFacts> = None;
    for line in frames.lines("policy") {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            current = Some(packages.entry(name.to_owned()).or_default());
        } else if let Some(facts) = current.as_deref_mut() {
            if let Some(candidate) = line.strip_prefix("  Candidate: ") {
                facts.candidate = (candidate != "(none)").then(|| candidate.to_owned());
            } else if let Some(version) = offered(line) {
                facts.offered.push(version.to_owned());
            }
        }
    }
    packages.retain(|name, _| request.packages.contains(name));
    packages
}

/// The version in a line of the version table, which is indented by five columns (` *** ` before the installed
/// one) where the lines of its sources are indented by eight and more.
fn offered(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(" *** ").or_else(|| line.strip_prefix("     "))?;
    rest.split(' ').next().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_dates_are_unix_seconds() {
        // date -u -d '2026-11-22 22:15:13' +%s
        assert_eq!(unix_seconds("Sun 2026-11-22 22:15:13 UTC"), Some(1_795_385_713));
        assert_eq!(unix_seconds("Thu 2024-02-29 00:00:00 UTC"), Some(1_709_164_800));
        assert_eq!(unix_seconds("Thu 1970-01-01 00:00:00 UTC"), Some(0));
        for bad in [
            "",
            "n/a",
            "Sun 2026-13-22 22:15:13 UTC",
            "Sun 0000-00-00 00:00:00",
            "x 99999999999999999999-1-1 1:1:1",
        ] {
            assert_eq!(unix_seconds(bad), None);
        }
    }
}
