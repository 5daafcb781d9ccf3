use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::arguments::{Common, PlanArguments};
use super::exit::{Exit, Failure};
use super::print;
use super::session::{Session, inventory_words, shown};
use crate::plan::{Moment, Plan};
use crate::report::{PlanDocument, Routes, plan_text, skipped_line};

/// `rabbitup plan`.
pub async fn run(common: &Common, arguments: &PlanArguments) -> Result<Exit, Failure> {
    let session = Session::open(common, &arguments.called, &arguments.data)?;
    let facts = session.gather().await;
    session.close(common).await;
    let plan = session.plan(common, &facts, Moment::Before)?;
    if let Some(path) = &arguments.output {
        save(&plan, path)?;
    }
    if common.json {
        print::json(&PlanDocument::from(&plan));
    } else {
        print::stdout(&plan_text(&plan, common.style()));
        if let Some(line) = skipped_line(&facts, &Routes::from(&session.desired), common.style()) {
            print::stdout(&line);
        }
        if let Some(path) = arguments.output.as_ref().filter(|_| !plan.is_empty()) {
            print::stdout(&format!(
                "Saved: rabbitup apply {} does exactly this, as long as the hosts stay as they are.\n",
                shown(path)
            ));
        } else if !plan.is_empty() {
            print::stdout(&format!("Next: {}\n", arguments.called.command(&inventory_words(common))));
        }
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() { Exit::Pending } else { Exit::Done })
}

/// Saves a plan for its owner alone: it holds no secret, but says where to find the hosts' weak places.
fn save(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let error = |error: &dyn std::error::Error| {
        Failure::other(format!("the plan could not be saved in {}", shown(path)), error)
    };
    // The rename would take away what is there, be it /dev/stdout.
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Failure::new(
            Exit::Usage,
            format!("{} is no file that a plan could replace", shown(path)),
        )
        .next("name a file; for a document to read there is rabbitup plan --json"));
    }
    let text = serde_json::to_vec_pretty(plan).map_err(|e| error(&e))?;
    let beside = path.with_extension("partial");
    // A file that is there keeps its mode when it is opened: it goes first.
    let _ = std::fs::remove_file(&beside);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(|e| error(&e))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(|e| error(&e))?;
    std::fs::rename(&beside, path).map_err(|e| error(&e))
}
