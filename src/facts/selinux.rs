//! What SELinux says of a host.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// SELinux on a host, and its local changes that rabbitup may make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelinuxFacts {
    pub mode: SelinuxMode,
    /// The booleans that the host's policy has, of those that were asked for.
    pub booleans: BTreeMap<String, SelinuxBoolean>,
    /// The ports that were given a type on this host, TCP only: not those that the policy itself has.
    pub ports: BTreeSet<SelinuxPort>,
}

/// What happens to what the policy does not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelinuxMode {
    /// There is no SELinux, or it is disabled.
    #[default]
    Disabled,
    /// It is allowed, and logged.
    Permissive,
    /// It is denied.
    Enforcing,
}

/// A boolean of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelinuxBoolean {
    pub now: Switch,
    /// As it was set on this host for later boots; none if it was not.
    pub saved: Option<Switch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    On,
    Off,
}

/// A TCP port with its type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SelinuxPort {
    pub port: u16,
    pub r#type: String,
}

impl SelinuxBoolean {
    pub const ON: Self = Self { now: Switch::On, saved: Some(Switch::On) };
}

impl Switch {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "1" => Some(Self::On),
            "0" => Some(Self::Off),
            _ => None,
        }
    }
}

impl SelinuxFacts {
    /// Reads `enforce=1`, `boolean=NAME NOW PENDING`, `saved=NAME=VALUE` and `port=portcon tcp 15671 …:rabbitmq_port_t:s0`.
    pub(super) fn read<'l>(lines: impl Iterator<Item = &'l str>) -> Self {
        let mut facts = Self::default();
        for line in lines {
            let Some((key, value)) = line.split_once('=') else { continue };
            match key {
                "enforce" => {
                    facts.mode = if value == "1" { SelinuxMode::Enforcing } else { SelinuxMode::Permissive }
                }
                "boolean" => {
                    let mut words = value.split(' ');
                    let (name, now) = (words.next(), words.next().and_then(Switch::parse));
                    if let (Some(name), Some(now)) = (name, now) {
                        facts.booleans.insert(name.to_owned(), SelinuxBoolean { now, saved: None });
                    }
                }
                "saved" => {
                    let saved = value.split_once('=').unwrap_or((value, ""));
                    if let Some(known) = facts.booleans.get_mut(saved.0.trim()) {
                        known.saved = Switch::parse(saved.1.trim());
                    }
                }
                "port" => facts.ports.extend(port(value)),
                _ => {}
            }
        }
        facts
    }
}

fn port(line: &str) -> Option<SelinuxPort> {
    let mut words = line.split_whitespace();
    let ("portcon", "tcp") = (words.next()?, words.next()?) else { return None };
    let port = words.next()?.parse().ok()?;
    Some(SelinuxPort { port, r#type: words.next()?.split(':').nth(2)?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_local_changes_are_read() {
        let text = "enforce=1\nboolean=haproxy_connect_any 1 1\nboolean=httpd_can_network_connect 0 0\n\
            saved=haproxy_connect_any=1\nsaved=other=1\n\
            port=portcon tcp 15671 system_u:object_r:rabbitmq_port_t:s0\nport=portcon udp 1 a:b:c_t:s0\nport=portcon tcp 1-2 a:b:c_t:s0";
        let facts = SelinuxFacts::read(text.lines());
        assert_eq!(facts.mode, SelinuxMode::Enforcing);
        assert_eq!(facts.booleans["haproxy_connect_any"], SelinuxBoolean::ON);
        assert_eq!(
            facts.booleans["httpd_can_network_connect"],
            SelinuxBoolean { now: Switch::Off, saved: None }
        );
        assert_eq!(facts.booleans.len(), 2);
        let port = SelinuxPort { port: 15671, r#type: "rabbitmq_port_t".to_owned() };
        assert_eq!(facts.ports, BTreeSet::from([port]));
        assert_eq!(SelinuxFacts::read("enforce=0".lines()).mode, SelinuxMode::Permissive);
        assert_eq!(SelinuxFacts::read([].into_iter()).mode, SelinuxMode::Disabled);
    }
}
