use schemars::JsonSchema;
use serde::Serialize;

use super::error_code::ErrorCode;
use crate::exec::{Ended, Fate};
use crate::model::HostName;

/// `rabbitup exec --json`: what a command did on each host.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExecDocument<'a> {
    format_version: u32,
    /// Whether it ended with code 0 on every host.
    succeeded: bool,
    /// In the order of the inventory.
    hosts: Vec<ExecEntry<'a>>,
}

/// One host.
#[derive(Debug, Serialize, JsonSchema)]
struct ExecEntry<'a> {
    host: &'a HostName,
    result: ExecResult,
    /// Of a command that ended by itself; 128 and the signal's number if a signal ended it.
    exit_code: Option<i32>,
    /// How long it ran, in seconds, by the host's clock; null if the host did not say.
    took_s: Option<f64>,
    /// Standard output and standard error, in the order in which they were written, without secrets.
    output: &'a str,
    /// How many bytes of output followed and are not shown.
    output_cut: usize,
    /// Of a host that was not reached: the code of the error.
    code: Option<ErrorCode>,
    /// Of a host that was not reached or was lost: the evidence.
    why: Option<&'a str>,
}

/// How a command ended on a host.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ExecResult {
    /// By itself.
    Exited,
    /// It timed out, and was stopped on the host.
    TimedOut,
    /// A signal to rabbitup: it was stopped on the host, or never began.
    Interrupted,
    /// It printed too much, and was stopped on the host.
    TooMuchOutput,
    /// It may still be running: the connection was lost, or the host did not answer in time.
    Lost,
    /// It never began.
    Unreachable,
}

impl<'a> ExecDocument<'a> {
    pub(crate) fn new(ended: &[(&'a HostName, &'a Ended)]) -> Self {
        let succeeded = ended.iter().all(|(_, ended)| ended.fate.is_success());
        let hosts = ended.iter().map(|(host, ended)| ExecEntry::new(host, ended)).collect();
        Self { format_version: 1, succeeded, hosts }
    }
}

impl<'a> ExecEntry<'a> {
    fn new(host: &'a HostName, ended: &'a Ended) -> Self {
        let (mut exit_code, mut code, mut why) = (None, None, None);
        let result = match &ended.fate {
            Fate::Exited(number) => {
                exit_code = Some(*number);
                ExecResult::Exited
            }
            Fate::TimedOut => ExecResult::TimedOut,
            Fate::Interrupted => ExecResult::Interrupted,
            Fate::TooMuchOutput => ExecResult::TooMuchOutput,
            Fate::Lost(evidence) => {
                why = Some(evidence.as_str());
                ExecResult::Lost
            }
            Fate::Unreachable(unreachable) => {
                code = Some(ErrorCode::Unreachable(unreachable.cause));
                why = Some(unreachable.evidence.as_str());
                ExecResult::Unreachable
            }
        };
        let took_s = ended.took.map(|took| took.as_secs_f64());
        let (output, output_cut) = (ended.output.as_str(), ended.cut);
        Self { host, result, exit_code, took_s, output, output_cut, code, why }
    }
}

/// The JSON Schema of the document, for `rabbitup schema exec`.
pub(crate) fn exec_schema() -> schemars::Schema {
    schemars::schema_for!(ExecDocument<'_>)
}
