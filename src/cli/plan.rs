use std::path::Path;

use super::arguments::{Common, PlanArguments};
use super::command_line::CommandLine;
use super::exit::{Exit, Failure};
use super::session::{Session, shown};
use super::wait_for_steps::gather_when_idle;
use super::{print, private_file};
use crate::plan::{Pass, Plan};
use crate::report::{PlanDocument, Routes, plan_text, skipped_line};

/// `rabbitup plan`.
pub async fn run(common: &Common, arguments: &PlanArguments) -> Result<Exit, Failure> {
    let session = Session::open(common, &arguments.called, &arguments.data)?;
    let facts = gather_when_idle(&session.transport, &session.hosts, common, session.first_turn()).await;
    session.close(common).await;
    let facts = facts?;
    let plan = session.plan(common, &facts, Pass::Before)?;
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
        match (&arguments.output, plan.is_empty()) {
            (Some(path), true) => {
                print::stdout(&format!("Saved to {}: there is nothing to apply.\n", shown(path)))
            }
            (Some(path), false) => print::stdout(&format!(
                "Saved. As long as the hosts do not change, this does exactly what is shown:\nNext: {}\n",
                CommandLine::apply(common, path)
            )),
            (None, true) => {}
            (None, false) => {
                let next = CommandLine::doing(common, &arguments.called, &arguments.data);
                print::stdout(&format!("Next: {next}\n"));
            }
        }
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() { Exit::Pending } else { Exit::Done })
}

/// Saves a plan readable only by its owner: it contains no secret, but much detail about the hosts.
fn save(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let text = plan.to_saved().map_err(|error| Failure::other("the plan could not be serialised", &error))?;
    private_file::replace(path, &text, "plan")
}
