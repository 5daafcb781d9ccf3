//! What differs between the files on the hosts and what rabbitup would write: `rabbitup render TEMPLATE --diff`.

use serde::Serialize;

use super::diff::{self, Shown};
use super::style::{Detail, Ink, Style};
use crate::model::HostName;
use crate::plan::{Difference, FORMAT_VERSION, LiveFile};

/// For people; the diffs as in a plan, but whole.
pub fn live_text(files: &[LiveFile], style: Style) -> String {
    let mut text = String::new();
    let mut shown = Shown::default();
    for file in files {
        let (verdict, lines) = match &file.difference {
            Difference::Same => ("no difference", None),
            Difference::Lines(lines) => ("differs", Some(lines)),
            Difference::Form(lines) => ("the same settings in other lines; it stays as it is", Some(lines)),
            Difference::Secret => ("differs in a secret, which is not shown", None),
            Difference::Unknown => ("not compared: a secret in it is not available", None),
        };
        text.push_str(&format!("{}  {}: {verdict}\n", style.paint(Ink::Heading, &file.host), file.path));
        if let Some(lines) = lines {
            text.push_str(&diff::text((lines, 6), &file.host, &mut shown, style.with_detail(Detail::Full)));
        }
    }
    text
}

/// The same for programs.
#[derive(Debug, Serialize)]
pub struct LiveDocument<'a> {
    format_version: u32,
    files: Vec<LiveEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct LiveEntry<'a> {
    host: &'a HostName,
    path: &'a str,
    verdict: Verdict,
    /// From what is live to what would be written, as a unified diff.
    diff: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Same,
    Differs,
    SameSettings,
    DiffersInSecret,
    NotCompared,
}

impl<'a> From<&'a [LiveFile]> for LiveDocument<'a> {
    fn from(files: &'a [LiveFile]) -> Self {
        let entry = |file: &'a LiveFile| {
            let (verdict, diff) = match &file.difference {
                Difference::Same => (Verdict::Same, None),
                Difference::Lines(lines) => (Verdict::Differs, Some(lines.as_str())),
                Difference::Form(lines) => (Verdict::SameSettings, Some(lines.as_str())),
                Difference::Secret => (Verdict::DiffersInSecret, None),
                Difference::Unknown => (Verdict::NotCompared, None),
            };
            LiveEntry { host: &file.host, path: &file.path, verdict, diff }
        };
        Self { format_version: FORMAT_VERSION, files: files.iter().map(entry).collect() }
    }
}
