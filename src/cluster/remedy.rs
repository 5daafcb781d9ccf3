//! Commands that fix something on a host, for copying.

use super::unreachable::login;
use crate::facts::{HostFacts, Privilege};
use crate::inventory::Host;
use crate::model::{Advice, shell_word};

/// A command to paste here that runs as root on this host.
pub(crate) fn shell(host: &Host, facts: Option<&HostFacts>, command: &str) -> Advice {
    Advice::Command(format!("{} {}", login(&host.ssh), shell_word(&as_root(facts, command))))
}

/// The command as root runs it on a host.
pub(crate) fn as_root(facts: Option<&HostFacts>, command: &str) -> String {
    match facts.map(|facts| facts.privilege) {
        Some(Privilege::Root) | None => command.to_owned(),
        Some(Privilege::Doas) => format!("doas {command}"),
        Some(Privilege::Sudo | Privilege::SudoPassword) => format!("sudo {command}"),
    }
}
