use std::net::IpAddr;

use crate::balancer::{Balancer, Software};
use crate::document::listed;
use crate::model::HostName;
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

struct Named {
    name: HostName,
    address: IpAddr,
    user: Option<String>,
    is_balancer: bool,
}

/// Writes a commented starter inventory.
///
/// Each host is `ADDRESS`, `NAME=ADDRESS`, `USER@ADDRESS` or `NAME=USER@ADDRESS`. Hosts without a name become node1, node2…;
/// names that start with `lb`, `proxy`, `balancer` or the default balancer's name become load balancers, all others brokers, the
/// first of them the seed node.
///
/// # Errors
/// The first argument in another form, or with a repeated name or address.
pub fn starter<S: AsRef<str>>(hosts: &[S]) -> Result<String, StarterError> {
    let mut named: Vec<Named> = Vec::new();
    for (at, text) in hosts.iter().enumerate() {
        let host = parse(text.as_ref(), at + 1)?;
        if named.iter().any(|other| other.name == host.name) {
            return Err(StarterError::Twice("name", host.name.to_string()));
        }
        if named.iter().any(|other| other.address == host.address) {
            return Err(StarterError::Twice("address", host.address.to_string()));
        }
        named.push(host);
    }
    if named.is_empty() {
        return Err(StarterError::NoHost);
    }
    if named.iter().all(|host| host.is_balancer) {
        return Err(StarterError::NoBroker);
    }
    let (long, short): (Vec<&Named>, Vec<&Named>) = named.iter().partition(|host| host.name.is_qualified());
    if let (Some(long), Some(short)) = (long.first(), short.first()) {
        return Err(StarterError::Mixed(long.name.to_string(), short.name.to_string()));
    }
    Ok(write(&named))
}

fn parse(text: &str, number: usize) -> Result<Named, StarterError> {
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
    let is_balancer = ["lb", Software::default().as_str(), "proxy", "balancer"]
        .iter()
        .any(|start| name.as_str().starts_with(start));
    Ok(Named { name, address, user, is_balancer })
}

fn write(hosts: &[Named]) -> String {
    let balancer = hosts.iter().find(|host| host.is_balancer);
    let is_long = hosts.iter().all(|host| host.name.is_qualified());
    let brokers: Vec<&str> =
        hosts.iter().filter(|host| !host.is_balancer).map(|host| host.name.as_str()).collect();
    let mut text = String::from(
        "# A RabbitMQ cluster for rabbitup. `rabbitup check` validates this file, `rabbitup plan` shows what would\n\
         # change, `rabbitup up` does it. `rabbitup schema inventory` describes every setting.\n\n\
         [cluster]\n\
         name = \"rabbitmq\"\n\
         # Exactly these plugins. Without this line plugins stay unchanged.\n\
         plugins = [\"rabbitmq_management\", \"rabbitmq_prometheus\"]\n\
         # The Erlang cookie comes from the first broker. Also: \"generate\", or { from = \"file\", path = \"cookie\" }.\n\
         cookie = \"seed\"\n",
    );
    if is_long {
        text.push_str("# Host names have a domain, so node names have it too: rabbit@node1.example.com.\nnames = \"long\"\n");
    }
    text.push_str(
        "\n# Lines of rabbitmq.conf.\n[cluster.config]\nvm_memory_high_watermark.relative = 0.6\n\n\
         [ssh]\n\
         # user = \"ops\"           # without it, ssh's own configuration decides\n\
         host_keys = \"strict\"     # \"accept-new\" trusts new hosts\n\
         become = \"auto\"          # directly as root, else sudo, else doas\n\n",
    );
    text.push_str(&format!(
        "# Hosts, in the order of joining: {} and the others join it.\n",
        brokers.first().map(|seed| format!("`{seed}` is the seed node")).unwrap_or_default()
    ));
    if brokers.len().is_multiple_of(2) {
        text.push_str(&format!(
            "# {} are an even number: one more broker tolerates one more failure.\n",
            listed(&brokers, "and")
        ));
    }
    for host in hosts {
        let role = if host.is_balancer { "load-balancer" } else { "broker" };
        text.push_str(&format!("\n[[host]]\nname = \"{}\"\naddress = \"{}\"\n", host.name, host.address));
        text.push_str(&format!("roles = [\"{role}\"]\n"));
        if let Some(user) = &host.user {
            text.push_str(&format!("ssh = {{ user = \"{user}\" }}\n"));
        }
    }
    if balancer.is_some() {
        let software = Software::default();
        let Balancer { name, default, .. } = software.balancer();
        text.push_str(&format!(
            "\n# In front of the brokers: AMQP on {AMQP}, the management UI on {MANAGEMENT}.\n\
             [load_balancer]\nsoftware = \"{}\"\nbalance = \"{}\"\n\
             # {name}'s statistics page, only on the load balancer itself; ssh -L 8404:127.0.0.1:8404 HOST forwards it\n\
             # to your machine. With a user and a password it listens on every address.\n\
             stats = {{ port = 8404 }}\n",
            software.as_str(),
            default.word
        ));
    }
    text
}
