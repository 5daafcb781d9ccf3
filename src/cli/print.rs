use std::io::{self, Write};

use super::arguments::Common;
use super::log_file;
use crate::model::printable_json;
use crate::report::Style;

/// Text for people that tells how things go. It is only in the log with `--quiet` or `--json`.
pub fn usual(common: &Common, text: impl Fn(Style) -> String) {
    if !common.json && !common.quiet {
        stdout(&text(common.style()));
    }
    logged(text);
}

/// Text for people that must be known: what failed, changed, or needs attention. It is only in the log with `--json`.
pub fn important(common: &Common, text: impl Fn(Style) -> String) {
    if !common.json {
        stdout(&text(common.style()));
    }
    logged(text);
}

/// Text that is in the log alone.
pub fn logged(text: impl Fn(Style) -> String) {
    if log_file::is_kept() {
        log_file::write(&text(log_file::style()));
    }
}

/// Writes to standard output; a closed pipe is not an error.
pub fn stdout(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes to standard error, and to the log.
pub fn stderr(text: &str) {
    log_file::write(text);
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints one JSON document, indented, with a final newline.
pub fn json(document: &impl serde::Serialize) {
    // The documents are plain structs: they always serialise.
    if let Ok(text) = serde_json::to_string_pretty(document) {
        stdout(&format!("{}\n", printable_json(&text)));
    }
}

/// Prints one JSON document on one line.
pub fn json_line(document: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string(document) {
        stdout(&format!("{}\n", printable_json(&text)));
    }
}

/// Libraries that print (clap) panic in `print!` on a closed pipe; such a panic is silenced and ends the process with
/// 141, as SIGPIPE would.
pub fn quiet_broken_pipes() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        if message.contains("Broken pipe") {
            std::process::exit(141);
        }
        default(info);
    }));
}
