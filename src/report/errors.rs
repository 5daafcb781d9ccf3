use std::error::Error;

use crate::model::{one_line, printable};

use super::style::{Ink, Style};
use super::words::Wrapped;

/// An error for people: what failed, the chain of causes, what to do, and the commands that do it.
pub fn error_text(error: &dyn Error, next: Option<&str>, commands: &[String], style: Style) -> String {
    let what = printable(&error.to_string());
    let mut text = Wrapped::new(0, (Ink::Bad, "error: "), (Ink::Plain, &what)).text(style);
    let mut said = what;
    let mut cause = error.source();
    while let Some(why) = cause {
        let words = printable(&why.to_string());
        // Some errors repeat their source's message; show it only once.
        if !said.contains(&words) {
            text.push_str(&Wrapped::new(2, (Ink::Dimmed, "why: "), (Ink::Plain, &words)).text(style));
        }
        said = words;
        cause = why.source();
    }
    if let Some(next) = next {
        text.push_str(&Wrapped::new(2, (Ink::Dimmed, "next: "), (Ink::Plain, next)).text(style));
    }
    // Commands are for copying: they are never wrapped.
    for command in commands {
        text.push_str(&format!("        $ {}\n", one_line(command)));
    }
    text
}
