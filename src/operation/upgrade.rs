use serde::{Deserialize, Serialize};

use super::{
    Call, Loss, Nature, OnBroker, Operate, PackageChoice, Shell, StopCheck, World, Writes, broker, packages,
    roll,
};
use crate::model::{KeyFingerprint, NameMode, NodeName, SecretName};

const SHELL: Shell =
    Shell { on: &[&packages::SHELL, &roll::SHELL], ..Shell::of("upgrade", include_str!("upgrade.sh")) };

/// Takes the broker out of service like [`super::RestartBroker`], and installs these packages before it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpgradeBroker {
    pub node: NodeName,
    pub names: NameMode,
    #[serde(rename = "gate")]
    pub stop_check: StopCheck,
    pub packages: Vec<PackageChoice>,
    /// As of [`super::InstallPackages`].
    #[serde(default)]
    pub keys: Vec<KeyFingerprint>,
    pub patience_s: u64,
}

impl Operate for UpgradeBroker {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Anew,
            broker: OnBroker::Restarts,
            losses: Loss::Version(self.node.clone()).whole(),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("upgrade_broker", &self.node, self.names)
            .seconds(self.patience_s)
            .stop_check(self.stop_check)
            .packages(&self.keys, &self.packages);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| packages::install(host, &self.packages));
        broker::restarts(world);
    }
}

/// `rabbitmqctl enable_feature_flag all`, on one node for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnableFeatureFlags {
    pub node: NodeName,
}

impl Operate for EnableFeatureFlags {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Nothing,
            broker: OnBroker::Untouched,
            losses: Loss::FeatureFlags.whole(),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("enable_feature_flags").node(&self.node);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.each_node(|node| node.disabled_feature_flags.clear());
    }
}
