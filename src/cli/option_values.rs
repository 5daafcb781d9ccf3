//! Values of options and arguments that are words of the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

use crate::inventory::parse_duration;
use crate::report::GraphFormat;

/// Where a page goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageFile {
    Stdout,
    File(PathBuf),
}

impl From<OsString> for PageFile {
    fn from(word: OsString) -> Self {
        if word == "-" { Self::Stdout } else { Self::File(word.into()) }
    }
}

/// A length of time up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Duration);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self).map_err(|error| error.to_string())
    }
}

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit(pub Duration);

impl FromStr for TimeLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const RIGHT: std::ops::RangeInclusive<u64> = 1..=24 * 60 * 60;
        let limit = parse_duration(text).map_err(|error| error.to_string())?;
        // Hosts count whole seconds.
        let whole = limit.subsec_nanos() == 0 && RIGHT.contains(&limit.as_secs());
        if whole { Ok(Self(limit)) } else { Err("whole seconds, from 1s to 1d".to_owned()) }
    }
}

/// A language for graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphLanguage {
    /// Graphviz
    Dot,
    /// For Markdown, as on GitHub and GitLab
    Mermaid,
}

impl From<GraphLanguage> for GraphFormat {
    fn from(language: GraphLanguage) -> Self {
        match language {
            GraphLanguage::Dot => Self::Dot,
            GraphLanguage::Mermaid => Self::Mermaid,
        }
    }
}

/// The program whose rule is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Elevator {
    /// A file for /etc/sudoers.d
    Sudoers,
    /// A line for /etc/doas.conf
    Doas,
}

/// What `rabbitup schema` describes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Document {
    Inventory,
    Playbook,
    Check,
    Plan,
    Doctor,
    Exec,
    History,
    HistoryShow,
    Error,
}
