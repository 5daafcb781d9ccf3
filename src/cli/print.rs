use std::io::{self, Write};

use crate::model::printable_json;

/// Standard output, whole; a reader that has gone away is no error.
pub fn stdout(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Standard error, whole.
pub fn stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// One JSON document, readable, with a line end.
pub fn json(document: &impl serde::Serialize) {
    // The documents are plain structs: they always have a JSON form.
    if let Ok(text) = serde_json::to_string_pretty(document) {
        stdout(&format!("{}\n", printable_json(&text)));
    }
}

/// One JSON document on one line.
pub fn json_line(document: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string(document) {
        stdout(&format!("{}\n", printable_json(&text)));
    }
}

/// Libraries that print (clap) panic in `print!` when the reader is gone; such a panic is silenced and
/// ends the process as a broken pipe does elsewhere.
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
