//! A status that stays on the screen, whatever its size.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use console::truncate_str;

use super::progress::{Size, time_of_day};
use super::status::Status;
use super::status_text::status_text;
use super::style::{Ink, Style};
use super::under_way::under_way_text;
use super::words::span;
use crate::cluster::phrases::counted;
use crate::facts::Facts;

/// What a screen shows of a status.
#[derive(Clone, Copy, Debug)]
pub struct WatchScreen<'a> {
    pub status: &'a Status<'a>,
    pub facts: &'a Facts,
    /// When it was taken.
    pub taken: SystemTime,
    /// How often it is taken.
    pub every: Duration,
}

impl WatchScreen<'_> {
    /// At most as many lines as the terminal has rows, none wider than it. The headline is always there, and where there is any room
    /// the verdict; lines between them are left out, and counted.
    pub fn lines(&self, size: Size, style: Style) -> Vec<String> {
        let style = style.with_width(size.columns.into());
        let text = status_text(self.status, style);
        let (headline, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let runs = under_way_text(self.facts, self.taken);
        let mut lines: Vec<&str> =
            std::iter::once(headline).chain(runs.lines()).chain(rest.lines()).collect();
        let at = time_of_day(self.taken.duration_since(UNIX_EPOCH).unwrap_or_default());
        let time = format!("As of {at} UTC, every {}; q ends", span(self.every.as_secs()));
        let time = style.paint(Ink::Dimmed, time);
        // Below the headline, which stands even on a screen of one row.
        lines.insert(1, &time);
        let cut = |line: &str| truncate_str(line, size.columns.into(), "…").into_owned();
        fitted(lines, size.rows.into(), style).iter().map(|line| cut(line)).collect()
    }
}

/// The lines, or where there are more than rows: the first and the last of them.
fn fitted(mut lines: Vec<&str>, rows: usize, style: Style) -> Vec<String> {
    if lines.len() > rows {
        // They separate parts, and are worth less than any other line.
        lines.retain(|line| !line.is_empty());
    }
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    if lines.len() <= rows {
        return owned(&lines);
    }
    // One row says what is missing, if others are left beside it.
    if rows < 4 {
        lines.truncate(rows);
        return owned(&lines);
    }
    let last = (rows - 1) / 2;
    let first = rows - 1 - last;
    let left_out = lines.len() - first - last;
    let note = format!("… {} left out; `rabbitup status` shows all", counted(left_out, "line"));
    let mut fitted = owned(&lines[..first]);
    fitted.push(style.paint(Ink::Warning, note));
    fitted.extend(owned(&lines[lines.len() - last..]));
    fitted
}
