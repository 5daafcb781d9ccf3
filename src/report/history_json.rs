//! The runs of the past as JSON.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::apply::Tally;
use crate::history::{Became, End, Found, Moment, PastRun};
use crate::model::HostName;

/// `rabbitup history --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryDocument<'a> {
    pub format_version: u32,
    /// Where the journals are.
    pub directory: String,
    /// How many there are.
    pub journals: usize,
    /// The newest, newest first.
    pub runs: Vec<RunEntry<'a>>,
    /// The files among them that could not be read.
    pub unreadable: Vec<UnreadableEntry>,
}

/// One run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunEntry<'a> {
    /// Its names in the hosts' journals, one for each plan that was applied.
    pub runs: Vec<&'a str>,
    /// The name of its journal.
    pub journal: String,
    /// The size of its journal.
    pub bytes: u64,
    /// In UTC, as in `2026-11-29T02:00:00.000Z`.
    #[schemars(with = "String")]
    pub began: Moment,
    /// In seconds, until the journal's last line.
    pub took_s: Option<f64>,
    pub result: Became,
    /// None without an end.
    pub exit_code: Option<u8>,
    /// Of the error that ended it.
    pub code: Option<&'a str>,
    /// What that error says.
    pub message: Option<&'a str>,
    /// What the operator ran.
    pub command: &'a str,
    pub playbook: &'a str,
    /// `USER@MACHINE`.
    pub operator: Option<&'a str>,
    /// Null also if a saved plan was applied.
    pub inventory: Option<&'a str>,
    /// Null also if the cluster has no name.
    pub cluster: Option<&'a str>,
    /// The version of rabbitup.
    pub rabbitup: Option<&'a str>,
    /// All hosts of the inventory.
    pub hosts: &'a [HostName],
    pub steps: StepCounts,
    /// How many lines of the journal could not be read.
    pub unread_lines: usize,
}

/// What became of its steps.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StepCounts {
    /// The steps of all its plans.
    pub planned: usize,
    #[serde(flatten)]
    pub tally: Tally,
}

/// A file that is no journal.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnreadableEntry {
    pub journal: String,
    pub why: String,
}

impl<'a> HistoryDocument<'a> {
    pub fn new(directory: &Path, found: &'a [Found], journals: usize) -> Self {
        let run = |found: &'a Found| Some(RunEntry::new(found, found.run.as_ref().ok()?));
        let unreadable = |found: &Found| {
            let why = found.run.as_ref().err()?.to_string();
            Some(UnreadableEntry { journal: found.name(), why })
        };
        Self {
            format_version: 1,
            directory: directory.display().to_string(),
            journals,
            runs: found.iter().filter_map(run).collect(),
            unreadable: found.iter().filter_map(unreadable).collect(),
        }
    }
}

impl<'a> RunEntry<'a> {
    fn new(found: &Found, run: &'a PastRun) -> Self {
        let ended = match &run.end {
            End::Ended(ended) => Some(ended),
            End::Applied(_) | End::Running | End::Killed | End::Unknown => None,
        };
        Self {
            runs: run.runs().collect(),
            journal: found.name(),
            bytes: found.bytes,
            began: run.began,
            took_s: run.took().map(|took| took.as_secs_f64()),
            result: run.became(),
            exit_code: ended.map(|ended| ended.exit_code),
            code: ended.and_then(|ended| ended.code.as_deref()),
            message: ended.and_then(|ended| ended.message.as_deref()),
            command: &run.command,
            playbook: &run.playbook,
            operator: run.operator.as_deref(),
            inventory: run.inventory.as_deref(),
            cluster: run.cluster.as_deref(),
            rabbitup: run.rabbitup.as_deref(),
            hosts: run.hosts(),
            steps: StepCounts { planned: run.steps().count(), tally: run.tally() },
            unread_lines: run.unread_lines,
        }
    }
}

/// `rabbitup history show --json`: a run and the lines of its journal.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PastRunDocument<'a> {
    pub format_version: u32,
    pub run: RunEntry<'a>,
    /// The journal's first line, as it is.
    #[schemars(with = "Option<JournalHead>")]
    pub head: Option<&'a Value>,
    /// The others that are JSON objects, as they are.
    #[schemars(with = "Vec<JournalEvent>")]
    pub events: &'a [Value],
    /// The first of the lines that could not be read.
    pub unread: Vec<UnreadLine<'a>>,
}

/// A line of a journal that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnreadLine<'a> {
    /// From 1.
    pub line: usize,
    pub why: &'a str,
}

impl<'a> PastRunDocument<'a> {
    /// `lines` are those of the journal that are JSON objects.
    pub fn new(found: &Found, run: &'a PastRun, lines: &'a [Value]) -> Self {
        let unread = run.unread.iter().map(|unread| UnreadLine { line: unread.line, why: &unread.why });
        Self {
            format_version: 1,
            run: RunEntry::new(found, run),
            head: lines.first(),
            events: lines.get(1..).unwrap_or_default(),
            unread: unread.collect(),
        }
    }
}

/// A journal's first line, as readers see it. Journals of other versions may lack what is not required, and have more.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
#[expect(dead_code, reason = "it exists only as a schema: lines are shown as they are in the file")]
struct JournalHead {
    format_version: u32,
    /// When the command began.
    at: String,
    command: String,
    playbook: String,
    /// The name of the first plan's run on the hosts.
    run: Option<String>,
    /// The first plan's digest; null if none was made.
    plan: Option<String>,
    hosts: Vec<HostName>,
    steps: Vec<JournalStep>,
    /// What the first plan said besides its steps.
    #[schemars(default)]
    notes: Vec<JournalNote>,
    /// The cluster before the run, as the run's page draws it.
    seen: Option<JournalCluster>,
    operator: Option<String>,
    inventory: Option<String>,
    cluster: Option<String>,
    rabbitup: Option<String>,
    /// Whether the file is locked as long as its run lives.
    #[schemars(default)]
    locked: bool,
}

/// A step as planned.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
#[expect(dead_code, reason = "it exists only as a schema: lines are shown as they are in the file")]
struct JournalStep {
    id: String,
    title: String,
    host: Option<HostName>,
    phase: Option<String>,
    change: Option<String>,
    /// The ids of other hosts' steps that it waits for.
    #[schemars(default)]
    after: Vec<String>,
    /// Why it is needed.
    reason: Option<String>,
    /// The change of a file, as a unified diff. Never contains a secret.
    diff: Option<String>,
}

/// A remark of a plan.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
#[expect(dead_code, reason = "it exists only as a schema: lines are shown as they are in the file")]
struct JournalNote {
    /// Null: the whole cluster.
    host: Option<HostName>,
    text: String,
}

/// A cluster in boxes.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
#[expect(dead_code, reason = "it exists only as a schema: lines are shown as they are in the file")]
struct JournalCluster {
    title: String,
    /// How much of it worked, in a sentence.
    verdict: String,
    /// The addresses that load balancers share.
    addresses: Vec<JournalPart>,
    balancers: Vec<JournalPart>,
    brokers: Vec<JournalPart>,
    /// The hosts that are neither.
    others: Vec<JournalPart>,
}

/// A host, or an address.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
#[expect(dead_code, reason = "it exists only as a schema: lines are shown as they are in the file")]
struct JournalPart {
    name: String,
    /// `good`, `warning` or `bad`.
    condition: String,
    /// What was seen of it, a few words each.
    lines: Vec<String>,
}

/// Any other line. What else it has depends on its event.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
#[expect(dead_code, reason = "it exists only as a schema: lines are shown as they are in the file")]
struct JournalEvent {
    /// When it happened.
    at: String,
    event: String,
}

/// The JSON Schema of the list, for `rabbitup schema history`.
pub fn history_schema() -> schemars::Schema {
    schemars::schema_for!(HistoryDocument<'static>)
}

/// The JSON Schema of one run's document, for `rabbitup schema history-show`.
pub fn past_run_schema() -> schemars::Schema {
    schemars::schema_for!(PastRunDocument<'static>)
}
