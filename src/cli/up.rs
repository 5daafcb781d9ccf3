use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::arguments::{Called, Common, Up};
use super::command_line::CommandLine;
use super::consent::{Answer, By, Consent};
use super::execute::{Executed, execute, lock};
use super::exit::{Exit, Failure};
use super::failure_diagnosis::diagnose;
use super::print;
use super::record::Record;
use super::session::Session;
use super::signals::Signals;
use super::verified_errors::Errors;
use super::wait_for_steps::ProbeTime;
use crate::apply::Locks;
use crate::cluster::phrases::counted;
use crate::cluster::{Finding, Severity, is_healthy};
use crate::facts::Facts;
use crate::history::{PassKind, RunResult};
use crate::model::{HostName, one_line};
use crate::plan::{Pass, Plan};
use crate::playbook::Playbook;
use crate::rabbitmq::BROKER_UNIT;
use crate::report::{
    EndpointEntry, FailureCode, FindingEntry, LoginEntry, endpoint_entries, entrances_text, findings_text,
    last_line, login_entry, plan_text,
};

/// When a verification looks again first while it waits for what is not there yet; each time half as long again, up to
/// [`LONGEST_PAUSE`]: a look is a process or fifty on every host.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a verification waits before it says what for.
const QUIET: Duration = Duration::from_secs(1);

/// `rabbitup up`, and `rabbitup run` with another playbook.
pub async fn run(common: &Common, called: &Called, arguments: &Up) -> Result<Exit, Failure> {
    let session = Session::open(common, called, &arguments.data)?;
    let showing = CommandLine::showing(common, called, &arguments.data);
    let work = PlaybookRun {
        session: &session,
        common,
        consent: Consent::new(common, By::flag(arguments.yes), showing.clone()),
        record: Record::of_playbook(
            common,
            CommandLine::doing(common, called, &arguments.data),
            called.name(),
            &session.desired,
        ),
        signals: Signals::default(),
        showing,
        before: RefCell::default(),
        touched: RefCell::default(),
    };
    let result = work.signals.until_interrupted(work.run(), || work.record.interrupted()).await;
    work.record.end(common, &result);
    session.close(common).await;
    result
}

/// One call of a playbook.
struct PlaybookRun<'a> {
    session: &'a Session,
    common: &'a Common,
    consent: Consent<'a>,
    /// This very run.
    record: Record,
    signals: Signals,
    /// What shows what it would do.
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
        let findings = self.session.health(self.common, &facts);
        self.record.seen_before(&self.session.status(&facts, &findings, SystemTime::now()));
        let plan = self.session.plan(self.common, &facts, Pass::Before)?;
        self.consent.show("", &plan);
        self.record.planned(&plan);
        *self.before.borrow_mut() = findings;
        let began = Instant::now();
        if plan.is_empty() {
            return self.judge_soon(&facts, began).await;
        }
        match self.run_pass(plan, began, Pass::Before).await? {
            PassEnd::Ended(exit) => Ok(exit),
            PassEnd::More(plan) => {
                self.consent.show("\nWhat runs now shows that there is more to do:\n\n", &plan);
                match self.run_pass(plan, began, Pass::After(began.elapsed())).await? {
                    PassEnd::Ended(exit) => Ok(exit),
                    PassEnd::More(plan) => Err(self.unfinished(&plan)),
                }
            }
        }
    }

    fn unfinished(&self, plan: &Plan) -> Failure {
        let about = "After the run, this is still to be done:\n";
        print::important(self.common, |style| format!("{about}{}", plan_text(plan, style)));
        Failure::new(FailureCode::Unfinished, "after the run there is still something to do")
            .why(last_line(plan))
            .next("see what it is:")
            .command(&self.showing)
    }

    /// Confirms, applies and verifies a plan that has been shown.
    async fn run_pass(&self, plan: Plan, began: Instant, pass: Pass) -> Result<PassEnd, Failure> {
        if self.consent.to(&plan, APPLY).await? == Answer::No {
            self.tell(match pass {
                Pass::Before => "Not confirmed: nothing was changed.\n",
                Pass::After(_) => "Not confirmed: this was not done.\n",
            });
            self.record.ends_as(RunResult::Unconfirmed);
            return Ok(PassEnd::Ended(Exit::Failed));
        }
        let locks = lock(&self.session.transport, &plan, &self.record.command).await?;
        let plan = match self.replan_under_lock(plan, &self.session.playbook, pass).await? {
            Replanned::Go(plan) => plan,
            Replanned::NotConfirmed => {
                self.tell("Not confirmed: nothing of it was done.\n");
                self.record.ends_as(RunResult::Unconfirmed);
                return Ok(PassEnd::Ended(Exit::Failed));
            }
            Replanned::NothingLeft => {
                locks.release().await;
                return self.verify(began).await;
            }
        };
        let kind = match pass {
            Pass::Before => PassKind::First,
            Pass::After(_) => PassKind::Again,
        };
        Ok(match self.execute(kind, &plan, locks).await? {
            Executed::Done => return self.verify(began).await,
            Executed::Failed(steps) => {
                self.record.ends_as(RunResult::Failed);
                let facts = self.look_after().await;
                diagnose((self.session, self.common, &self.record), (&plan, &steps), &facts).await;
                self.recover().await?;
                PassEnd::Ended(Exit::Failed)
            }
            Executed::Interrupted => PassEnd::Ended(Exit::Interrupted),
            // What is on the hosts now is that run's, half-way or not.
            Executed::TakenOver => PassEnd::Ended(Exit::Locked),
        })
    }

    /// What the steps left: it is drawn on the run's page.
    async fn look_after(&self) -> Facts {
        let facts = self.session.gather().await;
        let findings = self.session.health(self.common, &facts);
        self.record.seen_after(&self.session.status(&facts, &findings, SystemTime::now()));
        facts
    }

    async fn execute(&self, kind: PassKind, plan: &Plan, locks: Locks) -> Result<Executed, Failure> {
        self.session.changes.set(true);
        self.touched.borrow_mut().extend(plan.steps.iter().map(|step| step.host.clone()));
        let secrets = self.session.secrets_for(plan)?;
        let about = (&self.record, &self.signals, kind);
        execute(&self.session.transport, plan, secrets, locks, self.common, about).await
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
        self.consent.show("The hosts have changed since; the plan is now:\n", &plan);
        Ok(match self.consent.to(&plan, APPLY).await? {
            Answer::Yes => Replanned::Go(plan),
            Answer::No => Replanned::NotConfirmed,
        })
    }

    async fn gather_when_idle(&self, turn: ProbeTime) -> Result<Facts, Failure> {
        self.session.gather_when_idle(self.common, turn).await
    }

    /// A run of some playbooks must not be left half-way: what ends it is planned from what is there now, shown, and
    /// done. A step that was given up may still be running: its end comes first.
    async fn recover(&self) -> Result<(), Failure> {
        let Some(playbook) = self.session.playbook.after_failure() else { return Ok(()) };
        let facts = self.gather_when_idle(ProbeTime::HalfWay).await?;
        let plan = self.session.plan_with(self.common, &playbook, &facts, Pass::Before).inspect_err(|_| {
            self.tell(&format!(
                "\nThe run failed half-way, and what would end it cannot be planned now (below). Then run again: {}\n\n",
                self.record.command
            ));
        })?;
        if plan.is_empty() {
            return Ok(());
        }
        self.consent.show("\nThe run failed half-way. This ends it:\n\n", &plan);
        if self.consent.to(&plan, APPLY).await? == Answer::No {
            self.tell(&format!(
                "Not confirmed: it is left half-way. Then run again: {}\n",
                self.record.command
            ));
            return Ok(());
        }
        let locks = lock(&self.session.transport, &plan, &self.record.command).await?;
        let plan = match self.replan_under_lock(plan, &playbook, Pass::Before).await? {
            Replanned::Go(plan) => plan,
            Replanned::NotConfirmed => {
                self.tell(&format!(
                    "Not confirmed: it is left half-way. Then run again: {}\n",
                    self.record.command
                ));
                return Ok(());
            }
            Replanned::NothingLeft => {
                locks.release().await;
                return Ok(());
            }
        };
        if self.execute(PassKind::Recovery, &plan, locks).await? == Executed::Done {
            let reason = plan.steps.first().map(|step| step.reason.clone()).unwrap_or_default();
            self.tell(&format!("Ended: {}.\n", one_line(&reason)));
        }
        self.look_after().await;
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
        self.tell(&format!(
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
        self.record.verified(&findings);
        self.record.seen_after(&self.session.status(facts, &findings, SystemTime::now()));
        let told: Vec<Finding> = findings.iter().filter(|f| f.severity != Severity::Note).cloned().collect();
        if common.json {
            print::json_line(&Verified {
                format_version: 1,
                event: "verified",
                healthy: is_healthy(&findings),
                findings: findings.iter().map(FindingEntry::from).collect(),
                endpoints: endpoint_entries(&self.session.desired, facts),
                login: login_entry(&self.session.desired, facts),
            });
        }
        if is_healthy(&findings) && self.session.playbook.name == Called::BRING_UP {
            print::usual(common, |style| {
                let entrances = entrances_text(&self.session.desired, facts, style);
                if entrances.is_empty() { entrances } else { format!("\n{entrances}\n") }
            });
        }
        print::important(common, |style| findings_text(&told, style));
        if is_healthy(&findings) { Exit::Done } else { Exit::Failed }
    }

    fn show(&self, text: &str) {
        print::usual(self.common, |_| text.to_owned());
    }

    fn tell(&self, text: &str) {
        print::important(self.common, |_| text.to_owned());
    }
}

/// The last line of `--json`.
#[derive(serde::Serialize)]
struct Verified {
    format_version: u32,
    event: &'static str,
    healthy: bool,
    findings: Vec<FindingEntry>,
    endpoints: Vec<EndpointEntry>,
    login: Option<LoginEntry>,
}
