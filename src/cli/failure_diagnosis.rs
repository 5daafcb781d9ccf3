//! What `doctor` says after a step that brings nodes together has failed.

use super::arguments::Common;
use super::command_line::Words;
use super::examine::examined;
use super::print;
use super::record::Record;
use super::session::Session;
use crate::facts::Facts;
use crate::plan::{Plan, StepId};
use crate::report::{DiagnosisDocument, diagnosis_brief};

/// Tells and records why nodes do not come together, where a step that brings them together has failed. It adds to the failure
/// that was told, and takes nothing from it.
pub async fn diagnose(
    (session, common, record): (&Session, &Common, &Record),
    (plan, failed): (&Plan, &[StepId]),
    facts: &Facts,
) {
    let mut steps = failed.iter().filter_map(|id| plan.step(id));
    if !steps.any(|step| step.operation.nature().broker.brings_nodes_together()) {
        return;
    }
    let diagnosis = examined(&session.transport, &session.desired, facts).await;
    let words = Words::of(common);
    let inventory = words.as_str();
    record.diagnosed(&diagnosis, inventory);
    if common.json {
        let document = DiagnosisDocument::new(&diagnosis, facts, inventory);
        print::json_line(&Examined { event: "doctor", document });
    }
    print::important(common, |style| diagnosis_brief(&diagnosis, inventory, style));
}

/// The line of `--json` with what was found on the hosts.
#[derive(serde::Serialize)]
struct Examined {
    event: &'static str,
    #[serde(flatten)]
    document: DiagnosisDocument,
}
