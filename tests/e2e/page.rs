//! Tables in the documentation that tests on real hosts fill: each row replaces the one with the same keys, the others stay.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A table between two marks of a page.
#[derive(Debug)]
pub struct Table {
    /// Where the page is, below the root of the repository.
    pub page: &'static str,
    /// `<!-- BEGIN word -->` and `<!-- END word -->` enclose the table.
    pub mark: &'static str,
    pub columns: &'static [&'static str],
    /// How many of the first cells identify a row.
    pub keys: usize,
}

impl Table {
    /// One row of these cells.
    pub fn row(&self, cells: &[String]) -> String {
        assert_eq!(cells.len(), self.columns.len(), "{cells:?}");
        format!("| {} |", cells.join(" | "))
    }

    /// Puts rows into the page.
    pub fn write(&self, rows: &[String]) {
        let path = self.path();
        let page = std::fs::read_to_string(&path).expect("the page is there");
        let (begin, end) = (format!("<!-- BEGIN {} -->", self.mark), format!("<!-- END {} -->", self.mark));
        let (before, rest) = page.split_once(&begin).expect("the page has the table");
        let (table, after) = rest.split_once(&end).expect("the table ends");
        let head = self.head();
        let old = table.lines().filter(|line| line.starts_with("| ") && !head.contains(line));
        let rows: BTreeMap<String, &str> =
            old.chain(rows.iter().map(String::as_str)).map(|row| (self.key(row), row)).collect();
        let rows: String = rows.values().map(|row| format!("{row}\n")).collect();
        let page = format!("{before}{begin}\n\n{head}{rows}\n{end}{after}");
        std::fs::write(path, page).expect("the page is ours to write");
    }

    fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.page)
    }

    fn head(&self) -> String {
        let rule: Vec<&str> = self.columns.iter().map(|_| "---").collect();
        format!("| {} |\n| {} |\n", self.columns.join(" | "), rule.join(" | "))
    }

    fn key(&self, row: &str) -> String {
        row.split('|').skip(1).take(self.keys).collect::<Vec<_>>().join("|")
    }
}

/// Today's date in UTC.
pub fn date() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().expect("date runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
