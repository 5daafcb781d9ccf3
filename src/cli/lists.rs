//! What machines ask for: schemas, completions, the manual page.

use clap::CommandFactory;

use super::arguments::{Cli, Completions, Document, Schema};
use super::exit::{Exit, Failure};
use super::print;
use crate::{inventory, playbook, report};

/// `rabbitup schema`.
pub fn schema(arguments: &Schema) -> Result<Exit, Failure> {
    match arguments.document {
        Document::Inventory => print::json(&inventory::schema()),
        Document::Playbook => print::json(&playbook::Playbook::schema()),
        Document::Plan => print::json(&report::plan_schema()),
    }
    Ok(Exit::Done)
}

/// `rabbitup completions`.
pub fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "rabbitup", &mut script);
    print::stdout(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// `rabbitup man`.
pub fn man() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Failure::other("the manual page cannot be rendered", &error))?;
    print::stdout(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}
