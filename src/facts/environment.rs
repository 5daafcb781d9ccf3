use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::parse::Frames;
use crate::model::{CookieDigest, NodeName};
use crate::rabbitmq::ENV_FILE;

/// Where a broker keeps its nodes' data unless a setting moves it.
const DEFAULT_DATA_BASE: &str = "/var/lib/rabbitmq/mnesia";

/// With what the broker's unit starts it the next time: the environment of the unit and of the environment file, and the
/// configuration files that RabbitMQ then reads, by RabbitMQ's own rules (broker_environment.sh).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerEnvironment {
    /// Whether a shell can evaluate the environment file. If it cannot, the broker does not start either, and nothing else here is
    /// known.
    pub evaluated: bool,
    /// The environment file.
    pub file: String,
    /// What differs from RabbitMQ's own defaults, by the variable's name without `RABBITMQ_`.
    pub settings: BTreeMap<String, EnvironmentSetting>,
    /// The variables that give the node or its tools a cookie.
    pub cookies: Vec<CookieSetting>,
    /// Where the nodes' data directories are.
    pub data_base: String,
    /// The node's data directory, if a setting names it.
    pub data_dir: Option<String>,
    pub main: MainConfiguration,
    /// The files that are read after the main one, in this order.
    pub additional: Vec<String>,
    /// The file in Erlang terms that is read after all others.
    pub advanced: Option<String>,
    /// `LimitNOFILE` of the unit, and the file that sets it, if one does.
    pub file_descriptors: Option<u64>,
    pub file_descriptors_by: Option<String>,
}

/// A variable of the broker's environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentSetting {
    /// The variable as it is written, with `RABBITMQ_` or without.
    pub variable: String,
    /// Its value, without secrets.
    pub value: String,
    /// The file that sets it.
    pub by: String,
}

/// As evidence: `/etc/rabbitmq/rabbitmq-env.conf: MNESIA_BASE=/srv/rabbit`.
impl fmt::Display for EnvironmentSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}={}", self.by, self.variable, self.value)
    }
}

/// A cookie in an argument or a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CookieSetting {
    pub variable: String,
    /// The file that sets it.
    pub by: String,
    #[serde(skip)]
    pub digest: Option<CookieDigest>,
}

/// The main configuration file, as RabbitMQ finds it (`rabbit_prelaunch_conf:find_actual_main_config_file/1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MainConfiguration {
    /// There is none; it would be read here.
    Absent(String),
    /// In the format `key = value`.
    Current(String),
    /// In Erlang terms: RabbitMQ then reads no rabbitmq.conf.
    ErlangTerms(String),
}

impl Default for BrokerEnvironment {
    fn default() -> Self {
        Self {
            evaluated: true,
            file: ENV_FILE.to_owned(),
            settings: BTreeMap::new(),
            cookies: Vec::new(),
            data_base: DEFAULT_DATA_BASE.to_owned(),
            data_dir: None,
            main: MainConfiguration::Absent(crate::rabbitmq::CONF_FILE.to_owned()),
            additional: Vec::new(),
            advanced: None,
            file_descriptors: None,
            file_descriptors_by: None,
        }
    }
}

impl BrokerEnvironment {
    pub fn get(&self, name: &str) -> Option<&EnvironmentSetting> {
        self.settings.get(name)
    }

    /// The data directory of this node.
    pub fn data_of(&self, node: &NodeName) -> String {
        self.data_dir.clone().unwrap_or_else(|| format!("{}/{node}", self.data_base))
    }

    /// Where data is moved aside: beside the data, so that it stays on its file system.
    pub fn kept_base(&self) -> String {
        match self.data_base == DEFAULT_DATA_BASE {
            true => "/var/lib/rabbitmq/rabbitup-kept".to_owned(),
            false => format!("{}/rabbitup-kept", self.data_base),
        }
    }

    /// The setting that moves the data.
    pub fn moves_data(&self) -> Option<&EnvironmentSetting> {
        self.get("MNESIA_DIR").or_else(|| self.get("MNESIA_BASE"))
    }

    /// All configuration files that exist.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let main = match &self.main {
            MainConfiguration::Absent(_) => None,
            MainConfiguration::Current(path) | MainConfiguration::ErlangTerms(path) => Some(path.as_str()),
        };
        let rest = self.additional.iter().map(String::as_str).chain(self.advanced.as_deref());
        main.into_iter().chain(rest).chain([self.file.as_str()])
    }

    /// From the probe's section; none on a host without a broker, which has the defaults. `text` has the content of a file.
    pub(super) fn read<'t>(frames: &Frames<'_>, text: impl Fn(&str) -> Option<&'t str>) -> Self {
        let value = |key| frames.value("environment", key);
        let mut found = Self::default();
        if !frames.has("environment") {
            return found;
        }
        found.evaluated = value("evaluated") == Some("yes");
        found.file = value("file").unwrap_or(ENV_FILE).to_owned();
        let by = |variable: &str| {
            let sets = |text: &str| text.lines().any(|line| assigns(line, variable));
            let of_unit = frames.values("environment", "by").filter_map(|line| line.split_once(' '));
            let of_unit =
                of_unit.filter(|(name, _)| *name == variable).map(|(_, file)| file.to_owned()).last();
            match text(&found.file).is_some_and(sets) {
                true => found.file.clone(),
                false => of_unit.unwrap_or_else(|| found.file.clone()),
            }
        };
        for line in frames.values("environment", "set") {
            let Some((variable, value)) = line.split_once(' ') else { continue };
            let name = variable.strip_prefix("RABBITMQ_").unwrap_or(variable);
            let is_default = DEFAULTS.contains(&(name, value));
            // An empty list of plugins is a list; any other empty value is none.
            let is_unset = value.is_empty() && name != "ENABLED_PLUGINS";
            // The name with the prefix comes first, and wins.
            if is_default || is_unset || found.settings.contains_key(name) {
                continue;
            }
            let setting = EnvironmentSetting {
                variable: variable.to_owned(),
                value: value.to_owned(),
                by: by(variable),
            };
            found.settings.insert(name.to_owned(), setting);
        }
        for line in frames.values("environment", "cookie") {
            let (variable, digest) = line.split_once(' ').unwrap_or((line, ""));
            found.cookies.push(CookieSetting {
                variable: variable.to_owned(),
                by: by(variable),
                digest: CookieDigest::from_hex(digest),
            });
        }
        if let Some(base) = value("base").filter(|base| base.starts_with('/')) {
            found.data_base = base.to_owned();
        }
        found.data_dir = value("dir").filter(|dir| dir.starts_with('/')).map(str::to_owned);
        found.main = match value("main").and_then(|main| main.split_once(' ')) {
            Some(("new", path)) => MainConfiguration::Current(path.to_owned()),
            Some(("old", path)) => MainConfiguration::ErlangTerms(path.to_owned()),
            Some((_, path)) => MainConfiguration::Absent(path.to_owned()),
            None => found.main,
        };
        found.additional = frames.values("environment", "additional").map(str::to_owned).collect();
        found.advanced = value("advanced").map(str::to_owned);
        found.file_descriptors = value("limit").and_then(|limit| limit.parse().ok());
        found.file_descriptors_by = value("limit_by").map(str::to_owned);
        found
    }
}

/// The values with which RabbitMQ's scripts start.
const DEFAULTS: [(&str, &str); 5] = [
    ("CONFIG_FILE", "/etc/rabbitmq/rabbitmq"),
    ("ADVANCED_CONFIG_FILE", "/etc/rabbitmq/advanced.config"),
    ("MNESIA_BASE", DEFAULT_DATA_BASE),
    ("ENABLED_PLUGINS_FILE", "/etc/rabbitmq/enabled_plugins"),
    ("HOME", "/var/lib/rabbitmq"),
];

/// Whether a line of a shell script assigns this variable.
fn assigns(line: &str, variable: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    line.strip_prefix(variable).is_some_and(|rest| rest.starts_with('='))
}
