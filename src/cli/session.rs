use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::{Called, Common, Data};
use super::command_line::{CommandLine, Words};
use super::connection::{Rights, close, transport};
use super::exit::Failure;
use super::inventory_path::directory;
use super::left_out::{self, Request};
use super::named_hosts::{host_named, limit};
use super::print;
use super::wait_for_steps::{ProbeTime, gather_when_idle};
use crate::apply::{gather, named_secrets};
use crate::cluster::phrases::{grouped, listed};
use crate::cluster::unreachable::what;
use crate::cluster::{Finding, access, health};
use crate::document::{Graphics, Problem};
use crate::facts::{Facts, Observation};
use crate::inventory::{self, Desired, Loaded, SecretPolicy};
use crate::model::{Advice, DigestKey, HostName, SecretName, Secrets};
use crate::plan::{self, Options, Pass, Plan, PlanError, PlannedHost, UnknownMembers};
use crate::playbook::{Arguments, PhaseSettings, Playbook};
use crate::report::{
    Colour, Details, ErrorCode, FailureCode, RefusalDocument, Routes, Status, Style, UnreachableDocument,
    advice_text, late_refusals_text, late_unreachable_text, refusals_text, unreachable_document,
    unreachable_text,
};
use crate::template::Templates;
use crate::transport::SshTransport;

/// A loaded inventory and the transport to its hosts: the start of every command that contacts hosts.
pub struct Session {
    pub desired: Desired,
    pub playbook: Playbook,
    pub templates: Templates,
    pub options: Options,
    pub hosts: Vec<PlannedHost>,
    pub transport: Arc<SshTransport>,
    /// The hosts that are neither contacted nor changed (`--without`).
    left_out: BTreeSet<HostName>,
    /// What was asked for, to be asked for again without more hosts.
    called: Called,
    data: Data,
    /// The secrets known so far.
    secrets: RefCell<Secrets>,
    style: Style,
    /// Whether this run has begun to change hosts.
    pub changes: Cell<bool>,
}

/// Loads and checks an inventory; prints its warnings, unless the output is for a program.
pub fn load(common: &Common, secrets: SecretPolicy) -> Result<(Loaded, Templates), Failure> {
    let style = common.style_of_stderr();
    let graphics = graphics(style);
    let loaded = inventory::load(&common.inventory, inventory::Options { secrets }).map_err(|errors| {
        bad_file(FailureCode::Inventory, errors.render(style.width, graphics), &errors, errors.problems())
    })?;
    if !loaded.warnings.is_empty() && !common.json && !common.quiet {
        print::stderr(&format!("{}\n", crate::document::report(&loaded.warnings, style.width, graphics)));
    }
    let templates = Templates::new(&loaded.desired.templates).map_err(|error| {
        Failure::new(FailureCode::Template, "a template is invalid").why(error.to_string())
    })?;
    Ok((loaded, templates))
}

/// A playbook by name; those beside the inventory take precedence over the built-in ones.
pub fn playbook(common: &Common, name: &str) -> Result<Playbook, Failure> {
    let style = common.style_of_stderr();
    Playbook::load(name, directory(&common.inventory)).map_err(|errors| {
        bad_file(
            FailureCode::Playbook,
            errors.render(style.width, graphics(style)),
            &errors,
            errors.problems(),
        )
    })
}

/// The problems of a file, as the end of a command.
pub fn bad_file(
    code: FailureCode,
    report: String,
    message: &dyn std::fmt::Display,
    problems: &[Problem],
) -> Failure {
    let problems = problems.iter().map(Problem::document).collect();
    Failure::report(code, report, message.to_string()).details(Details::Problems { problems })
}

pub fn graphics(style: Style) -> Graphics {
    let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_none_or(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"));
    match (style.colour, utf8) {
        (_, false) => Graphics::Ascii,
        (Colour::Always, true) => Graphics::Colour,
        (Colour::Never, true) => Graphics::Unicode,
    }
}

impl Session {
    /// Loads everything; opens no connection yet.
    pub fn open(common: &Common, called: &Called, data: &Data) -> Result<Self, Failure> {
        Self::open_with(common, called, data, Rights::of_root)
    }

    /// For a command that changes nothing by a plan: scripts run with these rights.
    pub fn open_as(common: &Common, rights: fn(&Common) -> Result<Rights, Failure>) -> Result<Self, Failure> {
        Self::open_with(common, &Called::default(), &Data::default(), rights)
    }

    fn open_with(
        common: &Common,
        called: &Called,
        data: &Data,
        rights: fn(&Common) -> Result<Rights, Failure>,
    ) -> Result<Self, Failure> {
        let playbook = playbook(common, called.name())?;
        let arguments = Arguments::parse(&playbook, &called.values)
            .map_err(|error| Failure::problem(FailureCode::Values, error.0))?;
        let (Loaded { desired, .. }, templates) = load(common, SecretPolicy::Require)?;
        let desired = concerned(desired, &playbook, &arguments)?;
        let options = Options {
            limit: limit(&desired, &common.limit)?,
            destroy_data: data
                .destroy_data
                .iter()
                .map(|name| host_named(&desired, name))
                .collect::<Result<_, _>>()?,
            digest_key: DigestKey::random(),
            arguments,
            unknown_members: data
                .prune
                .map_or(UnknownMembers::Report, |at_most| UnknownMembers::Remove { at_most }),
            command: CommandLine::doing(common, called, &Data { prune: None, ..data.clone() }).to_string(),
            pass: Pass::Before,
        };
        let left_out = left_out::named(&desired, &data.without, &options.arguments)?;
        let mut hosts = plan::planned_hosts(&desired, &playbook, &options.arguments);
        hosts.retain(|host| !left_out.contains(&host.name));
        let transport = transport(&hosts, &rights(common)?, &desired.secret_sources);
        let (secrets, style) = (RefCell::new(desired.secrets.clone()), common.style_of_stderr());
        let changes = Cell::new(false);
        let (called, data) = (called.clone(), data.clone());
        Ok(Self {
            desired,
            playbook,
            templates,
            options,
            hosts,
            transport,
            left_out,
            called,
            data,
            secrets,
            style,
            changes,
        })
    }

    /// Whether the playbook only cancels what another run waits for: it must not wait for that run itself.
    pub fn goes_beside(&self) -> bool {
        self.playbook.phases.iter().all(|phase| matches!(phase, PhaseSettings::CancelSyncQueue))
    }

    /// How to wait for other runs before planning.
    pub fn first_turn(&self) -> ProbeTime {
        if self.goes_beside() { ProbeTime::Beside } else { ProbeTime::First }
    }

    /// Probes every host.
    pub async fn gather(&self) -> Facts {
        self.with_left_out(gather(&self.transport, &self.hosts).await)
    }

    /// Probes every host once nothing of another run is at work there.
    pub async fn gather_when_idle(&self, common: &Common, turn: ProbeTime) -> Result<Facts, Failure> {
        let facts = gather_when_idle(&self.transport, &self.hosts, common, turn).await?;
        Ok(self.with_left_out(facts))
    }

    fn with_left_out(&self, mut facts: Facts) -> Facts {
        facts.hosts.extend(self.left_out.iter().map(|host| (host.clone(), Observation::LeftOut)));
        facts
    }

    /// Makes the plan. Unreachable hosts and refusals become errors in the form that the command line asks for.
    pub fn plan(&self, common: &Common, facts: &Facts, pass: Pass) -> Result<Plan, Failure> {
        self.plan_with(common, &self.playbook, facts, pass)
    }

    /// Like [`Session::plan`], with another playbook: the recovery from a failed run.
    pub fn plan_with(
        &self,
        common: &Common,
        playbook: &Playbook,
        facts: &Facts,
        pass: Pass,
    ) -> Result<Plan, Failure> {
        self.require_reached(common, playbook, facts)?;
        let options = Options { pass, ..self.options.clone() };
        let words = Words::of(common);
        let desired = self
            .knowing(|desired| plan::secrets_to_read(desired, playbook, &self.templates, facts, &options))?;
        match plan::plan(&desired, playbook, &self.templates, facts, &options) {
            Ok(mut plan) => {
                plan.notes.iter_mut().for_each(|note| note.text = words.put_into(&note.text));
                Ok(plan)
            }
            Err(mut refused) => {
                for refusal in &mut refused.0 {
                    refusal.problem.cause.reword(|advice| words.put_into(advice));
                }
                let text = if self.changes.get() { late_refusals_text } else { refusals_text };
                Err(refusal(&refused, text(&refused, common.style_of_stderr())))
            }
        }
    }

    /// The cluster's problems, with advice for this inventory.
    pub fn health(&self, common: &Common, facts: &Facts) -> Vec<Finding> {
        Self::advised(common, health(&self.desired, facts))
    }

    /// The cluster's problems, including logins that should not work.
    pub fn findings(&self, common: &Common, facts: &Facts) -> Vec<Finding> {
        let findings = [health(&self.desired, facts), access(&self.desired, facts)].concat();
        Self::advised(common, findings)
    }

    /// What was seen of the cluster at a time.
    pub fn status<'a>(&'a self, facts: &'a Facts, findings: &'a [Finding], at: SystemTime) -> Status<'a> {
        let now = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Status { desired: &self.desired, facts, findings, now }
    }

    fn advised(common: &Common, mut findings: Vec<Finding>) -> Vec<Finding> {
        let words = Words::of(common);
        for finding in &mut findings {
            finding.problem.cause.reword(|advice| words.put_into(advice));
        }
        findings
    }

    /// The desired state with the secrets that `needed` asks for, until it asks for no more. Each command runs once.
    pub fn knowing(&self, needed: impl Fn(&Desired) -> BTreeSet<SecretName>) -> Result<Desired, Failure> {
        let mut desired = self.desired.clone();
        loop {
            desired.secrets = self.secrets.borrow().clone();
            let names = needed(&desired);
            if names.is_empty() {
                return Ok(desired);
            }
            for name in names {
                self.read(&name)?;
            }
        }
    }

    /// Runs the command for a secret, unless it is known or comes from elsewhere.
    fn read(&self, name: &SecretName) -> Result<(), Failure> {
        let Some(command) = self.desired.commands.get(name) else { return Ok(()) };
        if self.secrets.borrow().get(name).is_none() {
            let style = self.style;
            let secret = command.read().map_err(|problem| {
                let message = problem.to_string();
                let report = crate::document::report(&[problem], style.width, graphics(style)) + "\n";
                Failure::report(FailureCode::SecretCommand, report, message)
            })?;
            self.secrets.borrow_mut().insert(name.clone(), secret);
        }
        Ok(())
    }

    /// All known secrets and those that the plan's steps need: commands run before anything is changed.
    pub fn secrets_for(&self, plan: &Plan) -> Result<Secrets, Failure> {
        for name in named_secrets(plan) {
            self.read(&name)?;
        }
        Ok(self.secrets.borrow().clone())
    }

    /// All available secrets, and the names of unavailable ones, for redacting a bundle.
    pub fn all_secrets(&self) -> (Secrets, Vec<SecretName>) {
        let unknown = self.desired.commands.keys().filter(|name| self.read(name).is_err()).cloned().collect();
        (self.secrets.borrow().clone(), unknown)
    }

    pub fn require_reached(
        &self,
        common: &Common,
        playbook: &Playbook,
        facts: &Facts,
    ) -> Result<(), Failure> {
        if plan::unreachable(&self.desired, playbook, facts, &self.options).is_empty() {
            return Ok(());
        }
        let text = if self.changes.get() { late_unreachable_text } else { unreachable_text };
        // A run that has begun is continued with the hosts that it was begun with.
        let next = if self.changes.get() {
            Vec::new()
        } else {
            let (desired, templates) = (&self.desired, &self.templates);
            let (options, called, data) = (&self.options, &self.called, &self.data);
            left_out::ways(&Request { common, called, data, desired, playbook, templates, options }, facts)
        };
        Err(silent(facts, &Routes::from(&self.desired), text, next, common.style_of_stderr()))
    }

    /// Closes the connections, and prints their number with --verbose.
    pub async fn close(&self, common: &Common) {
        close(&self.transport, common).await;
    }
}

pub fn refusal(refused: &PlanError, text: String) -> Failure {
    let message = refused.0.first().map(|first| first.problem.what.clone()).unwrap_or_default();
    let code = refused
        .0
        .first()
        .map_or(ErrorCode::Other(FailureCode::Internal), |first| ErrorCode::Refused(first.kind));
    Failure::report(code, text, message).details(Details::Refusals(RefusalDocument::from(refused)))
}

/// The error for hosts that could not be inspected although all are needed.
pub fn unreachable(facts: &Facts, routes: &Routes<'_>, style: Style) -> Failure {
    unreachable_and(facts, routes, Vec::new(), style)
}

/// Like [`unreachable()`], with more advice behind that of each host.
pub fn unreachable_and(facts: &Facts, routes: &Routes<'_>, next: Vec<Advice>, style: Style) -> Failure {
    silent(facts, routes, unreachable_text, next, style)
}

/// Like [`unreachable()`], with a text for a run that has changed something, or nothing.
fn silent(
    facts: &Facts,
    routes: &Routes<'_>,
    text: fn(&Facts, &Routes<'_>, Style) -> String,
    next: Vec<Advice>,
    style: Style,
) -> Failure {
    let causes = grouped(facts.unreachable().map(|(host, why)| (why.cause, host)));
    let message = match causes.as_slice() {
        [(cause, hosts)] => format!("{}: {}", listed(hosts), what(*cause)),
        _ => format!("{} could not be inspected", listed(facts.unreachable().map(|(host, _)| host))),
    };
    let document = UnreachableDocument {
        alternatives: next.iter().map(Advice::line).collect(),
        ..unreachable_document(facts, routes)
    };
    let code =
        document.unreachable.first().map_or(ErrorCode::Other(FailureCode::Internal), |first| first.code);
    Failure::report(code, text(facts, routes, style) + &advice_text(&next, style), message)
        .details(Details::Unreachable(document))
}

/// The desired state while this playbook runs: without the node that it removes.
fn concerned(desired: Desired, playbook: &Playbook, arguments: &Arguments) -> Result<Desired, Failure> {
    if let Some(new) = &arguments.new {
        if arguments.old.as_ref() == Some(new) {
            return Err(Failure::new(FailureCode::Values, format!("{new} cannot take its own place"))
                .next("a node that lost its data comes back with: rabbitup run recover-node"));
        }
        if !desired.brokers().any(|host| &host.node() == new) {
            return Err(Failure::new(FailureCode::Values, format!("{new} is not a broker in the inventory"))
                .next("add its host with the role broker; the old one may stay until it is replaced"));
        }
    }
    let removes = playbook.phases.iter().any(|phase| matches!(phase, PhaseSettings::Remove(_)));
    Ok(match arguments.subject().filter(|_| removes) {
        Some(node) => desired.without(node.clone()),
        None => desired,
    })
}

/// A path as text for people.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
