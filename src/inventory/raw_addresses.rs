//! An address or several, each with its place in the file.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::document::At;

/// One text, or a list of them.
#[derive(Clone, Debug, Default)]
pub struct AddressList(pub Vec<At<String>>);

impl<'de> Deserialize<'de> for AddressList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const HINT: &str = "write \"192.168.0.40/24\", or a list of such addresses";
        let value = Spanned::<OneOrMany>::deserialize(deserializer)?;
        let span = value.span();
        match value.into_inner() {
            OneOrMany::One(value) => Ok(Self(vec![At { span, value }])),
            OneOrMany::Many(texts) if texts.is_empty() => {
                Err(D::Error::custom(format!("this list has no address\n{HINT}")))
            }
            OneOrMany::Many(texts) => Ok(Self(texts)),
            OneOrMany::Other(kind) => Err(D::Error::custom(format!("an address cannot be {kind}\n{HINT}"))),
        }
    }
}

impl JsonSchema for AddressList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Addresses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
            "x-form": "addresses" })
    }
}

enum OneOrMany {
    One(String),
    Many(Vec<At<String>>),
    Other(&'static str),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
        Ok(OneOrMany::One(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<OneOrMany, E> {
        Ok(OneOrMany::Other("a whole number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<OneOrMany, E> {
        Ok(OneOrMany::Other("a number with a fraction"))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<OneOrMany, E> {
        Ok(OneOrMany::Other("true or false"))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element::<Spanned<String>>()? {
            texts.push(At { span: item.span(), value: item.into_inner() });
        }
        Ok(OneOrMany::Many(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OneOrMany, A::Error> {
        while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(OneOrMany::Other("a table"))
    }
}
