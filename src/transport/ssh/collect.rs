//! What comes back over a session: the marker is found, lines are passed on as they come, memory is bounded.

use std::time::SystemTime;

use super::elevate::Method;
use crate::transport::LineSender;
use crate::transport::privileges::READY;

/// Most bytes of stdout that are kept, in bytes. A host that prints more is broken or hostile.
pub(super) const STDOUT_CAP: usize = 16 * 1024 * 1024;
/// Most bytes of stderr that are kept, in bytes; the last ones are.
pub(super) const STDERR_CAP: usize = 256 * 1024;
/// Most bytes that may come before the marker, in bytes: banners and what rc files print.
const PREAMBLE_CAP: usize = 1024 * 1024;

/// More output than anybody wants to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flood {
    pub limit: usize,
}

/// The stdout of one session.
pub(super) struct Stdout {
    /// The marker with the blank that follows it.
    marker: Vec<u8>,
    /// What came before the root shell was there.
    preamble: Vec<u8>,
    method: Option<Method>,
    kept: Vec<u8>,
    /// Where the line that has not ended yet starts in `kept`.
    line_start: usize,
    first_line_at: Option<SystemTime>,
    lines: Option<LineSender>,
}

impl Stdout {
    pub(super) fn new(marker: &str, lines: Option<LineSender>) -> Self {
        Self {
            marker: format!("{marker} ").into_bytes(),
            preamble: Vec::new(),
            method: None,
            kept: Vec::new(),
            line_start: 0,
            first_line_at: None,
            lines,
        }
    }

    /// How the shell became root; none where it is not there yet.
    pub(super) fn method(&self) -> Option<Method> {
        self.method
    }

    pub(super) fn preamble(&self) -> String {
        let said = match self.find_marker() {
            Some((start, end, _)) => [&self.preamble[..start], &self.preamble[end..]].concat(),
            None => self.preamble.clone(),
        };
        String::from_utf8_lossy(&said).into_owned()
    }

    /// The first line after the marker, as soon as it is complete.
    pub(super) fn first_line(&self) -> Option<String> {
        let end = self.kept.iter().position(|byte| *byte == b'\n')?;
        Some(String::from_utf8_lossy(&self.kept[..end]).into_owned())
    }

    /// Takes what arrived at `now`.
    pub(super) fn push(&mut self, bytes: &[u8], now: SystemTime) -> Result<(), Flood> {
        if self.method.is_some() {
            return self.keep(bytes, now);
        }
        self.preamble.extend_from_slice(bytes);
        if let Some((start, end, method)) = self.find_root_shell() {
            let rest = self.preamble.split_off(end);
            self.preamble.truncate(start);
            self.method = Some(method);
            return self.keep(&rest, now);
        }
        if self.preamble.len() > PREAMBLE_CAP { Err(Flood { limit: PREAMBLE_CAP }) } else { Ok(()) }
    }

    /// Where the marker line starts and the root shell's first line ends, which is always the same: only after the
    /// marker does it mean anything. sudo and its modules may print something in between.
    fn find_root_shell(&self) -> Option<(usize, usize, Method)> {
        let (start, end, method) = self.find_marker()?;
        let ready = format!("{READY}\n").into_bytes();
        let at = self.preamble[end..].windows(ready.len()).position(|window| window == ready)?;
        Some((start, end + at + ready.len(), method))
    }

    /// The marker line may start in the middle of one: a prompt or banner need not end with a line end. An rc
    /// file that echoes the command does not yield it, for there the marker is followed by no method's word.
    fn find_marker(&self) -> Option<(usize, usize, Method)> {
        let starts = self.preamble.windows(self.marker.len()).enumerate();
        starts.filter(|(_, window)| *window == self.marker).find_map(|(start, _)| {
            let word_start = start + self.marker.len();
            let word_len = self.preamble[word_start..].iter().position(|byte| *byte == b'\n')?;
            let method = Method::from_word(&self.preamble[word_start..word_start + word_len])?;
            Some((start, word_start + word_len + 1, method))
        })
    }

    fn keep(&mut self, bytes: &[u8], now: SystemTime) -> Result<(), Flood> {
        if self.kept.len() + bytes.len() > STDOUT_CAP {
            return Err(Flood { limit: STDOUT_CAP });
        }
        let scanned = self.kept.len();
        self.kept.extend_from_slice(bytes);
        for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            let end = scanned + at;
            self.send(end, now);
            self.line_start = end + 1;
        }
        Ok(())
    }

    fn send(&mut self, end: usize, now: SystemTime) {
        self.first_line_at.get_or_insert(now);
        if let Some(lines) = &self.lines {
            // Nobody listens any more: the output is still collected.
            let _ = lines.send(self.kept[self.line_start..end].to_vec());
        }
    }

    /// All of stdout after the marker, and when its first line had arrived. A last line without an end
    /// counts.
    pub(super) fn finish(mut self, now: SystemTime) -> (Vec<u8>, Option<SystemTime>) {
        if self.line_start < self.kept.len() {
            self.send(self.kept.len(), now);
        }
        (self.kept, self.first_line_at)
    }
}

/// The stderr of one session, without sudo's prompts.
pub(super) struct Stderr {
    prompt: Vec<u8>,
    asked: usize,
    kept: Vec<u8>,
}

impl Stderr {
    pub(super) fn new(prompt: &str) -> Self {
        Self { prompt: prompt.as_bytes().to_vec(), asked: 0, kept: Vec::new() }
    }

    /// How often sudo has asked for a password. The second time, it has refused the first.
    pub(super) fn asked(&self) -> usize {
        self.asked
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        while let Some(at) = self.kept.windows(self.prompt.len()).position(|window| window == self.prompt) {
            self.kept.drain(at..at + self.prompt.len());
            self.asked += 1;
        }
        if self.kept.len() > 2 * STDERR_CAP {
            self.kept.drain(..self.kept.len() - STDERR_CAP);
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let surplus = self.kept.len().saturating_sub(STDERR_CAP);
        self.kept.drain(..surplus);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn now() -> SystemTime {
        SystemTime::now()
    }

    #[test]
    fn what_comes_before_the_marker_is_skipped_wherever_it_is_cut() {
        let text = b"rabbitup-root\nWelcome!\nset -v: echo \"m-1 $word\"\nno line endm-1 sudo\nyou have mail\nrabbitup-root\none\ntwo";
        for cut in 0..text.len() {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            let mut stdout = Stdout::new("m-1", Some(sender));
            stdout.push(&text[..cut], now()).expect("small");
            stdout.push(&text[cut..], now()).expect("small");
            assert_eq!(stdout.method(), Some(Method::Sudo));
            assert_eq!(stdout.first_line().as_deref(), Some("one"));
            let (kept, at) = stdout.finish(now());
            assert_eq!(kept, b"one\ntwo");
            assert!(at.is_some());
            assert_eq!(receiver.try_recv().ok(), Some(b"one".to_vec()));
            assert_eq!(receiver.try_recv().ok(), Some(b"two".to_vec()));
            assert!(receiver.try_recv().is_err());
        }
    }

    #[test]
    fn a_root_shell_that_never_came_leaves_what_was_said() {
        let mut stdout = Stdout::new("m-1", None);
        stdout.push(b"rabbitup-root\nWelcome!\nm-1 sudo\nno terminal\n", now()).expect("small");
        assert_eq!(stdout.method(), None);
        assert_eq!(stdout.preamble(), "rabbitup-root\nWelcome!\nno terminal\n");
    }

    #[test]
    fn endless_output_is_an_error_before_and_after_the_marker() {
        let chunk = vec![b'y'; 64 * 1024];
        let mut stdout = Stdout::new("m", None);
        let flood = (0..1000).find_map(|_| stdout.push(&chunk, now()).err());
        assert_eq!(flood, Some(Flood { limit: PREAMBLE_CAP }));
        let mut stdout = Stdout::new("m", None);
        stdout.push(b"m root\nrabbitup-root\n", now()).expect("small");
        let flood = (0..1000).find_map(|_| stdout.push(&chunk, now()).err());
        assert_eq!(flood, Some(Flood { limit: STDOUT_CAP }));
    }

    #[test]
    fn of_stderr_the_end_is_kept() {
        let mut stderr = Stderr::new("[ask]");
        for _ in 0..100 {
            stderr.push(&[b'y'; 16 * 1024]);
        }
        stderr.push(b"the end");
        let kept = stderr.finish();
        assert_eq!(kept.len(), STDERR_CAP);
        assert!(kept.ends_with(b"the end"));
    }

    #[test]
    fn prompts_are_counted_and_left_out() {
        let mut stderr = Stderr::new("[ask]");
        stderr.push(b"[a");
        stderr.push(b"sk]Sorry, try again.\n");
        assert_eq!(stderr.asked(), 1);
        stderr.push(b"[ask]");
        assert_eq!((stderr.asked(), stderr.text().as_str()), (2, "Sorry, try again.\n"));
    }
}
