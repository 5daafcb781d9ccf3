use serde::{Deserialize, Serialize};

use super::balancer::SOFTWARE;
use super::world::{WILL_START, disabled_unit, running_unit};
use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes};
use crate::balancer::{Runtime, Software};
use crate::facts::{Configuration, HostFacts};
use crate::model::SecretName;
use crate::platform;
use crate::virtual_address::KEEPALIVED;

pub(super) const SHELL: Shell = Shell { on: &[&SOFTWARE], ..Shell::of("unit", include_str!("unit.sh")) };

/// Enables and starts a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartUnit {
    pub unit: String,
}

impl Operate for StartUnit {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["start_unit", &self.unit]);
        let answers = |software: &Software| software.balancer().runtime.is_some();
        if let Some(software) = Software::of_unit(&self.unit).filter(answers) {
            call.word(software.as_str());
        }
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| runs(host, &self.unit));
    }
}

/// `systemctl reload`; of a load balancer until its new processes serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadUnit {
    pub unit: String,
}

impl Operate for ReloadUnit {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["reload_unit", &self.unit]);
        if let Some(software) = Software::of_unit(&self.unit) {
            call.word(software.as_str());
        }
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| runs(host, &self.unit));
    }
}

/// Stops and disables a unit that another replaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopUnit {
    pub unit: String,
}

impl Operate for StopUnit {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["stop_unit", &self.unit]);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            host.units.insert(self.unit.clone(), disabled_unit());
        });
    }
}

/// It runs with its current files.
fn runs(host: &mut HostFacts, unit: &str) {
    host.units.insert(unit.to_owned(), running_unit());
    has_read(host, unit);
    if platform::keeps_time(unit) {
        host.time_service.running = Some(unit.to_owned());
    }
}

/// It runs with its current configuration file.
pub(super) fn has_read(host: &mut HostFacts, unit: &str) {
    if unit == KEEPALIVED
        && let Some(state) = host.units.get_mut(unit)
    {
        state.since = Some(WILL_START);
    }
    // One balancer is the only one on its host.
    let Some(software) = Software::of_unit(unit).map(Software::balancer) else { return };
    let conf = host.files.get(software.conf).and_then(|file| file.content.clone()).unwrap_or_default();
    if let Some(balancer) = host.load_balancer.as_mut() {
        balancer.runs_with = Some(Configuration::Current);
        // A new process has only what the file says: servers that were disabled or moved at run time are no more.
        if let Some(runtime) = &software.runtime {
            let is_gone = |name: &str| name.ends_with(runtime.proxied) && !(runtime.has_backend)(&conf, name);
            balancer.backends.retain(|backend| !is_gone(&backend.proxy));
        }
        for backend in &mut balancer.backends {
            let port = |runtime: &Runtime| (runtime.port)(&conf, &backend.proxy, &backend.server);
            backend.port = software.runtime.as_ref().and_then(port);
            if backend.is_spared() {
                backend.status = "UP".to_owned();
            }
        }
    }
}
