//! Output that needs no host: playbooks, rules for sudo, schemas, completions, the manual page.

use clap::CommandFactory;

use super::arguments::{Cli, Common, Completions, Document, Elevator, Privileges, Schema};
use super::exit::{Exit, Failure};
use super::{print, session};
use crate::playbook::{Playbook, PlaybookDocument};
use crate::transport::SudoAsks;
use crate::{inventory, report, transport};

/// `rabbitup run` without a name: the built-in playbooks, and those beside the inventory.
pub fn playbooks(common: &Common) -> Result<Exit, Failure> {
    let mut names: Vec<String> = Playbook::embedded_names().map(str::to_owned).collect();
    let own = std::fs::read_dir(session::directory(&common.inventory).join("playbooks"));
    let mut own: Vec<String> = own
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .filter(|name| !names.contains(name))
        .collect();
    own.sort();
    names.append(&mut own);
    let playbooks = names
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
        Document::Doctor => print::json(&report::diagnosis_schema()),
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
        .map_err(|error| Failure::other("the manual page could not be rendered", &error))?;
    print::stdout(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}
