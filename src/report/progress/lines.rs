//! What stands on the terminal's lines, as a pure function of where the hosts stand and what time it is.

use crate::cluster::phrases::counted;
use std::time::Duration;

use console::{measure_text_width, truncate_str};

use super::board::{Board, Current, HostRow, Stopping, Totals};
use super::elapsed::{spinner, stopwatch, ticking};
use super::said::useful;
use crate::model::{HostName, one_line};
use crate::report::style::{Detail, Ink, Style};
use crate::report::words::{list, span};

/// Cells of the bar for the whole, where there is room.
const BAR: usize = 24;
/// A shorter one shows nothing.
const LEAST_BAR: usize = 6;
/// A step's title is cut to no less than this to make room for what the step printed last.
const LEAST_TITLE: usize = 24;
/// Where less than this is left for what a step printed last, its phase is left out.
const LEAST_SAID: usize = 34;
/// From this age on, what a step printed last is shown with its age.
const OLD: Duration = Duration::from_secs(5);

/// The lines of the hosts. Where there are more hosts than rows, those at work come first and the others are
/// counted.
pub(super) fn host_lines(board: &Board, now: Duration, rows: usize, style: Style) -> Vec<String> {
    if rows == 0 {
        return Vec::new();
    }
    let line = |row: &HostRow| host_line(board, row, now, style);
    if board.hosts.len() <= rows {
        return board.hosts.iter().map(line).collect();
    }
    let mut busy: Vec<&HostRow> =
        board.hosts.iter().filter(|p| p.current.is_some() || p.failed.is_some()).collect();
    busy.sort_by_key(|row| row.current.is_none());
    busy.truncate(rows.saturating_sub(1));
    let shown = |row: &&HostRow| !busy.iter().any(|p| p.host == row.host);
    let rest: Vec<&HostRow> = board.hosts.iter().filter(shown).collect();
    let over = rest.iter().filter(|row| row.is_over() && row.failed.is_none() && row.dropped == 0).count();
    let mut lines: Vec<String> = busy.into_iter().map(line).collect();
    let words = format!("  {}: {over} done, {} to go", counted(rest.len(), "more host"), rest.len() - over);
    lines.push(style.paint(Ink::Dimmed, cut(&words, style.width.saturating_sub(1))));
    lines
}

fn host_line(board: &Board, row: &HostRow, now: Duration, style: Style) -> String {
    let width = board.titles.host_width();
    let (mark, words) = match (&row.current, &row.failed) {
        (Some(current), _) => {
            let elapsed = now.saturating_sub(current.since);
            // Behind the mark, the host and the spaces between them.
            let room = style.width.saturating_sub(width + 5);
            (style.paint(Ink::Restarted, spinner(elapsed)), running(board, current, now, room, style))
        }
        (None, Some(failed)) => {
            let mut words = format!("failed: {}", one_line(board.titles.title(failed)));
            if row.dropped > 0 {
                words.push_str(&format!("; {} not done", counted(row.dropped, "step")));
            }
            (style.paint(Ink::Bad, "✘"), words)
        }
        (None, None) if row.is_over() && row.dropped > 0 => {
            let not_done = format!("{} not done", counted(row.dropped, "step"));
            let words = if row.done == 0 { not_done } else { format!("{} done, {not_done}", row.done) };
            (style.paint(Ink::Warning, "!"), words)
        }
        (None, None) if row.is_over() => {
            let time = row
                .last_end
                .zip(row.first_start)
                .map_or(Duration::ZERO, |(end, start)| end.saturating_sub(start));
            (style.paint(Ink::Good, "✔"), format!("{} in {}", counted(row.done, "step"), ticking(time)))
        }
        (None, None) => (style.paint(Ink::Dimmed, "·"), style.paint(Ink::Dimmed, waiting(board, row))),
    };
    cut(&format!("{mark} {:<width$}  {words}", row.host), style.width.saturating_sub(1))
}

/// What a host does: `start  12 s  start the broker`, and what that printed last.
fn running(board: &Board, current: &Current, now: Duration, room: usize, style: Style) -> String {
    let elapsed = now.saturating_sub(current.since);
    let title = one_line(board.titles.title(&current.step));
    // Before the title, so that no long title pushes it off the screen.
    let time = format!("{:>5}  ", stopwatch(elapsed));
    let mut room = room.saturating_sub(measure_text_width(&time));
    let mut title = title.to_string();
    let activity =
        current.activity.map(|(activity, _)| format!(": {}", activity.words())).unwrap_or_default();
    let said = current.line.as_ref().map(|(line, at)| {
        let age = now.saturating_sub(*at);
        // A warning from before must not look like the present.
        let age = if age < OLD { String::new() } else { format!("{} ago: ", span(age.as_secs())) };
        format!("{age}{}", useful(&one_line(line)))
    });
    let phases = board.titles.phase_width();
    let mut phase = String::new();
    if room >= phases + 2 + LEAST_TITLE + 2 + LEAST_SAID {
        room -= phases + 2;
        phase = style.paint(Ink::Dimmed, format!("{:<phases$}  ", board.titles.phase(&current.step)));
    }
    let said = said.filter(|said| !said.is_empty()).map(|said| {
        let others = measure_text_width(&activity) + 2 + measure_text_width(&said);
        title = cut(&title, room.saturating_sub(others).max(LEAST_TITLE));
        style.paint(Ink::Dimmed, format!("  {said}"))
    });
    format!("{phase}{time}{title}{activity}{}", said.unwrap_or_default())
}

/// A line that breaks would tear the picture apart.
fn cut(text: &str, room: usize) -> String {
    truncate_str(text, room, "…").into_owned()
}

fn waiting(board: &Board, row: &HostRow) -> String {
    if board.stopping == Stopping::AfterRunning {
        return "not started: the run is stopping".to_owned();
    }
    let waits = board.waits_for(row);
    match waits.as_slice() {
        [] => "waiting for its turn".to_owned(),
        [one] => format!("waiting for {}", one_line(&board.titles.full(one))),
        many => {
            let mut hosts: Vec<&HostName> = Vec::new();
            for step in many.iter().filter_map(|id| board.titles.get(id)) {
                if !hosts.contains(&&step.host) {
                    hosts.push(&step.host);
                }
            }
            format!("waiting for {}", list(&hosts, Detail::Folded))
        }
    }
}

/// The line for the whole: `━━━━━╌╌╌╌╌  12 of 31 steps done, 1 failed  1 min 12 s`. Where it is too long, the bar becomes
/// shorter, then the words; the time is always there.
pub(super) fn whole_line(board: &Board, now: Duration, style: Style) -> String {
    let totals = board.totals();
    let elapsed = board.started.map_or(Duration::ZERO, |start| now.saturating_sub(start));
    let time = ticking(elapsed);
    let room = style.width.saturating_sub(1);
    let beside_time = room.saturating_sub(measure_text_width(&time) + 2);
    let words = [in_words(totals), in_few_words(totals)];
    let words = words.iter().find(|words| words.len() <= beside_time).unwrap_or(&words[1]);
    let words = cut(words, beside_time);
    let cells = BAR.min(beside_time.saturating_sub(measure_text_width(&words) + 2));
    let bar = if cells < LEAST_BAR { String::new() } else { format!("{}  ", bar(totals, cells, style)) };
    cut(&format!("{bar}{words}  {time}"), room)
}

fn bar(totals: Totals, cells: usize, style: Style) -> String {
    let ended = totals.done + totals.failed + totals.dropped;
    let filled = (cells * ended).checked_div(totals.steps).unwrap_or(cells).min(cells);
    let ink = if totals.failed > 0 { Ink::Bad } else { Ink::Good };
    format!(
        "{}{}",
        style.paint(ink, "━".repeat(filled)),
        style.paint(Ink::Dimmed, "╌".repeat(cells.saturating_sub(filled)))
    )
}

fn in_words(totals: Totals) -> String {
    let mut words = format!("{} of {} done", totals.done, counted(totals.steps, "step"));
    if totals.failed > 0 {
        words.push_str(&format!(", {} failed", totals.failed));
    }
    if totals.dropped > 0 {
        words.push_str(&format!(", {} will not be done", totals.dropped));
    }
    words
}

fn in_few_words(totals: Totals) -> String {
    let mut words = format!("{} of {}", totals.done, totals.steps);
    if totals.failed > 0 {
        words.push_str(&format!(", {} failed", totals.failed));
    }
    if totals.dropped > 0 {
        words.push_str(&format!(", {} not done", totals.dropped));
    }
    words
}
