use base64::prelude::{BASE64_STANDARD, Engine};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::call::md5_hex;
use super::world::add_missing;
use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, cluster};
use crate::facts::{AdminPassword, Guest};
use crate::model::{NameMode, NodeName, Secret, SecretName};
use crate::rabbitmq::internals;

const SHELL: Shell = Shell {
    asks: &[internals::GUEST_LOGIN],
    on: &[&cluster::SHELL],
    ..Shell::of("definitions", include_str!("definitions.sh"))
};

/// `rabbitmqctl import_definitions`, then the mark that records which were imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportDefinitions {
    pub node: NodeName,
    pub secret: SecretName,
    /// MD5 of the bytes, in hexadecimal.
    pub digest: String,
}

impl Operate for ImportDefinitions {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let definitions = call.known(&self.secret)?;
        call.word("import_definitions").node(&self.node).word(&self.digest).secret(&definitions);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        let imported = world.imported;
        world.each_node(|node| {
            node.definitions_marker = Some(self.digest.clone());
            if let Some(imported) = imported {
                add_missing(&mut node.holdings.vhosts, imported.vhosts, &["/"]);
                add_missing(&mut node.holdings.users, imported.users, &["guest"]);
                add_missing(&mut node.holdings.policies, imported.policies, &[]);
            }
        });
    }
}

/// `rabbitmqctl clear_password guest`: no client can log in as guest, and the user stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseGuest {
    pub node: NodeName,
    pub names: NameMode,
}

impl Operate for CloseGuest {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("close_guest", &self.node, self.names);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.each_node(|node| node.guest = Guest::Closed);
    }
}

/// Creates the administrator or sets the password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutAdmin {
    pub node: NodeName,
    pub user: String,
    pub secret: SecretName,
}

impl Operate for PutAdmin {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let definitions = user_definitions(&self.user, &call.known(&self.secret)?);
        let digest = md5_hex(definitions.expose());
        call.word("put_admin").node(&self.node).word(&digest).secret(&definitions).word(&self.user);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        let stored = world.secrets.get(&self.secret).map(AdminPassword::of);
        world.each_node(|node| {
            node.admin_exists = true;
            node.admin.clone_from(&stored);
            add_missing(&mut node.holdings.users, std::slice::from_ref(&self.user), &["guest"]);
        });
    }
}

/// RabbitMQ's definitions of one user without a tag, with the password in the form in which it is stored:
/// `salt ++ SHA-256(salt ++ password)`, in Base64 (rabbit_password_hashing_sha256).
fn user_definitions(user: &str, password: &Secret) -> Secret {
    let salt: [u8; 4] = rand::rng().random();
    let mut hash = salt.to_vec();
    hash.extend_from_slice(&Sha256::new().chain_update(salt).chain_update(password.expose()).finalize());
    let definitions = serde_json::json!({
        "users": [{
            "name": user,
            "password_hash": BASE64_STANDARD.encode(&hash),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "",
        }],
    });
    Secret::new(definitions.to_string().into_bytes())
}
