//! Collects the output of a session: finds the marker, passes on lines as they arrive, limits memory.

use std::io;
use std::time::SystemTime;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::elevate::{Method, NO_METHOD};
use crate::transport::LineSender;
use crate::transport::privileges::READY;

/// The limit of stdout, in bytes. A host that prints more is broken or hostile.
pub(super) const STDOUT_CAP: usize = 16 * 1024 * 1024;
/// How many of the last bytes of stderr are kept.
pub(super) const STDERR_CAP: usize = 256 * 1024;
/// The limit of output before the marker (banners, output of rc files), in bytes.
const PREAMBLE_CAP: usize = 1024 * 1024;

/// Too much output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flood {
    pub limit: usize,
}

/// The stdout of one session.
pub(super) struct Stdout {
    /// The marker and the space after it.
    marker: Vec<u8>,
    /// The output before the root shell started.
    preamble: Vec<u8>,
    /// The position up to which the search found nothing.
    searched: usize,
    /// The start and end of the marker line, and its word.
    marked: Option<(usize, usize, Method)>,
    method: Option<Method>,
    kept: Vec<u8>,
    /// The start of the unfinished line in `kept`.
    line_start: usize,
    /// The end of the first line in `kept`.
    first_end: Option<usize>,
    first_line_at: Option<SystemTime>,
    lines: Option<LineSender>,
}

impl Stdout {
    pub(super) fn new(marker: &str, lines: Option<LineSender>) -> Self {
        Self {
            marker: format!("{marker} ").into_bytes(),
            preamble: Vec::new(),
            searched: 0,
            marked: None,
            method: None,
            kept: Vec::new(),
            line_start: 0,
            first_end: None,
            first_line_at: None,
            lines,
        }
    }

    /// How the shell became root; none if it has not started yet.
    pub(super) fn method(&self) -> Option<Method> {
        self.method
    }

    /// Whether /bin/sh has started, although it may have found no method.
    pub(super) fn has_shell(&self) -> bool {
        self.marked.is_some() || self.no_method().is_some()
    }

    /// The start and end of the line that says that there is no method.
    fn no_method(&self) -> Option<(usize, usize)> {
        let line = [&self.marker, NO_METHOD.as_bytes(), b"\n"].concat();
        position(&self.preamble, &line).map(|start| (start, start + line.len()))
    }

    pub(super) fn preamble(&self) -> String {
        let mark = self.marked.map(|(start, end, _)| (start, end)).or_else(|| self.no_method());
        let said = match mark {
            Some((start, end)) => [&self.preamble[..start], &self.preamble[end..]].concat(),
            None => self.preamble.clone(),
        };
        String::from_utf8_lossy(&said).into_owned()
    }

    /// The first line after the marker, as soon as it is complete.
    pub(super) fn first_line(&self) -> Option<String> {
        self.first_end.map(|end| String::from_utf8_lossy(&self.kept[..end]).into_owned())
    }

    /// Adds the bytes that arrived at `now`.
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

    /// The start of the marker line and the end of the root shell's first line. That line is constant, so it counts only after
    /// the marker. sudo and its modules may print text in between.
    fn find_root_shell(&mut self) -> Option<(usize, usize, Method)> {
        if self.marked.is_none() {
            self.marked = self.find_marker();
            self.searched = self.marked.map_or(self.searched, |(_, end, _)| end);
        }
        let (start, _, method) = self.marked?;
        let ready = format!("{READY}\n").into_bytes();
        if let Some(at) = position(&self.preamble[self.searched..], &ready) {
            return Some((start, self.searched + at + ready.len(), method));
        }
        self.searched = self.searched.max((self.preamble.len() + 1).saturating_sub(ready.len()));
        None
    }

    /// The marker may start in the middle of a line: a prompt or banner need not end with a newline. An rc file that echoes the
    /// command does not match, because there no method's word follows the marker.
    fn find_marker(&mut self) -> Option<(usize, usize, Method)> {
        while let Some(at) = position(&self.preamble[self.searched..], &self.marker) {
            let start = self.searched + at;
            let word = &self.preamble[start + self.marker.len()..];
            let word = &word[..word.len().min(Method::LONGEST_WORD + 1)];
            let end = word.iter().position(|byte| *byte == b'\n');
            if let Some((end, method)) = end.and_then(|end| Some((end, Method::from_word(&word[..end])?))) {
                return Some((start, start + self.marker.len() + end + 1, method));
            }
            if end.is_none() && word.len() <= Method::LONGEST_WORD {
                // The rest of the word has not arrived yet.
                self.searched = start;
                return None;
            }
            self.searched = start + 1;
        }
        // The output so far may end within the marker.
        self.searched = self.searched.max((self.preamble.len() + 1).saturating_sub(self.marker.len()));
        None
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
            self.first_end.get_or_insert(end);
            self.line_start = end + 1;
        }
        Ok(())
    }

    fn send(&mut self, end: usize, now: SystemTime) {
        self.first_line_at.get_or_insert(now);
        if let Some(lines) = &self.lines {
            // The receiver is gone: the output is still collected.
            let _ = lines.send(self.kept[self.line_start..end].to_vec());
        }
    }

    /// All of stdout after the marker, and when its first line arrived. Includes a last line without a newline.
    pub(super) fn finish(mut self, now: SystemTime) -> (Vec<u8>, Option<SystemTime>) {
        if self.line_start < self.kept.len() {
            self.send(self.kept.len(), now);
        }
        (self.kept, self.first_line_at)
    }
}

/// The first position of `part` in `bytes`. Searches for its first byte alone, which is rare.
fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        if bytes[from + at..].starts_with(part) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
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

    /// How often sudo has asked for a password. The second time means that it rejected the first.
    pub(super) fn asked(&self) -> usize {
        self.asked
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        // A prompt may arrive in two parts.
        let mut new = self.kept.split_off(self.kept.len().saturating_sub(self.prompt.len()));
        new.extend_from_slice(bytes);
        let mut rest = new.as_slice();
        while let Some(at) = position(rest, &self.prompt) {
            self.kept.extend_from_slice(&rest[..at]);
            rest = &rest[at + self.prompt.len()..];
            self.asked += 1;
        }
        self.kept.extend_from_slice(rest);
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

/// Reads to the end and keeps the beginning: before the login a host may send endless banners.
///
/// # Errors
/// Those of reading.
pub(super) async fn beginning(mut stream: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    (&mut stream).take(STDERR_CAP as u64).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(kept)
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
    fn a_shell_without_a_way_to_become_root_differs_from_no_shell() {
        let mut stdout = Stdout::new("m-1", None);
        stdout.push(b"Welcome!\n$ echo m-1 none;", now()).expect("small");
        assert!(!stdout.has_shell());
        stdout.push(b"\nm-1 none\n", now()).expect("small");
        assert!(stdout.has_shell() && stdout.method().is_none());
        assert_eq!(stdout.preamble(), "Welcome!\n$ echo m-1 none;\n");
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
    fn a_flood_in_small_pieces_is_read_in_linear_time() {
        let since = std::time::Instant::now();
        let (mut stdout, mut stderr) = (Stdout::new("marker", None), Stderr::new("[ask]"));
        for _ in 0..PREAMBLE_CAP / 8 {
            stdout.push(b"marker x", now()).expect("not too much");
            stderr.push(b"[ask[ask");
        }
        assert_eq!((stdout.method(), stderr.asked()), (None, 0));
        let mut stdout = Stdout::new("m", None);
        stdout.push(b"m root\nrabbitup-root\n", now()).expect("small");
        for _ in 0..PREAMBLE_CAP / 8 {
            stdout.push(b"no line ", now()).expect("not too much");
            assert_eq!(stdout.first_line(), None);
        }
        assert!(since.elapsed() < std::time::Duration::from_secs(5), "{:?}", since.elapsed());
    }

    #[tokio::test]
    async fn of_a_login_the_beginning_is_kept_and_all_is_read() {
        let mut flood = tokio::io::repeat(b'x').take(3 * STDERR_CAP as u64);
        let kept = beginning(&mut flood).await.expect("it is read");
        assert_eq!((kept.len(), flood.limit()), (STDERR_CAP, 0));
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
