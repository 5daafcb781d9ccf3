use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::arguments::{Common, Init};
use super::command_line::CommandLine;
use super::exit::{Exit, Failure};
use super::print;
use super::session::shown;
use crate::inventory::starter;

/// `rabbitup init`.
pub fn run(common: &Common, arguments: &Init) -> Result<Exit, Failure> {
    let text = starter(&arguments.hosts).map_err(|error| {
        Failure::new(Exit::Usage, "no inventory can be made of these hosts").why(error.to_string())
    })?;
    let path: &Path = arguments.output.as_deref().unwrap_or(&common.inventory);
    if path == Path::new("-") {
        print::stdout(&text);
        return Ok(Exit::Done);
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if arguments.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(Exit::Usage, format!("{} exists already", shown(path)))
            .next("--force replaces it, -o FILE writes another"),
        _ => {
            Failure::new(Exit::Usage, format!("{} could not be written", shown(path))).why(error.to_string())
        }
    })?;
    let written = Common { inventory: path.to_owned(), ..common.clone() };
    let next = CommandLine::verb(&written, "plan");
    if common.json {
        let next = next.to_string();
        print::json(&serde_json::json!({ "format_version": 1, "inventory": shown(path), "next": next }));
    } else {
        print::stdout(&format!("Wrote {}. Read it, then: {next}\n", shown(path)));
    }
    Ok(Exit::Done)
}
