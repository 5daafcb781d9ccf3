//! How time that passes is shown on a line that is drawn ten times a second.

use std::time::Duration;

use crate::report::words::duration;

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
