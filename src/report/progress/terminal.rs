use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Display;
use super::board::Board;
use super::clock::Clock;
use super::lines::{host_lines, whole_line};
use crate::apply::Event;
use crate::plan::{Plan, StepId};
use crate::report::failure::{Failed, Failures, block};
use crate::report::style::{Ink, Style};
use crate::report::words::{Wrapped, duration};

/// A line per host that moves, and one for the whole, on a terminal.
pub struct TerminalBars {
    bars: MultiProgress,
    hosts: Vec<ProgressBar>,
    whole: ProgressBar,
    board: Board,
    failures: Failures,
    clock: Clock,
    style: Style,
    rows: usize,
}

impl TerminalBars {
    /// Draws on `target`, which is `rows` lines high.
    pub fn new(plan: &Plan, target: ProgressDrawTarget, rows: u16, clock: Clock, style: Style) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let whole = bars.add(line_bar());
        let (board, failures) = (Board::new(plan), Failures::default());
        Self { bars, hosts: Vec::new(), whole, board, failures, clock, style, rows: usize::from(rows) }
    }

    fn draw(&mut self) {
        let now = self.clock.now();
        // One row for the whole, and one that stays free for the cursor.
        let lines = host_lines(&self.board, now, self.rows.saturating_sub(2), self.style);
        while self.hosts.len() > lines.len() {
            if let Some(bar) = self.hosts.pop() {
                self.bars.remove(&bar);
            }
        }
        while self.hosts.len() < lines.len() {
            self.hosts.push(self.bars.insert_before(&self.whole, line_bar()));
        }
        for (bar, line) in self.hosts.iter().zip(lines) {
            set(bar, line);
        }
        set(&self.whole, whole_line(&self.board, now, self.style));
    }

    fn above(&self, text: &str) {
        // The screen is gone when this fails, and the run goes on.
        let _ = self.bars.println(text.trim_end_matches('\n'));
    }

    fn show(&self, failures: Vec<Failed>) {
        for failed in failures {
            // The blank at the end keeps an empty line between the block and the bars.
            self.above(&format!("{} ", block(&failed, &self.board.titles, self.style)));
        }
    }

    fn running(&self, words: &str, steps: &[StepId]) {
        let steps: Vec<String> = steps.iter().map(|step| self.board.titles.full(step)).collect();
        let words =
            if steps.is_empty() { words.to_owned() } else { format!("{words}: {}", steps.join("; ")) };
        self.above(&Wrapped::new(0, (Ink::Warning, "! "), (Ink::Plain, &words)).text(self.style));
    }
}

impl Display for TerminalBars {
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
            // Output comes in bursts of hundreds of lines; the next tick shows the last of them.
            Event::StepOutput { .. } | Event::StepTold { .. } => return,
            _ => {}
        }
        self.draw();
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
        for bar in self.hosts.iter().chain([&self.whole]) {
            bar.finish_and_clear();
        }
        let _ = self.bars.clear();
    }
}

fn line_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // The text is composed here, from the events' own clock, so that it can be tested; indicatif places it.
    match ProgressStyle::with_template("{msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn set(bar: &ProgressBar, line: String) {
    if bar.message() != line {
        bar.set_message(line);
    }
}

/// A frame of the spinner, from the time alone.
pub(super) fn spinner(elapsed: Duration) -> char {
    const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    let frame = usize::try_from(elapsed.as_millis() / 100).unwrap_or(0) % FRAMES.len();
    FRAMES.get(frame).copied().unwrap_or('*')
}

/// Elapsed time in a column: `12 s`, `4:05`.
pub(super) fn stopwatch(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{}:{:02}", seconds / 60, seconds % 60) }
}

/// Elapsed time that does not jump in width ten times a second.
pub(super) fn ticking(elapsed: Duration) -> String {
    if elapsed.as_secs() < 60 { format!("{} s", elapsed.as_secs()) } else { duration(elapsed) }
}
