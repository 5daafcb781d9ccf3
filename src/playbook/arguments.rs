//! The `KEY=VALUE` arguments of a playbook: which ones it accepts, and their values.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Playbook;
use crate::document::{listed, nearest};
use crate::model::{HostName, NodeName, Problem, VersionSpec};

/// The values that a playbook takes, each with its description.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Parameters {
    /// A node of the cluster, as `node3` or `rabbit@node3`.
    pub node: Option<String>,
    /// The node that leaves.
    pub old: Option<String>,
    /// The node that replaces it, a broker in the inventory.
    pub new: Option<String>,
    /// A queue's name.
    pub queue: Option<String>,
    /// A virtual host's name.
    pub vhost: Option<String>,
    /// A version of rabbitmq-server.
    pub version: Option<String>,
    /// `yes` or `no`.
    pub restart: Option<String>,
    /// `yes` or `no`.
    pub back: Option<String>,
    /// `yes` or `no`.
    pub gap: Option<String>,
    /// A duration: `10m`.
    pub older_than: Option<String>,
}

impl Parameters {
    fn described(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("node", &self.node),
            ("old", &self.old),
            ("new", &self.new),
            ("queue", &self.queue),
            ("vhost", &self.vhost),
            ("version", &self.version),
            ("restart", &self.restart),
            ("back", &self.back),
            ("gap", &self.gap),
            ("older-than", &self.older_than),
        ];
        all.into_iter().filter_map(|(name, what)| Some((name, what.as_deref()?))).collect()
    }
}

/// The given values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub node: Option<NodeName>,
    pub old: Option<NodeName>,
    pub new: Option<NodeName>,
    pub queue: Option<String>,
    pub vhost: Option<String>,
    pub version: Option<VersionSpec>,
    pub restart: Option<Answer>,
    pub back: Option<Answer>,
    pub gap: Option<Answer>,
    pub older_than: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
}

/// Why the arguments of a playbook are invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError(pub Problem);

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)
    }
}

impl std::error::Error for ArgumentError {}

fn error(what: impl Into<String>, hint: impl Into<String>) -> ArgumentError {
    ArgumentError(Problem::new(what, "", hint.into()))
}

impl Arguments {
    /// Parses the arguments of a playbook.
    ///
    /// # Errors
    /// The first argument that is unknown, given twice or has an invalid value; or a required one is missing.
    pub fn parse(playbook: &Playbook, words: &[String]) -> Result<Self, ArgumentError> {
        let taken: Vec<(&str, &str)> =
            playbook.required.described().into_iter().chain(playbook.optional.described()).collect();
        let mut given = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for word in words {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| error(format!("`{word}` is not KEY=VALUE"), usage(playbook)))?;
            if !taken.iter().any(|(name, _)| *name == key) {
                return Err(unknown(playbook, key, &taken));
            }
            if seen.contains(&key) {
                return Err(error(format!("`{key}` is given twice"), usage(playbook)));
            }
            seen.push(key);
            given.set(key, value)?;
        }
        match playbook.required.described().into_iter().find(|(name, _)| !seen.contains(name)) {
            Some((name, what)) => {
                Err(error(format!("the playbook {} needs `{name}=`: {what}", playbook.name), usage(playbook)))
            }
            None => Ok(given),
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ArgumentError> {
        match key {
            "node" => self.node = Some(node(key, value)?),
            "old" => self.old = Some(node(key, value)?),
            "new" => self.new = Some(node(key, value)?),
            "queue" => self.queue = Some(value.to_owned()),
            "vhost" => self.vhost = Some(value.to_owned()),
            "version" => {
                let version = VersionSpec::parse(value)
                    .map_err(|why| error(format!("`version={value}`: {why}"), ""))?;
                self.version = Some(version);
            }
            "restart" => self.restart = Some(answer(key, value)?),
            "back" => self.back = Some(answer(key, value)?),
            "gap" => self.gap = Some(answer(key, value)?),
            _ => {
                let span = crate::inventory::parse_duration(value).map_err(|why| {
                    error(format!("`{key}={value}`: {why}"), "write a number with a unit: 30s, 10m")
                })?;
                self.older_than = Some(span);
            }
        }
        Ok(())
    }

    /// The node that this playbook acts on, if there is one.
    pub fn subject(&self) -> Option<&NodeName> {
        self.node.as_ref().or(self.old.as_ref())
    }
}

/// `node3`, or `rabbit@node3`.
fn node(key: &str, value: &str) -> Result<NodeName, ArgumentError> {
    let parsed = if value.contains('@') {
        NodeName::parse(value).map_err(|why| why.to_string())
    } else {
        HostName::parse(value).map(|host| NodeName::rabbit(&host)).map_err(|why| why.to_string())
    };
    parsed
        .map_err(|why| error(format!("`{key}={value}`: {why}"), format!("{key}=node3 or {key}=rabbit@node3")))
}

fn answer(key: &str, value: &str) -> Result<Answer, ArgumentError> {
    match value {
        "yes" => Ok(Answer::Yes),
        "no" => Ok(Answer::No),
        _ => {
            Err(error(format!("`{key}={value}`: expected yes or no"), format!("write {key}=yes or {key}=no")))
        }
    }
}

fn unknown(playbook: &Playbook, key: &str, taken: &[(&str, &str)]) -> ArgumentError {
    let names = || taken.iter().map(|(name, _)| *name);
    let hint = match nearest(key, names()) {
        Some(near) => format!("did you mean `{near}=`?"),
        None if taken.is_empty() => format!("{} takes no values", playbook.name),
        None => format!("{} takes {}", playbook.name, listed(names(), "and")),
    };
    error(format!("the playbook {} has no parameter `{key}`", playbook.name), hint)
}

/// `rabbitup run remove-node node=NODE`.
fn usage(playbook: &Playbook) -> String {
    let mut text = format!("rabbitup run {}", playbook.name);
    for (name, _) in playbook.required.described() {
        text.push_str(&format!(" {name}=…"));
    }
    for (name, _) in playbook.optional.described() {
        text.push_str(&format!(" [{name}=…]"));
    }
    text
}

impl Playbook {
    /// Its usage and the description of its values, for people.
    pub fn help(&self) -> String {
        let mut text = format!("{}: {}\n    {}\n", self.name, self.summary, usage(self));
        for (name, what) in self.required.described().into_iter().chain(self.optional.described()) {
            text.push_str(&format!("    {:<12} {what}\n", format!("{name}=")));
        }
        text
    }

    /// The same as JSON.
    pub fn document(&self) -> PlaybookDocument {
        let described = |parameters: &Parameters| {
            let all = parameters.described().into_iter();
            all.map(|(name, what)| (name.to_owned(), what.to_owned())).collect()
        };
        PlaybookDocument {
            name: self.name.clone(),
            summary: self.summary.clone(),
            required: described(&self.required),
            optional: described(&self.optional),
        }
    }
}

/// A playbook in the JSON list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaybookDocument {
    pub name: String,
    pub summary: String,
    /// The description of each required value, by key.
    pub required: BTreeMap<String, String>,
    pub optional: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn playbook(text: &str) -> Playbook {
        let text = format!("name = \"mine\"\nsummary = \"x\"\n{text}\n[[phase]]\nuse = \"time\"\n");
        Playbook::from_text(Path::new("mine.toml"), &text).expect("a playbook")
    }

    fn parse(text: &str, words: &[&str]) -> Result<Arguments, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Arguments::parse(&playbook(text), &words)
            .map_err(|error| format!("{error} → {}", error.0.cause.advice_text().unwrap_or_default()))
    }

    #[test]
    fn values_are_read_by_their_kind() {
        let text = "[required]\nnode = \"it\"\n[optional]\nolder-than = \"how old\"\nrestart = \"or not\"";
        let given = parse(text, &["node=node3", "older-than=10m", "restart=yes"]).expect("good words");
        assert_eq!(given.node.as_ref().map(ToString::to_string).as_deref(), Some("rabbit@node3"));
        assert_eq!((given.older_than, given.restart), (Some(Duration::from_secs(600)), Some(Answer::Yes)));
        assert_eq!(
            parse(text, &["node=hare@node3"]).map(|given| given.node.map(|n| n.to_string())),
            Ok(Some("hare@node3".into()))
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        let text = "[required]\nnode = \"the node that leaves\"\n[optional]\nrestart = \"or not\"";
        let said: Vec<String> = [
            &[][..],
            &["node3"],
            &["nod=node3"],
            &["queue=q"],
            &["node=a b"],
            &["node=node3", "node=node4"],
            &["node=node3", "restart=maybe"],
        ]
        .into_iter()
        .map(|words| parse(text, words).expect_err("wrong words"))
        .collect();
        insta::assert_snapshot!(said.join("\n"));
        insta::assert_snapshot!("help", playbook(text).help());
    }
}
