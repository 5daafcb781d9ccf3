use std::fs::OpenOptions;
use std::io::Write;

use super::arguments::Init;
use super::exit::{Exit, Failure};
use super::print;
use super::session::shown;
use crate::inventory::starter;

/// `rabbitup init`.
pub fn run(arguments: &Init) -> Result<Exit, Failure> {
    let text = starter(&arguments.hosts).map_err(|error| {
        Failure::new(Exit::Usage, "no inventory can be made of these hosts").why(error.to_string())
    })?;
    let path = &arguments.output;
    if path.as_os_str() == "-" {
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
    written.map_err(|error| {
        let failure =
            Failure::new(Exit::Usage, format!("{} could not be written", shown(path))).why(error.to_string());
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.next("--force replaces it, -o FILE writes another")
        } else {
            failure
        }
    })?;
    print::stdout(&format!("Wrote {}. Read it, then: rabbitup plan\n", shown(path)));
    Ok(Exit::Done)
}
