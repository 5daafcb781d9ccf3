//! Command lines that clap refuses.

use std::process::ExitCode;

use super::arguments::Form;
use super::exit::{Exit, Failure};
use crate::report::FailureCode;

/// Prints why, in clap's words; help and version are no errors.
pub fn usage(error: &clap::Error) -> ExitCode {
    // Where stderr is gone there is nobody to tell.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done.into();
    }
    // Nothing was parsed, and still whoever asked for JSON reads nothing else. Also as `--json=true`, which is an error itself.
    let asks =
        |word: std::ffi::OsString| word.to_str().and_then(|word| word.split('=').next()) == Some("--json");
    if std::env::args_os().any(asks) {
        refused(&error.render().to_string()).print_json(Form::Line);
    }
    Exit::Usage.into()
}

/// The same as an error. clap says in paragraphs what is wrong, what may have been meant, and how the command is called.
fn refused(text: &str) -> Failure {
    let mut paragraphs = text.split("\n\n");
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = line(paragraphs.next().unwrap_or_default().trim_start_matches("error: "));
    let advice = paragraphs.map(line).find_map(|paragraph| match paragraph.strip_prefix("tip: ") {
        Some(tip) => Some(tip.to_owned()),
        None => paragraph.strip_prefix("Usage: ").map(|usage| format!("usage: {usage}")),
    });
    let failure = Failure::new(FailureCode::CommandLine, message);
    match advice {
        Some(advice) => failure.next(advice),
        None => failure,
    }
}
