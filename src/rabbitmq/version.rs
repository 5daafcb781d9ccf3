use crate::model::Version;

/// Whether `join_cluster` is called on a running node, which stops, wipes and restarts itself. Up to 3.12 the
/// application must be stopped by hand first (rabbitmq-server `rabbit_db_cluster:join/2`, new in 3.13).
pub fn joins_while_running(version: Version) -> bool {
    version >= Version::new(3, 13, 0)
}

/// Whether a blank node waits for 5 to 60 random seconds before it enters its cluster, unless configured otherwise
/// (release notes of 3.8.18, rabbitmq-server PR #3075).
pub fn waits_before_entering(version: Version) -> bool {
    version < Version::new(3, 8, 18)
}

/// Whether the version has RAM nodes; they were removed in 4.3. (With Khepri no version has them.)
pub fn has_ram_nodes(version: Version) -> bool {
    version < Version::new(4, 3, 0)
}

/// Whether the version has classic queue mirroring, which was removed in 4.0.
pub fn has_mirrored_queues(version: Version) -> bool {
    version < Version::new(4, 0, 0)
}

/// Major and minor.
type Series = (u32, u32);

/// Whether two versions are of one series (4.0.5 and 4.0.9): versions within a series accept each other's feature flags.
pub fn same_series(one: Version, other: Version) -> bool {
    (one.major, one.minor) == (other.major, other.minor)
}

/// The direct upgrades between series (rabbitmq.com/docs/upgrade, "version upgradability").
const STEPS: [(Series, &[Series]); 9] = [
    ((3, 8), &[(3, 9)]),
    ((3, 9), &[(3, 10)]),
    ((3, 10), &[(3, 11)]),
    ((3, 11), &[(3, 12)]),
    ((3, 12), &[(3, 13)]),
    ((3, 13), &[(4, 0), (4, 1), (4, 2)]),
    ((4, 0), &[(4, 1), (4, 2)]),
    ((4, 1), &[(4, 2)]),
    ((4, 2), &[(4, 3)]),
];

/// Whether RabbitMQ supports an upgrade from one version to another in one step.
///
/// # Errors
/// The intermediate series to upgrade to first, if known.
pub fn upgrades_to(from: Version, to: Version) -> Result<(), Option<String>> {
    let series = |version: Version| (version.major, version.minor);
    if series(from) == series(to) {
        return Ok(());
    }
    // 3.12 requires feature flags that 3.11 has from 3.11.18 on (release notes of 3.12.0).
    if series(from) == (3, 11) && from < Version::new(3, 11, 18) {
        return Err(Some("3.11".to_owned()));
    }
    let next =
        STEPS.iter().find(|(start, _)| *start == series(from)).map(|(_, next)| *next).unwrap_or_default();
    if next.contains(&series(to)) {
        return Ok(());
    }
    // The largest step that does not exceed the target.
    let on_the_way = next.iter().rev().find(|step| **step < series(to));
    Err(on_the_way.map(|(major, minor)| format!("{major}.{minor}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upgrades_go_step_by_step() {
        let v = |text| Version::parse(text).expect("a version");
        assert_eq!(upgrades_to(v("3.10.8"), v("3.10.9")), Ok(()));
        assert_eq!(upgrades_to(v("3.10.8"), v("3.11.2")), Ok(()));
        assert_eq!(upgrades_to(v("3.11.2"), v("3.12.0")), Err(Some("3.11".to_owned())));
        assert_eq!(upgrades_to(v("3.11.28"), v("3.12.0")), Ok(()));
        assert_eq!(upgrades_to(v("3.13.7"), v("4.2.0")), Ok(()));
        assert_eq!(upgrades_to(v("3.10.8"), v("4.0.5")), Err(Some("3.11".to_owned())));
        assert_eq!(upgrades_to(v("4.0.5"), v("4.3.0")), Err(Some("4.2".to_owned())));
        assert_eq!(upgrades_to(v("3.12.0"), v("4.0.0")), Err(Some("3.13".to_owned())));
        assert_eq!(upgrades_to(v("4.3.1"), v("4.4.0")), Err(None));
        assert_eq!(upgrades_to(v("3.7.0"), v("3.8.0")), Err(None));
    }
}
