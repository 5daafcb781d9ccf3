//! TOML → ordered phases with typed settings. Reading `playbooks/bring-up.toml` is reading the product.

mod arguments;
mod phase;
mod settings;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use miette::Diagnostic;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::{self, At, Look, Problem, Source, listed, nearest, report};

pub use arguments::{Answer, ArgumentError, Arguments, Parameters, PlaybookDocument};
pub use phase::{Phase, PhaseSettings};
pub use settings::{
    FORMS, GrowQueues, GrowSettings, HealthSettings, HostCheck, Minutes, RestartSettings, RestartWhen, Size,
    UpgradeSettings, UpgradeTo,
};

/// The embedded playbooks, by name.
const EMBEDDED: [(&str, &str); 13] = [
    ("bring-up", include_str!("../../playbooks/bring-up.toml")),
    ("rolling-restart", include_str!("../../playbooks/rolling-restart.toml")),
    ("upgrade", include_str!("../../playbooks/upgrade.toml")),
    ("rotate-cookie", include_str!("../../playbooks/rotate-cookie.toml")),
    ("remove-node", include_str!("../../playbooks/remove-node.toml")),
    ("replace-node", include_str!("../../playbooks/replace-node.toml")),
    ("recover-node", include_str!("../../playbooks/recover-node.toml")),
    ("stop", include_str!("../../playbooks/stop.toml")),
    ("start", include_str!("../../playbooks/start.toml")),
    ("grow-queues", include_str!("../../playbooks/grow-queues.toml")),
    ("rebalance", include_str!("../../playbooks/rebalance.toml")),
    ("sync-queue", include_str!("../../playbooks/sync-queue.toml")),
    ("cancel-sync-queue", include_str!("../../playbooks/cancel-sync-queue.toml")),
];

/// Which phases run, in which order, with which settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    pub name: String,
    pub summary: String,
    /// The values without which it does not run.
    pub required: Parameters,
    /// The values that it can do without.
    pub optional: Parameters,
    pub phases: Vec<PhaseSettings>,
    /// What is planned and done where a run failed half-way: the way back, or on.
    pub on_failure: Vec<PhaseSettings>,
}

/// Which phases run, in which order, with which settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the playbook")]
struct RawPlaybook {
    /// The name by which `rabbitup run` calls it: its file's name without `.toml`.
    name: String,
    /// What it does, in one line.
    summary: String,
    /// The values that `rabbitup run` must be given: their names, and what they are.
    #[serde(default)]
    required: Parameters,
    /// The values that `rabbitup run` may be given.
    #[serde(default)]
    optional: Parameters,
    /// The phases, in order.
    phase: Vec<At<PhaseSettings>>,
    /// The phases that follow a run that failed half-way, in order.
    #[serde(default)]
    on_failure: Vec<At<PhaseSettings>>,
}

impl Playbook {
    /// Loads a playbook: a file where the argument names one (`path/to/it.toml`), else `playbooks/NAME.toml` in
    /// `beside` (the inventory's directory), else the embedded one of that name.
    ///
    /// # Errors
    /// There is none of that name, or everything that is wrong with it.
    pub fn load(name_or_path: &str, beside: &Path) -> Result<Self, PlaybookErrors> {
        if name_or_path.contains('/') || name_or_path.ends_with(".toml") {
            return Self::read(Path::new(name_or_path));
        }
        let own = beside.join("playbooks").join(format!("{name_or_path}.toml"));
        if own.exists() {
            return Self::read(&own);
        }
        match EMBEDDED.iter().find(|(name, _)| *name == name_or_path) {
            Some((name, text)) => Self::from_text(Path::new(&format!("{name}.toml (embedded)")), text),
            None => {
                let names = EMBEDDED.map(|(name, _)| name);
                let hint = match nearest(name_or_path, names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => {
                        format!("there are {}; one of your own is {}", listed(names, "and"), own.display())
                    }
                };
                let problem = Problem::error(format!("there is no playbook `{name_or_path}`")).hint(hint);
                Err(PlaybookErrors { path: PathBuf::from(name_or_path), problems: vec![problem] })
            }
        }
    }

    fn read(path: &Path) -> Result<Self, PlaybookErrors> {
        let missing = format!("the embedded playbooks are {}", listed(EMBEDDED.map(|(name, _)| name), "and"));
        match document::read_document(path, &missing) {
            Ok(source) => Self::from_source(path, &source),
            Err(problem) => Err(PlaybookErrors { path: path.to_owned(), problems: vec![problem] }),
        }
    }

    /// Loads a playbook from its text, as if it were the file `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_text(path: &Path, text: &str) -> Result<Self, PlaybookErrors> {
        Self::from_source(path, &Source::new(path, text))
    }

    fn from_source(path: &Path, source: &Arc<Source>) -> Result<Self, PlaybookErrors> {
        let (raw, mut problems) = document::read_as::<RawPlaybook>(source, &Self::schema(), FORMS);
        if let Some(raw) = &raw {
            if raw.phase.is_empty() && problems.is_empty() {
                problems.push(
                    Problem::error("the playbook has no phases")
                        .hint("write [[phase]] tables: use = \"preflight\""),
                );
            }
            for (at, phase) in raw.phase.iter().enumerate() {
                if let Some(first) = raw.phase[..at].iter().find(|other| other.phase() == phase.phase()) {
                    problems.push(
                        Problem::error(format!("the phase `{}` stands twice", phase.phase()))
                            .at(source, source.first_line(first.span.clone()), "first here")
                            .at(source, source.first_line(phase.span.clone()), "again here")
                            .hint("a phase runs once: all of its steps are in the plan already"),
                    );
                }
            }
        }
        problems.sort_by_key(Problem::start);
        match raw {
            Some(raw) if problems.is_empty() => Ok(Self {
                name: raw.name,
                summary: raw.summary,
                required: raw.required,
                optional: raw.optional,
                phases: raw.phase.into_iter().map(|phase| phase.value).collect(),
                on_failure: raw.on_failure.into_iter().map(|phase| phase.value).collect(),
            }),
            _ => Err(PlaybookErrors { path: path.to_owned(), problems }),
        }
    }

    /// What is to be done where a run of this one failed half-way, as a playbook of the same name.
    pub fn after_failure(&self) -> Option<Self> {
        let phases = self.on_failure.clone();
        (!phases.is_empty()).then(|| Self { phases, on_failure: Vec::new(), ..self.clone() })
    }

    /// How long what it brings about may take to show, where it looks at the cluster afterwards.
    pub fn verifies(&self) -> Option<Duration> {
        self.phases.iter().find_map(|phase| match phase {
            PhaseSettings::Verify(health) => Some(health.patience.0),
            _ => None,
        })
    }

    /// The JSON Schema of a playbook.
    pub fn schema() -> serde_json::Value {
        document::plain_schema(schemars::schema_for!(RawPlaybook))
    }

    /// The names of the embedded playbooks.
    pub fn embedded_names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.into_iter().map(|(name, _)| name)
    }
}

/// Everything that is wrong with a playbook.
#[derive(Clone, Debug)]
pub struct PlaybookErrors {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl PlaybookErrors {
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The whole report as it is printed.
    pub fn render(&self, width: usize, look: Look) -> String {
        format!("{}\n{self}\n", report(&self.problems, width, look))
    }
}

impl fmt::Display for PlaybookErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(
            f,
            "{} error{plural} in the playbook {}; no host was touched",
            self.problems.len(),
            self.path.display()
        )
    }
}

impl std::error::Error for PlaybookErrors {}

impl Diagnostic for PlaybookErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
