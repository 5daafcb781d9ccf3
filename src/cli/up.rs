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
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(300);

/// `rabbitup up`, and `rabbitup run` with another playbook.
pub async fn run(common: &Common, playbook: &str, arguments: &Up) -> Result<Exit, Failure> {
    let session = Session::open(common, playbook, &arguments.data)?;
    let result = bring_up(&session, common, arguments).await;
    session.close(common).await;
    result
}

async fn bring_up(session: &Session, common: &Common, arguments: &Up) -> Result<Exit, Failure> {
    let facts = session.gather().await;
    let plan = session.plan(common, &facts)?;
    if plan.is_empty() {
        show(common, &plan_text(&plan, common.style()));
        return Ok(judge(common, &session.desired, &facts));
    }
    show(common, &plan_text(&plan, common.style()));
    if !confirm(common, arguments.yes, "Apply this plan?")? {
        show(common, "Nothing was changed.\n");
        return Ok(Exit::Done);
    }
    let locks = lock(&session.transport, &plan, common).await?;
    let plan = look_again(session, common, arguments, plan).await?;
    let command = format!("rabbitup{} up", inventory_words(common));
    match execute(&session.transport, &plan, session.desired.secrets.clone(), locks, common, &command).await?
    {
        Executed::Done => verify(session, common).await,
        Executed::Failed => Ok(Exit::Failed),
        Executed::Interrupted => Ok(Exit::Interrupted),
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
/// balancer, a clock that is being set) is waited for.
async fn verify(session: &Session, common: &Common) -> Result<Exit, Failure> {
    let patience = session.playbook.phases.iter().find_map(|phase| match phase {
        PhaseSettings::Verify(health) => Some(health.patience.0),
        _ => None,
    });
    let end = tokio::time::Instant::now() + patience.unwrap_or_default();
    loop {
        let facts = session.gather().await;
        let plan = session.plan(common, &facts)?;
        let findings = health(&session.desired, &facts);
        let waits = !plan.is_empty() || findings.iter().any(|finding| finding.severity != Severity::Note);
        if waits && tokio::time::Instant::now() < end && is_passing(&findings, &plan) {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        return Ok(verdict(common, session, &facts, &plan));
    }
}

/// Whether waiting can help: nothing that only an operator can mend is in the way.
fn is_passing(findings: &[Finding], plan: &Plan) -> bool {
    plan.is_empty() || !is_healthy(findings)
}

fn verdict(common: &Common, session: &Session, facts: &Facts, plan: &Plan) -> Exit {
    if !plan.is_empty() {
        show(common, "After the run, this is still to be done:\n");
        show(common, &plan_text(plan, common.style()));
        return Exit::Failed;
    }
    show(common, &format!("Verified: {}\n", last_line(plan)));
    judge(common, &session.desired, facts)
}

/// Prints what is not as it should be, and whether that is an error.
fn judge(common: &Common, desired: &Desired, facts: &Facts) -> Exit {
    let findings = health(desired, facts);
    let told: Vec<Finding> = findings.iter().filter(|f| f.severity != Severity::Note).cloned().collect();
    show(common, &findings_text(&told, common.style()));
    if is_healthy(&findings) { Exit::Done } else { Exit::Failed }
}

fn show(common: &Common, text: &str) {
    if !common.json {
        print::stdout(text);
    }
}
