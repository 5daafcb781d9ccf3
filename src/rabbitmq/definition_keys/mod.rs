//! Whether a release accepts what a definitions file defines. RabbitMQ imports users, virtual hosts and permissions first, then
//! exchanges, policies, parameters and queues (`rabbit_definitions:apply_defs/3`), and stops at the first that it refuses: the
//! others stay half-done. So it is judged before.

use std::sync::LazyLock;

use super::KeySupport;
use super::conf_keys::KnownKeys;
use crate::model::Version;

/// `APPLICATION KIND.NAME SPAN…`, extracted by extract.sh from RabbitMQ's own repository.
const TABLE: &str = include_str!("keys.txt");

static REGISTERED: LazyLock<KnownKeys> = LazyLock::new(|| KnownKeys::read(TABLE));

/// Something that a definitions file defines, as far as versions differ about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defined {
    PolicyKey {
        kind: PolicyKind,
        policy: String,
        key: String,
    },
    ExchangeType {
        exchange: String,
        exchange_type: String,
    },
    Parameter {
        name: String,
        component: String,
    },
    Queue {
        queue: String,
        durable: bool,
        queue_type: Option<String>,
        version: Option<u64>,
        has_master_locator: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    Users,
    Operators,
}

/// Why a release refuses something: a sentence about things of the kind `noun`, which several of them may share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub noun: Noun,
    pub name: String,
    /// What of it, and why: `the key target-group-size, which RabbitMQ 3.13.0 added`.
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    Policy,
    OperatorPolicy,
    Exchange,
    Parameter,
    Queue,
}

impl Noun {
    /// The word for one, and for several.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Policy => ("policy", "policies"),
            Self::OperatorPolicy => ("operator policy", "operator policies"),
            Self::Exchange => ("exchange", "exchanges"),
            Self::Parameter => ("parameter", "parameters"),
            Self::Queue => ("queue", "queues"),
        }
    }
}

/// The RabbitMQ that imports.
#[derive(Clone, Copy, Debug)]
pub struct Importer<'a> {
    pub release: Version,
    /// The plugins that are enabled when it imports.
    pub plugins: &'a [String],
    /// The deprecated features that its configuration permits (`deprecated_features.permit.NAME = true`).
    pub permitted: &'a [String],
}

impl Importer<'_> {
    /// Why it refuses this, if so. What newer releases register is not known, and not refused.
    pub fn refuses(&self, defined: &Defined) -> Option<Refused> {
        let refused = |noun, name: &str, why| Refused { noun, name: name.to_owned(), why };
        match defined {
            Defined::PolicyKey { kind, policy, key } => {
                let (noun, word) = match kind {
                    PolicyKind::Users => (Noun::Policy, "policy"),
                    PolicyKind::Operators => (Noun::OperatorPolicy, "operator"),
                };
                let why = self.unregistered(&format!("{word}.{key}")).or_else(|| {
                    (key == "queue-master-locator").then(|| self.denied("queue_master_locator"))?
                });
                why.map(|why| refused(noun, policy, format!("the key {key}: {why}")))
            }
            Defined::ExchangeType { exchange, exchange_type } => {
                let why = self.unregistered(&format!("exchange.{exchange_type}"))?;
                Some(refused(Noun::Exchange, exchange, format!("the type {exchange_type}: {why}")))
            }
            Defined::Parameter { name, component } => {
                let (_, plugin) = PARAMETERS.iter().find(|(known, _)| known == component)?;
                let why = self.without_plugin(plugin)?;
                Some(refused(Noun::Parameter, name, format!("the component {component}: {why}")))
            }
            Defined::Queue { queue, durable, queue_type, version, has_master_locator } => {
                let why = self.queue(*durable, queue_type.as_deref(), *version, *has_master_locator)?;
                Some(refused(Noun::Queue, queue, why))
            }
        }
    }

    fn queue(
        &self,
        durable: bool,
        queue_type: Option<&str>,
        version: Option<u64>,
        has_master_locator: bool,
    ) -> Option<String> {
        if let Some(name) = queue_type {
            let known = QUEUE_TYPES.iter().find(|(known, _)| *known == name);
            match known {
                None => {
                    return Some(format!(
                        "x-queue-type {name}: no version of RabbitMQ that rabbitup knows has it"
                    ));
                }
                Some((_, since)) if self.release < *since => {
                    return Some(format!("x-queue-type {name}: RabbitMQ {since} added it"));
                }
                // rabbit_quorum_queue and rabbit_stream_queue (check_non_durable; is_compatible/3 since 4.0).
                Some((name, _)) if !durable && *name != "classic" => {
                    return Some(format!("durable = false: queues of the type {name} are durable"));
                }
                Some(_) => {}
            }
        }
        if !durable && let Some(why) = self.denied("transient_nonexcl_queues") {
            return Some(format!("durable = false: {why}"));
        }
        // rabbit_amqqueue:check_queue_version/2.
        if version == Some(1) && self.release >= Version::new(4, 3, 0) {
            return Some("x-queue-version 1: RabbitMQ 4.2 was the last version that accepted it".to_owned());
        }
        let locator = has_master_locator.then(|| self.denied("queue_master_locator")).flatten();
        locator.map(|why| format!("x-queue-master-locator: {why}"))
    }

    /// Why a deprecated feature is not available: 4.3 denies these by default (rabbit_amqqueue.erl, rabbit_queue_location.erl).
    fn denied(&self, feature: &str) -> Option<String> {
        let is_denied = self.release >= Version::new(4, 3, 0)
            && !self.permitted.iter().any(|permitted| permitted == feature);
        is_denied.then(|| {
            format!(
                "RabbitMQ 4.3 denies this deprecated feature; `deprecated_features.permit.{feature} = true` in \
                 [cluster.config] permits it"
            )
        })
    }

    /// Why this is not registered with RabbitMQ when it imports.
    fn unregistered(&self, key: &str) -> Option<String> {
        match REGISTERED.standing(key, self.release) {
            KeySupport::Known => {
                let plugin = REGISTERED.schema_of(key, self.release).filter(|schema| *schema != "rabbit")?;
                self.without_plugin(plugin)
            }
            // A plugin that RabbitMQ does not ship may register anything.
            KeySupport::Unknown { .. } | KeySupport::ReleaseUnknown if self.has_other_plugins() => None,
            KeySupport::ReleaseUnknown => None,
            KeySupport::Unknown { .. } => {
                Some("no version of RabbitMQ that rabbitup knows has it".to_owned())
            }
            KeySupport::NotYet { since, .. } => Some(format!("RabbitMQ {since} added it")),
            KeySupport::Gone { last, .. } => Some(format!("RabbitMQ {last} was the last version with it")),
        }
    }

    fn without_plugin(&self, plugin: &str) -> Option<String> {
        let is_enabled = self.plugins.iter().any(|enabled| enabled.starts_with(plugin));
        (!is_enabled).then(|| format!("it needs the plugin {plugin}, which is not enabled"))
    }

    fn has_other_plugins(&self) -> bool {
        self.plugins.iter().any(|plugin| !super::is_ever_shipped(plugin))
    }
}

/// The parameters of plugins (rabbit_federation_parameters.erl, rabbit_shovel_parameters.erl), by component.
const PARAMETERS: [(&str, &str); 3] = [
    ("federation-upstream", "rabbitmq_federation"),
    ("federation-upstream-set", "rabbitmq_federation"),
    ("shovel", "rabbitmq_shovel"),
];

/// The types of queues that can be imported (rabbit_queue_type:discover/1), and the first release with each.
const QUEUE_TYPES: [(&str, Version); 3] = [
    ("classic", Version::new(3, 8, 0)),
    ("quorum", Version::new(3, 8, 0)),
    ("stream", Version::new(3, 9, 0)),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(release: &str, defined: &Defined, plugins: &[&str]) -> Option<String> {
        let plugins: Vec<String> = plugins.iter().map(|&plugin| plugin.to_owned()).collect();
        let release = Version::parse(release).expect("a version");
        Importer { release, plugins: &plugins, permitted: &[] }.refuses(defined).map(|refused| refused.why)
    }

    fn policy(key: &str) -> Defined {
        Defined::PolicyKey { kind: PolicyKind::Users, policy: "shop/all".to_owned(), key: key.to_owned() }
    }

    fn queue(durable: bool, queue_type: Option<&str>) -> Defined {
        Defined::Queue {
            queue: "shop/q".to_owned(),
            durable,
            queue_type: queue_type.map(str::to_owned),
            version: None,
            has_master_locator: false,
        }
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(REGISTERED.series(), ("3.8".to_owned(), "4.3".to_owned()));
        assert_eq!(REGISTERED.count() + 1, TABLE.lines().count());
    }

    #[test]
    fn keys_of_policies_come_and_go() {
        let why = |release, key| refused(release, &policy(key), &[]);
        assert_eq!(why("3.10.8", "max-length"), None);
        assert_eq!(
            why("3.10.8", "target-group-size").as_deref(),
            Some("the key target-group-size: RabbitMQ 3.13.0 added it")
        );
        assert_eq!(why("4.0.5", "target-group-size"), None);
        assert_eq!(why("3.13.7", "ha-mode"), None);
        assert_eq!(
            why("4.0.5", "ha-mode").as_deref(),
            Some("the key ha-mode: RabbitMQ 3.13 was the last version with it")
        );
        assert!(why("4.0.5", "max-lenght").is_some_and(|why| why.contains("no version")));
        // Another plugin may register it.
        assert_eq!(refused("4.0.5", &policy("own-key"), &["their_plugin"]), None);
        assert_eq!(why("5.0.0", "own-key"), None);
        assert!(
            why("4.3.5", "queue-master-locator")
                .is_some_and(|why| why.contains("deprecated_features.permit"))
        );
        let operators = Defined::PolicyKey {
            kind: PolicyKind::Operators,
            policy: "shop/all".to_owned(),
            key: "overflow".to_owned(),
        };
        assert!(refused("3.10.8", &operators, &[]).is_some() && refused("4.0.5", &operators, &[]).is_none());
    }

    #[test]
    fn what_plugins_register_needs_them() {
        let shards = policy("shards-per-node");
        assert_eq!(
            refused("3.10.8", &shards, &[]).as_deref(),
            Some("the key shards-per-node: it needs the plugin rabbitmq_sharding, which is not enabled")
        );
        assert_eq!(refused("3.10.8", &shards, &["rabbitmq_sharding"]), None);
        let exchange = |exchange_type: &str| Defined::ExchangeType {
            exchange: "shop/x".to_owned(),
            exchange_type: exchange_type.to_owned(),
        };
        assert_eq!(refused("3.10.8", &exchange("topic"), &[]), None);
        assert!(
            refused("3.10.8", &exchange("x-local-random"), &[])
                .is_some_and(|why| why.ends_with("4.0.0 added it"))
        );
        assert!(refused("3.10.8", &exchange("x-delayed-message"), &[]).is_some());
        assert_eq!(
            refused("3.10.8", &exchange("x-delayed-message"), &["rabbitmq_delayed_message_exchange"]),
            None
        );
        let shovel = Defined::Parameter { name: "/x".to_owned(), component: "shovel".to_owned() };
        assert!(refused("4.0.5", &shovel, &[]).is_some());
        assert_eq!(refused("4.0.5", &shovel, &["rabbitmq_shovel_management"]), None);
    }

    #[test]
    fn queues_that_a_release_does_not_declare() {
        assert_eq!(refused("4.2.9", &queue(false, None), &[]), None);
        assert!(
            refused("4.3.0", &queue(false, None), &[])
                .is_some_and(|why| why.starts_with("durable = false: "))
        );
        assert!(refused("3.8.9", &queue(true, Some("stream")), &[]).is_some());
        assert_eq!(refused("3.9.0", &queue(true, Some("stream")), &[]), None);
        assert!(refused("3.10.8", &queue(false, Some("quorum")), &[]).is_some());
        assert!(refused("4.3.0", &queue(true, Some("quorun")), &[]).is_some());
        let permitted = ["transient_nonexcl_queues".to_owned()];
        let importer = Importer { release: Version::new(4, 3, 0), plugins: &[], permitted: &permitted };
        assert_eq!(importer.refuses(&queue(false, None)), None);
    }
}
