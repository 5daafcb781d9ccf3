use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::{Called, Common, Data, Doctor};
use super::command_line::Words;
use super::examine::examined;
use super::exit::{Exit, Failure};
use super::session::{Session, shown};
use super::{bundle, print};
use crate::cluster::health::WAIT_FOR_IT;
use crate::doctor::{self, BundleContents, Diagnosis};
use crate::facts::Facts;
use crate::report::{DiagnosisDocument, Status, StatusDocument, Style, diagnosis_text, under_way_text};

/// `rabbitup doctor`.
pub async fn run(common: &Common, arguments: &Doctor) -> Result<Exit, Failure> {
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
    if !common.json {
        print::stdout(&under_way_text(&facts, now));
        print::stdout(&diagnosis_text(&diagnosis, inventory, common.style()));
    }
    if let Some(path) = &arguments.bundle {
        pack(session, common, (&facts, &diagnosis), path).await?;
        if !common.json {
            print::stdout(&format!(
                "Wrote {}, readable only by you, with secrets removed. Read it before you send it.\n",
                shown(path)
            ));
        }
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
    let status = Status {
        desired: &session.desired,
        facts,
        findings: &findings,
        now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        key: session.options.digest_key,
    };
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
