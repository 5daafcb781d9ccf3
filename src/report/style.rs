use std::fmt::Display;

use console::Term;

/// How wide a text may be where nobody says.
const DEFAULT_WIDTH: usize = 100;
/// Narrower than this, tables and hanging indents stop making sense.
const LEAST_WIDTH: usize = 40;

/// Whether text carries colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Always,
    Never,
}

/// How much of what is long is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Long diffs and long lists are folded, with a word on how to see the rest.
    Folded,
    /// Everything (`-v`).
    Full,
}

/// How text for people is set: one value, made once at the edge and handed down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub width: usize,
    pub colour: Colour,
    pub detail: Detail,
}

/// What a piece of text is to its reader; the colours follow from it.
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

    /// What suits standard output: colour only on a terminal that has it and where `NO_COLOR` is not set.
    pub fn stdout() -> Self {
        Self::of(&Term::stdout(), console::colors_enabled)
    }

    /// What suits standard error.
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
        // console knows NO_COLOR and CLICOLOR; the standard leaves an empty NO_COLOR without effect.
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
