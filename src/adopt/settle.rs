use std::path::Path;

use super::adoption::{BalancerState, OwnSettings, Table, Written};
use super::{Adoption, Manage, Outlook};
use crate::facts::Facts;
use crate::inventory::InventoryErrors;
use crate::playbook::Playbook;

/// The inventory, and what a plan says with it.
#[derive(Clone, Debug)]
pub struct Settled {
    pub text: String,
    pub outlook: Outlook,
    pub adoption: Adoption,
}

/// What may be given up so that a plan has less to do.
#[derive(Clone, Copy, Debug)]
enum Concession {
    /// What rabbitup wrote itself is its own.
    OwnFile,
    HostsFile,
    Time,
    FileLimit,
    Plugins,
    Hold,
}

const CONCESSIONS: [Concession; 6] = [
    Concession::OwnFile,
    Concession::HostsFile,
    Concession::Time,
    Concession::FileLimit,
    Concession::Plugins,
    Concession::Hold,
];

/// Chooses the settings with which a plan has the least to do, best nothing, and writes what is left as comments.
///
/// # Errors
/// The inventory's own: what was found is beyond it.
pub fn settle(
    adoption: Adoption,
    path: &Path,
    facts: &Facts,
    playbook: &Playbook,
) -> Result<Settled, InventoryErrors> {
    let look = |adoption: &Adoption| Outlook::of(&adoption.text(), path, facts, playbook);
    let (mut best, mut outlook) = conceded(adoption.clone(), &look)?;
    if !outlook.is_clear() && best.has_balancers() {
        let without = as_comment(adoption, Vec::new());
        let (without, then) = conceded(without, &look)?;
        if then.is_better_than(&outlook) {
            let brings = added(&then, &outlook);
            (best, outlook) = (as_comment(without, brings), then);
        }
    }
    best.left = outlook.lines();
    Ok(Settled { text: best.text(), outlook, adoption: best })
}

fn conceded(
    adoption: Adoption,
    look: &impl Fn(&Adoption) -> Result<Outlook, InventoryErrors>,
) -> Result<(Adoption, Outlook), InventoryErrors> {
    let (mut best, mut outlook) = (adoption.clone(), look(&adoption)?);
    for concession in CONCESSIONS {
        if outlook.is_clear() {
            break;
        }
        let tried = concession.made(best.clone());
        // One that makes no inventory is none.
        let Ok(then) = look(&tried) else { continue };
        if then.is_better_than(&outlook) {
            (best, outlook) = (tried, then);
        }
    }
    Ok((best, outlook))
}

/// What is left only with the load balancers.
fn added(without: &Outlook, with: &Outlook) -> Vec<String> {
    let known = without.lines();
    with.lines().into_iter().filter(|line| !known.contains(line)).collect()
}

fn as_comment(mut adoption: Adoption, brings: Vec<String>) -> Adoption {
    if let Some(found) = &mut adoption.balancer {
        found.state = BalancerState::AsComment(brings);
    }
    adoption
}

impl Concession {
    fn made(self, mut to: Adoption) -> Adoption {
        match self {
            Self::OwnFile => {
                if let OwnSettings::Same { written, .. } = &mut to.settings {
                    *written = Written::InForce;
                }
            }
            Self::HostsFile => to.hosts_file = Manage::No,
            Self::Time => to.time = Manage::No,
            Self::FileLimit => {
                if let Some(limit) = to.limit.take() {
                    let text =
                        format!("The limit of open files is {} ({}), and stays.", limit.number, limit.by);
                    to.remark(Table::Cluster, text);
                }
            }
            Self::Plugins => {
                if let Some(plugins) = to.plugins.take() {
                    let text = format!("Plugins stay as they are: {}.", plugins.join(", "));
                    to.remark(Table::Cluster, text);
                }
            }
            Self::Hold => to.held = None,
        }
        to
    }
}
