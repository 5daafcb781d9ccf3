use std::path::Path;
use std::time::SystemTime;

use super::arguments::{Called, Common, Data, Doctor};
use super::command_line::Words;
use super::examine::examined;
use super::exit::{Exit, Failure};
use super::private_file::{self, Kind};
use super::session::{Session, shown};
use super::{bundle, print};
use crate::cluster::health::WAIT_FOR_IT;
use crate::doctor::{self, BundleContents, Diagnosis};
use crate::facts::Facts;
use crate::report::{DiagnosisDocument, StatusDocument, Style, diagnosis_text, under_way_text};

/// `rabbitup doctor`.
pub async fn run(common: &Common, arguments: &Doctor) -> Result<Exit, Failure> {
    if let Some(path) = &arguments.bundle {
        private_file::require_place(path, Kind::Bundle)?;
    }
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let looked = diagnose_and_show(&session, common, arguments).await;
    session.close(common).await;
    looked
}

async fn diagnose_and_show(session: &Session, common: &Common, arguments: &Doctor) -> Result<Exit, Failure> {
    let (facts, now) = (session.gather().await, SystemTime::now());
    let mut diagnosis = examined(&session.transport, &session.desired, &facts).await;
    if facts.under_way().next().is_some() {
        diagnosis = diagnosis.while_under_way(WAIT_FOR_IT);
    }
    let words = Words::of(common);
    let inventory = words.as_str();
    let text = |style| under_way_text(&facts, now) + &diagnosis_text(&diagnosis, inventory, style);
    if diagnosis.is_healthy() {
        print::usual(common, text)
    } else {
        print::important(common, text)
    }
    if let Some(path) = &arguments.bundle {
        pack(session, common, (&facts, &diagnosis), path).await?;
        print::usual(common, |_| {
            let path = shown(path);
            format!("Wrote {path}, readable only by you, with secrets removed. Read it before you send it.\n")
        });
    }
    // Last, because it is the only document: where the bundle cannot be written, the error is.
    if common.json {
        print::json(&DiagnosisDocument::new(&diagnosis, &facts, inventory));
    }
    Ok(if diagnosis.is_healthy() { Exit::Done } else { Exit::Failed })
}

async fn pack(
    session: &Session,
    common: &Common,
    (facts, diagnosis): (&Facts, &Diagnosis),
    path: &Path,
) -> Result<(), Failure> {
    let collected = bundle::collect(&session.transport, facts).await;
    let findings = session.findings(common, facts);
    let words = Words::of(common);
    let inventory = words.as_str();
    let status = session.status(facts, &findings, SystemTime::now());
    let (secrets, unknown) = session.all_secrets();
    let contents = BundleContents {
        // Plain structs: they always serialise.
        doctor_json: serde_json::to_string_pretty(&DiagnosisDocument::new(diagnosis, facts, inventory))
            .unwrap_or_default(),
        status_json: serde_json::to_string_pretty(&StatusDocument::from(&status)).unwrap_or_default(),
        doctor_text: diagnosis_text(diagnosis, inventory, Style::plain(100)),
        version: env!("CARGO_PKG_VERSION"),
        secrets: &secrets,
        unknown: &unknown,
    };
    bundle::write(&doctor::bundle(facts, &collected, &contents), path)
}
