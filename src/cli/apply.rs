use std::path::Path;
use std::sync::Arc;

use super::arguments::{Apply, Common};
use super::command_line::CommandLine;
use super::connection::{Rights, close, transport};
use super::consent::{Answer, By, Consent, show_plan};
use super::execute::{Executed, execute, lock};
use super::exit::{Exit, Failure};
use super::print;
use super::record::Record;
use super::session::{shown, unreachable};
use super::signals::Signals;
use super::wait_for_steps::{ProbeTime, gather_when_idle};
use crate::document::{ReadError, read_bounded};
use crate::facts::Facts;
use crate::history::{PassKind, RunResult};
use crate::model::Secrets;
use crate::plan::{Moved, Plan, fingerprint, moved};
use crate::report::{FailureCode, Routes, Style, stale_text};
use crate::transport::SshTransport;

/// The largest saved plan that is read, in bytes: a plan for fifty hosts needs a fiftieth of this.
const LARGEST: usize = 64 << 20;

/// `rabbitup apply FILE`.
pub async fn run(common: &Common, arguments: &Apply) -> Result<Exit, Failure> {
    let plan = read(&arguments.plan)?;
    if plan.is_empty() {
        show_plan(common, By::flag(arguments.yes), "", &plan);
        return Ok(Exit::Done);
    }
    let command = CommandLine::apply(common, &arguments.plan);
    let consent = Consent::new(common, By::flag(arguments.yes), command.clone());
    consent.require_a_way()?;
    let transport = transport(&plan.hosts, &Rights::of_root(common)?, &plan.secrets);
    let (record, signals) = (Record::of_saved_plan(command, &plan), Signals::default());
    let work = confirm_and_apply((common, arguments), &plan, &transport, &consent, (&record, &signals));
    let result = signals.until_interrupted(work, || record.interrupted()).await;
    record.end(common, &result);
    close(&transport, common).await;
    result
}

async fn confirm_and_apply(
    (common, arguments): (&Common, &Apply),
    plan: &Plan,
    transport: &Arc<SshTransport>,
    consent: &Consent<'_>,
    (record, signals): (&Record, &Signals),
) -> Result<Exit, Failure> {
    // A plan that the hosts have left behind is not worth reading, nor a question. The facts include what the last step of another
    // run still changes.
    let facts = gather_when_idle(transport, &plan.hosts, common, ProbeTime::First).await?;
    require_fresh(plan, &arguments.plan, &facts, common)?;
    consent.show("", plan);
    if consent.to(plan, "Apply this saved plan?").await? == Answer::No {
        print::important(common, |_| "Not confirmed: nothing was changed.\n".to_owned());
        record.ends_as(RunResult::Unconfirmed);
        return Ok(Exit::Failed);
    }
    let locks = lock(transport, plan, &record.command).await?;
    let facts = gather_when_idle(transport, &plan.hosts, common, ProbeTime::Locked).await?;
    require_fresh(plan, &arguments.plan, &facts, common)?;
    let about = (record, signals, PassKind::First);
    Ok(match execute(transport, plan, Secrets::default(), locks, common, about).await? {
        Executed::Done => Exit::Done,
        Executed::Failed(_) => Exit::Failed,
        Executed::Interrupted => Exit::Interrupted,
        Executed::TakenOver => Exit::Locked,
    })
}

/// Whether the hosts are still as the plan saw them.
fn require_fresh(plan: &Plan, path: &Path, facts: &Facts, common: &Common) -> Result<(), Failure> {
    if facts.unreachable().next().is_some() {
        return Err(unreachable(facts, &Routes::from(plan), common.style_of_stderr()));
    }
    let stale = moved(&plan.fingerprint, &fingerprint(facts, plan.digest_key));
    if stale.is_empty() { Ok(()) } else { Err(refuse(path, &stale, common.style_of_stderr())) }
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let bad = |why: String| {
        Failure::new(FailureCode::SavedPlan, format!("{} is not a plan that can be applied", shown(path)))
            .why(why)
    };
    const ANOTHER: &str = "make one with: rabbitup plan -o FILE";
    let text = read_bounded(path, LARGEST).map_err(|error| match &error {
        ReadError::Distrusted(why) => bad(error.to_string()).next(why.hint()),
        ReadError::Missing(_) | ReadError::Directory(_) | ReadError::TooLarge(..) | ReadError::Io(..) => {
            bad(error.to_string()).next(ANOTHER)
        }
    })?;
    Plan::from_saved(&text).map_err(|error| bad(error.to_string()).next(ANOTHER))
}

/// Says what has changed on each host.
fn refuse(path: &Path, stale: &[Moved], style: Style) -> Failure {
    let message = format!("the hosts have changed since {} was made, so none of it was applied", shown(path));
    let report = format!(
        "error: {message}\n{}  next: make a new plan with rabbitup plan -o FILE, and read it\n",
        stale_text(stale, style)
    );
    Failure::report(FailureCode::FactsMoved, report, message)
}
