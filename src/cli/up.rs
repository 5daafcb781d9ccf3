use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::arguments::{Called, Common, Up};
use super::command_line::{CommandLine, Words};
use super::consent::{Answer, By, Consent};
use super::examine::examined;
use super::execute::{Executed, execute, lock};
use super::exit::{Exit, Failure};
use super::print;
use super::session::Session;
use super::wait_for_steps::{ProbeTime, gather_when_idle};
use crate::apply::Locks;
use crate::cluster::phrases::counted;
use crate::cluster::{Finding, Severity, is_healthy};
use crate::facts::Facts;
use crate::model::{HostName, one_line};
use crate::plan::{Pass, Plan, StepId};
use crate::playbook::Playbook;
use crate::rabbitmq::BROKER_UNIT;
use crate::report::{DiagnosisDocument, FindingEntry, diagnosis_brief, findings_text, last_line, plan_text};

/// When a verification looks again first while it waits for what is not there yet; each time half as long again, up to
/// [`LONGEST_PAUSE`]: a look is a process or fifty on every host.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a verification waits before it says what for.
const QUIET: Duration = Duration::from_secs(1);
/// How long it waits for an error that was there before the run.
const WAIT_FOR_OLD_ERRORS: Duration = Duration::from_secs(10);

/// `rabbitup up`, and `rabbitup run` with another playbook.
pub async fn run(common: &Common, called: &Called, arguments: &Up) -> Result<Exit, Failure> {
    let session = Session::open(common, called, &arguments.data)?;
    let showing = CommandLine::showing(common, called, &arguments.data);
    let work = PlaybookRun {
        session: &session,
        common,
        consent: Consent::new(common, By::flag(arguments.yes), showing.clone()),
        command: CommandLine::doing(common, called, &arguments.data),
        showing,
        before: RefCell::default(),
        touched: RefCell::default(),
    };
    let result = work.run().await;
    session.close(common).await;
    result
}

/// One call of a playbook.
struct PlaybookRun<'a> {
    session: &'a Session,
    common: &'a Common,
    consent: Consent<'a>,
    /// This very run, and what shows what it would do.
    command: CommandLine,
    showing: CommandLine,
    /// What was wrong before anything was done.
    before: RefCell<Vec<Finding>>,
    /// The hosts that steps of this run have changed.
    touched: RefCell<BTreeSet<HostName>>,
}

/// What is asked for each plan.
const APPLY: &str = "Apply this plan?";

/// What became of a plan that was confirmed, once its hosts are locked.
enum Replanned {
    Go(Plan),
    NotConfirmed,
    /// Somebody else has done it meanwhile.
    NothingLeft,
}

/// How a round ended.
enum PassEnd {
    Ended(Exit),
    /// All was done, and there is more to do.
    More(Plan),
}

impl PlaybookRun<'_> {
    /// What a stopped node holds is seen only when it runs, so a second round may follow the first; never a third.
    async fn run(&self) -> Result<Exit, Failure> {
        let facts = self.gather_when_idle(self.session.first_turn()).await?;
        let plan = self.session.plan(self.common, &facts, Pass::Before)?;
        self.show(&plan_text(&plan, self.common.style()));
        *self.before.borrow_mut() = self.session.health(self.common, &facts);
        let began = Instant::now();
        if plan.is_empty() {
            return self.judge_soon(&facts, began).await;
        }
        match self.run_pass(plan, began, Pass::Before).await? {
            PassEnd::Ended(exit) => Ok(exit),
            PassEnd::More(plan) => {
                self.show("\nWhat runs now shows that there is more to do:\n\n");
                self.show(&plan_text(&plan, self.common.style()));
                match self.run_pass(plan, began, Pass::After(began.elapsed())).await? {
                    PassEnd::Ended(exit) => Ok(exit),
                    PassEnd::More(plan) => {
                        self.show("After the run, this is still to be done:\n");
                        Err(self.unfinished(&plan))
                    }
                }
            }
        }
    }

    fn unfinished(&self, plan: &Plan) -> Failure {
        self.show(&plan_text(plan, self.common.style()));
        Failure::new(Exit::Failed, "after the run there is still something to do")
            .why(last_line(plan))
            .next("see what it is:")
            .command(&self.showing)
    }

    /// Confirms, applies and verifies a plan that has been shown.
    async fn run_pass(&self, plan: Plan, began: Instant, pass: Pass) -> Result<PassEnd, Failure> {
        if self.consent.to(&plan, APPLY).await? == Answer::No {
            self.show(match pass {
                Pass::Before => "Not confirmed: nothing was changed.\n",
                Pass::After(_) => "Not confirmed: this was not done.\n",
            });
            return Ok(PassEnd::Ended(Exit::Failed));
        }
        let locks = lock(&self.session.transport, &plan, &self.command).await?;
        let plan = match self.replan_under_lock(plan, &self.session.playbook, pass).await? {
            Replanned::Go(plan) => plan,
            Replanned::NotConfirmed => {
                self.show("Not confirmed: nothing of it was done.\n");
                return Ok(PassEnd::Ended(Exit::Failed));
            }
            Replanned::NothingLeft => {
                locks.release().await;
                return self.verify(began).await;
            }
        };
        Ok(match self.execute(&plan, locks).await? {
            Executed::Done => return self.verify(began).await,
            Executed::Failed(steps) => {
                self.examine(&plan, &steps).await;
                self.recover().await?;
                PassEnd::Ended(Exit::Failed)
            }
            Executed::Interrupted => PassEnd::Ended(Exit::Interrupted),
            // What is on the hosts now is that run's, half-way or not.
            Executed::TakenOver => PassEnd::Ended(Exit::Locked),
        })
    }

    async fn execute(&self, plan: &Plan, locks: Locks) -> Result<Executed, Failure> {
        self.session.changes.set(true);
        self.touched.borrow_mut().extend(plan.steps.iter().map(|step| step.host.clone()));
        let secrets = self.session.secrets_for(plan)?;
        execute(&self.session.transport, plan, secrets, locks, self.common, &self.command).await
    }

    /// Under the lock the hosts are inspected once more. What was confirmed is what is done: a plan that has become another
    /// is shown and confirmed again, and `--yes` is no word for one that destroys more.
    async fn replan_under_lock(
        &self,
        shown: Plan,
        playbook: &Playbook,
        pass: Pass,
    ) -> Result<Replanned, Failure> {
        let turn = if self.session.goes_beside() { ProbeTime::Beside } else { ProbeTime::Locked };
        let plan =
            self.session.plan_with(self.common, playbook, &self.gather_when_idle(turn).await?, pass)?;
        if plan.steps == shown.steps {
            return Ok(Replanned::Go(plan));
        }
        if plan.is_empty() {
            self.show("The hosts have changed since: there is nothing left to do.\n");
            return Ok(Replanned::NothingLeft);
        }
        self.show("The hosts have changed since; the plan is now:\n");
        self.show(&plan_text(&plan, self.common.style()));
        Ok(match self.consent.to(&plan, APPLY).await? {
            Answer::Yes => Replanned::Go(plan),
            Answer::No => Replanned::NotConfirmed,
        })
    }

    async fn gather_when_idle(&self, turn: ProbeTime) -> Result<Facts, Failure> {
        gather_when_idle(&self.session.transport, &self.session.hosts, self.common, turn).await
    }

    /// Why nodes do not come together, where a step that brings them together has failed. It adds to the failure that was
    /// told, and takes nothing from it.
    async fn examine(&self, plan: &Plan, failed: &[StepId]) {
        let mut steps = failed.iter().filter_map(|id| plan.step(id));
        if !steps.any(|step| step.operation.nature().broker.brings_nodes_together()) {
            return;
        }
        let facts = self.session.gather().await;
        let diagnosis = examined(&self.session.transport, &self.session.desired, &facts).await;
        let words = Words::of(self.common);
        let inventory = words.as_str();
        if self.common.json {
            let document = DiagnosisDocument::new(&diagnosis, &facts, inventory);
            print::json_line(&Examined { event: "doctor", document });
        }
        self.show(&diagnosis_brief(&diagnosis, inventory, self.common.style()));
    }

    /// A run of some playbooks must not be left half-way: what ends it is planned from what is there now, shown, and
    /// done. A step that was given up may still be running: its end comes first.
    async fn recover(&self) -> Result<(), Failure> {
        let Some(playbook) = self.session.playbook.after_failure() else { return Ok(()) };
        let facts = self.gather_when_idle(ProbeTime::HalfWay).await?;
        let plan = self.session.plan_with(self.common, &playbook, &facts, Pass::Before).inspect_err(|_| {
            self.show(&format!(
                "\nThe run failed half-way, and what would end it cannot be planned now (below). Then run again: {}\n\n",
                self.command
            ));
        })?;
        if plan.is_empty() {
            return Ok(());
        }
        self.show("\nThe run failed half-way. This ends it:\n\n");
        self.show(&plan_text(&plan, self.common.style()));
        if self.consent.to(&plan, APPLY).await? == Answer::No {
            self.show(&format!("Not confirmed: it is left half-way. Then run again: {}\n", self.command));
            return Ok(());
        }
        let locks = lock(&self.session.transport, &plan, &self.command).await?;
        let plan = match self.replan_under_lock(plan, &playbook, Pass::Before).await? {
            Replanned::Go(plan) => plan,
            Replanned::NotConfirmed => {
                self.show(&format!("Not confirmed: it is left half-way. Then run again: {}\n", self.command));
                return Ok(());
            }
            Replanned::NothingLeft => {
                locks.release().await;
                return Ok(());
            }
        };
        if self.execute(&plan, locks).await? == Executed::Done {
            let reason = plan.steps.first().map(|step| step.reason.clone()).unwrap_or_default();
            self.show(&format!("Ended: {}.\n", one_line(&reason)));
        }
        Ok(())
    }

    /// Gathers again: the plan must be empty and the cluster whole. What takes a moment (a health check of the load
    /// balancer, a first answer of the time source) is waited for, and said.
    async fn verify(&self, began: Instant) -> Result<PassEnd, Failure> {
        let (session, common) = (self.session, self.common);
        let patience = session.playbook.verifies();
        let start = Instant::now();
        let mut told = None;
        let mut pause = LOOK_AGAIN;
        loop {
            let facts = session.gather().await;
            let plan = session.plan(common, &facts, Pass::After(began.elapsed()))?;
            let findings = if patience.is_some() { session.health(common, &facts) } else { Vec::new() };
            // They are sorted, the worst first.
            let worst = findings.first();
            let errors = match worst.map(|finding| finding.severity) {
                Some(Severity::Error) if self.may_pass(&findings, &facts) => Errors::MayPass,
                Some(Severity::Error) => Errors::Stay,
                Some(Severity::Warning | Severity::Note) | None => Errors::None,
            };
            if start.elapsed() >= errors.limit(patience.unwrap_or_default()) {
                if !plan.is_empty() {
                    return Ok(PassEnd::More(plan));
                }
                return Ok(PassEnd::Ended(self.verified(&plan, &facts)));
            }
            if let Some(worst) =
                worst.filter(|worst| told.as_ref() != Some(&worst.problem.what) && start.elapsed() > QUIET)
            {
                let host = worst.problem.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
                self.show(&format!("Waiting: {host}{}\n", one_line(&worst.problem.what)));
                told = Some(worst.problem.what.clone());
            }
            tokio::time::sleep(pause).await;
            pause = (pause + pause / 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether an error is the run's own, or of a node that starts now that something was done on its host: it waited for
    /// that, as for a cookie.
    fn may_pass(&self, findings: &[Finding], facts: &Facts) -> bool {
        let (before, touched) = (self.before.borrow(), self.touched.borrow());
        let starts = |host: &HostName| {
            let unit = facts.host(host).map(|facts| facts.unit(BROKER_UNIT));
            touched.contains(host) && unit.is_some_and(|unit| unit.active == "activating")
        };
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors
            .into_iter()
            .any(|error| !before.contains(error) || error.problem.host.as_ref().is_some_and(starts))
    }

    /// With nothing to do the cluster is judged as it is. Where that is bad it gets a moment: a run that was cut off right
    /// behind its last step leaves a balancer that has not noticed yet.
    async fn judge_soon(&self, facts: &Facts, began: Instant) -> Result<Exit, Failure> {
        if is_healthy(&self.before.borrow()) || self.session.playbook.verifies().is_none() {
            return Ok(self.judge(facts));
        }
        Ok(match self.verify(began).await? {
            PassEnd::Ended(exit) => exit,
            PassEnd::More(plan) => return Err(self.unfinished(&plan)),
        })
    }

    /// With nothing left to change: says so as a success only if the cluster is healthy, too. Otherwise the errors are the result.
    fn verified(&self, plan: &Plan, facts: &Facts) -> Exit {
        let findings = match self.session.playbook.verifies() {
            Some(_) => self.session.findings(self.common, facts),
            None => Vec::new(),
        };
        if is_healthy(&findings) {
            self.show(&format!("Verified: {}\n", last_line(plan)));
            return self.judge(facts);
        }
        let exit = self.judge(facts);
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        self.show(&format!(
            "Not healthy: nothing is left to change, and {} remain.\n",
            counted(errors, "error")
        ));
        exit
    }

    /// Prints what is not as it should be, and whether that is an error.
    fn judge(&self, facts: &Facts) -> Exit {
        // A playbook that does not look at the cluster afterwards (`stop`) leaves it as it was meant to.
        if self.session.playbook.verifies().is_none() {
            return Exit::Done;
        }
        let common = self.common;
        let findings = self.session.findings(common, facts);
        let told: Vec<Finding> = findings.iter().filter(|f| f.severity != Severity::Note).cloned().collect();
        if common.json {
            print::json_line(&Verified {
                format_version: 1,
                event: "verified",
                healthy: is_healthy(&findings),
                findings: findings.iter().map(FindingEntry::from).collect(),
            });
        }
        self.show(&findings_text(&told, common.style()));
        if is_healthy(&findings) { Exit::Done } else { Exit::Failed }
    }

    fn show(&self, text: &str) {
        if !self.common.json {
            print::stdout(text);
        }
    }
}

/// What a verification has found. Warnings are told and not waited for: nothing depends on them, and a clock may take minutes
/// to synchronise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errors {
    None,
    /// All of them were there before the run, so they will hardly go away by waiting.
    Stay,
    /// The run may have caused one, which passes when what it started is up.
    MayPass,
}

impl Errors {
    /// How long a verification of this patience waits for their end.
    fn limit(self, patience: Duration) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Stay => WAIT_FOR_OLD_ERRORS,
            Self::MayPass => patience,
        }
    }
}

/// The line of `--json` with what was found on the hosts after a failure.
#[derive(serde::Serialize)]
struct Examined {
    event: &'static str,
    #[serde(flatten)]
    document: DiagnosisDocument,
}

/// The last line of `--json`.
#[derive(serde::Serialize)]
struct Verified {
    format_version: u32,
    event: &'static str,
    healthy: bool,
    findings: Vec<FindingEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verification_waits_for_errors_alone() {
        let patience = Duration::from_secs(120);
        assert_eq!(Errors::None.limit(patience), Duration::ZERO, "warnings and notes");
        assert_eq!(Errors::Stay.limit(patience), WAIT_FOR_OLD_ERRORS);
        assert_eq!(Errors::MayPass.limit(patience), patience);
    }
}
