use super::{has_mirrored_queues, same_series, upgrades_to};
use crate::model::{MetadataStore, Version};

/// What lies beneath a broker's package when another version takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beneath {
    /// No node has a database on this host: whatever version comes starts blank.
    NoData,
    /// The node runs.
    Running(Serving),
    /// The node does not run. The version that ran over its data last, where that is known.
    Stopped(Option<Version>),
}

/// A node that runs, as far as another version of it is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// What runs.
    pub version: Version,
    /// What is installed, whole or in part; a package may have changed beneath a running node.
    pub installed: Option<Version>,
    pub metadata_store: MetadataStore,
    /// `VHOST/NAME` of the policies that mirror classic queues.
    pub mirroring_policies: Vec<String>,
}

/// Why a version must not come over these data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// Nothing tells which version the data are of.
    Unknown,
    /// It is older than what ran, or than what is installed.
    Older,
    /// No single step leads from one series to the other; by way of this series there is one, where one is known.
    NoWay { by_way_of: Option<String> },
    /// The series of the data has a later version that must come first.
    LatestFirst { series: String },
    /// Another series, and the node does not run.
    OnlyRunning,
    /// Khepri as 3.13 has it.
    ExperimentalKhepri,
    /// Policies that mirror queues, and the version has no mirrors.
    Mirroring { policies: Vec<String> },
}

/// Whether RabbitMQ can be given this version over what lies beneath it.
///
/// - Nothing goes back: a node refuses data whose feature flags it does not know, and flags are never disabled
///   (rabbitmq.com/docs/feature-flags, "feature flags cannot be disabled").
/// - From series to series only by the steps of rabbitmq.com/docs/upgrade ([`upgrades_to`]).
/// - Another series requires feature flags of the one before. They can be enabled on a running node only
///   (rabbitmq-server#12554), and only a running node says what its policies mirror, so a stopped one stays in its series.
/// - 3.13 with Khepri has no way to 4.x (release notes of 4.0.1), and 4.0 has no mirrored queues.
///
/// # Errors
/// The first objection.
pub fn allowed(beneath: &Beneath, to: Version) -> Result<(), Objection> {
    match beneath {
        Beneath::NoData => Ok(()),
        Beneath::Stopped(None) => Err(Objection::Unknown),
        Beneath::Stopped(Some(from)) => {
            step(*from, to)?;
            if same_series(*from, to) { Ok(()) } else { Err(Objection::OnlyRunning) }
        }
        Beneath::Running(node) => {
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

    fn stopped(version: &str) -> Beneath {
        Beneath::Stopped(Some(v(version)))
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
            assert_eq!(allowed(&Beneath::NoData, v(to)), Ok(()));
        }
    }

    #[test]
    fn over_data_of_an_unknown_version_none_does() {
        for to in ["3.9.27", "3.10.8", "4.3.6"] {
            assert_eq!(allowed(&Beneath::Stopped(None), v(to)), Err(Objection::Unknown));
        }
    }

    #[test]
    fn a_stopped_node_is_refused_whatever_a_running_one_is_refused() {
        let versions =
            ["3.8.9", "3.9.27", "3.10.8", "3.10.9", "3.11.2", "3.12.1", "3.13.7", "4.0.5", "4.2.9", "4.3.6"];
        for from in versions {
            for to in versions {
                let runs = allowed(&Beneath::Running(running(from)), v(to));
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
        assert_eq!(allowed(&Beneath::Running(node.clone()), v("3.10.8")), Err(Objection::Older));
        // The steps are counted from what runs: its data have seen nothing newer.
        let node = Serving { installed: Some(v("3.11.28")), ..node };
        let objection = allowed(&Beneath::Running(node), v("3.12.1"));
        assert_eq!(objection, Err(Objection::NoWay { by_way_of: Some("3.11".to_owned()) }));
    }

    #[test]
    fn to_4_only_with_what_4_knows() {
        let khepri = Serving { metadata_store: MetadataStore::Khepri, ..running("3.13.7") };
        assert_eq!(allowed(&Beneath::Running(khepri), v("4.2.0")), Err(Objection::ExperimentalKhepri));
        let khepri = Serving { metadata_store: MetadataStore::Khepri, ..running("4.0.5") };
        assert_eq!(allowed(&Beneath::Running(khepri), v("4.2.0")), Ok(()));
        let policies = vec!["//ha-all".to_owned()];
        let mirrored = Serving { mirroring_policies: policies.clone(), ..running("3.13.7") };
        let objection = allowed(&Beneath::Running(mirrored), v("4.2.0"));
        assert_eq!(objection, Err(Objection::Mirroring { policies }));
    }

    #[test]
    fn a_series_whose_last_versions_come_first() {
        let latest = Objection::LatestFirst { series: "3.11".to_owned() };
        assert_eq!(allowed(&Beneath::Running(running("3.11.2")), v("3.12.1")), Err(latest));
    }
}
