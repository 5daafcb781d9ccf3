//! `rabbitup status --watch`.

use std::convert::Infallible;
use std::time::Duration;

use console::Term;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::Common;
use super::exit::{Exit, Failure};
use super::keys::Keys;
use super::outsider::Outsider;
use super::print;
use super::seen::Seen;
use super::session::Session;
use super::signals::{unwatched, watched};
use super::terminal_modes::moves_cursor;
use crate::report::{Terminal, WatchScreen};

/// Erases the screen, and goes to its first line.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";
/// Lines that are too long are cut, not continued (DECAWM).
const CUT_LINES: &str = "\u{1b}[?7l";
const CONTINUE_LINES: &str = "\u{1b}[?7h";

/// Shows the cluster repeatedly, until a key or a signal ends it.
pub async fn watch(session: &Session, common: &Common, every: Duration) -> Result<Exit, Failure> {
    // One listener for all refreshes: a signal that arrives while hosts are being inspected is not lost.
    let mut interrupt = watched()?;
    // Without these two, Ctrl-\\ and Ctrl-Z would leave the terminal in the modes that reading keys needs.
    let mut quit = signal(SignalKind::quit()).map_err(unwatched)?;
    let mut suspended = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).map_err(unwatched)?;
    let view = View::of(common);
    let mut keys = match view {
        View::Screen => Keys::begin(),
        View::Stream => Keys::none(),
    };
    let refreshes = refresh(session, common, every, view);
    tokio::pin!(refreshes);
    let end = loop {
        tokio::select! {
            _ = interrupt.next() => break Exit::Interrupted,
            _ = quit.recv() => break Exit::Interrupted,
            _ = suspended.recv() => keys.stop_process(),
            key = keys.next() => if matches!(key, b'q' | b'Q') { break Exit::Done },
            never = &mut refreshes => match never {},
        }
    };
    drop(keys);
    if view == View::Screen {
        // What is printed next does not run into the last line.
        print::stdout("\r\n");
    }
    // From here on a second signal ends the program at once.
    drop(interrupt);
    Ok(end)
}

/// How refreshes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// Each in place of the one before.
    Screen,
    /// One after the other, as a pipe, a program or --quiet wants them.
    Stream,
}

impl View {
    fn of(common: &Common) -> Self {
        let is_screen = !common.json && !common.quiet && moves_cursor(&Term::stdout());
        if is_screen { Self::Screen } else { Self::Stream }
    }
}

async fn refresh(session: &Session, common: &Common, every: Duration, view: View) -> Infallible {
    let mut ticks = tokio::time::interval(every);
    let mut outsider = Outsider::default();
    loop {
        ticks.tick().await;
        let seen = Seen::now(session, common, &mut outsider).await;
        let status = seen.status(session);
        match view {
            View::Stream => seen.show(&status, common),
            View::Screen => {
                let size = Terminal::size(&Term::stdout());
                let text = |style| {
                    WatchScreen { status: &status, facts: seen.facts(), taken: seen.time(), every }
                        .lines(size, style)
                };
                draw(&text(common.style()));
                print::logged(|style| seen.text(&status, style));
            }
        }
    }
}

/// Draws lines, of which there are at most as many as rows.
fn draw(lines: &[String]) {
    print::stdout(&format!("{CUT_LINES}{CLEAR}{}{CONTINUE_LINES}", lines.join("\r\n")));
}
