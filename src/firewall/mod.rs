//! The firewalls that a host may have, one file for each: how its part of the probe is read, and how openings are written for
//! it. Its shell beside it asks it (`NAME_probe.sh`) and changes it (`NAME.sh`).
//!
//! Rules are only added, for ports that the inventory needs; they stand in a place of their own (a policy, a chain, a comment),
//! so that rabbitup recognises and removes those that are not needed any more. Rules of others are never changed.
//!
//! To add one: its file here with its [`Firewall`], which has no defaults, its shell beside it, and its line in the list below.

mod firewalld;
mod nft_rule;
mod nftables;
mod opening;
mod ufw;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use opening::{Family, Opening, Ports, Protocol, Source};

/// The properties of a firewall's software.
#[derive(Debug)]
pub struct Firewall {
    /// Its name as its vendor writes it.
    pub name: &'static str,
    /// Reads what its part of the probe printed; None if it does not filter on this host.
    pub read: fn(Sections<'_>) -> Option<Seen>,
    /// What its step function `NAME_open` gets to open exactly `wanted` there.
    pub instructions: fn(&FirewallFacts, wanted: &BTreeSet<Opening>) -> String,
}

/// The lines of a section that the probe printed.
pub type Sections<'s> = &'s dyn Fn(&str) -> Vec<String>;

/// A firewall that is in effect on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// rabbitup can open ports in it.
    Manageable(FirewallFacts),
    /// It filters, but in a way that rabbitup does not manage.
    Beyond { software: Software, why: String },
}

/// What rabbitup's rules in a firewall let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallFacts {
    pub software: Software,
    /// Where it filters incoming packets, if there may be several places.
    pub filters: Vec<Filter>,
    /// In effect now.
    pub now: BTreeSet<Opening>,
    /// In effect after the next boot or reload.
    pub lasting: BTreeSet<Opening>,
    pub change: Change,
}

/// A chain that drops or rejects what no rule accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// As the software names it: `inet filter input`.
    pub name: String,
    pub family: Family,
}

/// Whether rabbitup's last change of the rules stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Kept,
    /// It is reverted soon, unless a new login confirms it: the run that made it was interrupted.
    OnTrial,
}

impl FirewallFacts {
    /// Whether it filters packets that this lets in.
    pub fn filters(&self, opening: &Opening) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| opening.passes(filter.family))
    }

    /// What its rules let in now and later.
    pub fn open(&self) -> BTreeSet<Opening> {
        self.now.intersection(&self.lasting).cloned().collect()
    }

    /// Whether exactly this is open, now and later.
    pub fn is_open_for(&self, wanted: &BTreeSet<Opening>) -> bool {
        &self.now == wanted && &self.lasting == wanted && self.change == Change::Kept
    }
}

impl Seen {
    pub fn software(&self) -> Software {
        match self {
            Self::Manageable(facts) => facts.software,
            Self::Beyond { software, .. } => *software,
        }
    }
}

/// Whether the probe saw that a change waits for its confirmation.
fn change(lines: &[String]) -> Change {
    if lines.iter().any(|line| line == "on-trial") { Change::OnTrial } else { Change::Kept }
}

/// What follows this key in each of these lines.
fn values<'l>(lines: &'l [String], key: &'l str) -> impl Iterator<Item = &'l str> {
    lines.iter().filter_map(move |line| line.strip_prefix(key)?.strip_prefix('=')).map(str::trim)
}

/// Generates the enum of all firewalls, with the properties of each and the shell of all.
macro_rules! firewalls {
    ($($(#[$doc:meta])* $software:ident: $file:ident;)*) => {
        /// The software of a firewall.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Software {
            $($(#[$doc])* $software,)*
        }

        impl Software {
            pub const ALL: &'static [Self] = &[$(Self::$software,)*];

            /// The word for it in step ids and in the names of its shell functions.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$software => stringify!($file),)*
                }
            }

            /// Its properties.
            pub fn firewall(self) -> &'static Firewall {
                match self {
                    $(Self::$software => &$file::FIREWALL,)*
                }
            }
        }

        /// Their step functions: `NAME_may_change` fails where a change would do more than open ports, `NAME_way_back` prints
        /// a script that undoes a change, `NAME_open INSTRUCTIONS` changes.
        pub(crate) const STEPS: &str = concat!($(include_str!(concat!(stringify!($file), ".sh")),)*);

        /// Their parts of the probe: `NAME_rules` of each prints a section of its name, if it filters here.
        pub(crate) const PROBE: &str = concat!(
            $(include_str!(concat!(stringify!($file), "_probe.sh")),)*
            "firewalls() {\n",
            $(stringify!($file), "_rules\n",)*
            "}\n",
        );
    };
}

firewalls! {
    /// firewalld, with its nftables backend: EL, Fedora.
    Firewalld: firewalld;
    /// ufw: Ubuntu, Debian.
    Ufw: ufw;
    /// Chains of the operator's own, from nftables.conf.
    Nftables: nftables;
}

/// The firewalls that are in effect, as the probe saw them.
pub(crate) fn in_effect(sections: Sections<'_>) -> Vec<Seen> {
    Software::ALL.iter().filter_map(|software| (software.firewall().read)(sections)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_firewall_has_the_functions_that_steps_and_probe_call() {
        for software in Software::ALL {
            let word = software.as_str();
            assert_eq!(serde_json::to_value(software).expect("a word"), word);
            assert!(PROBE.contains(&format!("\n{word}_rules() {{")), "{word}");
            for function in ["may_change", "way_back", "open"] {
                assert!(STEPS.contains(&format!("\n{word}_{function}() {{")), "{word}_{function}");
            }
        }
    }

    #[test]
    fn no_section_is_no_firewall() {
        assert_eq!(in_effect(&|_| Vec::new()), []);
    }
}
