use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, file};
use crate::model::{HostName, SecretName};

const SHELL: Shell = Shell { on: &[&file::PLACE], ..Shell::of("host_name", include_str!("host_name.sh")) };

/// `hostnamectl set-hostname`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetHostName {
    pub name: HostName,
}

impl Operate for SetHostName {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["set_host_name", self.name.as_str()]);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            host.host_name.running = self.name.to_string();
            host.host_name.persistent = Some(self.name.to_string());
        });
    }
}
