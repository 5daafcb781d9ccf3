use schemars::JsonSchema;
use serde::Serialize;

use crate::document::{Problem, ProblemDocument};

/// What `rabbitup check --json` prints of a valid inventory. One with errors is an [`super::ErrorDocument`].
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CheckDocument {
    pub format_version: u32,
    /// Always true.
    pub ok: bool,
    /// The number of hosts.
    pub hosts: usize,
    /// What is valid and probably not meant, in the order of the inventory.
    pub warnings: Vec<ProblemDocument>,
}

impl CheckDocument {
    pub fn new(hosts: usize, warnings: &[Problem]) -> Self {
        let warnings = warnings.iter().map(Problem::document).collect();
        Self { format_version: 1, ok: true, hosts, warnings }
    }
}

/// The JSON Schema of the document, for `rabbitup schema check`.
pub fn check_schema() -> schemars::Schema {
    schemars::schema_for!(CheckDocument)
}
