//! Values with several possible types: parsed by hand, so that errors say what is expected. An error's second line is the hint.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::parse_duration;
use super::raw_addresses::AddressList;
use crate::document::{At, Forms, listed, nearest};

/// The parsers of the forms that this module's schemas name.
pub const FORMS: Forms = &[
    ("duration", try_read::<DurationText>),
    ("secret", try_read::<SecretSetting>),
    ("cookie", try_read::<CookieSetting>),
    ("config", try_read::<ConfigTable>),
    ("addresses", try_read::<AddressList>),
];

fn try_read<T: serde::de::DeserializeOwned>(value: Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> {
    T::deserialize(ValueDeserializer::from(value)).map(|_| ())
}

const SOURCES: [&str; 3] = ["file", "command", "env"];
const SOURCE_HINT: &str = "a secret comes from a file, a command or the environment:\n\
    { from = \"file\", path = \"secret.txt\" }\n\
    { from = \"command\", argv = [\"pass\", \"show\", \"rabbitmq\"] }\n\
    { from = \"env\", name = \"RABBITUP_PASSWORD\" }";

/// A duration as `250ms`, `10s`, `1m`, `3h`.
#[derive(Clone, Copy, Debug)]
pub struct DurationText(pub Duration);

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hint = "write a string with a unit: \"250ms\", \"10s\", \"1m\", \"3h\"";
        match Plain::deserialize(deserializer)? {
            Plain::Text(text) => {
                parse_duration(&text).map(Self).map_err(|why| D::Error::custom(format!("{why}\n{hint}")))
            }
            other => Err(D::Error::custom(format!("a duration cannot be {}\n{hint}", other.kind()))),
        }
    }
}

impl JsonSchema for DurationText {
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

/// The source of a secret other than the cookie.
#[derive(Clone, Debug)]
pub enum SecretSetting {
    File(String),
    Command(Vec<String>),
    Env(String),
}

/// The source of the cookie.
#[derive(Clone, Debug)]
pub enum CookieSetting {
    Seed,
    Generate,
    From(SecretSetting),
}

impl<'de> Deserialize<'de> for SecretSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Plain::deserialize(deserializer)? {
            Plain::Table(entries) => secret_setting(&entries, &SOURCES),
            _ => {
                Err(D::Error::custom(format!("a secret must not be written in the inventory\n{SOURCE_HINT}")))
            }
        }
    }
}

impl<'de> Deserialize<'de> for CookieSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let plain = Plain::deserialize(deserializer)?;
        match &plain {
            Plain::Text(text) if text == "seed" => Ok(Self::Seed),
            Plain::Text(text) if text == "generate" => Ok(Self::Generate),
            Plain::Text(text) => Err(match nearest(text, ["seed", "generate"]) {
                Some(word) => D::Error::custom(format!("unknown cookie source\ndid you mean \"{word}\"?")),
                None => D::Error::custom(
                    "the cookie must not be written in the inventory\n\
                     put it in a file: cookie = { from = \"file\", path = \"cookie\" }\n\
                     or use the seed node's own: cookie = \"seed\"",
                ),
            }),
            Plain::Table(entries) => match word(entries, "from") {
                Some("seed") => only(entries, &["from"]).map(|()| Self::Seed),
                Some("generate") => only(entries, &["from"]).map(|()| Self::Generate),
                _ => secret_setting(entries, &["seed", "generate", "file", "command", "env"]).map(Self::From),
            },
            other => Err(D::Error::custom(format!(
                "the cookie's source cannot be {}\nwrite \"seed\", \"generate\" or {{ from = … }}",
                other.kind()
            ))),
        }
    }
}

impl SecretSetting {
    /// Parses a source from the entries of its table.
    ///
    /// # Errors
    /// The error, with the hint on the second line.
    pub fn from_entries(entries: &[(At<String>, At<Plain>)]) -> Result<Self, String> {
        secret_setting(entries, &SOURCES).map_err(|error: serde::de::value::Error| error.to_string())
    }
}

fn secret_setting<E: Error>(
    entries: &[(At<String>, At<Plain>)],
    sources: &[&str],
) -> Result<SecretSetting, E> {
    let Some(from) = word(entries, "from") else {
        return Err(E::custom(format!("`from` is missing\n{SOURCE_HINT}")));
    };
    let (key, example) = match from {
        "file" => ("path", "path = \"secret.txt\""),
        "command" => ("argv", "argv = [\"pass\", \"show\", \"rabbitmq\"]"),
        "env" => ("name", "name = \"RABBITUP_PASSWORD\""),
        other => {
            let hint = match nearest(other, sources.iter().copied()) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => format!("`from` is one of {}", listed(sources, "or")),
            };
            return Err(E::custom(format!(
                "there is no source \"{}\"\n{hint}",
                other.chars().take(20).collect::<String>()
            )));
        }
    };
    only(entries, &["from", key])?;
    let value = entries.iter().find(|(name, _)| name.value == key).map(|(_, value)| &value.value);
    let wanted =
        || E::custom(format!("`from = \"{from}\"` needs `{key}`\nwrite {{ from = \"{from}\", {example} }}"));
    match (from, value) {
        ("file", Some(Plain::Text(path))) if !path.is_empty() => Ok(SecretSetting::File(path.clone())),
        ("env", Some(Plain::Text(name))) if is_variable(name) => Ok(SecretSetting::Env(name.clone())),
        ("env", Some(Plain::Text(_))) => Err(E::custom(
            "this is not the name of an environment variable\nletters, digits and _: \"RABBITUP_PASSWORD\"",
        )),
        ("command", Some(Plain::Texts(argv))) if argv.first().is_some_and(|program| !program.is_empty()) => {
            Ok(SecretSetting::Command(argv.clone()))
        }
        ("command", Some(Plain::Text(_))) => Err(E::custom(
            "`argv` must be a list of words, it is not parsed by a shell\nwrite argv = [\"pass\", \"show\", \"rabbitmq\"]",
        )),
        _ => Err(wanted()),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn word<'e>(entries: &'e [(At<String>, At<Plain>)], key: &str) -> Option<&'e str> {
    entries.iter().find(|(name, _)| name.value == key).and_then(|(_, value)| match &value.value {
        Plain::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

fn only<E: Error>(entries: &[(At<String>, At<Plain>)], keys: &[&str]) -> Result<(), E> {
    match entries.iter().find(|(name, _)| !keys.contains(&name.as_str())) {
        Some((name, _)) => {
            let typed: String = name.chars().take(40).collect();
            let hint = match nearest(&typed, keys.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("known here: {}", listed(keys, "and")),
            };
            Err(E::custom(format!("a source of this kind has no key `{typed}`\n{hint}")))
        }
        None => Ok(()),
    }
}

macro_rules! source_schema {
    ($type:ty, $name:literal, $words:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let source = |from: &[&str], key: &str, kind: serde_json::Value| {
                    let mut properties = serde_json::json!({ "from": { "enum": from } });
                    let mut required = vec!["from"];
                    if !key.is_empty() {
                        properties[key] = kind;
                        required.push(key);
                    }
                    serde_json::json!({ "type": "object", "additionalProperties": false,
                        "properties": properties, "required": required })
                };
                let mut branches = vec![
                    source(&["file"], "path", serde_json::json!({ "type": "string" })),
                    source(&["command"], "argv", serde_json::json!({ "type": "array", "items": { "type": "string" } })),
                    source(&["env"], "name", serde_json::json!({ "type": "string" })),
                ];
                let words: &[&str] = $words;
                if !words.is_empty() {
                    branches.push(source(words, "", serde_json::Value::Null));
                    branches.push(serde_json::json!({ "enum": words }));
                }
                json_schema!({ "anyOf": branches, "x-form": $name })
            }
        }
    };
}

source_schema!(SecretSetting, "secret", &[]);
source_schema!(CookieSetting, "cookie", &["seed", "generate"]);

/// `[cluster.config]`, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct ConfigTable(pub Vec<(At<String>, At<Plain>)>);

impl<'de> Deserialize<'de> for ConfigTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Plain::deserialize(deserializer)? {
            Plain::Table(entries) => Ok(Self(entries)),
            other => Err(D::Error::invalid_type(
                Unexpected::Other(other.kind()),
                &"a table of keys of rabbitmq.conf",
            )),
        }
    }
}

impl JsonSchema for ConfigTable {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Config".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "x-form": "config", "additionalProperties":
            { "type": ["string", "integer", "number", "boolean", "object"] } })
    }
}

/// Any TOML value of a setting without a fixed type.
#[derive(Clone, Debug)]
pub enum Plain {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Texts(Vec<String>),
    Table(Vec<(At<String>, At<Plain>)>),
}

impl Plain {
    /// Its kind, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::Texts(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, true or false, or a table")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain::Text(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Plain, E> {
        Ok(Plain::Integer(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Plain, E> {
        Ok(Plain::Float(number))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Plain, E> {
        Ok(Plain::Boolean(truth))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element::<Plain>()? {
            // A list is valid only for `argv`; its items are checked where it is used.
            texts.push(if let Plain::Text(text) = item { text } else { String::new() });
        }
        Ok(Plain::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
        let mut entries: Vec<(At<String>, At<Plain>)> = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if key.get_ref().starts_with("$__toml_private") {
                return Err(A::Error::custom(
                    "a date is not valid here\nwrite it as a string, in double quotes",
                ));
            }
            let value = map.next_value::<Spanned<Plain>>()?;
            entries.push((
                At { span: key.span(), value: key.into_inner() },
                At { span: value.span(), value: value.into_inner() },
            ));
        }
        // The parser sorts keys; the spans restore the order of the file.
        entries.sort_by_key(|(key, _)| key.span.start);
        Ok(Plain::Table(entries))
    }
}
