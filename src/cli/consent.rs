//! The operator's consent: it covers the plan that was shown, and nothing that destroys more.

use std::cell::RefCell;
use std::io::IsTerminal;

use console::Term;

use super::arguments::Common;
use super::command_line::CommandLine;
use super::exit::{Exit, Failure};
use super::print;
use crate::model::one_line;
use crate::plan::{Destruction, Plan};
use crate::report::{Details, ErrorKind, destruction_lines, destruction_text};

/// The operator's consent for one run, which may show several plans: the first, one that changed before the lock, a second pass,
/// the recovery from a failed run.
pub struct Consent<'a> {
    common: &'a Common,
    by: By,
    /// The command that shows what this run would do now, and changes nothing.
    showing: CommandLine,
    /// What the confirmed plans destroy; none before the first.
    agreed: RefCell<Option<Destruction>>,
}

/// How the operator gives consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `--yes`: in advance, for the first plan shown.
    Flag,
    /// Asked for each plan.
    Answer,
}

/// Whether a plan may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
}

impl By {
    pub fn flag(yes: bool) -> Self {
        if yes { Self::Flag } else { Self::Answer }
    }
}

impl<'a> Consent<'a> {
    pub fn new(common: &'a Common, by: By, showing: CommandLine) -> Self {
        Self { common, by, showing, agreed: RefCell::default() }
    }

    /// Asks to confirm a plan that has been shown and is not empty.
    ///
    /// # Errors
    /// The plan destroys more than those that `--yes` covered; or there is no terminal to ask on.
    pub async fn to(&self, plan: &Plan, question: &str) -> Result<Answer, Failure> {
        let destruction = Destruction::of(plan);
        match self.by {
            By::Flag => {
                let mut agreed = self.agreed.borrow_mut();
                let agreed = agreed.get_or_insert_with(|| destruction.clone());
                let beyond = agreed.beyond(&destruction);
                if beyond.is_empty() { Ok(Answer::Yes) } else { Err(self.not_covered(&beyond)) }
            }
            By::Answer => self.ask(plan, &destruction, question).await,
        }
    }

    fn not_covered(&self, beyond: &Destruction) -> Failure {
        let destroys = destruction_lines(beyond);
        Failure::new(Exit::Failed, "this plan destroys more than the first one shown, so it was not applied")
            .why(destroys.join("; "))
            .next("--yes covers only the plan that was shown; read the new plan, then run the same command again")
            .command(&self.showing)
            .kind(ErrorKind::Unconfirmed, Details::Destroys { destroys })
    }

    async fn ask(&self, plan: &Plan, destruction: &Destruction, question: &str) -> Result<Answer, Failure> {
        if self.common.json || !Term::stderr().is_term() || !std::io::stdin().is_terminal() {
            return Err(Failure::new(Exit::Usage, "cannot ask for confirmation of the plan")
                .why("standard input is not a terminal, or --json was given")
                .next("read the plan, then add --yes to apply it without confirmation"));
        }
        let losses = destruction_text(destruction, self.common.style_of_stderr());
        let agreed = match Word::for_plan(plan, destruction) {
            Word::Yes => {
                let answer = typed(&format!("{losses}{question} [y/N] ")).await?;
                matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
            }
            Word::Name(name) => {
                let prompt = format!("{losses}{question} Type the cluster's name, {}: ", one_line(&name));
                typed(&prompt).await?.trim() == name.trim()
            }
        };
        Ok(if agreed { Answer::Yes } else { Answer::No })
    }
}

/// The line typed after a prompt; empty at end of input. Signals are still handled.
async fn typed(prompt: &str) -> Result<String, Failure> {
    let unread = |error: &dyn std::error::Error| Failure::other("no answer could be read", error);
    Term::stderr().write_str(prompt).map_err(|error| unread(&error))?;
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(|error| unread(&error))?.map_err(|error| unread(&error))?;
    if !line.ends_with('\n') {
        // The cursor is still behind the prompt.
        print::stderr("\n");
    }
    Ok(line)
}

/// The word that confirms.
enum Word {
    Yes,
    /// A cluster's name is not typed by habit, unlike `y`.
    Name(String),
}

impl Word {
    fn for_plan(plan: &Plan, destruction: &Destruction) -> Self {
        if !destruction.destroys() {
            return Self::Yes;
        }
        // A cluster without a name is identified by its first host.
        let first = || plan.hosts.first().map(|host| host.name.to_string());
        plan.cluster.clone().or_else(first).map_or(Self::Yes, Self::Name)
    }
}
