use super::{has_mirrored_queues, same_series, upgrades_to};
use crate::model::{MetadataStore, Version};

/// The state under a broker's package when another version replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExistingData {
    /// No node has a database on this host: any version starts blank.
    NoData,
    /// The node runs.
    Running(Serving),
    /// The node does not run. The version that last used its data, if known.
    Stopped(Option<Version>),
}

/// A running node, with the facts that matter for another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The running version.
    pub version: Version,
    /// The installed version, complete or partial; a package may have changed under a running node.
    pub installed: Option<Version>,
    pub metadata_store: MetadataStore,
    /// `VHOST/NAME` of the policies that mirror classic queues.
    pub mirroring_policies: Vec<String>,
}

/// Why a version must not be installed over this data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// The version of the data is unknown.
    Unknown,
    /// It is older than the version that ran, or the installed one.
    Older,
    /// No direct upgrade exists between the series; this is the next series on the way, if known.
    NoWay { by_way_of: Option<String> },
    /// A later version of the data's series must be installed first.
    LatestFirst { series: String },
    /// Another series, and the node does not run.
    OnlyRunning,
    /// The Khepri of 3.13.
    ExperimentalKhepri,
    /// Policies that mirror queues, and the version has no mirrors.
    Mirroring { policies: Vec<String> },
}

/// Whether this version may be installed over the existing state.
/// - No downgrades: a node refuses data with unknown feature flags, and flags cannot be disabled
///   (rabbitmq.com/docs/feature-flags, "feature flags cannot be disabled").
/// - Between series only the upgrades in rabbitmq.com/docs/upgrade ([`upgrades_to`]).
/// - Another series requires feature flags of the one before. They can be enabled on a running node only
///   (rabbitmq-server#12554), and only a running node reports which queues its policies mirror, so a stopped one stays in its series.
/// - 3.13 with Khepri cannot be upgraded to 4.x (release notes of 4.0.1), and 4.0 has no mirrored queues.
///
/// # Errors
/// The first objection.
pub fn allowed(beneath: &ExistingData, to: Version) -> Result<(), Objection> {
    match beneath {
        ExistingData::NoData => Ok(()),
        ExistingData::Stopped(None) => Err(Objection::Unknown),
        ExistingData::Stopped(Some(from)) => {
            step(*from, to)?;
            if same_series(*from, to) { Ok(()) } else { Err(Objection::OnlyRunning) }
        }
        ExistingData::Running(node) => {
            if node.installed.is_some_and(|installed| to < installed) {
                return Err(Objection::Older);
            }
            step(node.version, to)?;
            features(node, to)
        }
    }
}

fn step(from: Version, to: Version) -> Result<(), Objection> {
    if to < from {
        return Err(Objection::Older);
    }
    upgrades_to(from, to).map_err(|by_way_of| match by_way_of {
        Some(series) if series == from.series() => Objection::LatestFirst { series },
        by_way_of => Objection::NoWay { by_way_of },
    })
}

fn features(node: &Serving, to: Version) -> Result<(), Objection> {
    let four = Version::new(4, 0, 0);
    if node.version < four && to >= four && node.metadata_store == MetadataStore::Khepri {
        return Err(Objection::ExperimentalKhepri);
    }
    if !has_mirrored_queues(to) && !node.mirroring_policies.is_empty() {
        return Err(Objection::Mirroring { policies: node.mirroring_policies.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    fn stopped(version: &str) -> ExistingData {
        ExistingData::Stopped(Some(v(version)))
    }

    fn running(version: &str) -> Serving {
        Serving {
            version: v(version),
            installed: Some(v(version)),
            metadata_store: MetadataStore::Mnesia,
            mirroring_policies: Vec::new(),
        }
    }

    #[test]
    fn without_data_any_version_comes() {
        for to in ["3.9.27", "4.0.5", "4.3.6"] {
            assert_eq!(allowed(&ExistingData::NoData, v(to)), Ok(()));
        }
    }

    #[test]
    fn over_data_of_an_unknown_version_none_does() {
        for to in ["3.9.27", "3.10.8", "4.3.6"] {
            assert_eq!(allowed(&ExistingData::Stopped(None), v(to)), Err(Objection::Unknown));
        }
    }

    #[test]
    fn a_stopped_node_is_refused_whatever_a_running_one_is_refused() {
        let versions =
            ["3.8.9", "3.9.27", "3.10.8", "3.10.9", "3.11.2", "3.12.1", "3.13.7", "4.0.5", "4.2.9", "4.3.6"];
        for from in versions {
            for to in versions {
                let runs = allowed(&ExistingData::Running(running(from)), v(to));
                let stopped = allowed(&stopped(from), v(to));
                assert!(stopped.is_err() || runs.is_ok(), "{from} to {to}: {stopped:?}, running {runs:?}");
            }
        }
    }

    #[test]
    fn a_stopped_node_stays_in_its_series_and_never_goes_back() {
        assert_eq!(allowed(&stopped("3.10.8"), v("3.10.8")), Ok(()));
        assert_eq!(allowed(&stopped("3.10.8"), v("3.10.9")), Ok(()));
        assert_eq!(allowed(&stopped("3.10.9"), v("3.10.8")), Err(Objection::Older));
        assert_eq!(allowed(&stopped("3.10.8"), v("3.11.2")), Err(Objection::OnlyRunning));
        assert_eq!(allowed(&stopped("3.13.7"), v("4.2.0")), Err(Objection::OnlyRunning));
        let by_way_of = |series: &str| Err(Objection::NoWay { by_way_of: Some(series.to_owned()) });
        assert_eq!(allowed(&stopped("3.10.8"), v("4.0.5")), by_way_of("3.11"));
        assert_eq!(allowed(&stopped("4.0.5"), v("4.3.6")), by_way_of("4.2"));
    }

    #[test]
    fn a_package_that_changed_beneath_a_running_node_counts_too() {
        let node = Serving { installed: Some(v("3.10.9")), ..running("3.10.8") };
        assert_eq!(allowed(&ExistingData::Running(node.clone()), v("3.10.8")), Err(Objection::Older));
        // Based on the running version: nothing newer has used its data.
        let node = Serving { installed: Some(v("3.11.28")), ..node };
        let objection = allowed(&ExistingData::Running(node), v("3.12.1"));
        assert_eq!(objection, Err(Objection::NoWay { by_way_of: Some("3.11".to_owned()) }));
    }

    #[test]
    fn to_4_only_with_what_4_knows() {
        let khepri = Serving { metadata_store: MetadataStore::Khepri, ..running("3.13.7") };
        assert_eq!(allowed(&ExistingData::Running(khepri), v("4.2.0")), Err(Objection::ExperimentalKhepri));
        let khepri = Serving { metadata_store: MetadataStore::Khepri, ..running("4.0.5") };
        assert_eq!(allowed(&ExistingData::Running(khepri), v("4.2.0")), Ok(()));
        let policies = vec!["//ha-all".to_owned()];
        let mirrored = Serving { mirroring_policies: policies.clone(), ..running("3.13.7") };
        let objection = allowed(&ExistingData::Running(mirrored), v("4.2.0"));
        assert_eq!(objection, Err(Objection::Mirroring { policies }));
    }

    #[test]
    fn a_series_whose_last_versions_come_first() {
        let latest = Objection::LatestFirst { series: "3.11".to_owned() };
        assert_eq!(allowed(&ExistingData::Running(running("3.11.2")), v("3.12.1")), Err(latest));
    }
}
