use serde::{Deserialize, Serialize};

use super::call::md5_hex;
use super::world::guarded;
use super::{Call, Digests, Nature, OnBroker, Operate, Shell, World, Writes, file};
use crate::model::SecretName;

pub(super) const SHELL: Shell =
    Shell { on: &[&file::PLACE], ..Shell::of("cookie", include_str!("cookie.sh")) };

/// Writes the Erlang cookie (0400, rabbitmq), from the controller's memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstallCookie {
    pub secret: SecretName,
    /// Keyed: see [`crate::model::DigestKey`].
    pub digest: String,
}

impl Operate for InstallCookie {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let cookie = call.known(&self.secret)?;
        call.words(["install_cookie", &md5_hex(cookie.expose())]).secret(&cookie);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        let cookie = world.cookie.map(guarded);
        world.on_host(|host| host.cookie = cookie);
    }
}

/// Sets mode and owner of a cookie with the right content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardCookie;

impl Operate for GuardCookie {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Changes, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("guard_cookie");
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            if let Some(cookie) = &mut host.cookie {
                *cookie = guarded(Digests { file: cookie.raw, compared: cookie.normalised });
            }
        });
    }
}
