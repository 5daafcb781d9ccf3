use super::arguments::{Called, Common, Data, Doctor};
use super::examine::examined;
use super::exit::{Exit, Failure};
use super::print;
use super::session::{Session, inventory_words};
use crate::report::{DiagnosisDocument, diagnosis_text};

/// `rabbitup doctor`.
pub async fn run(common: &Common, _arguments: &Doctor) -> Result<Exit, Failure> {
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let facts = session.gather().await;
    let diagnosis = examined(&session.transport, &session.desired, &facts).await;
    let inventory = inventory_words(common);
    if common.json {
        print::json(&DiagnosisDocument::new(&diagnosis, &inventory));
    } else {
        print::stdout(&diagnosis_text(&diagnosis, &inventory, common.style()));
    }
    session.close(common).await;
    Ok(if diagnosis.is_healthy() { Exit::Done } else { Exit::Failed })
}
