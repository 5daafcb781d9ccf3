use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::arguments::{Called, Common, Data};
use super::command_line::{CommandLine, Words};
use super::exit::{Exit, Failure};
use super::print;
use super::wait_for_steps::ProbeTime;
use crate::apply::{gather, named_secrets};
use crate::cluster::phrases::listed;
use crate::cluster::{Finding, access, health};
use crate::document::{Graphics, Problem};
use crate::facts::Facts;
use crate::inventory::{self, Become, Desired, Host, HostKeys, Loaded, SecretPolicy, Ssh};
use crate::model::{DigestKey, HostName, Role, Secret, SecretName, SecretSource, Secrets};
use crate::plan::{self, Limit, Options, Pass, Plan, PlanError, PlannedHost, UnknownMembers};
use crate::playbook::{Arguments, PhaseSettings, Playbook};
use crate::report::{
    Colour, Details, ErrorKind, RefusalDocument, Routes, Style, late_refusals_text, late_unreachable_text,
    refusals_text, unreachable_document, unreachable_text,
};
use crate::template::Templates;
use crate::transport::{BecomeRoot, HostKeyPolicy, SshTarget, SshTransport, Transport};

/// The environment variable with the password for sudo.
const BECOME_PASSWORD: &str = "RABBITUP_BECOME_PASSWORD";

/// A loaded inventory and the transport to its hosts: the start of every command that contacts hosts.
pub struct Session {
    pub desired: Desired,
    pub playbook: Playbook,
    pub templates: Templates,
    pub options: Options,
    pub hosts: Vec<PlannedHost>,
    pub transport: Arc<SshTransport>,
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
    let loaded = inventory::load(&common.inventory, inventory::Options { secrets })
        .map_err(|errors| bad_file(errors.render(style.width, graphics), &errors, errors.problems()))?;
    if !loaded.warnings.is_empty() && !common.json {
        print::stderr(&format!("{}\n", crate::document::report(&loaded.warnings, style.width, graphics)));
    }
    let templates = Templates::new(&loaded.desired.templates)
        .map_err(|error| Failure::new(Exit::Usage, "a template is invalid").why(error.to_string()))?;
    Ok((loaded, templates))
}

/// A playbook by name; those beside the inventory take precedence over the built-in ones.
pub fn playbook(common: &Common, name: &str) -> Result<Playbook, Failure> {
    let style = common.style_of_stderr();
    Playbook::load(name, directory(&common.inventory))
        .map_err(|errors| bad_file(errors.render(style.width, graphics(style)), &errors, errors.problems()))
}

fn bad_file(report: String, message: &dyn std::fmt::Display, problems: &[Problem]) -> Failure {
    let problems = problems.iter().map(Problem::document).collect();
    Failure::report(Exit::Usage, report, message.to_string())
        .kind(ErrorKind::Usage, Details::Problems { problems })
}

/// The directory of the inventory.
pub fn directory(inventory: &Path) -> &Path {
    inventory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn graphics(style: Style) -> Graphics {
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

/// The sudo password, if the command line or the environment provides one.
pub fn become_password(common: &Common) -> Result<Option<Secret>, Failure> {
    if common.ask_become_pass {
        let terminal = console::Term::stderr();
        let unread = |why: String| {
            Failure::new(Exit::Usage, "the password could not be read")
                .why(why)
                .next("without a terminal, set RABBITUP_BECOME_PASSWORD instead of --ask-become-pass")
        };
        // Without a terminal, end of input would count as an empty password.
        if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            return Err(unread("standard input is not a terminal".to_owned()));
        }
        let ask =
            terminal.write_str("Password for sudo on the hosts: ").and_then(|()| terminal.read_secure_line());
        let password = ask.map_err(|error| unread(error.to_string()))?;
        return Ok(Some(Secret::new(password.into_bytes())));
    }
    Ok(std::env::var(BECOME_PASSWORD).ok().map(|password| Secret::new(password.into_bytes())))
}

/// A transport to these hosts. Environment variables named in `sources` are withheld from ssh.
pub fn transport(
    hosts: &[PlannedHost],
    password: Option<&Secret>,
    sources: &BTreeMap<SecretName, SecretSource>,
) -> Arc<SshTransport> {
    let variable = |source: &SecretSource| match source {
        SecretSource::Env(name) => Some(name.clone()),
        _ => None,
    };
    let withheld: Vec<String> =
        sources.values().filter_map(variable).chain([BECOME_PASSWORD.to_owned()]).collect();
    let target = |host: &PlannedHost| (host.name.clone(), target(&host.ssh, password, &withheld));
    Arc::new(SshTransport::new(hosts.iter().map(target).collect()))
}

fn target(ssh: &Ssh, password: Option<&Secret>, withheld: &[String]) -> SshTarget {
    SshTarget {
        destination: ssh.destination.clone(),
        user: ssh.user.clone(),
        port: ssh.port,
        identity: ssh.identity.clone(),
        config: ssh.config.clone(),
        jump: ssh.jump.clone(),
        host_keys: match ssh.host_keys {
            HostKeys::Strict => HostKeyPolicy::Strict,
            HostKeys::AcceptNew => HostKeyPolicy::AcceptNew,
        },
        r#become: match ssh.r#become {
            Become::Auto => BecomeRoot::Auto,
            Become::Root => BecomeRoot::Root,
            Become::Sudo => BecomeRoot::Sudo,
            Become::Doas => BecomeRoot::Doas,
        },
        connect_timeout: ssh.connect_timeout,
        persist: ssh.persist,
        sudo_password: password.cloned(),
        withheld: withheld.to_vec(),
    }
}

impl Session {
    /// Loads everything; opens no connection yet.
    pub fn open(common: &Common, called: &Called, data: &Data) -> Result<Self, Failure> {
        let playbook = playbook(common, called.name())?;
        let arguments = Arguments::parse(&playbook, &called.values)
            .map_err(|error| Failure::problem(Exit::Usage, error.0))?;
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
        let hosts = plan::planned_hosts(&desired, &playbook, &options.arguments);
        let transport = transport(&hosts, become_password(common)?.as_ref(), &desired.secret_sources);
        let (secrets, style) = (RefCell::new(desired.secrets.clone()), common.style_of_stderr());
        let changes = Cell::new(false);
        Ok(Self { desired, playbook, templates, options, hosts, transport, secrets, style, changes })
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
        gather(&self.transport, &self.hosts).await
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

    fn advised(common: &Common, mut findings: Vec<Finding>) -> Vec<Finding> {
        let words = Words::of(common);
        for finding in &mut findings {
            finding.problem.cause.reword(|advice| words.put_into(advice));
        }
        findings
    }

    /// The desired state with the secrets that `needed` asks for, until it asks for no more. Each command runs once.
    fn knowing(&self, needed: impl Fn(&Desired) -> BTreeSet<SecretName>) -> Result<Desired, Failure> {
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
                Failure::report(Exit::Usage, report, message)
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

    fn require_reached(&self, common: &Common, playbook: &Playbook, facts: &Facts) -> Result<(), Failure> {
        if plan::unreachable(&self.desired, playbook, facts, &self.options).is_empty() {
            return Ok(());
        }
        let text = if self.changes.get() { late_unreachable_text } else { unreachable_text };
        Err(silent(facts, &Routes::from(&self.desired), text, common.style_of_stderr()))
    }

    /// Closes the connections, and prints their number with --verbose.
    pub async fn close(&self, common: &Common) {
        close(&self.transport, common).await;
    }
}

fn refusal(refused: &PlanError, text: String) -> Failure {
    let message = refused.0.first().map(|first| first.problem.what.clone()).unwrap_or_default();
    Failure::report(Exit::Failed, text, message)
        .kind(ErrorKind::Refused, Details::Refusals(RefusalDocument::from(refused)))
}

/// The error for hosts that did not answer although all are needed.
pub fn unreachable(facts: &Facts, routes: &Routes<'_>, style: Style) -> Failure {
    silent(facts, routes, unreachable_text, style)
}

/// Like [`unreachable()`], with a text for a run that has changed something, or nothing.
fn silent(
    facts: &Facts,
    routes: &Routes<'_>,
    text: fn(&Facts, &Routes<'_>, Style) -> String,
    style: Style,
) -> Failure {
    let message = format!("{} did not answer", listed(facts.unreachable().map(|(host, _)| host)));
    Failure::report(Exit::Failed, text(facts, routes, style), message)
        .kind(ErrorKind::Unreachable, Details::Unreachable(unreachable_document(facts, routes)))
}

/// The desired state while this playbook runs: without the node that it removes.
fn concerned(desired: Desired, playbook: &Playbook, arguments: &Arguments) -> Result<Desired, Failure> {
    if let Some(new) = &arguments.new {
        if arguments.old.as_ref() == Some(new) {
            return Err(Failure::new(Exit::Usage, format!("{new} cannot take its own place"))
                .next("a node that lost its data comes back with: rabbitup run recover-node"));
        }
        if !desired.brokers().any(|host| &host.node() == new) {
            return Err(Failure::new(Exit::Usage, format!("{new} is not a broker in the inventory"))
                .next("add its host with the role broker; the old one may stay until it is replaced"));
        }
    }
    let removes = playbook.phases.iter().any(|phase| matches!(phase, PhaseSettings::Remove(_)));
    Ok(match arguments.subject().filter(|_| removes) {
        Some(node) => desired.without(node.clone()),
        None => desired,
    })
}

/// Closes a transport's connections.
pub async fn close(transport: &Arc<SshTransport>, common: &Common) {
    let counts = transport.counts();
    if common.verbose {
        print::stderr(&format!(
            "ssh: {} connections opened, {} scripts run\n",
            counts.connections, counts.execs
        ));
    }
    transport.close().await;
}

fn limit(desired: &Desired, words: &[String]) -> Result<Limit, Failure> {
    if words.is_empty() {
        return Ok(Limit::All);
    }
    let mut hosts = BTreeSet::new();
    for word in words {
        match word.strip_prefix('@') {
            Some(role) => {
                let Some(role) = Role::ALL.into_iter().find(|known| known.as_str() == role) else {
                    let roles = Role::ALL.map(|role| format!("@{}", role.as_str())).join(", ");
                    return Err(Failure::new(Exit::Usage, format!("--limit {word}: there is no such role"))
                        .next(format!("the roles are {roles}")));
                };
                hosts.extend(desired.with_role(role).map(|host| host.name.clone()));
            }
            None => {
                hosts.insert(host_named(desired, word)?);
            }
        }
    }
    Ok(Limit::Only(hosts))
}

/// A host of the inventory, by its name or its node's name.
pub fn host_named(desired: &Desired, name: &str) -> Result<HostName, Failure> {
    let wanted = |host: &&Host| host.name.as_str() == name || host.node().to_string() == name;
    if let Some(host) = desired.hosts.iter().find(wanted) {
        return Ok(host.name.clone());
    }
    let names = desired.hosts.iter().map(|host| host.name.as_str());
    let advice = match crate::document::nearest(name, names.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("its hosts are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(Failure::new(Exit::Usage, format!("the inventory has no host {name}")).next(advice))
}

/// A path as text for people.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
