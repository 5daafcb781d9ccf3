use std::fmt::Display;

use console::Term;

/// The default width of text.
const DEFAULT_WIDTH: usize = 100;
/// Below this width, tables and hanging indents are useless.
const LEAST_WIDTH: usize = 40;

/// Whether text carries colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Always,
    Never,
}

/// How much of long output is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Long diffs and lists are folded, with a hint how to see the rest.
    Folded,
    /// Everything (`-v`).
    Full,
}

/// The formatting of text for people: created once and passed down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub width: usize,
    pub colour: Colour,
    pub detail: Detail,
}

/// The meaning of a piece of text, which determines its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Added,
    Changed,
    Removed,
    Restarted,
    Command,
    Heading,
    Dimmed,
    Good,
    Warning,
    Bad,
    Plain,
}

impl Style {
    /// Without colour, at a width: for pipes, files and tests.
    pub fn plain(width: usize) -> Self {
        Self { width: width.max(LEAST_WIDTH), colour: Colour::Never, detail: Detail::Folded }
    }

    /// For standard output: colour only on a terminal that supports it, and without `NO_COLOR`.
    pub fn stdout() -> Self {
        Self::of(&Term::stdout(), console::colors_enabled)
    }

    /// For standard error.
    pub fn stderr() -> Self {
        Self::of(&Term::stderr(), console::colors_enabled_stderr)
    }

    /// The same with another amount of detail.
    #[must_use]
    pub fn with_detail(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    /// The same at another width.
    #[must_use]
    pub(super) fn with_width(self, width: usize) -> Self {
        Self { width: width.max(LEAST_WIDTH), ..self }
    }

    fn of(term: &Term, coloured: fn() -> bool) -> Self {
        // A pipe has no width; its reader may be a pager, a log or a mail.
        let width = term.size_checked().map_or(DEFAULT_WIDTH, |(_, columns)| usize::from(columns));
        // console supports NO_COLOR and CLICOLOR; by the standard an empty NO_COLOR has no effect.
        let colour = if coloured() { Colour::Always } else { Colour::Never };
        Self { colour, ..Self::plain(width) }
    }

    pub(super) fn paint(self, ink: Ink, text: impl Display) -> String {
        let text = text.to_string();
        if self.colour == Colour::Never || ink == Ink::Plain || text.is_empty() {
            return text;
        }
        let text = console::style(text).force_styling(true);
        let text = match ink {
            Ink::Added | Ink::Good => text.green(),
            Ink::Changed | Ink::Warning => text.yellow(),
            Ink::Removed => text.red(),
            Ink::Restarted => text.cyan(),
            Ink::Command => text.magenta(),
            Ink::Heading => text.bold(),
            Ink::Dimmed => text.dim(),
            Ink::Bad => text.red().bold(),
            Ink::Plain => text,
        };
        text.to_string()
    }
}
