use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes};
use crate::facts::{SelinuxBoolean, SelinuxPort};
use crate::model::SecretName;

const SHELL: Shell = Shell::of("selinux", include_str!("selinux.sh"));

/// `setsebool -P`: lets software do what SELinux's policy allows only on request, now and at later boots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetSelinuxBoolean {
    pub name: String,
}

impl Operate for SetSelinuxBoolean {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["set_selinux_boolean", &self.name]);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| _ = host.selinux.booleans.insert(self.name.clone(), SelinuxBoolean::ON));
    }
}

/// `semanage port`: gives a TCP port a type, so that the software of that type may listen there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelPort {
    pub label: SelinuxPort,
}

impl Operate for LabelPort {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["label_port", &self.label.r#type]).word(&self.label.port.to_string());
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            host.selinux.ports.retain(|other| other.port != self.label.port);
            host.selinux.ports.insert(self.label.clone());
        });
    }
}
