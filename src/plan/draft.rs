use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::left_out::{self, Needing};
use super::proposal::Proposal;
use super::{Note, Options, Reason, Refusal, RefusalKind, Step, StepId, obstacle, room};
use crate::cluster::remedy::shell;
use crate::cluster::view;
use crate::facts::{Facts, HostFacts, Shortage};
use crate::inventory::{Desired, Host};
use crate::model::{Advice, HostName, Next, Problem, Secret, SecretName, SecretSource};
use crate::operation::{Digests, Imported, Operation, Proof, World, WriteFile};
use crate::playbook::Phase;
use crate::template::{Rendered, Templates};

/// A plan under construction. Every phase sees the facts as the earlier steps will leave them, so a phase can
/// build on what an earlier one does (a package, a running node).
pub struct Draft<'a> {
    pub desired: &'a Desired,
    pub options: &'a Options,
    pub templates: &'a Templates,
    /// The facts as they were observed.
    pub observed: &'a Facts,
    /// The facts as the steps so far will leave them.
    pub facts: Facts,
    /// The broker whose cluster the others join: see [`view::anchor`].
    pub anchor: HostName,
    /// What every cookie file will contain, as decided by the phase `cookie`.
    pub cookie: Option<Digests>,
    /// The playbook's name.
    pub playbook: &'a str,
    /// The sources of secrets that only this plan names.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// Secrets that are needed and not known.
    pub(super) missed: RefCell<BTreeSet<SecretName>>,
    pub(super) phase: Phase,
    pub(super) steps: Vec<Step>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) notes: Vec<Note>,
    /// Hosts on which `--destroy-data` has an effect, or may have one that is seen only later.
    pub(super) losing: BTreeSet<HostName>,
    /// Files that a broker reads only when it starts: they are written right before that, so that the first broker
    /// has started with them before another broker gets them.
    held_back: BTreeMap<HostName, Vec<Proposal>>,
    /// The number of steps that `--limit` leaves out, by host.
    pub(super) withheld: BTreeMap<HostName, usize>,
    /// The steps that are not done because a broker is left out.
    pub(super) needing: Vec<Needing>,
    /// The file systems for which it was refused to write.
    without_room: BTreeSet<(HostName, String, Shortage)>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        desired: &'a Desired,
        options: &'a Options,
        templates: &'a Templates,
        observed: &'a Facts,
        first_broker: &Host,
        playbook: &'a str,
    ) -> Self {
        let anchor = view::anchor(desired, observed).unwrap_or(first_broker).name.clone();
        Self {
            desired,
            options,
            templates,
            observed,
            facts: observed.clone(),
            anchor,
            cookie: None,
            playbook,
            secrets: BTreeMap::new(),
            missed: RefCell::default(),
            phase: Phase::Preflight,
            steps: Vec::new(),
            refusals: Vec::new(),
            notes: Vec::new(),
            losing: BTreeSet::new(),
            held_back: BTreeMap::new(),
            withheld: BTreeMap::new(),
            needing: Vec::new(),
            without_room: BTreeSet::new(),
        }
    }

    /// A secret, to compare with the host's. An unknown one is noted: see [`super::secrets_to_read`].
    pub(super) fn secret(&self, name: &SecretName) -> Option<&'a Secret> {
        let known = self.desired.secrets.get(name);
        if known.is_none() {
            self.missed.borrow_mut().insert(name.clone());
        }
        known
    }

    /// The bytes of a file; None if it contains an unknown secret, which is noted.
    pub(super) fn resolve(&self, file: &Rendered) -> Option<Secret> {
        for name in file.secrets() {
            self.secret(name);
        }
        file.resolve(&self.desired.secrets)
    }

    /// Adds a step to the plan and models its effect. A step on a host outside `--limit` is left out and has no effect.
    pub fn propose(&mut self, proposal: Proposal) {
        let mut step = proposal.step;
        step.phase = proposal.of.unwrap_or(self.phase);
        // Taking a server out of a balancer for its restart does not change the balancer: it is part of the restart.
        let goes_along = matches!(step.operation, Operation::SwitchServer(_));
        if !goes_along && !self.options.limit.covers(&step.host) {
            if self.phase.is_whole() {
                self.refuse_part(&step);
                return;
            }
            *self.withheld.entry(step.host).or_default() += 1;
            return;
        }
        if left_out::blocks(self.desired, self.observed, &step) {
            self.needing.push((step.host.clone(), step.title.clone()));
        }
        if self.refuse_obstacle(&step) {
            return;
        }
        self.refuse_without_room(&step);
        self.model(&step);
        self.steps.push(step);
    }

    /// Changes the facts as the step will change the hosts. Later phases plan from them; a property test plans again and
    /// expects an empty plan.
    fn model(&mut self, step: &Step) {
        let definitions = self.desired.cluster.definitions.as_ref();
        let mut world = World {
            facts: &mut self.facts,
            host: &step.host,
            secrets: &self.desired.secrets,
            cookie: self.cookie,
            imported: definitions.map(|definitions| Imported {
                vhosts: &definitions.vhosts,
                users: &definitions.users,
                policies: &definitions.policies,
            }),
        };
        step.operation.get().effect(&mut world);
    }

    /// Refuses to write a file over something that must not be replaced. Returns whether it refused.
    fn refuse_obstacle(&mut self, step: &Step) -> bool {
        let Operation::WriteFile(file) = &step.operation else { return false };
        let found = self.host(&step.host).and_then(|host| {
            obstacle::in_place_of(host, &file.path, &|command| self.on_host(&step.host, command))
        });
        let Some(mut reason) = found else { return false };
        reason.problem.cause.next.push(Advice::Command(self.options.command.clone()));
        self.refuse_for(&step.host, reason);
        true
    }

    /// Holds a file back until the host's broker starts.
    pub(super) fn hold_back(&mut self, mut proposal: Proposal) {
        proposal.of = Some(self.phase);
        // An obstacle is reported now: it may be why the broker does not start.
        if self.refuse_obstacle(&proposal.step) {
            return;
        }
        self.held_back.entry(proposal.step.host.clone()).or_default().push(proposal);
    }

    /// What the host's broker will read when it starts.
    pub(super) fn held_back(&self, host: &HostName) -> impl Iterator<Item = &WriteFile> {
        self.held_back.get(host).into_iter().flatten().filter_map(|proposal| match &proposal.step.operation {
            Operation::WriteFile(file) => Some(file),
            _ => None,
        })
    }

    /// Proposes the files that were held back for the host's broker, which starts next. Returns their steps.
    pub(super) fn place_files(&mut self, host: &HostName, after: &[StepId]) -> Vec<StepId> {
        let files = self.held_back.remove(host).unwrap_or_default();
        let ids: Vec<StepId> = files.iter().map(|proposal| proposal.step.id.clone()).collect();
        for proposal in files {
            self.propose(proposal.after(after.iter().cloned()));
        }
        ids.into_iter().filter(|id| self.has(id)).collect()
    }

    /// The first start of a broker, which shows whether the files work.
    pub(super) fn proof(&self) -> Option<StepId> {
        let is_file = |step: &Step| matches!(&step.operation, Operation::WriteFile(file) if file.proof == Proof::BrokerStart);
        let file = self.steps.iter().position(is_file)?;
        let host = &self.steps[file].host;
        let starts = |step: &&Step| &step.host == host && step.operation.nature().broker.reads_files();
        self.steps[file..].iter().find(starts).map(|step| step.id.clone())
    }

    /// Notes which files are not written, because nothing in this plan starts the broker that reads them.
    pub(super) fn note_held_back(&mut self) {
        for (host, files) in std::mem::take(&mut self.held_back) {
            if !self.options.limit.covers(&host) {
                *self.withheld.entry(host).or_default() += files.len();
                continue;
            }
            for proposal in files {
                let Operation::WriteFile(file) = &proposal.step.operation else { continue };
                let text = format!(
                    "{} differs from the inventory and is left unchanged: it is written right before the broker starts \
                     again, and this plan does not start it",
                    file.path
                );
                self.note(&host, text);
            }
        }
    }

    /// Refuses once per file system that cannot be written. The step is still modelled, so that later phases do not report
    /// its consequences.
    fn refuse_without_room(&mut self, step: &Step) {
        let Some(host) = self.observed.host(&step.host) else { return };
        for (directory, shortage) in room::lacking(host, step) {
            if self.without_room.insert((step.host.clone(), directory.path.clone(), shortage)) {
                let (what, why) = (directory.what(shortage), directory.evidence(shortage));
                let next = self.again(format!("{}; then", directory.remedy(shortage)));
                self.refuse(&step.host, RefusalKind::NoRoom, what, why, next);
            }
        }
    }

    /// Whether a refusal of this kind exists for the host.
    pub fn refuses(&self, host: &HostName, kind: RefusalKind) -> bool {
        self.refusals
            .iter()
            .any(|refusal| refusal.kind == kind && refusal.problem.host.as_ref() == Some(host))
    }

    fn refuse_part(&mut self, step: &Step) {
        let problem = Problem::new(
            format!("--limit leaves out: {}", step.title),
            "the other steps depend on it",
            format!("add {} to --limit, or omit --limit", step.host),
        );
        self.push_refusal(RefusalKind::LeftOut, problem.on(&step.host));
    }

    pub fn refuse(
        &mut self,
        host: &HostName,
        kind: RefusalKind,
        what: impl Into<String>,
        why: impl Into<String>,
        next: impl Into<Next>,
    ) {
        self.refuse_problem(host, kind, Problem::new(what, why, next));
    }

    pub(super) fn refuse_for(&mut self, host: &HostName, reason: Reason) {
        self.refuse_problem(host, reason.kind, reason.problem);
    }

    pub(crate) fn refuse_problem(&mut self, host: &HostName, kind: RefusalKind, problem: Problem) {
        // A host that is not to be changed is no reason to leave the others as they are.
        if !self.options.limit.covers(host) {
            return self.note(host, format!("outside --limit; would be refused: {}", problem.what));
        }
        self.push_refusal(kind, problem.on(host));
    }

    /// Adds a refusal, of a host or of the whole inventory.
    pub(super) fn push_refusal(&mut self, kind: RefusalKind, problem: Problem) {
        self.refusals.push(Refusal { kind, phase: self.phase, problem });
    }

    /// What to do first, and this run's command again.
    pub(super) fn again(&self, first: impl std::fmt::Display) -> Next {
        Next::say(format!("{first}:")).and(Advice::Command(self.options.command.clone()))
    }

    /// This run's command with consent to delete what exists only on this host.
    pub(super) fn naming(&self, host: &HostName) -> Advice {
        Advice::Command(format!("{} --destroy-data {host}", self.options.command))
    }

    /// A command to paste here that runs as root on the host.
    pub(super) fn on_host(&self, host: &HostName, command: &str) -> Advice {
        match self.desired.host(host).or_else(|| self.desired.leaving_host().filter(|it| it.name == *host)) {
            Some(it) => shell(it, self.host(host), command),
            None => Advice::Sentence(format!("on {host}: {command}")),
        }
    }

    pub fn note(&mut self, host: &HostName, text: impl Into<String>) {
        self.notes.push(Note { host: Some(host.clone()), text: text.into() });
    }

    /// Notes what happens to the data of a host that `--destroy-data` names.
    pub fn note_loss(&mut self, host: &HostName, text: impl Into<String>) {
        self.losing.insert(host.clone());
        self.note(host, text);
    }

    /// The hosts that answered, with their facts after the steps so far. In the inventory's order.
    pub fn hosts(&self) -> Vec<&'a Host> {
        self.desired.hosts.iter().filter(|host| self.facts.host(&host.name).is_some()).collect()
    }

    /// The brokers that answered.
    pub fn brokers(&self) -> Vec<&'a Host> {
        self.desired.brokers().filter(|host| self.facts.host(&host.name).is_some()).collect()
    }

    /// The facts of a host as the steps so far will leave them.
    pub fn host(&self, name: &HostName) -> Option<&HostFacts> {
        self.facts.host(name)
    }

    /// Whether the node's database is known: it answered, or it has none yet. What a stopped node holds can be seen only
    /// when it runs.
    pub fn knows_database(&self, host: &Host) -> bool {
        let seen = self.observed.host(&host.name);
        seen.is_some_and(|seen| seen.node().is_some() || seen.data_of(&host.node()).is_none())
    }

    /// The last step so far on each of these hosts in one of these phases: another host waits for these.
    pub fn last_of(&self, hosts: &[&HostName], phases: &[Phase]) -> Vec<StepId> {
        hosts
            .iter()
            .filter_map(|host| {
                self.steps
                    .iter()
                    .rev()
                    .find(|step| &step.host == *host && phases.contains(&step.phase))
                    .map(|step| step.id.clone())
            })
            .collect()
    }

    /// The last step so far on each broker in one of these phases.
    pub fn last_on_brokers(&self, phases: &[Phase]) -> Vec<StepId> {
        let brokers: Vec<&HostName> = self.desired.brokers().map(|broker| &broker.name).collect();
        self.last_of(&brokers, phases)
    }

    /// Whether this broker is blank and finds the anchor's cluster by itself when it starts.
    pub(super) fn enters_at_first_start(&self, host: &Host) -> bool {
        let Some(anchor) = self.desired.host(&self.anchor) else { return false };
        let blank = self.host(&host.name).is_some_and(|facts| facts.data_of(&host.node()).is_none());
        blank && self.desired.enters_at_first_start(host, &anchor.node())
    }

    /// The steps so far that bring a broker to serving.
    pub(super) fn serving_steps(&self, host: &Host) -> Vec<StepId> {
        self.last_of(&[&host.name], &[Phase::Start, Phase::Restart])
    }

    /// The steps so far whose operation is one of these.
    pub fn steps_that(&self, wanted: impl Fn(&Operation) -> bool) -> Vec<StepId> {
        self.steps.iter().filter(|step| wanted(&step.operation)).map(|step| step.id.clone()).collect()
    }

    /// Whether the plan has a step with this id.
    pub fn has(&self, id: &StepId) -> bool {
        self.steps.iter().any(|step| &step.id == id)
    }
}
