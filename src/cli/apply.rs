use std::path::Path;

use super::arguments::{Apply, Common};
use super::command_line::CommandLine;
use super::consent::{Answer, By, Consent};
use super::execute::{Executed, execute, lock};
use super::exit::{Exit, Failure};
use super::print;
use super::session::{become_password, close, shown, transport, unreachable};
use super::wait_for_steps::{ProbeTime, gather_when_idle};
use crate::document::{ReadError, read_bounded};
use crate::model::{Secrets, one_line, shortened};
use crate::plan::{Moved, Plan, fingerprint, moved};
use crate::report::{Details, ErrorKind, Routes, plan_text};

/// The largest saved plan that is read, in bytes: a plan for fifty hosts needs a fiftieth of this.
const LARGEST: usize = 64 << 20;

/// `rabbitup apply FILE`.
pub async fn run(common: &Common, arguments: &Apply) -> Result<Exit, Failure> {
    let plan = read(&arguments.plan)?;
    if !common.json {
        print::stdout(&plan_text(&plan, common.style()));
    }
    if plan.is_empty() {
        return Ok(Exit::Done);
    }
    let command = CommandLine::apply(common, &arguments.plan);
    let consent = Consent::new(common, By::flag(arguments.yes), command.clone());
    if consent.to(&plan, "Apply this saved plan?").await? == Answer::No {
        print::stdout("Not confirmed: nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    let transport = transport(&plan.hosts, become_password(common)?.as_ref(), &plan.secrets);
    let result = async {
        // The facts below include what the last step of another run still changes.
        gather_when_idle(&transport, &plan.hosts, common, ProbeTime::First).await?;
        let locks = lock(&transport, &plan, &command).await?;
        let facts = gather_when_idle(&transport, &plan.hosts, common, ProbeTime::Locked).await?;
        if facts.unreachable().next().is_some() {
            return Err(unreachable(&facts, &Routes::from(&plan), common.style_of_stderr()));
        }
        let stale = moved(&plan.fingerprint, &fingerprint(&facts, plan.digest_key));
        if !stale.is_empty() {
            return Err(refuse(&arguments.plan, &stale));
        }
        execute(&transport, &plan, Secrets::default(), locks, common, &command).await
    }
    .await;
    close(&transport, common).await;
    Ok(match result? {
        Executed::Done => Exit::Done,
        Executed::Failed(_) => Exit::Failed,
        Executed::Interrupted => Exit::Interrupted,
        Executed::TakenOver => Exit::Locked,
    })
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let bad = |why: String| {
        Failure::new(Exit::Usage, format!("{} is not a plan that can be applied", shown(path))).why(why)
    };
    const ANOTHER: &str = "make one with: rabbitup plan -o FILE";
    let text = read_bounded(path, LARGEST).map_err(|error| match &error {
        ReadError::Distrusted(why) => bad(error.to_string()).next(why.hint()),
        ReadError::Missing(_) | ReadError::Directory(_) | ReadError::TooLarge(..) | ReadError::Io(..) => {
            bad(error.to_string()).next(ANOTHER)
        }
    })?;
    Plan::from_saved(&text).map_err(|error| bad(error.to_string()).next(ANOTHER))
}

/// Names each fact that has changed.
fn refuse(path: &Path, stale: &[Moved]) -> Failure {
    const SHOWN: usize = 20;
    let mut lines = vec![format!(
        "error: the hosts have changed since {} was made, so none of it was applied",
        shown(path)
    )];
    for fact in stale.iter().take(SHOWN) {
        let value = |value: &Option<String>| shortened(value.as_deref().unwrap_or("nothing"), 200);
        lines.push(format!(
            "  {}: {} was {}, is {}",
            fact.host,
            one_line(&fact.fact),
            value(&fact.was),
            value(&fact.now)
        ));
    }
    if stale.len() > SHOWN {
        lines.push(format!("  … and {} more", stale.len() - SHOWN));
    }
    lines.push("  next: make a new plan with rabbitup plan -o FILE, and read it".to_owned());
    let message = format!("the hosts have changed since {} was made, so none of it was applied", shown(path));
    Failure::report(Exit::Failed, lines.join("\n") + "\n", message).kind(ErrorKind::Stale, Details::None)
}
