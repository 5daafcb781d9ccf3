use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Purpose;
use super::command::{command_text, without_comments};
use crate::balancer::{self, Software};
use crate::firewall;
use crate::model::{HostName, NameMode, NodeName, quote};
use crate::platform::{self, Held, OsFamily, locks, platforms};
use crate::rabbitmq::BootFailure;
use crate::rabbitmq::internals::node_report;
use crate::rabbitmq::listeners::Security;
use crate::virtual_address;

/// What to inspect on one host. The planner decides what should change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRequest {
    /// The names to resolve: every host of the inventory.
    pub names: Vec<HostName>,
    /// The packages to look up, by the names of every family of packages.
    pub packages: Vec<String>,
    /// The subset of `packages` that a plan may install: if one is missing, its candidate is looked up.
    #[serde(default)]
    pub installable: Vec<String>,
    /// The subset of `packages` whose candidate matters even if they are installed (a version is requested).
    pub candidates: Vec<String>,
    /// The requested version of the broker's package ([`VersionSpec`](crate::model::VersionSpec)), empty if none is: what stands in the way
    /// of that one is looked up.
    #[serde(default)]
    pub broker_version: String,
    pub units: Vec<String>,
    /// Files to read completely, with mode and owner. Never the cookie.
    pub files: Vec<String>,
    /// The node that should run here, on a broker.
    pub node: Option<NodeName>,
    pub name_mode: NameMode,
    /// The administrator whose password is compared, on a broker.
    pub admin: Option<String>,
    /// The plugins whose files are looked up, on a broker.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// Ports of other hosts to try, unless the running node's connections already prove them open.
    pub reach: Vec<PeerPort>,
    /// The load balancer's AMQP port on this host, on a load balancer.
    pub load_balancer_port: Option<u16>,
    /// Whether that port speaks TLS, as the brokers do.
    #[serde(default)]
    pub load_balancer_security: Security,
    /// Where a load balancer answers questions while it runs, if its software does: a socket's path, or `ADDRESS:PORT` for TCP.
    /// Saved plans of earlier builds have it under the name of the first software that had one.
    #[serde(rename = "haproxy_socket")]
    pub runtime_socket: Option<String>,
    /// Which firewalls filter on the host, and what rabbitup's rules in them let in.
    #[serde(default)]
    pub firewall: Lookup,
    /// The addresses of its interfaces, and what keepalived's check says.
    #[serde(default)]
    pub virtual_address: Lookup,
    /// The addresses that load balancers share: whether another machine has one already.
    #[serde(default)]
    pub vips: Vec<IpAddr>,
}

/// Whether something is looked up at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookup {
    #[default]
    LeftOut,
    Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerPort {
    pub peer: HostName,
    pub address: IpAddr,
    pub port: u16,
    #[serde(default)]
    pub purpose: Purpose,
}

const PROBE: [&str; 5] = [
    concat!(
        include_str!("script_head.sh"),
        include_str!("at_work.sh"),
        include_str!("broker_user.sh"),
        include_str!("broker_environment.sh"),
        include_str!("mounted.sh"),
        include_str!("unix_socket.sh"),
        include_str!("cloud_init.sh"),
        include_str!("probe.sh"),
        include_str!("environment_probe.sh")
    ),
    balancer::PROBE,
    virtual_address::PROBE,
    platform::PROBE,
    concat!(
        include_str!("broker_logs.sh"),
        include_str!("erlang_tool.sh"),
        include_str!("erl_call.sh"),
        include_str!("probe_broker.sh")
    ),
];
const REALM: &str = concat!(include_str!("mounted.sh"), include_str!("broker_realm.sh"));

impl ProbeRequest {
    /// The command text that a POSIX shell runs, as root, to answer this request. Its output is for [`super::parse()`], with the
    /// same nonce: an unguessable word without spaces.
    ///
    /// The text starts with assignments, so a caller that became root prepends `become=sudo`, `become=sudo-password` or
    /// `become=doas` and a newline; otherwise the probe guesses from the environment variables of sudo and doas. It contains no
    /// secret.
    pub fn command(&self, nonce: &str) -> String {
        let reach =
            self.reach.iter().map(|p| format!("{} {} {} {}", p.peer, p.address, p.port, p.purpose.as_str()));
        let port = self.load_balancer_port.map(|port| port.to_string());
        let node = self.node.as_ref().map(ToString::to_string);
        let held = |way| locks().filter(move |lock| lock.held == way).map(|lock| lock.file.to_owned());
        let values = [
            ("nonce", nonce.to_owned()),
            ("names", lines(self.names.iter().map(ToString::to_string))),
            ("candidates", lines(self.candidates.iter().cloned())),
            ("broker_version", self.broker_version.clone()),
            ("units", lines(self.units.iter().map(|unit| unit_name(unit)))),
            ("files", lines(self.files.iter().filter(|path| !path.ends_with(".erlang.cookie")).cloned())),
            ("name_flag", self.name_mode.flag().to_owned()),
            ("node_erl", if node.is_some() { self.question() } else { String::new() }),
            ("node", node.unwrap_or_default()),
            ("boot_failures", lines(BootFailure::ALL.iter().map(|failure| failure.word().to_owned()))),
            ("realm_sh", without_comments(REALM)),
            ("package_data", lines(platforms().map(|platform| platform.data.to_owned()))),
            ("package_locks", lines(held(Held::Locked))),
            ("package_pids", lines(held(Held::Numbered))),
            (
                "selinux_booleans",
                lines(Software::ALL.iter().map(|software| software.balancer().selinux_boolean.to_owned())),
            ),
            ("plugins", lines(self.plugins.iter().cloned())),
            ("reach", lines(reach)),
            ("lb_port", port.unwrap_or_default()),
            ("runtime_socket", self.runtime_socket.clone().unwrap_or_default()),
            (
                "address_check",
                match self.virtual_address {
                    Lookup::LeftOut => String::new(),
                    Lookup::Wanted => virtual_address::CHECK.to_owned(),
                },
            ),
            ("vips", lines(self.vips.iter().map(ToString::to_string))),
        ];
        // Most hosts are not asked, and need not read it.
        let firewalls = match self.firewall {
            Lookup::LeftOut => "firewalls() { :; }\n",
            Lookup::Wanted => firewall::PROBE,
        };
        let probe: Vec<&str> = [&PROBE[..PROBE.len() - 1], &[firewalls], &PROBE[PROBE.len() - 1..]].concat();
        self.package_names() + &command_text(&values, &probe.concat())
    }

    /// For each family of packages: the names to look up that a package may have there. A name of another family would make its
    /// package manager search for what is never installed.
    fn package_names(&self) -> String {
        let families = OsFamily::ALL.iter().filter_map(|family| Some((family.word(), family.platform()?)));
        let assignments = families.map(|(word, platform)| {
            let own = |names: &[String]| {
                quote(&lines(names.iter().filter(|name| platform.may_have(name)).cloned()))
            };
            format!(
                "packages_{word}={}\ninstallable_{word}={}\n",
                own(&self.packages),
                own(&self.installable)
            )
        });
        assignments.collect()
    }

    /// The Erlang expressions, without the last one, which depends on the tool that evaluates them.
    fn question(&self) -> String {
        // As numbers, so that no name can be evaluated as code.
        let admin = self.admin.as_ref().map_or("none".to_owned(), |name| {
            let bytes: Vec<_> = name.bytes().map(|b| b.to_string()).collect();
            format!("<<{}>>", bytes.join(","))
        });
        format!("Admin = {admin},\n{}", node_report().trim_end())
    }
}

/// One value per line; values with a newline are not supported.
fn lines(values: impl Iterator<Item = String>) -> String {
    let plain: Vec<_> = values.filter(|value| !value.contains('\n')).collect();
    plain.join("\n")
}

/// `systemctl` takes a bare word for a service; saying so makes the answer's `Id` predictable.
pub(super) fn unit_name(unit: &str) -> String {
    if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") }
}
