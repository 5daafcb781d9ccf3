//! TOML → desired state. All errors of an inventory are reported here, with a span, a hint and the nearest valid key, before any
//! host is contacted.

mod admin;
mod balancer_context;
mod check;
mod command_secret;
mod contexts;
mod desired;
mod duration;
mod errors;
mod raw;
mod raw_addresses;
mod raw_values;
mod secrets;
mod starter;

use std::path::Path;
use std::sync::Arc;

use crate::document::{self, Problem, Severity, Source};

pub use admin::Admin;
pub use balancer_context::BalancerAt;
pub(crate) use balancer_context::{Checks, alive};
pub(crate) use command_secret::CommandSecret;
pub use desired::BalancerCheck;
pub use desired::BalancerListener;
pub use desired::ConfigEntry;
pub(crate) use desired::Metrics;
pub use desired::{
    Become, Cluster, ConfigValue, CookieSource, Desired, FirewallSetting, GuestSetting, Host, HostKeys,
    HostsFileSetting, JoinMethod, LoadBalancer, Package, Ssh, Stats, Time, TimeServer, Vip,
};
pub(crate) use desired::{Definitions, References};
pub(crate) use duration::{parse_duration, short_duration};
pub(crate) use errors::InventoryErrors;
pub(crate) use secrets::read_secret;
pub(crate) use starter::{ADMIN_PASSWORD, Starter, StarterHost, StarterPart, StarterSsh};
pub use starter::{StarterError, starter};

/// What loading does with secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretPolicy {
    /// For commands that contact hosts: every file and variable is read, and failing to read one is an error. A secret's command
    /// runs when the secret is needed.
    #[default]
    Require,
    /// For `check` and `render`, which may run on machines without the secrets: existing files and variables are read and
    /// checked, missing ones are warnings, and no command runs.
    Tolerate,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub secrets: SecretPolicy,
}

/// Warnings: shown, but not errors.
pub(crate) type Warning = Problem;

/// A valid inventory and its warnings.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub desired: Desired,
    pub warnings: Vec<Warning>,
}

/// Loads an inventory.
///
/// # Errors
/// All its errors at once, except those that another error hides.
pub fn load(path: &Path, options: Options) -> Result<Loaded, InventoryErrors> {
    const MISSING: &str = "`rabbitup init HOST…` writes a starter inventory, `rabbitup adopt HOST` that of a running cluster, `-i FILE` \
                           names another one";
    match document::read_document(path, MISSING) {
        Ok(source) => load_source(path, &source, options),
        Err(problem) => Err(InventoryErrors::new(path, vec![problem])),
    }
}

/// Loads an inventory from its text, as if it were the file `path`.
///
/// # Errors
/// As [`load`].
pub fn load_text(path: &Path, text: &str, options: Options) -> Result<Loaded, InventoryErrors> {
    load_source(path, &Source::new(path, text), options)
}

fn load_source(path: &Path, source: &Arc<Source>, options: Options) -> Result<Loaded, InventoryErrors> {
    if source.text().lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        let problem = Problem::error(format!("{} is empty", path.display()))
            .hint("`rabbitup init HOST…` writes a starter inventory")
            .of_file(path);
        return Err(InventoryErrors::new(path, vec![problem]));
    }
    let (raw, mut problems) = document::read_as::<raw::RawInventory>(source, &schema(), raw_values::FORMS);
    let base = path.parent().unwrap_or(Path::new(""));
    let desired = raw.map(|raw| check::check(raw, source, base, options, &mut problems));
    problems.sort_by_key(Problem::start);
    let problems: Vec<Problem> = problems.into_iter().map(|problem| problem.of_file(path)).collect();
    match desired {
        Some(desired) if problems.iter().all(|problem| problem.severity() == Severity::Warning) => {
            Ok(Loaded { desired, warnings: problems })
        }
        _ => Err(InventoryErrors::new(path, problems)),
    }
}

/// The JSON Schema of an inventory.
pub fn schema() -> serde_json::Value {
    document::plain_schema(schemars::schema_for!(raw::RawInventory))
}
