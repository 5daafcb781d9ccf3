//! The operator's consent: it covers the plan that was shown, and nothing that destroys more.

use std::cell::RefCell;
use std::io::IsTerminal;

use console::Term;

use super::arguments::Common;
use super::command_line::CommandLine;
use super::exit::Failure;
use super::print;
use crate::model::one_line;
use crate::plan::{Destruction, Plan};
use crate::report::{Details, FailureCode, destruction_lines, destruction_text, overview_text, plan_text};

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

/// Shows a plan below a line about it. Whoever is to confirm it must see it.
pub fn show_plan(common: &Common, by: By, about: &str, plan: &Plan) {
    let text = |style| format!("{about}{}", plan_text(plan, style));
    match by {
        By::Flag => print::usual(common, text),
        By::Answer if plan.is_empty() => print::usual(common, text),
        By::Answer => print::important(common, text),
    }
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

    /// Shows a plan that is to be confirmed, or that `--yes` covers.
    pub fn show(&self, about: &str, plan: &Plan) {
        show_plan(self.common, self.by, about, plan);
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
        Failure::new(
            FailureCode::DestroysMore,
            "this plan destroys more than the first one shown, so it was not applied",
        )
        .why(destroys.join("; "))
        .next("--yes covers only the plan that was shown; read the new plan, then run the same command again")
        .command(&self.showing)
        .details(Details::Destroys { destroys })
    }

    /// The plan by host, where its beginning has left the screen.
    fn overview(&self, plan: &Plan) -> String {
        let (rows, _) = Term::stderr().size();
        let lines = plan_text(plan, self.common.style()).lines().count();
        let fits = lines + BELOW <= usize::from(rows);
        if fits { String::new() } else { format!("\n{}", overview_text(plan, self.common.style_of_stderr())) }
    }

    /// # Errors
    /// A question is needed, and there is no terminal to ask it on.
    pub fn require_a_way(&self) -> Result<(), Failure> {
        let is_mute = self.common.json || !Term::stderr().is_term() || !std::io::stdin().is_terminal();
        if self.by == By::Flag || !is_mute {
            return Ok(());
        }
        Err(Failure::new(FailureCode::NobodyToAsk, "cannot ask for confirmation of the plan")
            .why("standard input is not a terminal, or --json was given")
            .next("read the plan, then add --yes to apply it without confirmation"))
    }

    async fn ask(&self, plan: &Plan, destruction: &Destruction, question: &str) -> Result<Answer, Failure> {
        self.require_a_way()?;
        let style = self.common.style_of_stderr();
        let losses = self.overview(plan) + &destruction_text(destruction, style);
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
        let answer = if agreed { Answer::Yes } else { Answer::No };
        print::logged(|style| format!("{}{question} {answer:?}\n", destruction_text(destruction, style)));
        Ok(answer)
    }
}

/// What the screen keeps free below a plan: the question, and the line before it.
const BELOW: usize = 2;

/// The line typed after a prompt; empty at end of input. Signals are still handled.
async fn typed(prompt: &str) -> Result<String, Failure> {
    let unread = |error: &dyn std::error::Error| {
        Failure::other(FailureCode::Internal, "no answer could be read", error)
    };
    Term::stderr().write_str(prompt).map_err(|error| unread(&error))?;
    let mut line_end = LineEnd::Open;
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(|error| unread(&error))?.map_err(|error| unread(&error))?;
    if line.ends_with('\n') {
        line_end = LineEnd::Typed;
    }
    drop(line_end);
    Ok(line)
}

/// The end of a prompt's line. One that nobody typed is written: the cursor is still behind the prompt, also after a signal.
enum LineEnd {
    Open,
    Typed,
}

impl Drop for LineEnd {
    fn drop(&mut self) {
        // Compared with a value of its own, it would drop that one as well, and so on.
        if matches!(self, Self::Open) {
            print::stderr("\n");
        }
    }
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
