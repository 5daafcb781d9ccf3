use std::path::Path;

use crate::facts::Facts;
use crate::inventory::{self, InventoryErrors, SecretPolicy};
use crate::model::{DigestKey, one_line};
use crate::plan::{self, Options, Step};
use crate::playbook::Playbook;
use crate::template::Templates;

/// What `rabbitup plan` says with an inventory of this text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Steps, each in a line: `node1: set the host name to node1, because …`.
    pub steps: Vec<String>,
    /// Reasons not to plan at all.
    pub refusals: Vec<String>,
}

impl Outlook {
    /// # Errors
    /// The inventory's own, if the text is none.
    pub(super) fn of(
        text: &str,
        path: &Path,
        facts: &Facts,
        playbook: &Playbook,
    ) -> Result<Self, InventoryErrors> {
        // Secrets are the operator's to provide; nothing is compared with them.
        let loaded =
            inventory::load_text(path, text, inventory::Options { secrets: SecretPolicy::Tolerate })?;
        let options = Options::new(DigestKey::random());
        let Ok(templates) = Templates::new(&loaded.desired.templates) else { return Ok(Self::default()) };
        Ok(match plan::plan(&loaded.desired, playbook, &templates, facts, &options) {
            Ok(plan) => Self { steps: plan.steps.iter().map(line).collect(), refusals: Vec::new() },
            Err(refused) => Self {
                steps: Vec::new(),
                refusals: refused
                    .0
                    .iter()
                    .map(|refusal| {
                        let host =
                            refusal.problem.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
                        one_line(&format!("{host}{}", refusal.problem.what))
                    })
                    .collect(),
            },
        })
    }

    /// Whether a plan has nothing to do.
    pub fn is_clear(&self) -> bool {
        self.steps.is_empty() && self.refusals.is_empty()
    }

    /// What is left, in lines.
    pub(super) fn lines(&self) -> Vec<String> {
        self.refusals.iter().chain(&self.steps).cloned().collect()
    }

    /// Whether less is left than with another text. A refusal weighs more than any number of steps.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        (self.refusals.len(), self.steps.len()) < (other.refusals.len(), other.steps.len())
    }
}

fn line(step: &Step) -> String {
    one_line(&format!("{}: {}, because {}", step.host, step.title, step.reason))
}
