use super::Display;
use super::block::{Block, Size, Terminal};
use super::board::Board;
use super::clock::Clock;
use super::lines::{host_lines, whole_line};
use crate::apply::Event;
use crate::plan::{Plan, StepId};
use crate::report::failure::{Failed, Failures, block};
use crate::report::style::{Ink, Style};
use crate::report::words::Wrapped;

/// A line per host that moves, and one for the whole, on a terminal.
pub struct TerminalBars<T: Terminal> {
    lines: Block<T>,
    board: Board,
    failures: Failures,
    clock: Clock,
    style: Style,
}

impl<T: Terminal> TerminalBars<T> {
    /// Draws on `terminal`, always as wide and high as that is at the moment.
    pub fn new(plan: &Plan, terminal: T, clock: Clock, style: Style) -> Self {
        let (board, failures) = (Board::new(plan), Failures::default());
        Self { lines: Block::new(terminal), board, failures, clock, style }
    }

    fn draw(&mut self) {
        let now = self.clock.now();
        let size = self.lines.size();
        let style = Style { width: size.columns.into(), ..self.style };
        // One row for the whole, and one that goes on showing what was printed last.
        let rows = usize::from(size.rows).saturating_sub(2);
        let mut lines = host_lines(&self.board, now, rows, style);
        lines.push(whole_line(&self.board, now, style));
        self.lines.draw(size, &lines);
    }

    /// Text above the lines, as wide as there is room now.
    fn above(&mut self, text: impl FnOnce(&Board, Style) -> String) {
        let Size { columns, .. } = self.lines.size();
        let text = text(&self.board, self.style.with_width(columns.into()));
        self.lines.print(&text);
        self.draw();
    }

    fn show(&mut self, failures: Vec<Failed>) {
        for failed in failures {
            // An empty line keeps the block apart from the lines.
            self.above(|board, style| format!("{}\n", block(&failed, &board.titles, style)));
        }
    }

    fn running(&mut self, words: &str, steps: &[StepId]) {
        self.above(|board, style| {
            let steps: Vec<String> = steps.iter().map(|step| board.titles.full(step)).collect();
            let words =
                if steps.is_empty() { words.to_owned() } else { format!("{words}: {}", steps.join("; ")) };
            Wrapped::new(0, (Ink::Warning, "! "), (Ink::Plain, &words)).text(style)
        });
    }
}

impl<T: Terminal> Display for TerminalBars<T> {
    fn event(&mut self, event: &Event) {
        let complete = self.failures.event(event);
        self.show(complete);
        self.board.event(event, self.clock.now());
        match event {
            Event::Interrupted { running } => {
                self.running(
                    "interrupted: nothing new starts; Ctrl-C again abandons what still runs",
                    running,
                );
            }
            Event::LockLost { host, running } => {
                let words = format!(
                    "the lock on {host} is lost, so somebody else may be at work there: nothing new starts"
                );
                self.running(&words, running);
            }
            Event::Abandoned { running } => self.running("abandoned; may still run on their hosts", running),
            // Events come in bursts of hundreds, and the next tick is at most a tenth of a second away.
            Event::ApplyStarted { .. }
            | Event::Locked
            | Event::StepStarted { .. }
            | Event::StepOutput { .. }
            | Event::StepTold { .. }
            | Event::StepDoing { .. }
            | Event::StepSucceeded { .. }
            | Event::StepFailed { .. }
            | Event::StepBlocked { .. }
            | Event::StepSkipped { .. }
            | Event::ApplyEnded { .. } => {}
        }
    }

    fn tick(&mut self) {
        let complete = self.failures.take();
        self.show(complete);
        self.draw();
    }

    fn finish(&mut self) {
        let complete = self.failures.take();
        self.show(complete);
        // The summary says the same of every host and stays.
        self.lines.clear();
    }
}
