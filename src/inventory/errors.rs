use std::fmt;
use std::path::{Path, PathBuf};

use miette::Diagnostic;

use crate::document::{Look, Problem, Severity, report};

/// Everything that is wrong with an inventory, and its warnings.
#[derive(Clone, Debug)]
pub struct InventoryErrors {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl InventoryErrors {
    pub(super) fn new(path: &Path, problems: Vec<Problem>) -> Self {
        Self { path: path.to_owned(), problems }
    }

    /// The problems, warnings among them, in the order of the document.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The whole report as it is printed.
    pub fn render(&self, width: usize, look: Look) -> String {
        format!("{}\n{self}\n", report(&self.problems, width, look))
    }
}

impl fmt::Display for InventoryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.problems.iter().filter(|problem| problem.severity() == Severity::Error).count();
        let plural = if errors == 1 { "" } else { "s" };
        write!(f, "{errors} error{plural} in {}; no host was touched", self.path.display())
    }
}

impl std::error::Error for InventoryErrors {}

impl Diagnostic for InventoryErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
