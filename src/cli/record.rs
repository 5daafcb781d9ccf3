//! A run's record on this controller: its journal, begun with the command and ended with what became of it.

use std::cell::Cell;

use super::arguments::Common;
use super::command_line::CommandLine;
use super::exit::{Exit, Failure};
use super::print;
use crate::apply::{Operator, RunMark};
use crate::cluster::{Finding, Severity, is_healthy};
use crate::doctor::{self, Diagnosis};
use crate::history::{
    Caller, Diagnosed, DiagnosedFinding, Journal, PassKind, RunEnded, RunResult, Verified, VerifiedFinding,
    journal_dir,
};
use crate::inventory::Desired;
use crate::model::{Advice, printable};
use crate::plan::Plan;
use crate::report::{FailureCode, Status};

/// The journal of the run that this command is.
pub struct Record {
    /// The command itself, for running it again.
    pub command: CommandLine,
    journal: Journal,
    applied: Cell<bool>,
    /// What is known of the result besides the exit code.
    result: Cell<Option<RunResult>>,
}

impl Record {
    /// Of `up`, or of `run` with a playbook.
    pub fn of_playbook(common: &Common, command: CommandLine, playbook: &str, desired: &Desired) -> Self {
        let caller = Caller {
            command: command.to_string(),
            playbook: playbook.to_owned(),
            operator: Operator::here(String::new()).who,
            // Whoever reads it is elsewhere.
            inventory: std::path::absolute(&common.inventory).ok(),
            cluster: desired.cluster.name.clone(),
            hosts: desired.hosts.iter().map(|host| host.name.clone()).collect(),
        };
        Self::of(command, caller)
    }

    /// Of `apply`.
    pub fn of_saved_plan(command: CommandLine, plan: &Plan) -> Self {
        let caller = Caller {
            command: command.to_string(),
            playbook: plan.playbook.clone(),
            operator: Operator::here(String::new()).who,
            inventory: None,
            cluster: plan.cluster.clone(),
            hosts: plan.hosts.iter().map(|host| host.name.clone()).collect(),
        };
        let record = Self::of(command, caller);
        record.planned(plan);
        record
    }

    fn of(command: CommandLine, caller: Caller) -> Self {
        let directory = journal_dir(|name| std::env::var_os(name).map(Into::into));
        let journal = Journal::begin(directory, caller);
        Self { command, journal, applied: Cell::new(false), result: Cell::new(None) }
    }

    /// A plan was shown.
    pub fn planned(&self, plan: &Plan) {
        self.journal.planned(plan);
    }

    /// A plan is applied; its events follow.
    pub fn applies(&self, pass: PassKind, plan: &Plan, mark: &RunMark) -> &Journal {
        self.applied.set(true);
        self.journal.pass(pass, plan, mark);
        &self.journal
    }

    /// What the hosts were like before anything was done.
    pub fn seen_before(&self, status: &Status<'_>) {
        self.journal.seen_before(status.into());
    }

    /// What they are like afterwards.
    pub fn seen_after(&self, status: &Status<'_>) {
        self.journal.seen_after(status.into());
    }

    /// What was found in the end.
    pub fn verified(&self, findings: &[Finding]) {
        let finding = |finding: &Finding| VerifiedFinding {
            severity: finding.severity,
            host: finding.problem.host.clone(),
            what: finding.problem.what.clone(),
            advice: finding.problem.cause.advice_text().unwrap_or_default(),
        };
        let told = findings.iter().filter(|finding| finding.severity != Severity::Note).map(finding);
        let healthy = is_healthy(findings);
        if !healthy {
            self.result.set(Some(RunResult::Unhealthy));
        }
        self.journal.verified(Verified { healthy, findings: told.collect() });
    }

    /// Why nodes did not come together, as seen after a step that brings them together failed. `inventory` is inserted between
    /// `rabbitup` and its verb in commands.
    pub fn diagnosed(&self, diagnosis: &Diagnosis, inventory: &str) {
        let advice = |advice: &Advice| match advice {
            Advice::Sentence(words) => words.clone(),
            Advice::Rabbitup(_) | Advice::Command(_) => format!("$ {}", advice.words(inventory)),
        };
        let finding = |finding: &doctor::Finding| DiagnosedFinding {
            cause: finding.cause.id().to_owned(),
            host: finding.problem.host.clone(),
            peer: finding.peer.clone(),
            what: finding.problem.what.clone(),
            why: finding.problem.cause.why_text().unwrap_or_default(),
            advice: finding.problem.cause.next.iter().map(advice).collect::<Vec<_>>().join("\n"),
            consequence: finding.consequence,
        };
        self.journal.diagnosed(Diagnosed { findings: diagnosis.findings.iter().map(finding).collect() });
    }

    /// A signal arrived between steps.
    pub fn interrupted(&self) -> Failure {
        if self.applied.get() {
            Failure::new(FailureCode::InterruptedAfterSteps, "interrupted; what its steps changed remains")
                .next("to go on from there, run the same command again:")
                .command(&self.command)
        } else {
            Failure::new(
                FailureCode::InterruptedBeforeSteps,
                "interrupted before its first step; nothing was changed",
            )
        }
    }

    /// What makes a run end with [`Exit::Failed`].
    pub fn ends_as(&self, result: RunResult) {
        self.result.set(Some(result));
    }

    /// The run is over.
    pub fn end(self, common: &Common, ended: &Result<Exit, Failure>) {
        let result = match ended {
            Ok(Exit::Done | Exit::Pending) if self.applied.get() => RunResult::Done,
            Ok(Exit::Done | Exit::Pending) => RunResult::NoChanges,
            Ok(Exit::Failed | Exit::Usage) => self.result.get().unwrap_or(RunResult::Failed),
            Ok(Exit::Locked) => RunResult::TakenOver,
            Ok(Exit::Interrupted) => RunResult::Interrupted,
            Err(failure) => failure.result(),
        };
        let ended = match ended {
            Ok(exit) => {
                RunEnded { result, exit_code: exit.code(), code: None, message: None, problems: Vec::new() }
            }
            Err(failure) => failure.ended(result),
        };
        match self.journal.end(ended) {
            Ok(path) if common.verbose => print::stderr(&format!("journal: {}\n", path.display())),
            Ok(_) => {}
            Err(error) => print::stderr(&format!("warning: {}\n", printable(&error.to_string()))),
        }
    }
}
