//! Checks a document against its JSON Schema: unknown keys, wrong types, invalid choices. serde stops at its first error; this
//! finds all of them and removes the invalid values, so that reading can continue.

use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::schema::{first_sentence, required, tag_of, wanted, words};
use super::{Problem, Source, listed, nearest, quoted};
use crate::balancer::Software;

/// Parsers for values whose form JSON Schema cannot express, by the schema's `x-form`.
pub type Forms = &'static [(&'static str, fn(Spanned<DeValue<'_>>) -> Result<(), toml::de::Error>)];

/// Checks a document from its root, and removes what is invalid. Returns whether the rest can be read.
pub fn check_schema(
    root: &mut Spanned<DeValue<'_>>,
    schema: &Value,
    forms: Forms,
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
) -> bool {
    let name = schema["title"].as_str().unwrap_or("the document").to_owned();
    Walk { schema, forms, source, problems }.value(root, schema, &KeyPath { dotted: String::new(), name })
}

/// The path of a key or table: with dots, and as named in messages.
struct KeyPath {
    dotted: String,
    name: String,
}

impl KeyPath {
    fn key(&self, key: &str) -> Self {
        let dotted = if self.dotted.is_empty() { key.to_owned() } else { format!("{}.{key}", self.dotted) };
        let name = format!("[{dotted}]");
        Self { dotted, name }
    }

    fn item(&self) -> Self {
        Self { dotted: self.dotted.clone(), name: format!("[[{}]]", self.dotted) }
    }

    fn last(&self) -> &str {
        self.dotted.rsplit('.').next().unwrap_or_default()
    }
}

struct Walk<'w> {
    schema: &'w Value,
    forms: Forms,
    source: &'w Arc<Source>,
    problems: &'w mut Vec<Problem>,
}

impl<'w> Walk<'w> {
    fn value(&mut self, node: &mut Spanned<DeValue<'_>>, schema: &'w Value, path: &KeyPath) -> bool {
        let about = schema;
        let schema = self.resolve(schema);
        if let Some(form) = schema["x-form"].as_str().or(about["x-form"].as_str()) {
            return self.form(node, form);
        }
        if let Some(branches) = schema["oneOf"].as_array() {
            return match tag_of(branches) {
                Some(tag) => self.tagged(node, branches, tag, path),
                None => self.word(node, &words(schema), path),
            };
        }
        if schema["enum"].is_array() {
            return self.word(node, &words(schema), path);
        }
        let wanted = schema["type"].as_str().unwrap_or("any");
        match (wanted, node.get_ref()) {
            ("object", DeValue::Table(_)) => self.table(node, schema, path),
            ("array", DeValue::Array(_)) => self.items(node, schema, path),
            ("integer", DeValue::Integer(_)) => self.range(node, schema, path),
            ("string", DeValue::String(_)) | ("boolean", DeValue::Boolean(_)) => true,
            ("number", DeValue::Float(_) | DeValue::Integer(_)) | ("any", _) => true,
            _ => self.wrong_type(node, schema, about, path),
        }
    }

    fn resolve(&self, schema: &'w Value) -> &'w Value {
        let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.schema.pointer(pointer)).unwrap_or(schema)
    }

    /// The same, for a schema with a shorter lifetime than the walk.
    fn resolve_in<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.schema.pointer(pointer)).unwrap_or(schema)
    }

    fn report(&mut self, problem: Problem) -> bool {
        self.problems.push(problem);
        false
    }

    fn form(&mut self, node: &Spanned<DeValue<'_>>, form: &str) -> bool {
        let Some((_, read)) = self.forms.iter().find(|(name, _)| *name == form) else { return true };
        if let Some(span) = date_in(node) {
            let problem = Problem::error("a date is not valid here")
                .at(self.source, span, "here")
                .hint("write it as a string, in double quotes");
            return self.report(problem);
        }
        let Err(error) = read(node.clone()) else { return true };
        // A parser's message has its hint on the second line.
        let (message, hint) = error.message().split_once('\n').unwrap_or((error.message(), ""));
        let problem = Problem::error(message).at(self.source, error.span().unwrap_or(node.span()), "here");
        self.report(if hint.is_empty() { problem } else { problem.hint(hint) })
    }

    fn table(&mut self, node: &mut Spanned<DeValue<'_>>, schema: &'w Value, path: &KeyPath) -> bool {
        let span = node.span();
        let (Some(known), DeValue::Table(table)) = (schema["properties"].as_object(), node.get_mut()) else {
            return true;
        };
        let (mut wrong, mut meant) = (Vec::new(), Vec::new());
        for (key, value) in table.iter_mut() {
            let name = key.get_ref().as_ref();
            let usable = match known.get(name) {
                Some(schema) => self.value(value, schema, &path.key(name)),
                None => {
                    // A misspelt key is reported already, and not as missing.
                    meant.extend(self.unknown_key(key, schema, path));
                    false
                }
            };
            if !usable {
                wrong.push(name.to_owned());
            }
        }
        for key in &wrong {
            table.remove(key.as_str());
        }
        let absent: Vec<&str> = required(schema).filter(|key| !table.contains_key(*key)).collect();
        let is_said = |key: &&str| wrong.iter().chain(&meant).any(|word| word == key);
        let missing: Vec<&str> = absent.iter().copied().filter(|key| !is_said(key)).collect();
        if !missing.is_empty() {
            let descriptions = missing.iter().filter_map(|key| {
                let schema = known.get(*key)?;
                let is_list_of_tables = schema["items"]["$ref"].is_string() && path.dotted.is_empty();
                let key = if is_list_of_tables { format!("[[{key}]]") } else { (*key).to_owned() };
                Some(format!("{key}: {}", first_sentence(schema)?))
            });
            let problem = Problem::error(format!("{} has no {}", path.name, quoted(&missing)))
                .hint(descriptions.collect::<Vec<_>>().join("\n"));
            let problem =
                if path.dotted.is_empty() { problem } else { problem.at(self.source, span, "in this table") };
            self.problems.push(problem);
        }
        absent.is_empty()
    }

    fn unknown_key(
        &mut self,
        key: &Spanned<toml::de::DeString<'_>>,
        schema: &Value,
        path: &KeyPath,
    ) -> Option<String> {
        let typed = key.get_ref().as_ref();
        let known: Vec<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let problem = Problem::error(format!("{} has no key `{}`", path.name, shortened(typed)));
        let meant = also_known_as(typed)
            .filter(|word| known.contains(word))
            .or_else(|| nearest(typed, known.iter().copied()));
        let problem = match (meant, self.home_of(typed, schema)) {
            (Some(word), _) => problem.at(self.source, key.span(), format!("did you mean `{word}`?")),
            (None, Some(home)) => problem
                .at(self.source, key.span(), "not valid here")
                .hint(format!("`{typed}` belongs in {home}")),
            (None, None) => problem
                .at(self.source, key.span(), "unknown")
                .hint(format!("valid here: {}", listed(known, "and"))),
        };
        self.problems.push(problem);
        meant.map(str::to_owned)
    }

    /// The table to which a key belongs: one in the same table, else the first one in the document.
    fn home_of(&self, key: &str, here: &Value) -> Option<String> {
        let inner = here["properties"]
            .as_object()?
            .iter()
            .find(|(_, schema)| !self.resolve_in(schema)["properties"][key].is_null());
        if let Some((name, _)) = inner {
            return Some(format!("`{name}`: {name} = {{ {key} = … }}"));
        }
        let tables = self.schema["properties"].as_object()?;
        tables.iter().find_map(|(name, schema)| {
            let schema = self.resolve_in(schema);
            let (schema, brackets) = match schema["items"].is_object() {
                true => (self.resolve_in(&schema["items"]), ("[[", "]]")),
                false => (schema, ("[", "]")),
            };
            schema["properties"].get(key)?;
            Some(format!("{}{name}{}", brackets.0, brackets.1))
        })
    }

    fn items(&mut self, node: &mut Spanned<DeValue<'_>>, schema: &'w Value, path: &KeyPath) -> bool {
        let DeValue::Array(items) = node.get_mut() else { return true };
        let mut keep = Vec::new();
        for item in items.iter_mut() {
            if self.value(item, &schema["items"], &path.item()) {
                keep.push(item.clone());
            }
        }
        *items = keep.into_iter().collect();
        true
    }

    fn tagged(
        &mut self,
        node: &mut Spanned<DeValue<'_>>,
        branches: &'w [Value],
        tag: &str,
        path: &KeyPath,
    ) -> bool {
        let DeValue::Table(table) = node.get_ref() else {
            return self.wrong_type(node, &serde_json::json!({ "type": "object" }), &Value::Null, path);
        };
        let constant = |branch: &'w Value| branch["properties"][tag]["const"].as_str();
        let Some(value) = table.get(tag) else {
            let problem = Problem::error(format!("{} has no `{tag}`", path.name))
                .hint(format!("choose {}", listed(branches.iter().filter_map(constant), "or")));
            let problem = problem.at(self.source, node.span(), "in this table");
            return self.report(problem);
        };
        let choices: Vec<&str> = branches.iter().filter_map(constant).collect();
        let key = path.key(tag);
        let Some(word) = value.get_ref().as_str().filter(|word| choices.contains(word)) else {
            let mut value = value.clone();
            return self.word(&mut value, &choices, &key);
        };
        match branches.iter().find(|branch| constant(branch) == Some(word)) {
            Some(branch) => {
                let schema = self.resolve(branch);
                let path = KeyPath { dotted: path.dotted.clone(), name: format!("{} `{word}`", path.last()) };
                self.table(node, schema, &path)
            }
            None => true,
        }
    }

    fn word(&mut self, node: &mut Spanned<DeValue<'_>>, choices: &[&str], path: &KeyPath) -> bool {
        let Some(typed) = node.get_ref().as_str() else {
            let problem =
                Problem::error(format!("`{}` is {}, expected a string", path.last(), kind(node.get_ref())))
                    .at(self.source, node.span(), "here")
                    .hint(format!("choose {}, in double quotes", listed(choices, "or")));
            return self.report(problem);
        };
        if choices.contains(&typed) {
            return true;
        }
        let problem = Problem::error(format!("`{}` cannot be `{}`", path.last(), shortened(typed)));
        let problem = match nearest(typed, choices.iter().copied()) {
            Some(word) => problem.at(self.source, node.span(), format!("did you mean \"{word}\"?")),
            None => problem.at(self.source, node.span(), "not a choice"),
        };
        self.report(problem.hint(format!("choose {}", listed(choices, "or"))))
    }

    fn range(&mut self, node: &Spanned<DeValue<'_>>, schema: &Value, path: &KeyPath) -> bool {
        let bound = |key: &str| {
            schema[key]
                .as_i64()
                .or(schema[key].as_u64().map(|_| i64::MAX))
                .or(schema[key].as_f64().map(|f| f as i64))
        };
        let (least, most) = (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(i64::MAX));
        let DeValue::Integer(integer) = node.get_ref() else { return true };
        let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        if value.is_some_and(|value| (least..=most).contains(&value)) {
            return true;
        }
        let label =
            if most == i64::MAX { format!("{least} or more") } else { format!("from {least} to {most}") };
        let problem = Problem::error(format!("`{}` cannot be {integer}", path.last())).at(
            self.source,
            node.span(),
            label,
        );
        self.report(problem)
    }

    fn wrong_type(
        &mut self,
        node: &Spanned<DeValue<'_>>,
        schema: &Value,
        about: &Value,
        path: &KeyPath,
    ) -> bool {
        let expected = wanted(self.resolve_in(&schema["items"]), schema);
        let problem = Problem::error(format!(
            "`{}` is {}, expected {expected}",
            path.last(),
            kind(node.get_ref())
        ))
        .at(self.source, node.span(), format!("expected {expected}"));
        let hint = match (schema["type"].as_str(), node.get_ref()) {
            (Some("boolean"), _) => {
                Some(format!("write {0} = true or {0} = false, without quotes", path.last()))
            }
            (Some("integer" | "number"), DeValue::String(text)) if text.parse::<f64>().is_ok() => {
                Some(format!("write it without quotes: {} = {text}", path.last()))
            }
            (Some("string"), DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_)) => {
                let text = self.source.text().get(node.span()).unwrap_or_default();
                Some(format!("write it in double quotes: {} = \"{text}\"", path.last()))
            }
            (Some("array"), DeValue::Table(_)) => {
                Some(format!("write [[{}]], with two brackets", path.dotted))
            }
            (Some("array"), DeValue::String(text)) => {
                Some(format!("write it as a list: {} = [\"{text}\"]", path.last()))
            }
            _ => first_sentence(about).map(|text| format!("{}: {text}", path.last())),
        };
        self.report(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        })
    }
}

/// The first date in a value: no setting has this type, and serde cannot name it.
fn date_in(node: &Spanned<DeValue<'_>>) -> Option<std::ops::Range<usize>> {
    match node.get_ref() {
        DeValue::Datetime(_) => Some(node.span()),
        DeValue::Array(items) => items.iter().find_map(date_in),
        DeValue::Table(table) => table.values().find_map(date_in),
        _ => None,
    }
}

/// The kind of a value, for messages.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Names from other tools.
fn also_known_as(key: &str) -> Option<&'static str> {
    Some(match key {
        "hostname" | "host" | "fqdn" => "name",
        "ip" | "ip_address" | "ansible_host" | "addr" => "address",
        "role" | "groups" => "roles",
        "hosts" | "node" | "nodes" => "host",
        "identity_file" | "key" | "private_key" => "identity",
        "proxy_jump" | "bastion" => "jump",
        "algorithm" => "balance",
        "erlang_cookie" => "cookie",
        "type" => "node_type",
        "ntp" | "ntp_servers" => "servers",
        "loadbalancer" | "lb" => "load_balancer",
        software if Software::ALL.iter().any(|known| known.as_str() == software) => "load_balancer",
        "ulimit" | "limit_nofile" => "file_descriptors",
        "phases" | "step" => "phase",
        _ => return None,
    })
}

fn shortened(typed: &str) -> String {
    if typed.chars().count() <= 60 {
        typed.to_owned()
    } else {
        typed.chars().take(57).chain("…".chars()).collect()
    }
}
