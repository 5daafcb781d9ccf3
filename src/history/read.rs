//! Reads a journal. It is text from a file that anything may have changed: a line that is not understood is named, and the others
//! count.

use std::io::{self, BufRead, Read};

use serde_json::Value;

use super::folding::Folding;
use super::line::{FORMAT_VERSION, Happened, Head, RunEvent};
use super::moment::Moment;
use super::past_run::{PastRun, Writer};
use crate::model::shortened;

/// The longest line that is read, in bytes: a plan for fifty hosts needs a tenth of it.
const LONGEST_LINE: usize = 16 << 20;
/// How many bytes of one journal are read.
const LARGEST: u64 = 256 << 20;

/// Why a file is no journal.
#[derive(Debug, thiserror::Error)]
pub enum NoJournal {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is empty")]
    Empty,
    #[error("its first line is not that of a journal: {0}")]
    Head(String),
    #[error("it has format version {0}, and this rabbitup reads version {FORMAT_VERSION}")]
    Newer(u64),
}

/// What a journal's text tells of its run, if its process is gone.
///
/// # Errors
/// It is no journal.
pub fn past_run(text: &[u8]) -> Result<PastRun, NoJournal> {
    past_run_of(text, Writer::Gone, |_| {})
}

/// The same of a file; `each` gets every line that is a JSON object.
pub(super) fn past_run_of(
    file: impl Read,
    writer: Writer,
    mut each: impl FnMut(&Value),
) -> Result<PastRun, NoJournal> {
    let mut lines = Lines { reader: io::BufReader::new(file.take(LARGEST)), number: 0 };
    let first = lines.next().ok_or(NoJournal::Empty)??;
    let first = first.1.and_then(|text| object(&text)).map_err(NoJournal::Head)?;
    let mut folding = Folding::new(head(&first)?);
    each(&first);
    for line in lines {
        let (number, text) = line?;
        let read = text.and_then(|text| object(&text)).and_then(|value| {
            each(&value);
            entry(value)
        });
        match read {
            Ok((at, happened)) => folding.line(number, at, happened),
            Err(why) => folding.unread(number, why),
        }
    }
    Ok(folding.end(writer))
}

/// The head alone: to look for a run among many.
pub(super) fn head_of(file: impl Read) -> Result<Head, NoJournal> {
    let mut lines = Lines { reader: io::BufReader::new(file.take(LARGEST)), number: 0 };
    let first = lines.next().ok_or(NoJournal::Empty)??;
    head(&first.1.and_then(|text| object(&text)).map_err(NoJournal::Head)?)
}

fn head(first: &Value) -> Result<Head, NoJournal> {
    if let Some(version) = first.get("format_version").and_then(Value::as_u64)
        && version > FORMAT_VERSION.into()
    {
        return Err(NoJournal::Newer(version));
    }
    serde_json::from_value(first.clone()).map_err(|error| NoJournal::Head(error.to_string()))
}

fn object(text: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}

fn entry(value: Value) -> Result<(Moment, Happened), String> {
    let at = value.get("at").cloned().ok_or("it has no time")?;
    let at: Moment = serde_json::from_value(at).map_err(|error| error.to_string())?;
    let Some(name) = value.get("event").and_then(Value::as_str) else {
        return Err("it names no event".to_owned());
    };
    let name = shortened(name, 40);
    // Which of the two has the event is decided by their types alone: a new event is one of them, or is named as unknown.
    let of_run = match serde_json::from_value::<RunEvent>(value.clone()) {
        Ok(event) => return Ok((at, Happened::Run(event))),
        Err(error) => error.to_string(),
    };
    match serde_json::from_value(value) {
        Ok(event) => Ok((at, Happened::Step(event))),
        Err(error) => {
            let of_step = error.to_string();
            let why = if of_run.starts_with("unknown variant") { of_step } else { of_run };
            if why.starts_with("unknown variant") {
                return Err(format!("this version of rabbitup does not know the event {name}"));
            }
            Err(format!("event {name}: {why}"))
        }
    }
}

/// Lines with their numbers, each not longer than [`LONGEST_LINE`].
struct Lines<R> {
    reader: R,
    number: usize,
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<(usize, Result<Vec<u8>, String>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        match self.reader.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => self.number += 1,
            Err(error) => return Some(Err(error)),
        }
        if line.len() <= LONGEST_LINE {
            return Some(Ok((self.number, Ok(line))));
        }
        if line.last() != Some(&b'\n')
            && let Err(error) = self.reader.skip_until(b'\n')
        {
            return Some(Err(error));
        }
        Some(Ok((self.number, Err("it is too long".to_owned()))))
    }
}
