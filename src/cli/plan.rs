use std::path::Path;

use super::arguments::{Common, PlanArguments};
use super::command_line::CommandLine;
use super::exit::{Exit, Failure};
use super::option_values::PageFile;
use super::page_file::{Beside, made, require_place, write, write_failure};
use super::print;
use super::private_file::{self, Kind};
use super::session::{Session, shown};
use crate::facts::Facts;
use crate::plan::{Pass, Plan};
use crate::report::{
    FailureCode, PlanDocument, PlanPage, Routes, graph_text, graph_warning, plan_text, skipped_line,
};

/// `rabbitup plan`.
pub async fn run(common: &Common, arguments: &PlanArguments) -> Result<Exit, Failure> {
    let page = arguments.html.as_ref();
    let printed = if common.json { Some("--json") } else { arguments.graph.map(|_| "--graph") };
    require_place(page, Beside { printed, saved: arguments.output.as_deref() })?;
    if let Some(path) = &arguments.output {
        private_file::require_place(path, Kind::Plan)?;
    }
    let session = Session::open(common, &arguments.called, &arguments.data)?;
    let (facts, plan) = match made_plan(common, &session).await {
        Ok(both) => both,
        Err(failure) => {
            let about = ("rabbitup plan", session.playbook.name.as_str());
            return Err(write_failure(page, about, failure, common));
        }
    };
    if let Some(path) = &arguments.output {
        save(&plan, path)?;
    }
    if let Some(page) = page {
        write(page, &html(common, arguments, &session, &facts, &plan))?;
    }
    if common.json {
        print::json(&PlanDocument::from(&plan));
    } else if let Some(language) = arguments.graph {
        let graph = graph_text(&plan, language.into());
        print::stdout(&graph);
        if let Some(warning) = graph_warning(&graph, language.into()) {
            print::stderr(&format!("warning: {warning}\n"));
        }
    } else if page != Some(&PageFile::Stdout) {
        show(common, arguments, &session, &facts, &plan);
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() { Exit::Pending } else { Exit::Done })
}

async fn made_plan(common: &Common, session: &Session) -> Result<(Facts, Plan), Failure> {
    let facts = session.gather_when_idle(common, session.first_turn()).await;
    session.close(common).await;
    let facts = facts?;
    let plan = session.plan(common, &facts, Pass::Before)?;
    Ok((facts, plan))
}

/// With `--quiet` a plan is shown if it has steps.
fn show(common: &Common, arguments: &PlanArguments, session: &Session, facts: &Facts, plan: &Plan) {
    let text = |style| {
        let skipped = skipped_line(facts, &Routes::from(&session.desired), style).unwrap_or_default();
        plan_text(plan, style) + &skipped + &ending(common, arguments, plan)
    };
    if plan.is_empty() { print::usual(common, text) } else { print::important(common, text) }
}

fn ending(common: &Common, arguments: &PlanArguments, plan: &Plan) -> String {
    let next = next(common, arguments);
    match (&arguments.output, plan.is_empty()) {
        (Some(path), true) => format!("Saved to {}: there is nothing to apply.\n", shown(path)),
        (Some(_), false) => format!(
            "Saved. As long as the hosts do not change, this does exactly what is shown:\nNext: {next}\n"
        ),
        (None, true) => String::new(),
        (None, false) => format!("Next: {next}\n"),
    }
}

/// The command that applies what is shown.
fn next(common: &Common, arguments: &PlanArguments) -> CommandLine {
    match &arguments.output {
        Some(path) => CommandLine::apply(common, path),
        None => CommandLine::doing(common, &arguments.called, &arguments.data),
    }
}

fn html(common: &Common, arguments: &PlanArguments, session: &Session, facts: &Facts, plan: &Plan) -> String {
    PlanPage {
        plan,
        desired: &session.desired,
        made: made(common),
        next: next(common, arguments).to_string(),
        skipped: facts.unreachable().map(|(host, _)| host).collect(),
        detail: common.style().detail,
    }
    .html()
}

/// Saves a plan readable only by its owner: it contains no secret, but much detail about the hosts.
fn save(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let text = plan
        .to_saved()
        .map_err(|error| Failure::other(FailureCode::Internal, "the plan could not be serialised", &error))?;
    private_file::replace(path, &text, Kind::Plan)
}
