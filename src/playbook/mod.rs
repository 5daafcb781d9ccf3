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

use crate::document::{self, At, Graphics, Problem, Source, listed, nearest, report};

pub use arguments::{Answer, Arguments};
pub(crate) use arguments::{Parameters, PlaybookDocument};
pub use phase::{Phase, PhaseSettings};
pub(crate) use settings::{
    FORMS, GrowQueues, GrowSettings, HostCheck, Minutes, RestartSettings, RestartWhen, UpgradeSettings,
    UpgradeTo,
};

/// The built-in playbooks, by name.
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
    /// Required values.
    pub required: Parameters,
    /// Optional values.
    pub optional: Parameters,
    pub phases: Vec<PhaseSettings>,
    /// The phases that revert or complete a run that failed half-way.
    pub on_failure: Vec<PhaseSettings>,
}

/// Which phases run, in which order, with which settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the playbook")]
struct RawPlaybook {
    /// Its name for `rabbitup run`: the file name without `.toml`.
    name: String,
    /// What it does, in one line.
    summary: String,
    /// The required values of `rabbitup run`: their names and descriptions.
    #[serde(default)]
    required: Parameters,
    /// The optional values of `rabbitup run`.
    #[serde(default)]
    optional: Parameters,
    /// The phases, in order.
    phase: Vec<At<PhaseSettings>>,
    /// The phases that run after a failure half-way, in order.
    #[serde(default)]
    on_failure: Vec<At<PhaseSettings>>,
}

impl Playbook {
    /// Loads a playbook: the file if the argument is a path (`path/to/it.toml`), else `playbooks/NAME.toml` in `beside` (the
    /// inventory's directory), else the built-in one.
    ///
    /// # Errors
    /// There is no playbook of that name, or it is invalid: then all its errors.
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
                        format!(
                            "the playbooks are {}; your own would be {}",
                            listed(names, "and"),
                            own.display()
                        )
                    }
                };
                let problem = Problem::error(format!("there is no playbook `{name_or_path}`")).hint(hint);
                Err(PlaybookErrors { path: PathBuf::from(name_or_path), problems: vec![problem] })
            }
        }
    }

    fn read(path: &Path) -> Result<Self, PlaybookErrors> {
        let missing = format!("the built-in playbooks are {}", listed(EMBEDDED.map(|(name, _)| name), "and"));
        match document::read_document(path, &missing) {
            Ok(source) => Self::from_source(path, &source),
            Err(problem) => Err(PlaybookErrors { path: path.to_owned(), problems: vec![problem] }),
        }
    }

    /// Loads a playbook from its text, as if it were the file `path`.
    ///
    /// # Errors
    /// All its errors.
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
                        Problem::error(format!("the phase `{}` occurs twice", phase.phase()))
                            .at(source, source.first_line(first.span.clone()), "first here")
                            .at(source, source.first_line(phase.span.clone()), "again here")
                            .hint("a phase runs only once, and then plans all its steps"),
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
            _ => {
                let problems = problems.into_iter().map(|problem| problem.of_file(path)).collect();
                Err(PlaybookErrors { path: path.to_owned(), problems })
            }
        }
    }

    /// The phases after a failure half-way, as a playbook of the same name.
    pub fn after_failure(&self) -> Option<Self> {
        let phases = self.on_failure.clone();
        (!phases.is_empty()).then(|| Self { phases, on_failure: Vec::new(), ..self.clone() })
    }

    /// How long its verification may take, if it has one.
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

    /// The names of all playbooks for an inventory in this directory: the built-in ones, then those beside it, sorted.
    pub fn names(directory: &Path) -> Vec<String> {
        let files = std::fs::read_dir(directory.join("playbooks")).into_iter().flatten().flatten();
        let names =
            files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned()));
        let mut own: Vec<String> =
            names.filter(|name| !Self::embedded_names().any(|known| known == name)).collect();
        own.sort();
        Self::embedded_names().map(str::to_owned).chain(own).collect()
    }

    /// The names of the built-in playbooks.
    pub fn embedded_names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.into_iter().map(|(name, _)| name)
    }
}

/// All errors of a playbook.
#[derive(Clone, Debug)]
pub struct PlaybookErrors {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl PlaybookErrors {
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The complete report for printing.
    pub fn render(&self, width: usize, graphics: Graphics) -> String {
        format!("{}\n{self}\n", report(&self.problems, width, graphics))
    }
}

impl fmt::Display for PlaybookErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(
            f,
            "{} error{plural} in the playbook {}; no host was contacted",
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
