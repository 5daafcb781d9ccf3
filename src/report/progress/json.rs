use std::io::Write;

use serde::Serialize;

use super::Display;
use crate::apply::Event;
use crate::model::printable_json;
use crate::plan::FORMAT_VERSION;

/// One event per line as JSON, for machines.
pub struct JsonLines<W> {
    out: W,
}

#[derive(Serialize)]
struct Line<'a> {
    format_version: u32,
    #[serde(flatten)]
    event: &'a Event,
}

impl<W: Write> JsonLines<W> {
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Display for JsonLines<W> {
    fn event(&mut self, event: &Event) {
        if let Ok(line) = serde_json::to_string(&Line { format_version: FORMAT_VERSION, event }) {
            // A reader that went away must not stop a run half-way.
            let _ = writeln!(self.out, "{}", printable_json(&line)).and_then(|()| self.out.flush());
        }
    }

    fn tick(&mut self) {}

    fn finish(&mut self) {}
}
