use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::call::md5_hex;
use super::world::WILL_CHANGE;
use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, balancer, broker, trial, unit};
use crate::balancer::Software;
use crate::facts::{FileFacts, FileKind, HostFacts};
use crate::model::{HostName, SecretName, Secrets};
use crate::rabbitmq::internals;
use crate::template::Rendered;
use crate::virtual_address::{self, KEEPALIVED};

/// A directory that only root can enter, beside the file that is replaced.
pub(super) const PLACE: Shell =
    Shell { on: &[&broker::USER], ..Shell::of("place", include_str!("place.sh")) };

const SHELL: Shell =
    Shell { on: &[&PLACE, &trial::SHELL, &unit::SHELL], ..Shell::of("file", include_str!("file.sh")) };

const KEEPALIVED_SHELL: Shell = Shell::of("keepalived", virtual_address::STEPS);

const CONF: Shell =
    Shell { asks: &[internals::ACCEPTS], on: &[&SHELL], ..Shell::of("conf", include_str!("conf.sh")) };

/// Writes a file: beside the old one, validated, then renamed over it, with a backup of the old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteFile {
    pub path: String,
    pub mode: u32,
    pub owner: String,
    pub group: String,
    pub body: Rendered,
    /// Runs before the file is put in place.
    pub validate: Option<Validator>,
    /// What must happen for the change to take effect.
    pub then: Then,
    /// What shows that the file works.
    #[serde(default)]
    pub proof: Proof,
    /// Every name that must resolve to its address afterwards (for /etc/hosts).
    pub resolves: Vec<(HostName, IpAddr)>,
    /// What the resolver must call these names in full afterwards (`hostname -f`).
    #[serde(default)]
    pub full_names: BTreeMap<HostName, String>,
}

/// What validates a file before it replaces the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validator {
    /// `chronyd -p -f FILE`, if chronyd is installed.
    Chrony,
    /// RabbitMQ's own reader with the schemas of the installed plugins, in a separate Erlang VM.
    Rabbitmq,
    /// `keepalived -t`.
    Keepalived,
    /// The balancer that reads the file.
    #[serde(untagged)]
    Balancer(Software),
}

impl Validator {
    /// The step function that writes the file, and its validator.
    fn words(validator: Option<Self>) -> [&'static str; 2] {
        match validator {
            None => ["write_file", ""],
            Some(Self::Balancer(software)) => ["write_file", software.as_str()],
            Some(Self::Chrony) => ["write_file", "chrony"],
            Some(Self::Keepalived) => ["write_file", KEEPALIVED],
            Some(Self::Rabbitmq) => ["write_rabbitmq_conf", ""],
        }
    }
}

/// What shows that a file works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Its existence.
    #[default]
    None,
    /// A broker that serves after it has started with it. Until then the host keeps a record of the old file.
    BrokerStart,
}

/// The action after a file's change, in the same step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    Nothing,
    /// `systemctl daemon-reload`.
    DaemonReload,
    /// `systemctl reload UNIT` if it is active.
    Reload(String),
    /// `systemctl restart UNIT` if it is active (for daemons that do not reload).
    Restart(String),
}

impl Then {
    /// What is done, with which unit, and the software that it runs if that has workers of its own.
    fn words(&self) -> [&str; 3] {
        match self {
            Self::Nothing => ["", "", ""],
            Self::DaemonReload => ["daemon-reload", "", ""],
            Self::Reload(unit) => ["reload", unit, Software::of_unit(unit).map_or("", Software::as_str)],
            Self::Restart(unit) => ["restart", unit, ""],
        }
    }
}

impl Operate for WriteFile {
    fn nature(&self) -> Nature {
        let shell: &[&Shell] = match self.validate {
            Some(Validator::Rabbitmq) => &[&CONF],
            Some(Validator::Balancer(_)) => &[&SHELL, &balancer::SOFTWARE],
            Some(Validator::Keepalived) => &[&SHELL, &KEEPALIVED_SHELL],
            Some(Validator::Chrony) | None => &[&SHELL],
        };
        Nature { shell, writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let body = self.body.resolve(call.secrets()).ok_or_else(|| self.missing(call.secrets()))?;
        let proof = match self.proof {
            Proof::None => "",
            Proof::BrokerStart => "broker-start",
        };
        let [function, validator] = Validator::words(self.validate);
        let mode = format!("{:04o}", self.mode);
        call.words([
            function,
            &self.path,
            &mode,
            &self.owner,
            &self.group,
            &md5_hex(body.expose()),
            validator,
        ])
        .words(self.then.words())
        .word(proof)
        .secret(&body);
        for (name, address) in &self.resolves {
            match self.full_names.get(name) {
                Some(full) => call.word(&format!("{name}={address}={full}")),
                None => call.word(&format!("{name}={address}")),
            };
        }
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        let body = self.body.resolve(world.secrets);
        let written = FileFacts {
            kind: FileKind::Regular,
            content: body.and_then(|body| String::from_utf8(body.expose().to_vec()).ok()),
            mode: self.mode,
            owner: self.owner.clone(),
            group: self.group.clone(),
            modified: WILL_CHANGE,
            link_to: None,
        };
        world.on_host(|host| {
            host.files.insert(self.path.clone(), written);
            for (name, address) in &self.resolves {
                host.resolution.insert(name.clone(), vec![*address]);
                host.full_names.remove(name);
            }
            host.full_names.extend(self.full_names.clone());
            match &self.then {
                Then::Reload(unit) | Then::Restart(unit) => unit::has_read(host, unit),
                Then::DaemonReload => has_limit(host, &self.path),
                Then::Nothing => {}
            }
        });
    }
}

/// systemd has read the file: its limit is the unit's.
fn has_limit(host: &mut HostFacts, path: &str) {
    let text = host.file(path).and_then(|file| file.content.as_deref()).unwrap_or_default();
    let limit = text.lines().find_map(|line| line.strip_prefix("LimitNOFILE=")?.trim().parse().ok());
    host.environment.file_descriptors = limit.or(host.environment.file_descriptors);
}

impl WriteFile {
    /// The first secret in it that is not known.
    fn missing(&self, secrets: &Secrets) -> SecretName {
        let unknown = self.body.secrets().find(|name| secrets.get(name).is_none());
        unknown.cloned().unwrap_or_else(|| SecretName::new(self.path.clone()))
    }
}

/// Removes the half-written files of an interrupted run from these directories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveLeftovers {
    pub directories: Vec<String>,
}

impl Operate for RemoveLeftovers {
    fn nature(&self) -> Nature {
        Nature { shell: &[&PLACE], writes: Writes::Changes, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("remove_leftovers").words(self.directories.iter().map(String::as_str));
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| host.leftovers.retain(|directory| !self.directories.contains(directory)));
    }
}
