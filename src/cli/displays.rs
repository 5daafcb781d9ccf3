//! Where the progress of a run is shown: on a terminal, in a pipe, as JSON, in the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use console::Term;

use super::arguments::Common;
use super::log_file;
use super::terminal_modes::{ChangedModes, moves_cursor};
use crate::apply::Event;
use crate::plan::Plan;
use crate::report::{Clock, Display, JsonLines, PlainLines, TerminalBars};

/// The displays of one run.
pub struct Displays {
    pub display: Box<dyn Display + Send>,
    /// While lines are drawn over and over.
    pub echoless: Option<ChangedModes>,
    /// With `--quiet`, what is to be printed after the summary.
    pub held: Option<Held>,
}

impl Displays {
    pub fn new(plan: &Plan, common: &Common) -> Self {
        let shown = Self::on_screen(plan, common);
        if !log_file::is_kept() {
            return shown;
        }
        let lines = PlainLines::new(plan, log_file::Lines, Clock::system(), log_file::style());
        let display = Box::new(Both(shown.display, Box::new(lines.timed_elsewhere())));
        Self { display, ..shown }
    }

    fn on_screen(plan: &Plan, common: &Common) -> Self {
        let (out, clock, style) = (io::stdout(), Clock::system(), common.style());
        if common.json {
            return Self { display: Box::new(JsonLines::new(out)), echoless: None, held: None };
        }
        if common.quiet {
            let held = Held::default();
            let lines = Box::new(Ends(PlainLines::new(plan, held.clone(), clock, style)));
            return Self { display: lines, echoless: None, held: Some(held) };
        }
        let terminal = Term::stdout();
        if moves_cursor(&terminal) {
            let bars = Box::new(TerminalBars::new(plan, terminal, clock, style));
            return Self { display: bars, echoless: Some(ChangedModes::without_echo()), held: None };
        }
        let lines = PlainLines::new(plan, io::LineWriter::new(Flushed(out)), clock, style);
        Self { display: Box::new(lines), echoless: None, held: None }
    }
}

/// The screen and the log.
struct Both(Box<dyn Display + Send>, Box<dyn Display + Send>);

impl Display for Both {
    fn event(&mut self, event: &Event) {
        self.0.event(event);
        self.1.event(event);
    }

    fn tick(&mut self) {
        self.0.tick();
        self.1.tick();
    }

    fn finish(&mut self) {
        self.0.finish();
        self.1.finish();
    }
}

/// What became of steps, without signs of life.
struct Ends<D>(D);

impl<D: Display> Display for Ends<D> {
    fn event(&mut self, event: &Event) {
        self.0.event(event);
    }

    fn tick(&mut self) {}

    fn finish(&mut self) {
        self.0.finish();
    }
}

/// Text that is kept until it is asked for.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Vec<u8>>>);

impl Held {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Flushes every line into a pipe: CI logs are read while they grow.
struct Flushed<W>(W);

impl<W: Write> Write for Flushed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.0.flush()?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
