//! Packages and units.

use std::collections::BTreeMap;

use super::ProbeRequest;
use super::frame::Frames;
use crate::facts::request::unit_name;
use crate::facts::{PackageFacts, UnitFacts};
use crate::platform::OsFamily;

/// The units by their names in the request, which may be aliases.
pub(super) fn units(request: &ProbeRequest, frames: &Frames) -> BTreeMap<String, UnitFacts> {
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
            since: unix_seconds(value("StateChangeTimestamp")),
            sub: value("SubState").to_owned(),
            restarts: value("NRestarts").parse().ok(),
        };
        Some((name.clone(), facts))
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

/// The requested packages that the host's package manager knows.
pub(super) fn packages(request: &ProbeRequest, frames: &Frames) -> BTreeMap<String, PackageFacts> {
    // Whatever the host is: each family's part of the probe has sections of its own.
    let mut packages: BTreeMap<_, _> = OsFamily::ALL
        .iter()
        .filter_map(|family| family.platform())
        .flat_map(|known| (known.read)(&|section| frames.texts(section)))
        .collect();
    packages.retain(|name, _| request.packages.contains(name));
    packages
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
