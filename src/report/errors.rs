use crate::model::{Advice, Problem, one_line, printable};

use super::style::{Ink, Style};
use super::words::Wrapped;

/// An error for people: what failed, why, what to do, and the commands that do it.
pub fn error_text(problem: &Problem, style: Style) -> String {
    let what = printable(&problem.what);
    let mut text = Wrapped::new(0, (Ink::Bad, "error: "), (Ink::Plain, &what)).text(style);
    let why = problem.cause.why_text().map(|why| printable(&why));
    // Some errors repeat their source's message; show it only once.
    if let Some(why) = why.filter(|why| !what.contains(why)) {
        text.push_str(&Wrapped::new(2, (Ink::Dimmed, "why: "), (Ink::Plain, &why)).text(style));
    }
    for advice in &problem.cause.next {
        match advice {
            Advice::Sentence(words) => {
                text.push_str(&Wrapped::new(2, (Ink::Dimmed, "next: "), (Ink::Plain, words)).text(style));
            }
            // Commands are for copying: they are never wrapped.
            Advice::Command(_) | Advice::Rabbitup(_) => {
                text.push_str(&format!("        {}\n", one_line(&advice.line())));
            }
        }
    }
    text
}
