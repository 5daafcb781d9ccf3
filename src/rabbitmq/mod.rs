//! Knowledge about RabbitMQ that holds whatever manages it: the features of each version, the paths of its packages, the format
//! of its configuration. Pure.

mod boot_failure;
mod conf;
mod conf_keys;
mod definition_keys;
mod distribution;
mod erlang_terms;
mod existing_data;
mod feature_flags;
pub mod internals;
mod limits;
pub mod listeners;
mod paths;
mod plugins;
mod version;

pub use boot_failure::BootFailure;
pub(crate) use conf::Conf;
pub(crate) use conf_keys::{KeySupport, has_no_effect, known_keys, refused_value};
pub(crate) use definition_keys::{Defined, Importer, PolicyKind};
pub(crate) use distribution::{
    ERL_ARGS, INETRC, INETRC_FILE, INETRC_TEXT, family_of_arguments, family_of_carrier, moved_to_ipv6,
    over_ipv6,
};
pub(crate) use erlang_terms::settings_in_terms;
pub(crate) use existing_data::{ExistingData, Objection, Serving, allowed};
pub(crate) use feature_flags::may_be_of;
pub(crate) use limits::DISK_FREE_LIMIT;
pub(crate) use paths::{
    BROKER_PACKAGE, BROKER_UNIT, CLUSTER_FORMATION, CONF_FILE, COOKIE_FILE, ENV_FILE, LIMITS_FILE,
    PLUGINS_DIRECTORY, PLUGINS_FILE, STAGED_COOKIE_FILE, VERSIONS_DIRECTORY, enabled_plugins,
    parse_enabled_plugins,
};
pub(crate) use plugins::{SHIPPED_PLUGINS, is_ever_shipped, ships};
pub(crate) use version::{
    has_mirrored_queues, has_ram_nodes, joins_while_running, same_series, upgrades_to, waits_before_entering,
};
