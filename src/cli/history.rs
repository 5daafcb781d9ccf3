use std::path::Path;

use super::arguments::{Common, History, HistoryCommand};
use super::exit::{Exit, Failure};
use super::option_values::PageFile;
use super::page_file::{Beside, made, require_place, write};
use super::print;
use super::session::shown;
use crate::history::{FoundError, Journals, Wanted, journal_dir};
use crate::report::{
    FailureCode, HistoryDocument, Made, PastRunDocument, history_text, past_run_text, run_page,
};

/// `rabbitup history`, and `rabbitup history show`.
pub fn run(common: &Common, arguments: &History) -> Result<Exit, Failure> {
    let directory = journal_dir(|name| std::env::var_os(name).map(Into::into))
        .map_err(|error| Failure::new(FailureCode::Journal, error.to_string()))?;
    let journals = Journals::of(&directory).map_err(|error| {
        Failure::other(FailureCode::Journal, format!("{} cannot be read", shown(&directory)), &error)
    })?;
    match &arguments.show {
        Some(HistoryCommand::Show { run, html }) => show(common, &journals, run, html.as_ref()),
        None => list(common, &directory, &journals, arguments.number),
    }
}

fn list(common: &Common, directory: &Path, journals: &Journals, most: usize) -> Result<Exit, Failure> {
    let found: Vec<_> = journals.newest(most).collect();
    if common.json {
        print::json(&HistoryDocument::new(directory, &found, journals.count()));
    } else if journals.count() == 0 {
        print::usual(common, |_| format!("No run was recorded yet: {} has no journals.\n", shown(directory)));
    } else {
        print::important(common, |style| history_text(&found, journals.count(), style));
    }
    Ok(Exit::Done)
}

fn show(common: &Common, journals: &Journals, name: &str, page: Option<&PageFile>) -> Result<Exit, Failure> {
    require_place(page, Beside { printed: common.json.then_some("--json"), ..Beside::default() })?;
    let wanted = if name == "last" { Wanted::Last } else { Wanted::Named(name.to_owned()) };
    let mut lines = Vec::new();
    let keep = |line: &serde_json::Value| {
        if common.json {
            lines.push(line.clone());
        }
    };
    let (found, run) = journals.find(&wanted, keep).map_err(not_found)?;
    if let Some(page) = page {
        let made = Made { from: shown(&found.path), ..made(common) };
        write(page, &run_page(&found, &run, &made))?;
    }
    if common.json {
        print::json(&PastRunDocument::new(&found, &run, &lines));
    } else if page != Some(&PageFile::Stdout) {
        print::important(common, |style| past_run_text(&found, &run, style));
    }
    Ok(Exit::Done)
}

fn not_found(error: FoundError) -> Failure {
    let code = match &error {
        FoundError::NotThis(_) | FoundError::Several { .. } | FoundError::NoneAtAll => {
            FailureCode::UnknownRun
        }
        FoundError::Unreadable { .. } => FailureCode::Journal,
    };
    let advice = match &error {
        FoundError::NotThis(_) | FoundError::NoneAtAll => {
            "the runs of this user on this machine: rabbitup history".to_owned()
        }
        FoundError::Several { journals, .. } => {
            format!("give more of it, or one of these: {}", journals.join(", "))
        }
        FoundError::Unreadable { .. } => {
            "rabbitup only reads journals; remove the file if it is none".to_owned()
        }
    };
    Failure::new(code, error.to_string()).next(advice)
}
