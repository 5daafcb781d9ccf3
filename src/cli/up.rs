use std::time::Duration;

use tokio::time::Instant;

use super::arguments::{Common, Up};
use super::confirm::confirm;
use super::execute::{Executed, execute, lock};
use super::exit::{Exit, Failure};
use super::print;
use super::session::{Session, inventory_words};
use crate::facts::Facts;
use crate::inventory::Desired;
use crate::plan::Plan;
use crate::playbook::PhaseSettings;
use crate::report::{Finding, Severity, findings_text, health, is_healthy, last_line, plan_text};

/// How often a verification looks again while it waits for what is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long a verification waits before it says what for.
const QUIET: Duration = Duration::from_secs(1);
/// How long it waits for what is only worth a warning.
const WAIT_FOR_WARNINGS: Duration = Duration::from_secs(10);

/// `rabbitup up`, and `rabbitup run` with another playbook.
pub async fn run(common: &Common, playbook: &str, arguments: &Up) -> Result<Exit, Failure> {
    let session = Session::open(common, playbook, &arguments.data)?;
    let result = bring_up(&session, common, arguments).await;
    session.close(common).await;
    result
}

/// What a stopped node holds is seen only when it runs, so a second round may follow the first; never a third.
async fn bring_up(session: &Session, common: &Common, arguments: &Up) -> Result<Exit, Failure> {
    let facts = session.gather().await;
    let plan = session.plan(common, &facts)?;
    show(common, &plan_text(&plan, common.style()));
    if plan.is_empty() {
        return Ok(judge(common, &session.desired, &facts));
    }
    match round(session, common, arguments, plan).await? {
        Round::Ended(exit) => Ok(exit),
        Round::More(plan) => {
            show(common, "\nWhat runs now shows that there is more to do:\n\n");
            show(common, &plan_text(&plan, common.style()));
            match round(session, common, arguments, plan).await? {
                Round::Ended(exit) => Ok(exit),
                Round::More(plan) => {
                    show(common, "After the run, this is still to be done:\n");
                    show(common, &plan_text(&plan, common.style()));
                    Ok(Exit::Failed)
                }
            }
        }
    }
}

/// How a round ended.
enum Round {
    Ended(Exit),
    /// All was done, and there is more to do.
    More(Plan),
}

/// Confirms, applies and verifies a plan that has been shown.
async fn round(session: &Session, common: &Common, arguments: &Up, plan: Plan) -> Result<Round, Failure> {
    if !confirm(common, arguments.yes, "Apply this plan?")? {
        show(common, "Nothing was changed.\n");
        return Ok(Round::Ended(Exit::Done));
    }
    let locks = lock(&session.transport, &plan, common).await?;
    let plan = look_again(session, common, arguments, plan).await?;
    let command = format!("rabbitup{} up", inventory_words(common));
    let secrets = session.desired.secrets.clone();
    match execute(&session.transport, &plan, secrets, locks, common, &command).await? {
        Executed::Done => verify(session, common).await,
        Executed::Failed => Ok(Round::Ended(Exit::Failed)),
        Executed::Interrupted => Ok(Round::Ended(Exit::Interrupted)),
    }
}

/// Under the lock the hosts are looked at once more. What was confirmed is what is done: a plan that has become
/// another is shown and confirmed again.
async fn look_again(
    session: &Session,
    common: &Common,
    arguments: &Up,
    shown: Plan,
) -> Result<Plan, Failure> {
    let plan = session.plan(common, &session.gather().await)?;
    if plan.steps == shown.steps {
        return Ok(plan);
    }
    show(common, "The hosts have changed since; the plan is now:\n");
    show(common, &plan_text(&plan, common.style()));
    if confirm(common, arguments.yes, "Apply this plan?")? {
        Ok(plan)
    } else {
        Err(Failure::new(Exit::Failed, "nothing was changed"))
    }
}

/// Gathers again: the plan must be empty and the cluster whole. What takes a moment (a health check of the load
/// balancer, a first answer of the time source) is waited for, and said.
async fn verify(session: &Session, common: &Common) -> Result<Round, Failure> {
    let patience = session.playbook.phases.iter().find_map(|phase| match phase {
        PhaseSettings::Verify(health) => Some(health.patience.0),
        _ => None,
    });
    let start = Instant::now();
    let mut told = None;
    loop {
        let facts = session.gather().await;
        let plan = session.plan(common, &facts)?;
        let findings = health(&session.desired, &facts);
        // They are sorted, the worst first.
        let worst = findings.first();
        let limit = match worst.map(|finding| finding.severity) {
            Some(Severity::Error) => patience.unwrap_or_default(),
            // Nothing depends on it; but a clock that syncs a moment later is no news either.
            Some(Severity::Warning) if plan.is_empty() => WAIT_FOR_WARNINGS,
            _ => Duration::ZERO,
        };
        if start.elapsed() >= limit {
            if !plan.is_empty() {
                return Ok(Round::More(plan));
            }
            show(common, &format!("Verified: {}\n", last_line(&plan)));
            return Ok(Round::Ended(judge(common, &session.desired, &facts)));
        }
        if let Some(worst) =
            worst.filter(|worst| told.as_ref() != Some(&worst.what) && start.elapsed() > QUIET)
        {
            let host = worst.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
            show(common, &format!("Waiting: {host}{}\n", worst.what));
            told = Some(worst.what.clone());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Prints what is not as it should be, and whether that is an error.
fn judge(common: &Common, desired: &Desired, facts: &Facts) -> Exit {
    let findings = health(desired, facts);
    let told: Vec<Finding> = findings.iter().filter(|f| f.severity != Severity::Note).cloned().collect();
    if common.json {
        print::json_line(&Verified {
            format_version: 1,
            event: "verified",
            healthy: is_healthy(&findings),
            findings: &findings,
        });
    }
    show(common, &findings_text(&told, common.style()));
    if is_healthy(&findings) { Exit::Done } else { Exit::Failed }
}

fn show(common: &Common, text: &str) {
    if !common.json {
        print::stdout(text);
    }
}

/// The last line of `--json`.
#[derive(serde::Serialize)]
struct Verified<'a> {
    format_version: u32,
    event: &'static str,
    healthy: bool,
    findings: &'a [Finding],
}
