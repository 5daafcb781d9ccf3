use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::{Called, Common, Data, Doctor};
use super::examine::examined;
use super::exit::{Exit, Failure};
use super::session::{Session, inventory_words, shown};
use super::{bundle, print};
use crate::doctor::{self, Diagnosis, Papers};
use crate::facts::Facts;
use crate::report::{DiagnosisDocument, Status, StatusDocument, Style, diagnosis_text, health};

/// `rabbitup doctor`.
pub async fn run(common: &Common, arguments: &Doctor) -> Result<Exit, Failure> {
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let looked = look(&session, common, arguments).await;
    session.close(common).await;
    looked
}

async fn look(session: &Session, common: &Common, arguments: &Doctor) -> Result<Exit, Failure> {
    let facts = session.gather().await;
    let diagnosis = examined(&session.transport, &session.desired, &facts).await;
    let inventory = inventory_words(common);
    if common.json {
        print::json(&DiagnosisDocument::new(&diagnosis, &inventory));
    } else {
        print::stdout(&diagnosis_text(&diagnosis, &inventory, common.style()));
    }
    if let Some(path) = &arguments.bundle {
        pack(session, &facts, &diagnosis, &inventory, path).await?;
        if !common.json {
            print::stdout(&format!(
                "Packed without secrets into {}, for you alone to read: look through it before you send it.\n",
                shown(path)
            ));
        }
    }
    Ok(if diagnosis.is_healthy() { Exit::Done } else { Exit::Failed })
}

async fn pack(
    session: &Session,
    facts: &Facts,
    diagnosis: &Diagnosis,
    inventory: &str,
    path: &Path,
) -> Result<(), Failure> {
    let collected = bundle::collect(&session.transport, facts).await;
    let findings = health(&session.desired, facts);
    let status = Status {
        desired: &session.desired,
        facts,
        findings: &findings,
        now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        key: session.options.digest_key,
    };
    let (secrets, unknown) = session.all_secrets();
    let papers = Papers {
        // Plain structs: they always have a JSON form.
        doctor_json: serde_json::to_string_pretty(&DiagnosisDocument::new(diagnosis, inventory))
            .unwrap_or_default(),
        status_json: serde_json::to_string_pretty(&StatusDocument::from(&status)).unwrap_or_default(),
        doctor_text: diagnosis_text(diagnosis, inventory, Style::plain(100)),
        version: env!("CARGO_PKG_VERSION"),
        secrets: &secrets,
        unknown: &unknown,
    };
    bundle::write(&doctor::bundle(facts, &collected, &papers), path)
}
