use schemars::JsonSchema;
use serde::Serialize;

use crate::doctor::{Checked, Diagnosis, Finding};
use crate::facts::Facts;
use crate::model::HostName;
use crate::plan::FORMAT_VERSION;

use super::under_way::{UnderWay, under_way};

/// What `rabbitup doctor --json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DiagnosisDocument {
    pub format_version: u32,
    /// Whether there are no findings.
    pub healthy: bool,
    /// Root causes first, in the order of the walk; then their consequences.
    pub findings: Vec<DiagnosisFinding>,
    /// The checks that ran, and how often each found a problem.
    pub checked: Vec<Checked>,
    /// The rabbitup runs that hold locks on these hosts now.
    pub under_way: Vec<UnderWay>,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiagnosisFinding {
    /// Its id, as listed in docs/doctor.md.
    pub cause: &'static str,
    /// Where it was found; null: the whole cluster.
    pub host: Option<HostName>,
    /// The other host involved.
    pub peer: Option<HostName>,
    pub what: String,
    /// The evidence, line by line.
    pub evidence: Vec<String>,
    /// Commands to run here in this order, and sentences if no command does it.
    pub remedy: Vec<String>,
    /// Whether it is a consequence of an earlier finding.
    pub consequence: bool,
}

impl DiagnosisDocument {
    /// The document; `inventory` is inserted between `rabbitup` and its verb in commands, as in ` -i lab.toml`.
    pub fn new(diagnosis: &Diagnosis, facts: &Facts, inventory: &str) -> Self {
        let finding = |found: &Finding| DiagnosisFinding {
            cause: found.cause.id(),
            host: found.problem.host.clone(),
            peer: found.peer.clone(),
            what: found.problem.what.clone(),
            evidence: found.problem.cause.why.clone(),
            remedy: found.problem.cause.next.iter().map(|advice| advice.words(inventory)).collect(),
            consequence: found.consequence,
        };
        Self {
            format_version: FORMAT_VERSION,
            healthy: diagnosis.is_healthy(),
            findings: diagnosis.findings.iter().map(finding).collect(),
            checked: diagnosis.checked.clone(),
            under_way: under_way(facts),
        }
    }
}

/// The JSON Schema of the document.
pub fn diagnosis_schema() -> schemars::Schema {
    schemars::schema_for!(DiagnosisDocument)
}
