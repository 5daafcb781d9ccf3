//! What is true of RabbitMQ itself, whoever looks after it: what each version can do, where its packages keep
//! things, how its configuration reads. Pure.

mod conf;
mod limits;
mod paths;
mod version;

pub use conf::Conf;
pub use limits::DISK_FREE_LIMIT;
pub use paths::{
    BROKER_PACKAGE, BROKER_UNIT, CLUSTER_FORMATION, CONF_FILE, COOKIE_FILE, ENV_FILE, LIMITS_FILE,
    PLUGINS_FILE, STAGED_COOKIE_FILE, enabled_plugins, parse_enabled_plugins,
};
pub use version::{has_mirrored_queues, has_ram_nodes, joins_while_running, upgrades_to};
