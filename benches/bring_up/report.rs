//! Medians and ratios, as Markdown.

use std::time::Duration;

use crate::contenders::{RABBITUP, Stage};
use crate::run::Sample;

/// All runs of one row in one stage.
struct Row {
    name: &'static str,
    stage: Stage,
    samples: Vec<Sample>,
    logins: Vec<usize>,
    faults: Vec<String>,
}

/// What was measured so far.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub fn sample(&mut self, name: &'static str, stage: Stage, sample: Sample, logins: usize) {
        let row = self.row(name, stage);
        row.samples.push(sample);
        row.logins.push(logins);
    }

    /// A run that failed, or whose result is not right: it is named, and its time does not count.
    pub fn fault(&mut self, name: &'static str, stage: Stage, fault: String) {
        self.row(name, stage).faults.push(fault);
    }

    pub fn has_faults(&self) -> bool {
        self.rows.iter().any(|row| !row.faults.is_empty())
    }

    pub fn markdown(&self, stage: Stage) -> String {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| row.stage == stage).collect();
        if rows.is_empty() {
            return String::new();
        }
        let median = |name| rows.iter().find(|row| row.name == name).and_then(|row| row.median());
        let floor = stage.floors().iter().filter_map(|name| Some((median(*name)?, *name))).min();
        let rabbitup = median(RABBITUP);

        let mut sorted = rows.clone();
        sorted.sort_by_key(|row| row.median().unwrap_or(Duration::MAX));
        let mut text = format!(
            "### {}\n\n| contender | median s | min–max s | runs | × floor | × rabbitup | SSH logins | peak MiB |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
            stage.title()
        );
        for row in sorted {
            text.push_str(&row.markdown(
                floor.map(|(wall, _)| wall),
                rabbitup,
                floor.is_some_and(|(_, name)| name == row.name),
            ));
        }
        for row in rows {
            for fault in &row.faults {
                text.push_str(&format!("\n**{} is wrong:** {fault}\n", row.name));
            }
        }
        text.push('\n');
        text
    }

    fn row(&mut self, name: &'static str, stage: Stage) -> &mut Row {
        let found = self.rows.iter().position(|row| row.name == name && row.stage == stage);
        let index = found.unwrap_or_else(|| {
            self.rows.push(Row { name, stage, samples: Vec::new(), logins: Vec::new(), faults: Vec::new() });
            self.rows.len() - 1
        });
        &mut self.rows[index]
    }
}

impl Row {
    fn median(&self) -> Option<Duration> {
        median(self.samples.iter().map(|sample| sample.wall))
    }

    fn markdown(&self, floor: Option<Duration>, rabbitup: Option<Duration>, is_floor: bool) -> String {
        let walls = || self.samples.iter().map(|sample| sample.wall);
        let ratio = |to: Option<Duration>| match (self.median(), to) {
            (Some(own), Some(other)) => format!("{:.2}", own.as_secs_f64() / other.as_secs_f64()),
            _ => String::from("–"),
        };
        let spread = match (walls().min(), walls().max()) {
            (Some(min), Some(max)) => format!("{}–{}", seconds(min), seconds(max)),
            _ => String::from("–"),
        };
        let peak = self
            .samples
            .iter()
            .filter_map(|sample| sample.peak_mib)
            .fold(None, |peak: Option<f64>, mib| Some(peak.map_or(mib, |peak| peak.max(mib))));
        let cells = [
            format!("{}{}", self.name, if is_floor { " (floor)" } else { "" }),
            self.median().map_or_else(|| String::from("–"), seconds),
            spread,
            if self.faults.is_empty() {
                self.samples.len().to_string()
            } else {
                format!("{} right, {} wrong", self.samples.len(), self.faults.len())
            },
            ratio(floor),
            ratio(rabbitup),
            median(self.logins.iter().copied())
                .map_or_else(|| String::from("–"), |logins| logins.to_string()),
            peak.map_or_else(|| String::from("–"), |mib| format!("{mib:.0}")),
        ];
        format!("| {} |\n", cells.join(" | "))
    }
}

/// The middle one, or the lower of the two in the middle.
fn median<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    let middle = values.len().checked_sub(1)? / 2;
    Some(values.swap_remove(middle))
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.2}") } else { format!("{seconds:.1}") }
}
