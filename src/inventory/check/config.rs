use std::collections::BTreeMap;
use std::ops::Range;

use super::Checker;
use super::config_keys::KeyCheck;
use crate::document::{At, Problem};
use crate::inventory::raw_values::{Plain, SecretSetting};
use crate::inventory::{ConfigEntry, ConfigValue, JoinMethod};
use crate::model::SecretName;
use crate::redact::names_a_secret;

/// The state while `[cluster.config]` is flattened.
struct Flat {
    entries: Vec<ConfigEntry>,
    seen: BTreeMap<String, Range<usize>>,
}

impl Checker<'_> {
    /// rabbitmq.conf's entries: nested tables joined with dots, in the order of the file.
    pub(super) fn config(
        &mut self,
        table: &[(At<String>, At<Plain>)],
        join: JoinMethod,
        vetting: &KeyCheck,
    ) -> Vec<ConfigEntry> {
        let mut flat = Flat { entries: Vec::new(), seen: BTreeMap::new() };
        self.config_table(table, "", &mut flat);
        if join == JoinMethod::FirstStart
            && let Some((key, span)) = flat.seen.iter().find(|(key, _)| key.starts_with("cluster_formation."))
        {
            let (key, span) = (key.clone(), span.clone());
            self.error(
                format!("`{key}` is reserved: rabbitup sets it for joining nodes"),
                &span,
                "here",
                "remove it, or set join = \"command\" in [cluster] to keep your own peer discovery",
            );
        }
        self.substitutions(&flat);
        self.known_keys(&flat.seen, vetting);
        self.config_keys = flat.seen;
        flat.entries
    }

    /// `$(KEY)` in a value is replaced by another setting's value; RabbitMQ does not start if there is no such setting
    /// (cuttlefish's `rhs_subs`).
    fn substitutions(&mut self, flat: &Flat) {
        for entry in &flat.entries {
            let ConfigValue::Text(text) = &entry.value else { continue };
            let unknown = text.split("$(").skip(1).find(|rest| {
                rest.split_once(')').is_none_or(|(name, _)| !flat.seen.contains_key(name.trim()))
            });
            if let (Some(_), Some(span)) = (unknown, flat.seen.get(&entry.key)) {
                self.error(
                    format!(
                        "`{}` has $( in its value, which RabbitMQ replaces by the value of another setting",
                        entry.key
                    ),
                    span,
                    "here",
                    "put a key of [cluster.config] between the brackets; RabbitMQ cannot escape $(",
                );
            }
        }
    }

    fn config_table(&mut self, table: &[(At<String>, At<Plain>)], prefix: &str, flat: &mut Flat) {
        for (key, value) in table {
            let path = if prefix.is_empty() { key.value.clone() } else { format!("{prefix}.{}", key.value) };
            if !self.is_config_key(&path, &key.span) {
                continue;
            }
            match &value.value {
                Plain::Table(entries) if is_source(entries) => {
                    if let Some(setting) = self.config_source(entries, &value.span) {
                        let name = SecretName::new(format!("config:{path}"));
                        self.secret(name.clone(), &format!("`{path}`"), &setting, &["#", "$("]);
                        self.config_entry(path, &key.span, ConfigValue::Secret(name), flat);
                    }
                }
                Plain::Table(entries) => self.config_table(entries, &path, flat),
                plain => {
                    if let Some(text) = self.config_text(&path, plain, &value.span) {
                        self.config_entry(path, &key.span, ConfigValue::Text(text), flat);
                    }
                }
            }
        }
    }

    fn config_entry(&mut self, key: String, span: &Range<usize>, value: ConfigValue, flat: &mut Flat) {
        if let Some(first) = flat.seen.get(&key) {
            self.problems.push(
                Problem::error(format!("`{key}` is set twice"))
                    .at(self.source, first.clone(), "first here")
                    .at(self.source, span.clone(), "again here")
                    .hint("RabbitMQ would use the last one; remove the wrong one"),
            );
            return;
        }
        flat.seen.insert(key.clone(), span.clone());
        flat.entries.push(ConfigEntry { key, value });
    }

    fn is_config_key(&mut self, key: &str, span: &Range<usize>) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let is_good =
            key.len() <= 200 && key.chars().all(plain) && key.split('.').all(|part| !part.is_empty());
        if !is_good {
            let shown: String = key.chars().take(60).collect();
            self.error(
                format!("`{shown}` cannot be a key of rabbitmq.conf"),
                span,
                "here",
                "use words of letters, digits, _ and -, joined with dots",
            );
        }
        is_good
    }

    /// Parses `{ from = … }` like every other secret.
    fn config_source(
        &mut self,
        entries: &[(At<String>, At<Plain>)],
        span: &Range<usize>,
    ) -> Option<At<SecretSetting>> {
        match SecretSetting::from_entries(entries) {
            Ok(value) => Some(At { value, span: span.clone() }),
            Err(message) => {
                let (message, hint) = message.split_once('\n').unwrap_or((&message, ""));
                self.error(message, span, "here", hint);
                None
            }
        }
    }

    fn config_text(&mut self, key: &str, value: &Plain, span: &Range<usize>) -> Option<String> {
        let text = match value {
            Plain::Text(text) => text.clone(),
            Plain::Integer(number) => number.to_string(),
            Plain::Float(number) if number.is_finite() => number.to_string(),
            Plain::Boolean(truth) => truth.to_string(),
            Plain::Texts(items) => {
                let first = items.first().map_or("…", String::as_str);
                self.error(
                    format!("`{key}` is a list, which rabbitmq.conf does not support"),
                    span,
                    "here",
                    format!("number the items, one key each: {key}.1 = \"{first}\""),
                );
                return None;
            }
            Plain::Float(_) | Plain::Table(_) => {
                self.error(
                    format!("`{key}` is not a number that RabbitMQ accepts"),
                    span,
                    "here",
                    "write a finite number",
                );
                return None;
            }
        };
        // RabbitMQ decrypts a value of this form itself: it is not a plaintext secret.
        if names_a_secret(key) && !text.starts_with("encrypted:") {
            let variable = key.rsplit('.').next().unwrap_or(key).replace('-', "_").to_ascii_uppercase();
            self.error(
                format!("`{key}` is a secret and must not be written in the inventory"),
                span,
                "its value is not shown",
                format!(
                    "give its source instead:\n{key} = {{ from = \"env\", name = \"RABBITUP_{variable}\" }}\n\
                     {key} = {{ from = \"file\", path = \"secret.txt\" }}"
                ),
            );
            return None;
        }
        let at = At { value: text, span: span.clone() };
        if !self.is_one_line(&format!("`{key}`"), &at) {
            return None;
        }
        let complaint = match at.value.as_str() {
            text if text.trim().is_empty() => "has no value",
            text if text.trim() != text => "has spaces around its value, which RabbitMQ removes",
            text if text.contains('#') => "has a # in its value, which starts a comment in rabbitmq.conf",
            _ => return Some(at.value),
        };
        self.error(
            format!("`{key}` {complaint}"),
            span,
            "here",
            "remove it, or use a value that rabbitmq.conf can represent",
        );
        None
    }
}

fn is_source(entries: &[(At<String>, At<Plain>)]) -> bool {
    entries.iter().any(|(key, _)| key.value == "from")
}
