//! Output that needs no host: playbooks, rules for sudo, schemas, completions, the manual page.

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

use super::arguments::{Cli, Common, Completions, Privileges, Schema};
use super::exit::{Exit, Failure};
use super::inventory_path::directory;
use super::option_values::{Document, Elevator};
use super::{print, session};
use crate::playbook::{Playbook, PlaybookDocument};
use crate::report::FailureCode;
use crate::transport::SudoAsks;
use crate::{inventory, report, transport};

/// `rabbitup run` without a name: the built-in playbooks, and those beside the inventory.
pub fn playbooks(common: &Common) -> Result<Exit, Failure> {
    let playbooks = Playbook::names(directory(&common.inventory))
        .iter()
        .map(|name| session::playbook(common, name))
        .collect::<Result<Vec<Playbook>, Failure>>()?;
    if common.json {
        let playbooks = playbooks.iter().map(Playbook::document).collect();
        print::json_line(&Playbooks { format_version: 1, playbooks });
        return Ok(Exit::Done);
    }
    let texts: Vec<String> = playbooks.iter().map(Playbook::help).collect();
    print::stdout(&format!(
        "{}\nEach shows its plan and asks for confirmation before it changes anything.\n",
        texts.join("\n")
    ));
    Ok(Exit::Done)
}

/// `rabbitup run --json` without a name.
#[derive(serde::Serialize)]
struct Playbooks {
    format_version: u32,
    playbooks: Vec<PlaybookDocument>,
}

/// `rabbitup privileges`.
pub fn privileges(arguments: &Privileges) -> Result<Exit, Failure> {
    print::stdout(&match arguments.elevator {
        Elevator::Sudoers => {
            let asks = if arguments.nopasswd { SudoAsks::Nothing } else { SudoAsks::Password };
            transport::sudoers(&arguments.grantee, asks)
        }
        Elevator::Doas => transport::doas_conf(&arguments.grantee),
    });
    Ok(Exit::Done)
}

/// `rabbitup schema`.
pub fn schema(arguments: &Schema) -> Result<Exit, Failure> {
    match arguments.document {
        Document::Inventory => print::json(&inventory::schema()),
        Document::Playbook => print::json(&Playbook::schema()),
        Document::Check => print::json(&report::check_schema()),
        Document::Plan => print::json(&report::plan_schema()),
        Document::Error => print::json(&report::error_schema()),
        Document::History => print::json(&report::history_schema()),
        Document::HistoryShow => print::json(&report::past_run_schema()),
        Document::Exec => print::json(&report::exec_schema()),
        Document::Doctor => print::json(&report::diagnosis_schema()),
    }
    Ok(Exit::Done)
}

/// `rabbitup completions`: a script that asks rabbitup itself, which knows hosts, playbooks and their values.
pub fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    let (name, mut script) = ("rabbitup", Vec::new());
    let shells = Shells::builtins();
    let written = shells
        .completer(&arguments.shell.to_string())
        .map_or(Ok(()), |shell| shell.write_registration(COMPLETE, name, name, name, &mut script));
    written.map_err(|error| {
        Failure::other(FailureCode::Internal, "the completion script could not be written", &error)
    })?;
    print::stdout(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// The variable by which that script asks.
const COMPLETE: &str = "RABBITUP_COMPLETE";

/// Answers the script of [`completions`] and ends the program, if it is what runs it.
pub fn complete() {
    CompleteEnv::with_factory(Cli::command).var(COMPLETE).complete();
}

/// `rabbitup man`.
pub fn man() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(|error| {
        Failure::other(FailureCode::Internal, "the manual page could not be rendered", &error)
    })?;
    print::stdout(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}
