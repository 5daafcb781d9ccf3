use crate::model::Version;

/// Whether `join_cluster` is called on a running node, which stops, wipes and restarts itself. Up to 3.12 the
/// application must be stopped by hand first (rabbitmq-server `rabbit_db_cluster:join/2`, new in 3.13).
pub fn joins_while_running(version: Version) -> bool {
    version >= Version::new(3, 13, 0)
}

/// Whether the version has RAM nodes at all; they went with 4.3. (With Khepri no version has them.)
pub fn has_ram_nodes(version: Version) -> bool {
    version < Version::new(4, 3, 0)
}
