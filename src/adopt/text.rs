//! The file's text.

use std::fmt::Write as _;

use super::adoption::{BalancerState, ClusterName, OwnSettings, Table, Written};
use super::{Adoption, Manage};
use crate::cluster::phrases::listed;
use crate::document::{comment, toml_string as quoted};
use crate::inventory::HostKeys;
use crate::model::{NameMode, NodeType, Role};
use crate::rabbitmq::CONF_FILE;
use crate::redact::{names_a_secret, redacted};

impl Adoption {
    /// The inventory. Everything that hosts said is quoted, or on a line of its own in a comment.
    pub fn text(&self) -> String {
        let tables = [
            self.head(),
            self.cluster(),
            self.config(),
            self.package(),
            self.ssh(),
            self.hosts_file(),
            self.time(),
            self.hosts(),
            self.balancers(),
        ];
        tables.into_iter().filter(|table| !table.is_empty()).collect::<Vec<_>>().join("\n")
    }

    fn head(&self) -> String {
        let names = listed(self.brokers.iter().map(|broker| &broker.name));
        let mut text =
            comment(&format!("The RabbitMQ cluster of {names} as it is, asked at {}.", self.asked));
        text += &comment(
            "Queues, users, permissions and policies are the cluster's data: they are not in this file, and rabbitup leaves them alone.",
        );
        let variables = self.variables();
        if !variables.is_empty() {
            text += &comment(&format!(
                "No secret is in it. Set {} before the first plan, each to the value that the hosts have.",
                listed(&variables)
            ));
        }
        if self.left.is_empty() {
            text += &comment("With this file as it is, `rabbitup plan` has nothing to do.");
        } else {
            text += "#\n";
            text += &comment("What `rabbitup plan` says with this file, since no setting can express it:");
            self.left.iter().for_each(|line| text += &comment(&format!("  {line}")));
        }
        text
    }

    /// The environment variables without which the inventory does not load.
    pub fn variables(&self) -> Vec<String> {
        match &self.settings {
            OwnSettings::Same { settings, written: Written::InForce } => settings
                .iter()
                .filter(|(key, value)| is_secret(key, value))
                .map(|(key, _)| variable(key))
                .collect(),
            OwnSettings::Same { written: Written::AsComment, .. }
            | OwnSettings::None
            | OwnSettings::Different { .. } => Vec::new(),
        }
    }

    fn cluster(&self) -> String {
        let mut text = "[cluster]\n".to_owned();
        match &self.name {
            ClusterName::Unknown => {}
            ClusterName::Default(name) => {
                text += &comment(&format!(
                    "Nobody has named the cluster: RabbitMQ calls it {name}. A name given here is set."
                ));
                text += "# name = \"rabbitmq\"\n";
            }
            ClusterName::Given(name) => text += &format!("name = {}\n", quoted(name)),
        }
        if let Some(plugins) = &self.plugins {
            text += &comment(match plugins.is_empty() {
                true => "No plugin is enabled on any node. Without this line plugins stay as they are.",
                false => {
                    "Exactly these plugins are enabled, on every node. Without this line plugins stay as they are."
                }
            });
            let plugins: Vec<String> = plugins.iter().map(|plugin| quoted(plugin)).collect();
            text += &format!("plugins = [{}]\n", plugins.join(", "));
        }
        text += &comment("The Erlang cookie stays on the hosts: a new broker gets that of the first one.");
        text += "cookie = { from = \"seed\" }\n";
        if self.names == NameMode::Long {
            text += &comment("Node names have a domain: rabbit@node1.example.com.");
            text += "names = \"long\"\n";
        }
        if let Some(limit) = &self.limit {
            text += &comment(&format!("The limit of open files that {} sets.", limit.by));
            text += &format!("file_descriptors = {}\n", limit.number);
        }
        text += &comment(
            "No users are managed. With this line, and the variable set, rabbitup keeps an administrator:",
        );
        text += "# admin = { user = \"admin\", password = { from = \"env\", name = \"RABBITUP_ADMIN_PASSWORD\" } }\n";
        text + &self.remarks_under(Table::Cluster)
    }

    fn config(&self) -> String {
        match &self.settings {
            OwnSettings::None => String::new(),
            OwnSettings::Different { keys } => comment(&format!(
                "{CONF_FILE} is the hosts' own and stays as it is: it differs between the nodes in {}. A [cluster.config] would \
                     give all of them the same settings, and new brokers, too.",
                listed(keys)
            )),
            OwnSettings::Same { settings, written } => {
                let lines = settings.iter().map(|(key, value)| setting(key, value));
                match written {
                    Written::InForce => {
                        let head =
                            comment(&format!("Lines of {CONF_FILE}, which rabbitup wrote on these hosts."));
                        head + "[cluster.config]\n" + &lines.collect::<String>()
                    }
                    Written::AsComment => {
                        let head = comment(&format!(
                            "{CONF_FILE} is the hosts' own and stays as it is. These are its settings, the same on all nodes; a new broker \
                             gets them only if they are uncommented. rabbitup then manages the file."
                        ));
                        let lines = ["[cluster.config]\n".to_owned()].into_iter().chain(lines);
                        head + &lines.map(|line| format!("# {line}")).collect::<String>()
                    }
                }
            }
        }
    }

    fn package(&self) -> String {
        match &self.held {
            Some(held) => {
                let why =
                    comment("rabbitmq-server and Erlang are held on every node, so this version stays.");
                format!("[package]\n{why}version = {}\nhold = true\n", quoted(&held.version))
            }
            None => {
                let text = comment(
                    "No [package] version: the installed one stays, a new broker gets the version of the others, and `rabbitup run \
                     upgrade version=…` changes it. A version here would only have to be kept up to date.",
                );
                text + &self.remarks_under(Table::Package)
            }
        }
    }

    fn ssh(&self) -> String {
        let access = &self.access;
        let mut text = "[ssh]\n".to_owned();
        let mut set = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = {value}");
            }
        };
        set("user", access.user.as_deref().map(quoted));
        set("port", access.port.map(|port| port.to_string()));
        let path = |path: &std::path::PathBuf| quoted(&path.display().to_string());
        set("identity", access.identity.as_ref().map(path));
        set("config", access.config.as_ref().map(path));
        set("jump", access.jump.as_deref().map(quoted));
        set(
            "host_keys",
            match access.host_keys {
                HostKeys::Strict => None,
                HostKeys::AcceptNew => Some(quoted("accept-new")),
            },
        );
        match text.lines().count() {
            1 => text + &comment("Your ssh configuration decides on logins, ports and keys."),
            _ => text,
        }
    }

    fn hosts_file(&self) -> String {
        match self.hosts_file {
            Manage::Yes => String::new(),
            Manage::No => {
                let why =
                    comment("Every name resolves to its address on every host; /etc/hosts stays as it is.");
                format!("[hosts_file]\n{why}manage = false\n")
            }
        }
    }

    fn time(&self) -> String {
        match self.time {
            Manage::No => {
                let why = comment("The hosts' time services stay as they are; their clocks are checked.");
                format!("[time]\n{why}manage = false\n")
            }
            Manage::Yes if self.time_servers.is_empty() => String::new(),
            Manage::Yes => {
                let sources = self
                    .brokers
                    .iter()
                    .filter(|broker| broker.serves_time)
                    .map(|broker| broker.name.to_string());
                let balancers =
                    self.balancers.iter().filter(|host| host.serves_time).map(|host| host.name.to_string());
                let servers = sources.chain(balancers).chain(self.time_servers.iter().cloned());
                let servers: Vec<String> = servers.map(|server| quoted(&server)).collect();
                format!("[time]\nservers = [{}]\n", servers.join(", "))
            }
        }
    }

    fn hosts(&self) -> String {
        let mut text = comment(
            "The members, the one that has run longest first (RabbitMQ does not note which came first): new brokers enter its cluster \
             through it. Addresses are those at which the hosts find each other.",
        );
        let count = self.brokers.len();
        if count.is_multiple_of(2) {
            text +=
                &comment(&format!("{count} are an even number: one more broker tolerates one more failure."));
        }
        for broker in &self.brokers {
            let _ = write!(
                text,
                "\n[[host]]\nname = {}\naddress = {}\nroles = {}\n",
                quoted(broker.name.as_str()),
                quoted(&broker.address.to_string()),
                words(&broker.roles())
            );
            if broker.node_type == NodeType::Ram {
                text += "node_type = \"ram\"\n";
            }
            if let Some(route) = &broker.route {
                let _ = writeln!(text, "ssh = {{ host = {} }}", quoted(route));
            }
        }
        text
    }

    fn balancers(&self) -> String {
        let Some(found) = self.balancer.as_ref().filter(|_| !self.balancers.is_empty()) else {
            return self.balancer_hosts();
        };
        let mut table = "[load_balancer]\n".to_owned();
        let _ = writeln!(table, "software = {}", quoted(found.software.as_str()));
        if let Some(balance) = found.balance {
            let _ = writeln!(table, "balance = {}", quoted(balance));
        }
        for (key, port) in [("amqp_port", found.amqp_port), ("management_port", found.management_port)] {
            if let Some(port) = port {
                let _ = writeln!(table, "{key} = {port}");
            }
        }
        if let Some(port) = found.stats_port {
            let _ = writeln!(table, "stats = {{ port = {port} }}");
        }
        if !found.listeners.is_empty() {
            let each = found.listeners.iter();
            let each = each
                .map(|(serves, port)| format!("{{ serves = {}, port = {port} }}", quoted(serves.as_str())));
            let _ = writeln!(table, "listeners = [{}]", each.collect::<Vec<_>>().join(", "));
        }
        let remarks = self.remarks_under(Table::LoadBalancer);
        match &found.state {
            BalancerState::InForce => format!("{}\n{remarks}{table}", self.balancer_hosts()),
            BalancerState::AsComment(brings) => {
                let mut text = remarks;
                text += &comment(
                    "The load balancers are not managed: without the # before these lines, `rabbitup plan` would",
                );
                brings.iter().for_each(|line| text += &comment(&format!("  {line}")));
                let tables = format!("{}\n{table}", self.balancer_hosts());
                text + &tables
                    .lines()
                    .map(|line| format!("# {line}").trim_end().to_owned() + "\n")
                    .collect::<String>()
            }
        }
    }

    fn balancer_hosts(&self) -> String {
        let mut tables = Vec::new();
        for host in &self.balancers {
            let mut text = format!(
                "[[host]]\nname = {}\naddress = {}\nroles = {}\n",
                quoted(host.name.as_str()),
                quoted(&host.address.to_string()),
                words(&host.roles())
            );
            if let Some(user) = &host.user {
                let _ = writeln!(text, "ssh = {{ user = {} }}", quoted(user));
            }
            tables.push(text);
        }
        tables.join("\n")
    }

    fn remarks_under(&self, table: Table) -> String {
        self.remarks.iter().filter(|(under, _)| *under == table).map(|(_, text)| comment(text)).collect()
    }
}

/// A line of `[cluster.config]`. Of a secret, only where it may come from.
fn setting(key: &str, value: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let is_bare = key.split('.').all(|part| !part.is_empty() && part.chars().all(bare));
    let shown = if is_bare { key.to_owned() } else { quoted(key) };
    if is_secret(key, value) {
        return format!("{shown} = {{ from = \"env\", name = \"{}\" }}\n", variable(key));
    }
    format!("{shown} = {}\n", plain(value))
}

/// Whether the value of a setting must not be shown.
fn is_secret(key: &str, value: &str) -> bool {
    let line = format!("{key} = {value}");
    names_a_secret(key) || redacted(&line).trim_end() != line.trim_end()
}

/// The environment variable for a setting's secret.
fn variable(key: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("RABBITUP_{}", key.chars().map(upper).collect::<String>())
}

/// A value of rabbitmq.conf, without quotes where TOML writes it just so.
fn plain(value: &str) -> String {
    let is_integer = value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    let is_decimal =
        value.contains('.') && value.parse::<f64>().is_ok_and(|number| number.to_string() == value);
    if is_integer || is_decimal || ["true", "false"].contains(&value) {
        value.to_owned()
    } else {
        quoted(value)
    }
}

fn words(roles: &[Role]) -> String {
    let roles: Vec<String> = roles.iter().map(|role| quoted(role.as_str())).collect();
    format!("[{}]", roles.join(", "))
}
