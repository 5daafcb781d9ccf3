use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use crate::document::Forms;

/// Requirements of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostCheck {
    /// The free space that a broker's data directory needs: "1GiB".
    pub min_free_disk: Size,
    /// The memory that a broker needs: "512MiB".
    pub min_memory: Size,
}

impl Default for HostCheck {
    fn default() -> Self {
        Self { min_free_disk: Size(1 << 30), min_memory: Size(512 << 20) }
    }
}

/// How long a phase waits for a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthSettings {
    /// How long a node may take to be up and in sync: "5m".
    pub patience: Minutes,
}

/// The version of an upgrade if the command line names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpgradeSettings {
    /// How long a node may take to be up and in sync: "10m".
    pub patience: Minutes,
    /// The inventory's version only, or else the newest that the host's package manager would install.
    pub to: UpgradeTo,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeTo {
    /// The version in `[package] version`, if set.
    #[default]
    Inventory,
    /// Without one in the inventory: the version that the package manager would install.
    Newest,
}

/// When every broker is restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestartSettings {
    /// How long a node may take to be up and in sync: "5m".
    pub patience: Minutes,
    /// Always, or only with `restart=yes`.
    pub when: RestartWhen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// Every time.
    #[default]
    Always,
    /// With `restart=yes`.
    Asked,
}

/// Which queues get replicas on which nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GrowSettings {
    /// How long replicas may take to catch up: "30m".
    pub patience: Minutes,
    pub queues: GrowQueues,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GrowQueues {
    /// Queues with too few replicas, on `node=` or on the nodes with the fewest.
    #[default]
    Lacking,
    /// Queues with a replica on `old=`, on `new=`.
    OfOld,
    /// Queues that had a replica on `node=` before it was forgotten.
    OfNode,
}

/// How long to wait, by default five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minutes(pub Duration);

impl Minutes {
    /// Whole seconds, at least one.
    pub fn seconds(self) -> u64 {
        self.0.as_secs().max(1)
    }
}

impl Default for Minutes {
    fn default() -> Self {
        Self(Duration::from_secs(300))
    }
}

/// An amount of bytes, written as `512MiB` or `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    pub fn mib(self) -> u64 {
        self.0 >> 20
    }
}

/// The parsers of the forms that JSON Schema cannot express.
pub const FORMS: Forms = &[("duration", try_read::<Minutes>), ("size", try_read::<Size>)];

fn try_read<T: serde::de::DeserializeOwned>(value: Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> {
    T::deserialize(ValueDeserializer::from(value)).map(|_| ())
}

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hint = "write a string with a unit: \"30s\", \"5m\"";
        let text = text(deserializer, hint)?;
        match crate::inventory::parse_duration(&text) {
            Ok(duration) if duration.is_zero() => {
                Err(D::Error::custom(format!("the duration must not be zero\n{hint}")))
            }
            Ok(duration) => Ok(Self(duration)),
            Err(why) => Err(D::Error::custom(format!("{why}\n{hint}"))),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hint = "write a string with a unit: \"512MiB\", \"2GiB\"";
        let text = text(deserializer, hint)?;
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit: Option<u64> = match text[digits..].trim() {
            "KiB" | "K" => Some(1 << 10),
            "MiB" | "M" => Some(1 << 20),
            "GiB" | "G" => Some(1 << 30),
            "TiB" | "T" => Some(1 << 40),
            _ => None,
        };
        let number: Option<u64> = text[..digits].parse().ok();
        match number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit)) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(D::Error::custom(format!("this is not a size in bytes\n{hint}"))),
        }
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D, hint: &str) -> Result<String, D::Error> {
    String::deserialize(deserializer).map_err(|_| D::Error::custom(format!("this is not a string\n{hint}")))
}

impl JsonSchema for Minutes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "x-form": "duration" })
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+ ?([KMGT]iB|[KMGT])$", "x-form": "size" })
    }
}
