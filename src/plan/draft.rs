use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Note, Options, Refusal, Step, StepId, effect, room, view};
use crate::facts::{Facts, FileKind, HostFacts};
use crate::inventory::{Desired, Host};
use crate::model::{CookieDigest, HostName, SecretName, SecretSource};
use crate::template::Templates;

/// Phases whose steps on different hosts are one thing: part of them is worse than nothing.
const WHOLE: [&str; 6] = ["rotate-cookie", "settle-cookie", "recover", "remove", "prune", "grow"];

/// A plan under construction. Every phase sees the facts as the steps before it will have made them, so what one
/// phase brings about (a package, a running node) the next can build on.
pub struct Draft<'a> {
    pub desired: &'a Desired,
    pub options: &'a Options,
    pub templates: &'a Templates,
    /// The facts as they were observed.
    pub observed: &'a Facts,
    /// The facts as the steps so far will have left them.
    pub facts: Facts,
    /// The broker whose cluster the others join: see [`view::anchor`].
    pub anchor: HostName,
    /// What every cookie file will hold, once the phase `cookie` has settled it: the digest of its bytes, and the one
    /// that Erlang compares.
    pub cookie: Option<(CookieDigest, CookieDigest)>,
    /// The playbook's name.
    pub playbook: &'a str,
    /// Where apply finds secrets that only this plan names.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    pub(super) phase: &'static str,
    pub(super) steps: Vec<Step>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) notes: Vec<Note>,
    /// Steps that `--limit` keeps from the plan, by host.
    pub(super) withheld: BTreeMap<HostName, usize>,
}

/// A step that a phase wants.
pub struct Proposal {
    step: Step,
}

impl Proposal {
    /// `what` makes the step's id together with the host: short, stable, the same for the same need.
    pub fn new(host: &HostName, what: &str, change: Change, action: Action) -> Self {
        let step = Step {
            id: StepId::new(host, what),
            host: host.clone(),
            phase: String::new(),
            change,
            title: String::new(),
            reason: String::new(),
            diff: None,
            after: Vec::new(),
            action,
            timeout_s: 120,
        };
        Self { step }
    }

    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.step.title = title.into();
        self
    }

    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.step.reason = reason.into();
        self
    }

    pub fn diff(mut self, diff: Option<String>) -> Self {
        self.step.diff = diff;
        self
    }

    pub fn within(mut self, seconds: u64) -> Self {
        self.step.timeout_s = seconds;
        self
    }

    /// Steps of other hosts to wait for. Steps of the same host are waited for anyway.
    pub fn after(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        let host = format!("{}/", self.step.host);
        let others = steps.into_iter().filter(|id| !id.as_str().starts_with(&host));
        let unique: BTreeSet<StepId> = self.step.after.drain(..).chain(others).collect();
        self.step.after = unique.into_iter().collect();
        self
    }
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
            phase: "",
            steps: Vec::new(),
            refusals: Vec::new(),
            notes: Vec::new(),
            withheld: BTreeMap::new(),
        }
    }

    /// Takes a step into the plan and models its effect; a step on a host outside `--limit` is left out and has none.
    pub fn propose(&mut self, proposal: Proposal) {
        let mut step = proposal.step;
        step.phase = self.phase.to_owned();
        // A balancer that is to spare a server for the time of its restart is not changed: that goes with the restart.
        let goes_along = matches!(step.action, Action::SwitchServer { .. });
        if !goes_along && !self.options.limit.covers(&step.host) {
            if WHOLE.contains(&self.phase) {
                self.refuse_part(&step);
                return;
            }
            *self.withheld.entry(step.host).or_default() += 1;
            return;
        }
        if let Action::WriteFile(file) = &step.action
            && let Some((what, why, advice)) =
                self.host(&step.host).and_then(|host| obstacle(host, &file.path))
        {
            return self.refuse(&step.host.clone(), what, why, advice);
        }
        self.refuse_without_room(&step);
        effect::model(&mut self.facts, &step, self.desired, self.cookie);
        self.steps.push(step);
    }

    /// Once for each file system that takes nothing. The step is modelled all the same, so that no later phase complains of
    /// what follows from it.
    fn refuse_without_room(&mut self, step: &Step) {
        let Some(host) = self.observed.host(&step.host) else { return };
        for (directory, shortage) in room::lacking(host, step) {
            let what = directory.what(shortage);
            let told = |refusal: &Refusal| refusal.host.as_ref() == Some(&step.host) && refusal.what == what;
            if !self.refusals.iter().any(told) {
                let advice = format!("{}; then run the same command again", directory.remedy(shortage));
                self.refuse(&step.host, what, directory.evidence(shortage), advice);
            }
        }
    }

    fn refuse_part(&mut self, step: &Step) {
        self.refusals.push(Refusal {
            host: Some(step.host.clone()),
            phase: self.phase.to_owned(),
            what: format!("--limit leaves out: {}", step.title),
            why: "the other steps make no sense without it".to_owned(),
            advice: format!("add {} to --limit, or leave --limit out", step.host),
        });
    }

    pub fn refuse(
        &mut self,
        host: &HostName,
        what: impl Into<String>,
        why: impl Into<String>,
        advice: impl Into<String>,
    ) {
        // A host that is not to be changed is no reason to leave the others as they are.
        if !self.options.limit.covers(host) {
            return self.note(host, format!("not within --limit; else: {}", what.into()));
        }
        self.refusals.push(Refusal {
            host: Some(host.clone()),
            phase: self.phase.to_owned(),
            what: what.into(),
            why: why.into(),
            advice: advice.into(),
        });
    }

    pub fn note(&mut self, host: &HostName, text: impl Into<String>) {
        self.notes.push(Note { host: Some(host.clone()), text: text.into() });
    }

    /// The hosts that answered, with their facts as they will be. In the inventory's order.
    pub fn hosts(&self) -> Vec<&'a Host> {
        self.desired.hosts.iter().filter(|host| self.facts.host(&host.name).is_some()).collect()
    }

    /// The brokers that answered.
    pub fn brokers(&self) -> Vec<&'a Host> {
        self.desired.brokers().filter(|host| self.facts.host(&host.name).is_some()).collect()
    }

    /// The facts of a host as the steps so far will have left them.
    pub fn host(&self, name: &HostName) -> Option<&HostFacts> {
        self.facts.host(name)
    }

    /// Whether the node's database is known: it answered, or it has none yet. What a stopped node holds is seen only
    /// when it runs.
    pub fn knows_database(&self, host: &Host) -> bool {
        let seen = self.observed.host(&host.name);
        seen.is_some_and(|seen| seen.node().is_some() || seen.data_of(&host.node()).is_none())
    }

    /// The last step so far on each of these hosts in one of these phases: what another host has to wait for.
    pub fn last_of(&self, hosts: &[&HostName], phases: &[&str]) -> Vec<StepId> {
        hosts
            .iter()
            .filter_map(|host| {
                self.steps
                    .iter()
                    .rev()
                    .find(|step| &step.host == *host && phases.contains(&step.phase.as_str()))
                    .map(|step| step.id.clone())
            })
            .collect()
    }

    /// The last step so far on each broker in one of these phases.
    pub fn last_on_brokers(&self, phases: &[&str]) -> Vec<StepId> {
        let brokers: Vec<&HostName> = self.desired.brokers().map(|broker| &broker.name).collect();
        self.last_of(&brokers, phases)
    }

    /// The steps so far whose action is one of these.
    pub fn steps_that(&self, wanted: impl Fn(&Action) -> bool) -> Vec<StepId> {
        self.steps.iter().filter(|step| wanted(&step.action)).map(|step| step.id.clone()).collect()
    }

    /// Whether the plan has a step with this id.
    pub fn has(&self, id: &StepId) -> bool {
        self.steps.iter().any(|step| &step.id == id)
    }
}

/// What stands where a file is to be, if it must not give way: what, why, and what to do about it.
fn obstacle(host: &HostFacts, path: &str) -> Option<(String, String, String)> {
    let file = host.file(path)?;
    let mend = "move what is there away; then run the same command again".to_owned();
    if let Some(target) = &file.link_to {
        let what = format!("{path} is a symbolic link, so it is not written");
        return Some(match file.kind {
            FileKind::Nothing => (
                what,
                format!("it leads to {target}, which does not exist"),
                format!("make what it leads to, or remove the link: rm {path}"),
            ),
            _ => (
                what,
                format!("it leads to {target}; whoever made the link looks after that file"),
                format!(
                    "change {target} where it comes from, or replace the link by a plain file: cp \
                     --remove-destination \"$(readlink -f {path})\" {path}"
                ),
            ),
        });
    }
    match file.kind {
        FileKind::Directory => Some((
            format!("{path} is a directory, and a file is to be there"),
            "a directory is never replaced".to_owned(),
            mend,
        )),
        FileKind::Special | FileKind::Nothing => Some((
            format!("{path} is no plain file, so it is not written"),
            "it is a device, a socket or a named pipe".to_owned(),
            mend,
        )),
        FileKind::Regular if file.content.is_none() => Some((
            format!("{path} cannot be read as text, so it is not written over"),
            "it is larger than 256 KiB, or no UTF-8: what is in it would be lost".to_owned(),
            format!("look at it (file {path}; iconv -f latin1 -t utf8), and make it UTF-8, or move it away"),
        )),
        FileKind::Regular => None,
    }
}
