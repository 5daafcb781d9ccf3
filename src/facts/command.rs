//! How a script is made ready to be sent.

use crate::model::quote;

/// A script with its parameters prepended as assignments.
pub fn command_text(values: &[(&str, String)], script: &str) -> String {
    let mut command: String =
        values.iter().map(|(name, value)| format!("{name}={}\n", quote(value))).collect();
    command.push_str(&without_comments(script));
    command
}

/// Removes comments, which cost bytes on a slow connection. ssh compresses the rest, so that it fits into TCP's first two windows.
pub(super) fn without_comments(script: &str) -> String {
    let code = script.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    code.flat_map(|line| [line, "\n"]).collect()
}
