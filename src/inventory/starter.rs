use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU16;

use super::{Admin, Become, HostKeys};
use crate::balancer::{Balancer, Software, StatisticsPage};
use crate::document::{comment, listed, toml_string};
use crate::model::{HostName, Role};
use crate::rabbitmq::listeners::{AMQP, MANAGEMENT};

/// Why `rabbitup init` cannot create an inventory from its arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StarterError {
    #[error(
        "no host given: rabbitup init node1=192.168.0.41 node2=192.168.0.42 node3=192.168.0.43 lb1=192.168.0.44"
    )]
    NoHost,
    #[error("by their names all hosts are load balancers: add a broker, as in node1=192.168.0.41")]
    NoBroker,
    #[error("`{0}` has a domain and `{1}` has none: node names must be all short or all long")]
    Mixed(String, String),
    #[error("`{0}` has no address: write NAME=ADDRESS, ADDRESS or USER@ADDRESS, as in node1=192.168.0.41")]
    NoAddress(String),
    #[error("`{0}`: {1}")]
    BadName(String, crate::model::HostNameError),
    #[error("`{0}`: the login `{1}` is not a single word")]
    BadUser(String, String),
    #[error("two hosts have the {0} `{1}`")]
    Twice(&'static str, String),
}

/// The environment variable that a starter inventory has the administrator's password from.
pub(crate) const ADMIN_PASSWORD: &str = "RABBITUP_ADMIN_PASSWORD";

/// A starter inventory.
#[derive(Debug)]
pub(crate) struct Starter {
    /// In the order of joining.
    pub hosts: Vec<StarterHost>,
    /// How all of them are reached.
    pub ssh: StarterSsh,
    pub software: Software,
    /// Paragraphs of comment at the head.
    pub remarks: Vec<String>,
}

/// A host of it.
#[derive(Debug)]
pub(crate) struct StarterHost {
    pub name: HostName,
    pub address: IpAddr,
    pub part: StarterPart,
    pub ssh: StarterSsh,
    /// Paragraphs of comment above it.
    pub remarks: Vec<String>,
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StarterPart {
    Broker,
    LoadBalancer,
}

impl StarterPart {
    /// By the host's name alone.
    pub fn by_name(name: &HostName) -> Self {
        let starts = ["lb", Software::default().as_str(), "proxy", "balancer"];
        match starts.iter().any(|start| name.as_str().starts_with(start)) {
            true => Self::LoadBalancer,
            false => Self::Broker,
        }
    }
}

/// How ssh reaches a host, as far as it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StarterSsh {
    pub host: Option<String>,
    pub user: Option<String>,
    pub port: Option<NonZeroU16>,
    pub identity: Option<String>,
    pub config: Option<String>,
    pub jump: Option<String>,
    /// `accept-new`; None: only known keys.
    pub host_keys: Option<HostKeys>,
    pub r#become: Option<Become>,
}

impl StarterSsh {
    /// The settings that are said, as TOML.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let text = |value: &Option<String>| value.as_deref().map(toml_string);
        let pairs = [
            ("host", text(&self.host)),
            ("user", text(&self.user)),
            ("port", self.port.map(|port| port.to_string())),
            ("identity", text(&self.identity)),
            ("config", text(&self.config)),
            ("jump", text(&self.jump)),
            ("host_keys", self.host_keys.map(|keys| toml_string(keys_word(keys)))),
            ("become", self.r#become.map(|way| toml_string(become_word(way)))),
        ];
        pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

fn keys_word(keys: HostKeys) -> &'static str {
    match keys {
        HostKeys::Strict => "strict",
        HostKeys::AcceptNew => "accept-new",
    }
}

fn become_word(way: Become) -> &'static str {
    match way {
        Become::Auto => "auto",
        Become::Root => "root",
        Become::Sudo => "sudo",
        Become::Doas => "doas",
    }
}

/// Writes a commented starter inventory.
///
/// Each host is `ADDRESS`, `NAME=ADDRESS`, `USER@ADDRESS` or `NAME=USER@ADDRESS`. Hosts without a name become node1, node2…;
/// names that start with `lb`, `proxy`, `balancer` or the default balancer's name become load balancers, all others brokers, the
/// first of them the seed node. An administrator stands in it as a comment, unless one is given; its password comes from the environment.
///
/// # Errors
/// The first argument in another form, or with a repeated name or address.
pub fn starter<S: AsRef<str>>(hosts: &[S], admin: Option<&Admin>) -> Result<String, StarterError> {
    let hosts = hosts.iter().enumerate().map(|(at, text)| parse(text.as_ref(), at + 1));
    let hosts: Vec<StarterHost> = hosts.collect::<Result<_, _>>()?;
    let starter =
        Starter { hosts, ssh: StarterSsh::default(), software: Software::default(), remarks: Vec::new() };
    starter.check()?;
    Ok(starter.text(admin))
}

fn parse(text: &str, number: usize) -> Result<StarterHost, StarterError> {
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) => (name.to_owned(), rest),
        None => (format!("node{number}"), text),
    };
    let (user, address) = match rest.rsplit_once('@') {
        Some((user, address)) => (Some(user.to_owned()), address),
        None => (None, rest),
    };
    let address = address.parse().map_err(|_| StarterError::NoAddress(text.to_owned()))?;
    let name = HostName::parse(&name).map_err(|why| StarterError::BadName(text.to_owned(), why))?;
    if let Some(user) = &user
        && (user.is_empty()
            || user.starts_with('-')
            || !user.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))
    {
        return Err(StarterError::BadUser(text.to_owned(), user.clone()));
    }
    let part = StarterPart::by_name(&name);
    let ssh = StarterSsh { user, ..StarterSsh::default() };
    Ok(StarterHost { name, address, part, ssh, remarks: Vec::new() })
}

impl Starter {
    /// # Errors
    /// No host, no broker, a repeated name or address, or names with a domain beside names without.
    pub fn check(&self) -> Result<(), StarterError> {
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for host in &self.hosts {
            if !names.insert(&host.name) {
                return Err(StarterError::Twice("name", host.name.to_string()));
            }
            if !addresses.insert(host.address) {
                return Err(StarterError::Twice("address", host.address.to_string()));
            }
        }
        if self.hosts.is_empty() {
            return Err(StarterError::NoHost);
        }
        if self.brokers().is_empty() {
            return Err(StarterError::NoBroker);
        }
        let (long, short): (Vec<_>, Vec<_>) = self.hosts.iter().partition(|host| host.name.is_qualified());
        match (long.first(), short.first()) {
            (Some(long), Some(short)) => {
                Err(StarterError::Mixed(long.name.to_string(), short.name.to_string()))
            }
            (Some(_), None) | (None, Some(_) | None) => Ok(()),
        }
    }

    fn brokers(&self) -> Vec<&str> {
        let brokers = self.hosts.iter().filter(|host| host.part == StarterPart::Broker);
        brokers.map(|host| host.name.as_str()).collect()
    }

    /// The inventory.
    pub fn text(&self, admin: Option<&Admin>) -> String {
        [self.cluster(admin), self.ssh(), self.hosts(), self.balancer()].concat()
    }

    fn cluster(&self, admin: Option<&Admin>) -> String {
        let mut text = String::from(
            "# A RabbitMQ cluster for rabbitup. `rabbitup check` validates this file, `rabbitup plan` shows what would\n\
             # change, `rabbitup up` does it. `rabbitup schema inventory` describes every setting.\n",
        );
        for remark in &self.remarks {
            text.push_str("#\n");
            text.push_str(&comment(remark));
        }
        text.push_str(
            "\n[cluster]\n\
             name = \"rabbitmq\"\n\
             # Exactly these plugins. Without this line plugins stay unchanged.\n\
             plugins = [\"rabbitmq_management\", \"rabbitmq_prometheus\"]\n\
             # The Erlang cookie comes from the first broker. Also: \"generate\", or { from = \"file\", path = \"cookie\" }.\n\
             cookie = \"seed\"\n",
        );
        let line = |user: &str| {
            let user = toml_string(user);
            format!(
                "admin = {{ user = {user}, password = {{ from = \"env\", name = \"{ADMIN_PASSWORD}\" }} }}\n"
            )
        };
        text += &match admin {
            Some(admin) => format!(
                "# The administrator. Set the variable before each run: export {ADMIN_PASSWORD}=…\n{}",
                line(&admin.user)
            ),
            None => format!(
                "# The administrator: without one only guest can log in, and only on the brokers' own hosts. Remove the # below, then set the\n\
                 # variable before each run: export {ADMIN_PASSWORD}=…\n# {}",
                line("admin")
            ),
        };
        if self.hosts.iter().all(|host| host.name.is_qualified()) {
            text.push_str(
                "# Host names have a domain, so node names have it too: rabbit@node1.example.com.\nnames = \"long\"\n",
            );
        }
        text.push_str(
            "\n# Lines of rabbitmq.conf.\n[cluster.config]\nvm_memory_high_watermark.relative = 0.6\n\n",
        );
        text
    }

    /// `[ssh]`: a setting that is not said stands there with its default.
    fn ssh(&self) -> String {
        let said = self.ssh.pairs();
        let usual = [
            ("user", "# user = \"ops\"           # without it, ssh's own configuration decides"),
            ("host_keys", "host_keys = \"strict\"     # \"accept-new\" trusts new hosts"),
            ("become", "become = \"auto\"          # directly as root, else sudo, else doas"),
        ];
        let own = usual.iter().filter(|(key, _)| !said.iter().any(|(other, _)| other == key));
        let lines = said.iter().map(|(key, value)| format!("{key} = {value}\n"));
        let lines = lines.chain(own.map(|(_, line)| format!("{line}\n")));
        let time = "# Time servers for every host. Without them each host's own configuration stays; the clocks are checked in any case.\n\
                    # [time]\n\
                    # servers = [\"ntp.example.com\"]\n";
        format!("[ssh]\n{}\n{time}\n", lines.collect::<String>())
    }

    fn hosts(&self) -> String {
        let brokers = self.brokers();
        let mut text = format!(
            "# Hosts, in the order of joining: {} and the others join it.\n",
            brokers.first().map(|seed| format!("`{seed}` is the seed node")).unwrap_or_default()
        );
        if brokers.len().is_multiple_of(2) {
            let even = format!(
                "# {} are an even number: one more broker tolerates one more failure.\n",
                listed(&brokers, "and")
            );
            text.push_str(&even);
        }
        for host in &self.hosts {
            let role = match host.part {
                StarterPart::Broker => Role::Broker,
                StarterPart::LoadBalancer => Role::LoadBalancer,
            };
            text.push('\n');
            host.remarks.iter().for_each(|remark| text.push_str(&comment(remark)));
            text.push_str(&format!("[[host]]\nname = \"{}\"\naddress = \"{}\"\n", host.name, host.address));
            text.push_str(&format!("roles = [\"{}\"]\n", role.as_str()));
            let pairs: Vec<String> =
                host.ssh.pairs().into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
            if !pairs.is_empty() {
                text.push_str(&format!("ssh = {{ {} }}\n", pairs.join(", ")));
            }
        }
        text
    }

    fn balancer(&self) -> String {
        if self.hosts.iter().all(|host| host.part == StarterPart::Broker) {
            return String::new();
        }
        let Balancer { name, default, statistics, .. } = self.software.balancer();
        let mut text = format!(
            "\n# In front of the brokers: AMQP on {AMQP}, the management UI on {MANAGEMENT}.\n\
             [load_balancer]\nsoftware = \"{}\"\nbalance = \"{}\"\n",
            self.software.as_str(),
            default.word
        );
        match statistics {
            StatisticsPage::Offered => text.push_str(&format!(
                "# {name}'s statistics page, only on the load balancer itself; ssh -L 8404:127.0.0.1:8404 HOST forwards it\n\
                 # to your machine. With a user and a password it listens on every address.\n\
                 stats = {{ port = 8404 }}\n"
            )),
            StatisticsPage::Missing { .. } => {}
        }
        text
    }
}
