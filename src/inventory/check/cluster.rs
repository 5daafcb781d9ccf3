use super::Checker;
use super::config_keys::KeyCheck;
use crate::document::{At, nearest};
use crate::inventory::raw::{RawAdmin, RawCluster};
use crate::inventory::{Admin, Cluster, Host, Package};
use crate::model::Role;
use crate::rabbitmq::SHIPPED_PLUGINS;

impl Checker<'_> {
    pub(super) fn cluster(&mut self, raw: RawCluster, hosts: &[Host], package: &Package) -> Cluster {
        let join = raw.join.unwrap_or_default();
        let plugins = raw.plugins.as_ref().map(|plugins| self.plugins(plugins));
        let vetting = KeyCheck::new(package, plugins.as_deref());
        let config =
            raw.config.as_ref().map(|table| self.config(&table.0, join, &vetting)).unwrap_or_default();
        let brokers = hosts.iter().filter(|host| host.has(Role::Broker)).count();
        let pauses = |key: &str, value: &str| {
            let text = crate::inventory::ConfigValue::Text(value.to_owned());
            config.iter().any(|entry| entry.key == key && entry.value == text)
        };
        if brokers == 2 && pauses("cluster_partition_handling", "pause_minority") {
            self.problems.push(
                crate::document::Problem::warning("cluster_partition_handling = pause_minority with two brokers")
                    .hint("each of two is a minority: when one is down the other pauses; use autoheal, or a third broker"),
            );
        }
        Cluster {
            name: raw.name.as_ref().and_then(|name| self.cluster_name(name)),
            plugins,
            cookie: self.cookie(raw.cookie.as_ref(), hosts),
            names: raw.names.unwrap_or_default(),
            config,
            file_descriptors: raw.file_descriptors,
            definitions: raw.definitions.as_ref().and_then(|path| self.definitions(path)),
            admin: raw.admin.as_ref().and_then(|admin| self.admin(admin)),
            guest: raw.guest.unwrap_or_default(),
            join,
        }
    }

    fn cluster_name(&mut self, name: &At<String>) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || " ._@:/-".contains(c);
        let complaint = match name.chars().find(|c| !plain(*c)) {
            _ if name.is_empty() => "it is empty".to_owned(),
            _ if name.len() > 100 => format!("it has {} characters, at most 100 are allowed", name.len()),
            Some(bad) => format!("it contains {bad:?}"),
            None if name.trim() != name.value => "it starts or ends with a space".to_owned(),
            None if name.starts_with('-') => "it starts with a hyphen".to_owned(),
            None => return Some(name.value.clone()),
        };
        self.error(
            format!("this cannot be the cluster's name: {complaint}"),
            &name.span,
            "here",
            "letters, digits, spaces and . _ @ : / - are safe in every tool that shows the name",
        );
        None
    }

    fn plugins(&mut self, plugins: &[At<String>]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for plugin in plugins {
            let shown: String = plugin.chars().take(60).collect();
            let near = nearest(plugin, SHIPPED_PLUGINS).or_else(|| {
                SHIPPED_PLUGINS
                    .into_iter()
                    .find(|name| name.strip_prefix("rabbitmq_") == Some(plugin.as_str()))
            });
            let label = near.map_or("here".to_owned(), |name| format!("did you mean \"{name}\"?"));
            let is_word = plugin.starts_with(|c: char| c.is_ascii_lowercase())
                && plugin.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if !is_word || (near.is_some() && !plugin.starts_with("rabbitmq_")) {
                self.error(
                    format!("`{shown}` is not a plugin's name"),
                    &plugin.span,
                    &label,
                    "`rabbitmq-plugins list` on a broker prints their names",
                );
                continue;
            }
            if near.is_some_and(|name| name != plugin.value) && plugin.starts_with("rabbitmq_") {
                self.warn(
                    format!("RabbitMQ ships no plugin `{shown}`"),
                    &plugin.span,
                    &label,
                    "a third-party plugin must be installed on every broker before rabbitup enables it",
                );
            }
            names.push(plugin.value.clone());
        }
        names.sort();
        names.dedup();
        names
    }

    fn admin(&mut self, raw: &RawAdmin) -> Option<Admin> {
        self.secret(Admin::secret(), "the administrator's password", &raw.password, &[]);
        let admin = raw.user.value.parse::<Admin>().map_err(|why| {
            let hint = why.to_string();
            self.error("this cannot be the administrator's name", &raw.user.span, "here", &hint);
        });
        if raw.user.value == "guest" {
            self.warn(
                "`guest` can only log in from the broker's own host",
                &raw.user.span,
                "this user",
                "use another name for the administrator",
            );
        }
        admin.ok()
    }
}
