use serde::{Deserialize, Serialize};

use super::call::md5_hex;
use super::world::guarded;
use super::{Call, Digests, Nature, OnBroker, Operate, Shell, World, Writes, broker, cookie, file};
use crate::facts::BrokerState;
use crate::model::{NameMode, NodeName, SecretName};
use crate::rabbitmq::internals;

const SHELL: Shell = Shell {
    asks: &[internals::RUNNING_COOKIE, internals::TAKE_COOKIE, internals::LINKS],
    on: &[&file::PLACE, &cookie::SHELL, &broker::SHELL],
    ..Shell::of("rotation", include_str!("rotation.sh"))
};

/// Which of a host's two cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CookieSide {
    /// The staged one beside the old one.
    Staged,
    /// The one that the node reads at its start.
    File,
}

/// Stages a new cookie beside the old one, where nothing reads it yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageCookie {
    pub secret: SecretName,
    /// Keyed: see [`crate::model::DigestKey`].
    pub digest: String,
}

impl Operate for StageCookie {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let cookie = call.known(&self.secret)?;
        call.words(["stage_cookie", &md5_hex(cookie.expose())]).secret(&cookie);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        let cookie = world.cookie.map(guarded);
        world.on_host(|host| host.staged_cookie = cookie);
    }
}

/// Switches the running node to the staged cookie, or back to that of its file. No link is dropped: Erlang compares
/// cookies when nodes connect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwitchCookie {
    pub node: NodeName,
    pub names: NameMode,
    pub to: CookieSide,
}

impl Operate for SwitchCookie {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let side = match self.to {
            CookieSide::Staged => "staged",
            CookieSide::File => "file",
        };
        call.on_node("switch_cookie", &self.node, self.names).word(side);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            let from = match self.to {
                CookieSide::Staged => &host.staged_cookie,
                CookieSide::File => &host.cookie,
            };
            let taken = from.as_ref().map(|cookie| cookie.normalised);
            if let BrokerState::Running(node) = &mut host.broker {
                node.cookie = taken;
            }
        });
    }
}

/// Renames the staged cookie over the old one, and verifies that the running node accepts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdoptCookie {
    pub node: NodeName,
    pub names: NameMode,
}

impl Operate for AdoptCookie {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Changes, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("adopt_cookie", &self.node, self.names);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            if let Some(staged) = host.staged_cookie.take() {
                host.cookie = Some(guarded(Digests { file: staged.raw, compared: staged.normalised }));
            }
        });
    }
}

/// Removes a staged cookie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropStagedCookie {
    pub node: NodeName,
    pub names: NameMode,
}

impl Operate for DropStagedCookie {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Changes, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("drop_staged_cookie", &self.node, self.names);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| host.staged_cookie = None);
    }
}
