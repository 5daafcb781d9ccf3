use std::fmt;
use std::path::{Path, PathBuf};

use miette::Diagnostic;

use crate::document::{Graphics, Problem, Severity, report};

/// All errors and warnings of an inventory.
#[derive(Clone, Debug)]
pub struct InventoryErrors {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl InventoryErrors {
    pub(super) fn new(path: &Path, problems: Vec<Problem>) -> Self {
        Self { path: path.to_owned(), problems }
    }

    /// All problems, including warnings, in the order of the document.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The complete report for printing.
    pub fn render(&self, width: usize, graphics: Graphics) -> String {
        format!("{}\n{self}\n", report(&self.problems, width, graphics))
    }
}

impl fmt::Display for InventoryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.problems.iter().filter(|problem| problem.severity() == Severity::Error).count();
        let plural = if errors == 1 { "" } else { "s" };
        write!(f, "{errors} error{plural} in {}; no host was contacted", self.path.display())
    }
}

impl std::error::Error for InventoryErrors {}

impl Diagnostic for InventoryErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
