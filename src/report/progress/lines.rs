//! What stands on the terminal's lines, as a pure function of where the hosts stand and what time it is.

use std::time::Duration;

use console::truncate_str;

use super::board::{Board, Place, Stopping};
use super::terminal::{spinner, stopwatch, ticking};
use crate::model::one_line;
use crate::report::style::{Detail, Ink, Style};
use crate::report::words::{count, list};

/// Cells of the bar for the whole.
const BAR: usize = 24;

/// The lines of the hosts. Where there are more hosts than rows, those at work come first and the others are
/// counted.
pub(super) fn host_lines(board: &Board, now: Duration, rows: usize, style: Style) -> Vec<String> {
    let line = |place: &Place| host_line(board, place, now, style);
    if board.hosts.len() <= rows {
        return board.hosts.iter().map(line).collect();
    }
    let mut busy: Vec<&Place> =
        board.hosts.iter().filter(|p| p.current.is_some() || p.failed.is_some()).collect();
    busy.sort_by_key(|place| place.current.is_none());
    busy.truncate(rows.saturating_sub(1));
    let shown = |place: &&Place| !busy.iter().any(|p| p.host == place.host);
    let rest: Vec<&Place> = board.hosts.iter().filter(shown).collect();
    let over =
        rest.iter().filter(|place| place.is_over() && place.failed.is_none() && place.dropped == 0).count();
    let mut lines: Vec<String> = busy.into_iter().map(line).collect();
    let words = format!(
        "  {}: {over} done, {} to go",
        count(rest.len(), "more host", "more hosts"),
        rest.len() - over
    );
    lines.push(style.paint(Ink::Dimmed, words));
    lines
}

fn host_line(board: &Board, place: &Place, now: Duration, style: Style) -> String {
    let (mark, words) = match (&place.current, &place.failed) {
        (Some(current), _) => {
            let elapsed = now.saturating_sub(current.since);
            let wide = board.titles.phase_width();
            let phase = format!("{:<wide$}", board.titles.phase(&current.step));
            let title = one_line(board.titles.title(&current.step));
            // Before the title, so that no long title pushes it off the screen.
            let mut words =
                format!("{}  {:>5}  {title}", style.paint(Ink::Dimmed, phase), stopwatch(elapsed));
            if let Some((line, _)) = &current.line {
                words.push_str(&style.paint(Ink::Dimmed, format!("  {}", one_line(line).trim())));
            }
            (style.paint(Ink::Restarted, spinner(elapsed)), words)
        }
        (None, Some(failed)) => {
            let mut words = format!("failed: {}", one_line(board.titles.title(failed)));
            if place.dropped > 0 {
                words.push_str(&format!("; {} not done", count(place.dropped, "step", "steps")));
            }
            (style.paint(Ink::Bad, "✘"), words)
        }
        (None, None) if place.is_over() && place.dropped > 0 => {
            let not_done = format!("{} not done", count(place.dropped, "step", "steps"));
            let words = if place.done == 0 { not_done } else { format!("{} done, {not_done}", place.done) };
            (style.paint(Ink::Warning, "!"), words)
        }
        (None, None) if place.is_over() => {
            let time = place
                .last_end
                .zip(place.first_start)
                .map_or(Duration::ZERO, |(end, start)| end.saturating_sub(start));
            (
                style.paint(Ink::Good, "✔"),
                format!("{} in {}", count(place.done, "step", "steps"), ticking(time)),
            )
        }
        (None, None) => (style.paint(Ink::Dimmed, "·"), style.paint(Ink::Dimmed, waiting(board, place))),
    };
    let width = board.titles.host_width();
    let text = format!("{mark} {:<width$}  {words}", place.host);
    // A line that breaks would tear the picture apart.
    truncate_str(&text, style.width.saturating_sub(1), "…").into_owned()
}

fn waiting(board: &Board, place: &Place) -> String {
    if board.stopping == Stopping::AfterRunning {
        return "not started: the run is stopping".to_owned();
    }
    let waits = board.waits_for(place);
    match waits.as_slice() {
        [] => "waiting for its turn".to_owned(),
        [one] => format!("waiting for {}", one_line(&board.titles.full(one))),
        many => {
            let hosts: Vec<_> =
                many.iter().filter_map(|id| board.titles.get(id)).map(|step| &step.host).collect();
            format!("waiting for {}", list(&hosts, Detail::Folded))
        }
    }
}

/// The line for the whole: `━━━━━╌╌╌╌╌ 12 of 31 steps, 1 failed  1 min 12 s`.
pub(super) fn whole_line(board: &Board, now: Duration, style: Style) -> String {
    let totals = board.totals();
    let ended = totals.done + totals.failed + totals.dropped;
    let filled = (BAR * ended).checked_div(totals.steps).unwrap_or(BAR).min(BAR);
    let ink = if totals.failed > 0 { Ink::Bad } else { Ink::Good };
    let bar = format!(
        "{}{}",
        style.paint(ink, "━".repeat(filled)),
        style.paint(Ink::Dimmed, "╌".repeat(BAR.saturating_sub(filled)))
    );
    let mut words = format!("{} of {} done", totals.done, count(totals.steps, "step", "steps"));
    if totals.failed > 0 {
        words.push_str(&format!(", {} failed", totals.failed));
    }
    if totals.dropped > 0 {
        words.push_str(&format!(", {} will not be done", totals.dropped));
    }
    let elapsed = board.started.map_or(Duration::ZERO, |start| now.saturating_sub(start));
    let text = format!("{bar}  {words}  {}", ticking(elapsed));
    truncate_str(&text, style.width.saturating_sub(1), "…").into_owned()
}
