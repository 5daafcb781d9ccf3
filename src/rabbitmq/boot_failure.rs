//! Why a broker does not boot, in RabbitMQ's own words.

macro_rules! failures {
    ($($name:ident: $word:literal = $explained:literal,)*) => {
        /// A failure that RabbitMQ names in its log. Where a log has several, the first in this order is the reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum BootFailure { $($name,)* }

        impl BootFailure {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// RabbitMQ's name for it, as in the log.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// An explanation.
            pub fn explained(self) -> &'static str {
                match self { $(Self::$name => $explained,)* }
            }
        }
    };
}

failures! {
    InconsistentCluster: "inconsistent_cluster" = "it and its cluster disagree about whether it is a member (inconsistent_cluster)",
    NoMembers: "timeout_waiting_for_tables" = "it waits for members that do not start (timeout_waiting_for_tables)",
    NoLeader: "timeout_waiting_for_leader" = "it finds no majority of its cluster (timeout_waiting_for_leader)",
    NoMajority: "timeout_waiting_for_khepri" = "it finds no majority of its cluster (timeout_waiting_for_khepri)",
    MigrationError: "khepri_mnesia_migration_ex" = "its metadata could not be copied from Mnesia to Khepri (khepri_mnesia_migration_ex)",
    MigrationFailed: "migration_failure" = "its metadata could not be copied from Mnesia to Khepri (migration_failure)",
    MigrationNeedsAll: "all_mnesia_nodes_must_run" = "its metadata can be copied to Khepri only while all members run (all_mnesia_nodes_must_run)",
    FeatureFlagDisabled: "disabled_required_feature_flag" = "a feature flag that its version requires is not enabled (disabled_required_feature_flag)",
    DeprecatedFeatureUsed: "failed_to_deny_deprecated_features" = "a feature that its version has removed is still in use (failed_to_deny_deprecated_features)",
    ErlangTooOld: "erlang_version_too_old" = "its Erlang is too old for it (erlang_version_too_old)",
    IncompatibleFeatureFlags: "incompatible_feature_flags" = "its feature flags are incompatible with those of its cluster (incompatible_feature_flags)",
    TablesDamaged: "schema_integrity_check_failed" = "its tables are damaged or from another version",
    StatusFilesDamaged: "corrupt_cluster_status_files" = "its cluster status files are damaged",
    NoPeer: "failed_to_cluster_with" = "the node that it should join did not answer (failed_to_cluster_with)",
    UnknownVariable: "Conf file attempted to set unknown variable" = "rabbitmq.conf has an unknown setting",
    UnknownSetting: "there is no setting with that name" = "rabbitmq.conf has an unknown setting",
    ConfigurationUnreadable: "Error preparing configuration" = "its configuration cannot be read",
    ConfigurationNotPrepared: "failed_to_prepare_configuration" = "its configuration cannot be read",
    AdvancedConfigurationUnreadable: "failed_to_read_advanced_configuration_file" = "advanced.config cannot be read",
    PortInUse: "eaddrinuse" = "a port that it needs is in use (eaddrinuse)",
    NameInUse: "duplicate_name" = "another VM on the host uses its node name",
    DiskFull: "enospc" = "the disk is full (enospc)",
    NoPermission: "eacces" = "it has no permission for one of its own files (eacces)",
}

impl BootFailure {
    /// The reason that these lines of a log give.
    pub(crate) fn of(lines: &[impl AsRef<str>]) -> Option<Self> {
        let names = |failure: &Self| lines.iter().any(|line| line.as_ref().contains(failure.word()));
        Self::ALL.iter().copied().find(names)
    }
}
