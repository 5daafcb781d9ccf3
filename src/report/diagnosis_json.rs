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
    /// Whether nothing was found.
    pub healthy: bool,
    /// The root causes first, in the order of the walk; then what follows from them.
    pub findings: Vec<DiagnosisFinding>,
    /// What was walked, and how often something was wrong there.
    pub checked: Vec<Checked>,
    /// The runs of rabbitup that hold locks on these hosts just now.
    pub under_way: Vec<UnderWay>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiagnosisFinding {
    /// Its id, as docs/doctor.md lists them.
    pub cause: &'static str,
    /// Where it was found; null: it concerns the cluster as a whole.
    pub host: Option<HostName>,
    /// The other host that it is about.
    pub peer: Option<HostName>,
    pub what: String,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
    /// Commands to run here, one after the other, and sentences where no command does it.
    pub remedy: Vec<String>,
    /// Whether it follows from an earlier finding.
    pub consequence: bool,
}

impl DiagnosisDocument {
    /// The document; `inventory` is what stands between `rabbitup` and its verb in commands, as in ` -i lab.toml`.
    pub fn new(diagnosis: &Diagnosis, facts: &Facts, inventory: &str) -> Self {
        let finding = |found: &Finding| DiagnosisFinding {
            cause: found.cause.id(),
            host: found.host.clone(),
            peer: found.peer.clone(),
            what: found.what.clone(),
            evidence: found.evidence.clone(),
            remedy: found.remedy.iter().map(|remedy| remedy.words(inventory)).collect(),
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
