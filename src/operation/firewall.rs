use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, file};
use crate::facts::HostFacts;
use crate::firewall::{self, Change, FirewallFacts, Opening, Seen, Software};
use crate::model::SecretName;

/// How each software is changed.
const SOFTWARE: Shell = Shell { on: &[&file::PLACE], ..Shell::of("firewalls", firewall::STEPS) };

const SHELL: Shell = Shell { on: &[&SOFTWARE], ..Shell::of("firewall", include_str!("firewall.sh")) };

/// How long the host waits for [`KeepOpenings`] before it reverts, in seconds: a login and some round trips, on a slow network
/// and a busy host.
const TRIAL_S: u64 = 60;

/// Opens exactly these ports in a firewall, now and for later boots, on trial: a timer on the host reverts it, unless
/// [`KeepOpenings`] follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenPorts {
    pub software: Software,
    pub openings: BTreeSet<Opening>,
    /// The same for its step function.
    pub instructions: String,
}

impl Operate for OpenPorts {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["open_ports", self.software.as_str()]).seconds(TRIAL_S).word(&self.instructions);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        on_firewall(world, self.software, |firewall| {
            firewall.now.clone_from(&self.openings);
            firewall.lasting.clone_from(&self.openings);
            firewall.change = Change::OnTrial;
        });
    }
}

/// Stops the timer of [`OpenPorts`]. The controller has logged in over a new connection before: the host can still be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeepOpenings {
    pub software: Software,
}

impl Operate for KeepOpenings {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["keep_openings", self.software.as_str()]);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        on_firewall(world, self.software, |firewall| firewall.change = Change::Kept);
    }
}

fn on_firewall(world: &mut World<'_>, software: Software, change: impl FnOnce(&mut FirewallFacts)) {
    let found = |host: &mut HostFacts| {
        let mut manageable = host.firewalls.iter_mut().filter_map(|seen| match seen {
            Seen::Manageable(facts) => Some(facts),
            Seen::Beyond { .. } => None,
        });
        if let Some(firewall) = manageable.find(|facts| facts.software == software) {
            change(firewall);
        }
    };
    world.on_host(found);
}
