//! Lines at the end of a terminal's text that are drawn over and over, with other text scrolling away above them.

use console::Term;

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub rows: u16,
    pub columns: u16,
}

/// What is drawn on.
pub trait Terminal {
    /// Its size at this moment: people resize windows while a run lasts.
    fn size(&self) -> Size;
    /// Writes text with escape sequences (ECMA-48). A terminal that is gone does not stop a run.
    fn write(&mut self, text: &str);
}

impl Terminal for Term {
    fn size(&self) -> Size {
        let (rows, columns) = Term::size(self);
        Size { rows, columns }
    }

    fn write(&mut self, text: &str) {
        let _ = self.write_str(text).and_then(|()| self.flush());
    }
}

/// Erases from the cursor to the end of the screen.
const ERASE_BELOW: &str = "\u{1b}[J";
const ERASE_REST_OF_LINE: &str = "\u{1b}[K";
/// Lines that are too long are cut, not continued (DECAWM): where the terminal was resized since its size was read, or counts
/// a character as wider than we do, a line is still one row.
const CUT_LINES: &str = "\u{1b}[?7l";
const CONTINUE_LINES: &str = "\u{1b}[?7h";

/// The lines. Between two drawings the cursor rests on the first character of the first line, because that place alone
/// survives: a terminal that becomes narrower breaks lines anew and takes the cursor along with its character, so whatever
/// became of the old lines is below the cursor. Keys that are echoed, such as `^C`, are drawn over.
pub(super) struct Block<T: Terminal> {
    terminal: T,
    /// How large the terminal was when the lines that are there were drawn.
    drawn: Option<Size>,
}

impl<T: Terminal> Block<T> {
    pub(super) fn new(terminal: T) -> Self {
        Self { terminal, drawn: None }
    }

    pub(super) fn size(&self) -> Size {
        self.terminal.size()
    }

    /// Draws these lines in place of those that are there. None may be wider than the terminal.
    pub(super) fn draw(&mut self, size: Size, lines: &[String]) {
        // Over what is there where that is possible: erasing it first would flicker.
        let erase = if self.drawn == Some(size) { "" } else { ERASE_BELOW };
        self.terminal.write(&format!("\r{erase}{}", picture(lines)));
        self.drawn = Some(size);
    }

    /// Writes text that stays, in the place of the lines; the next drawing comes below it.
    pub(super) fn print(&mut self, text: &str) {
        let text: String = text.lines().map(|line| format!("{line}\r\n")).collect();
        self.terminal.write(&format!("\r{ERASE_BELOW}{text}"));
        self.drawn = None;
    }

    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            self.terminal.write(&format!("\r{ERASE_BELOW}"));
        }
    }
}

/// Whatever happens to its owner, what is printed next does not run into the lines.
impl<T: Terminal> Drop for Block<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What draws lines below each other from where the cursor is, and puts it back there.
fn picture(lines: &[String]) -> String {
    let up = match lines.len().saturating_sub(1) {
        0 => String::new(),
        rows => format!("\u{1b}[{rows}A"),
    };
    let lines = lines.join(&format!("{ERASE_REST_OF_LINE}\r\n"));
    format!("{CUT_LINES}{lines}{ERASE_REST_OF_LINE}{ERASE_BELOW}{CONTINUE_LINES}\r{up}")
}
