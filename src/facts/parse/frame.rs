//! Finds the probe's sections among banners, output of rc files and a possibly truncated end.

use std::collections::BTreeMap;

use super::ParseError;

/// The content between the marks.
#[derive(Debug, Default)]
pub(crate) struct Frames<'a> {
    sections: BTreeMap<String, Vec<String>>,
    /// The contents of the files, one after another.
    pub bytes: &'a [u8],
    /// The host's clock when the probe started, nanoseconds since 1970.
    pub clock: Option<i128>,
}

impl<'a> Frames<'a> {
    /// Splits the output at the marks. A section that occurs twice is one section.
    pub fn read(nonce: &str, output: &'a [u8]) -> Result<Self, ParseError> {
        let mark = format!("{nonce} ");
        let mut frames = Self::default();
        let (mut current, mut complete) = (None, None);
        let mut rest = output;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            let Some(header) = line.strip_prefix(mark.as_bytes()) else {
                if let Some(name) = &current {
                    let lines = frames.sections.entry(String::clone(name)).or_default();
                    lines.push(String::from_utf8_lossy(line).into_owned());
                }
                continue;
            };
            let header = String::from_utf8_lossy(header).into_owned();
            let (name, value) = header.split_once(' ').unwrap_or((&header, ""));
            complete = current.replace(name.to_owned()).or(complete);
            match name {
                "end" => return Ok(frames),
                "clock" => frames.clock = nanoseconds(value),
                "bytes" => {
                    let size = value.parse().unwrap_or(usize::MAX);
                    if size >= rest.len() {
                        return Err(ParseError::Incomplete { after: complete.unwrap_or_default() });
                    }
                    (frames.bytes, rest) = rest.split_at(size);
                    // A file that changes its size between stat and cat would shift all following ones.
                    rest = rest.strip_prefix(b"\n").ok_or(ParseError::Torn)?;
                    if !rest.starts_with(mark.as_bytes()) {
                        return Err(if rest.is_empty() {
                            ParseError::Incomplete { after: complete.unwrap_or_default() }
                        } else {
                            ParseError::Torn
                        });
                    }
                }
                _ => {
                    frames.sections.entry(name.to_owned()).or_default();
                }
            }
        }
        match current {
            None => Err(ParseError::Absent),
            Some(_) => Err(ParseError::Incomplete { after: complete.unwrap_or_default() }),
        }
    }

    /// Whether the probe reached this section.
    pub fn has(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// The names of all sections.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    /// The lines of a section; none if the probe skipped it.
    pub fn lines(&self, section: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.sections.get(section).into_iter().flatten().map(String::as_str)
    }

    /// The same as a list, for readers outside of this module.
    pub fn texts(&self, section: &str) -> Vec<String> {
        self.lines(section).map(str::to_owned).collect()
    }

    /// The values of the section's lines `KEY=VALUE`.
    pub fn values(&self, section: &str, key: &str) -> impl Iterator<Item = &str> {
        self.lines(section).filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
    }

    /// The first value of a key that is not empty.
    pub fn value(&self, section: &str, key: &str) -> Option<&str> {
        self.values(section, key).find(|value| !value.is_empty())
    }
}

/// Parses the output of `date +%s%N`; a `date` without nanoseconds leaves an `N` or `%N` after the seconds.
fn nanoseconds(text: &str) -> Option<i128> {
    let digits = &text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())];
    // Seconds have ten digits until the year 2286, nanoseconds nine more.
    let scale = if digits.len() > 15 { 1 } else { 1_000_000_000 };
    digits.parse::<i64>().ok().map(|number| i128::from(number) * scale)
}

/// The host's clock, nanoseconds since 1970, from the start of a stream: for a caller that needs the arrival time of that line.
/// None until the line is complete.
pub fn clock_line(nonce: &str, bytes: &[u8]) -> Option<i128> {
    let mark = format!("{nonce} clock ");
    let complete = &bytes[..=bytes.iter().rposition(|b| *b == b'\n')?];
    let line = complete.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(mark.as_bytes()))?;
    nanoseconds(std::str::from_utf8(line).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_read_as_soon_as_its_line_is_complete() {
        let stream = b"Welcome!\nN1 clock 1795386572739347855\nN1 sys";
        assert_eq!(clock_line("N1", stream), Some(1_795_386_572_739_347_855));
        assert_eq!(clock_line("N1", &stream[..30]), None);
        assert_eq!(clock_line("N2", stream), None);
        assert_eq!(clock_line("N1", b"N1 clock 1795386572%N\n"), Some(1_795_386_572_000_000_000));
        assert_eq!(clock_line("N1", b"N1 clock 1795386572N\n"), Some(1_795_386_572_000_000_000));
        assert_eq!(clock_line("N1", b"N1 clock \n"), None);
    }

    #[test]
    fn contents_may_look_like_marks() {
        let output = b"N1 files\na\nN1 bytes 10\nN1 end\nN1 \nN1 x\nk=\nk=v\nN1 end\n";
        let frames = Frames::read("N1", output).expect("complete");
        assert_eq!(frames.bytes, b"N1 end\nN1 ");
        assert_eq!(frames.lines("files").collect::<Vec<_>>(), ["a"]);
        assert_eq!(frames.value("x", "k"), Some("v"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |output: &str| Frames::read("N1", output.as_bytes()).expect_err("incomplete");
        assert_eq!(error("Permission denied\n"), ParseError::Absent);
        assert_eq!(
            error("N1 clock 1\nN1 system\na\nN1 files\n"),
            ParseError::Incomplete { after: "system".to_owned() }
        );
        assert_eq!(error("N1 system\nN1 bytes 3\nabcd\nN1 end\n"), ParseError::Torn);
        assert_eq!(
            error("N1 system\nN1 bytes 30\nabcd\n"),
            ParseError::Incomplete { after: "system".to_owned() }
        );
    }
}
