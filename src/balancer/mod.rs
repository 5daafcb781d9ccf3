//! The load-balancing software, one file for each: its names, packages and
//! unit, its configuration file and validator, its algorithms, its run-time interface if any.
//!
//! To add one: its file here with its [`Balancer`], which has no defaults, its shell beside it, its template in templates/,
//! and its line in the list below.

mod haproxy;
mod nginx;

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Version;

/// The units of all load balancers' software.
pub(crate) fn units() -> impl Iterator<Item = &'static str> {
    Software::ALL.iter().map(|software| software.balancer().unit)
}

/// The properties of a load balancer's software.
#[derive(Debug)]
pub struct Balancer {
    /// Its name as its vendor writes it.
    pub name: &'static str,
    pub packages: Packages,
    /// The unit in its package.
    pub unit: &'static str,
    /// Its configuration file.
    pub conf: &'static str,
    pub template: Template,
    /// The algorithm if the inventory names none. AMQP needs one that works on TCP connections.
    pub default: Algorithm,
    /// The other algorithms that work on TCP connections.
    pub others: &'static [Algorithm],
    /// The first version that can be told when TCP keep-alives of its connections begin. Earlier ones leave it to the kernel: two hours.
    pub idle_probes_since: (u32, u32),
    /// Releases of systems that have an earlier version than that: a new host does not say which it will install before its package
    /// lists are fetched.
    pub old_in: &'static [Shipped],
    /// Its algorithms that need more than a TCP connection.
    pub beyond_tcp: &'static [&'static str],
    /// Where a listener accepts clients, as its configuration says it.
    pub bind: fn(Bind) -> String,
    /// The directive before that.
    pub listens: &'static str,
    /// How a server is disabled at run time; None: a drained broker refuses its connections, and it uses
    /// another one.
    pub runtime: Option<Runtime>,
    pub statistics: StatisticsPage,
    /// The boolean of SELinux's policy that lets it connect to any port: AMQP's is not among those that it may connect to otherwise
    /// (haproxy_selinux(8), httpd_selinux(8)).
    pub selinux_boolean: &'static str,
    /// The same in its syslog, of a line that it wrote to standard error: the journal has both.
    pub same_in_syslog: Option<fn(&str) -> Option<String>>,
    /// Directives whose words may appear in a bundle, by their first one or two words.
    pub harmless: &'static [&'static str],
}

/// The version that a release of a system has in its own packages.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// `ID` of /etc/os-release.
    pub system: &'static str,
    /// `VERSION_ID` of /etc/os-release.
    pub release: &'static str,
    pub version: Version,
}

/// Its packages, by package family.
#[derive(Debug)]
pub struct Packages {
    pub apt: Packaged,
    pub dnf: Packaged,
}

/// The packages in one family.
#[derive(Debug, Clone, Copy)]
pub struct Packaged {
    /// The package with the unit.
    pub main: &'static str,
    /// The modules that rabbitup's configuration loads.
    pub modules: &'static [&'static str],
    /// The user that it runs as.
    pub user: &'static str,
    /// Where the packages of modules put what loads them, as the configuration includes it.
    pub modules_conf: &'static str,
    /// The socket that its configuration opens, where it can be told anything at run time ([`Runtime`]).
    pub socket: &'static str,
    /// The socket where it says to everybody on its host whether it works and reaches a broker; empty for software that cannot.
    pub alive: &'static str,
}

impl Packaged {
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        [self.main].into_iter().chain(self.modules.iter().copied())
    }
}

/// The template of its configuration.
#[derive(Debug)]
pub struct Template {
    /// Its name in templates/.
    pub file: &'static str,
    pub text: &'static str,
    /// What it renders, for the inventory's schema.
    pub about: &'static str,
}

/// A way to spread connections.
#[derive(Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// Its name in the inventory.
    pub word: &'static str,
    /// What it does: the same strategy has other names in other software, and those are understood, too.
    pub strategy: Option<Strategy>,
    /// The directive in the configuration; None: it is the default of the software.
    pub directive: Option<&'static str>,
    pub share: Share,
}

/// Whether a server that comes back can get its share of connections little by little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Growing,
    /// The algorithm has fixed weights, or the software no such setting.
    WholeAtOnce,
}

/// What an algorithm does, in any software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    InTurn,
    FewestConnections,
    ByClientAddress,
    Random,
}

/// Its interface at run time. Its shell file has the functions `NAME_serves`, `NAME_states` and `NAME_set`.
#[derive(Debug)]
pub struct Runtime {
    /// The meaning of the result of its last health check of a server.
    pub verdict: fn(&str) -> &str,
    /// The names of its backends in rabbitup's template.
    pub amqp: &'static str,
    pub management: &'static str,
    /// The name of the backend for something else that it offers, such as `mqtt`.
    pub offered: fn(&str) -> String,
    /// What follows the name of a backend in the name of its pair, whose servers get the PROXY protocol's header while brokers change to it
    /// or from it.
    pub proxied: &'static str,
    /// Whether a configuration has a backend.
    pub has_backend: fn(&str, &str) -> bool,
    /// The port on which clients reach a backend of such a configuration.
    pub client_port: fn(&str, &str) -> Option<u16>,
    /// The port of a server in a backend of a configuration that rabbitup wrote.
    pub port: fn(&str, &str, &str) -> Option<u16>,
    /// Whether the check in a configuration can pass at a management UI that is served so.
    pub check_fits: fn(&str, ServedUi<'_>) -> bool,
}

/// How a broker serves the management UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedUi<'a> {
    pub scheme: Scheme,
    /// Its path, such as `/mq`; empty without one.
    pub path: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// Whether it has a statistics page.
#[derive(Debug)]
pub enum StatisticsPage {
    Offered,
    Missing { why: &'static str },
}

/// Where a listener accepts clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// On every IPv4 address of the host.
    Ipv4(u16),
    /// On every address of the host.
    All(u16),
    At(SocketAddr),
}

impl Balancer {
    /// The version that such a system has in its own packages, if it is an early one.
    pub fn early_version(&self, system: &str, release: &str) -> Option<Version> {
        let of = |shipped: &&Shipped| shipped.system == system && shipped.release == release;
        self.old_in.iter().find(of).map(|shipped| shipped.version)
    }

    /// Where a configuration accepts clients, in its own words: `:80`, `127.0.0.1:80`.
    pub fn listening(&self, content: &str) -> Vec<String> {
        let at = |line: &str| {
            let place = line
                .trim()
                .strip_prefix(self.listens)?
                .strip_prefix([' ', '\t'])?
                .split_whitespace()
                .next()?;
            Some(place.trim_end_matches(';').to_owned())
        };
        content.lines().filter_map(at).collect()
    }

    /// The algorithm of the first listener of a configuration that rabbitup wrote; the default one if it names none.
    pub fn balancing(&'static self, content: &str) -> &'static Algorithm {
        let says = |line: &str, algorithm: &Algorithm| {
            let line = line.trim().trim_end_matches(';');
            algorithm
                .directive
                .is_some_and(|said| line == said || line.strip_prefix("balance ") == Some(said))
        };
        let named = |line: &str| self.algorithms().find(|algorithm| says(line, algorithm));
        content.lines().find_map(named).unwrap_or(&self.default)
    }

    /// The algorithms for AMQP, the default one first.
    pub fn algorithms(&'static self) -> impl Iterator<Item = &'static Algorithm> {
        [&self.default].into_iter().chain(self.others)
    }

    /// The algorithm of this name, or the equivalent of another software's algorithm of this name.
    pub fn algorithm(&'static self, word: &str) -> Option<&'static Algorithm> {
        self.algorithms().find(|algorithm| algorithm.word == word).or_else(|| {
            let all = Software::ALL.iter().flat_map(|software| software.balancer().algorithms());
            let strategy = all.filter(|algorithm| algorithm.word == word).find_map(|known| known.strategy)?;
            self.algorithms().find(|algorithm| algorithm.strategy == Some(strategy))
        })
    }

    /// The file's name, without its directory.
    pub fn conf_name(&self) -> &'static str {
        self.conf.rsplit('/').next().unwrap_or(self.conf)
    }
}

/// Generates the enum of all software, with the properties of each and the shell of all.
macro_rules! softwares {
    ($($(#[$attribute:meta])* $software:ident: $file:ident;)*) => {
        /// The load-balancing software.
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "lowercase")]
        pub enum Software {
            $($(#[$attribute])* $software,)*
        }

        impl Software {
            pub const ALL: &'static [Self] = &[$(Self::$software,)*];

            /// Its name in the inventory.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$software => stringify!($file),)*
                }
            }

            /// The one that a unit runs.
            pub fn of_unit(unit: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|software| software.balancer().unit == unit)
            }

            /// Its properties.
            pub fn balancer(self) -> &'static Balancer {
                match self {
                    $(Self::$software => &$file::BALANCER,)*
                }
            }
        }

        /// Their step functions: `NAME_accepts FILE`, `NAME_workers` and `NAME_log` of each, and those of [`Runtime`] if it has one.
        pub const STEPS: &str = concat!(include_str!("../facts/unix_socket.sh"), include_str!("started_by.sh"), $(include_str!(concat!(stringify!($file), ".sh")),)*);

        /// Their parts of the probe, and what calls them.
        pub const PROBE: &str = concat!(include_str!("started_by.sh"), $(include_str!(concat!(stringify!($file), "_probe.sh")),)* include_str!("probe.sh"));
    };
}

softwares! {
    #[default]
    Haproxy: haproxy;
    Nginx: nginx;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::is_ours;

    #[test]
    fn the_words_of_one_are_understood_for_the_other() {
        let word = |software: Software, word| software.balancer().algorithm(word).map(|found| found.word);
        assert_eq!(word(Software::Haproxy, "least_conn"), Some("leastconn"));
        assert_eq!(word(Software::Nginx, "source"), Some("hash"));
        assert_eq!(word(Software::Nginx, "random"), Some("random"));
        assert_eq!((word(Software::Nginx, "first"), word(Software::Haproxy, "uri")), (None, None));
    }

    #[test]
    fn every_software_keeps_what_the_others_rely_on() {
        for software in Software::ALL {
            let (word, balancer) = (software.as_str(), software.balancer());
            assert_eq!(serde_json::to_value(software).expect("a word"), word);
            assert!(is_ours(balancer.template.text), "{word}: rabbitup knows what it wrote");
            let listens =
                balancer.listening(&format!("x {0} y\n  {0} 10.0.0.1:80 more;\n", balancer.listens));
            assert_eq!(listens, ["10.0.0.1:80"], "{word}");
            for algorithm in balancer.algorithms() {
                let line =
                    format!("a\n    {}\n    balance source\n", algorithm.directive.unwrap_or_default());
                let found = balancer.balancing(&line);
                assert!(
                    found == algorithm
                        || algorithm.directive.is_none()
                        || found.directive == algorithm.directive,
                    "{word}"
                );
            }
            for function in ["accepts", "workers", "log"] {
                assert!(STEPS.contains(&format!("\n{word}_{function}()")), "{word}_{function}");
            }
            if let Some(runtime) = &balancer.runtime {
                for backend in [runtime.amqp, runtime.management] {
                    assert!(balancer.template.text.contains(&format!("\nbackend {backend}\n")), "{backend}");
                }
                assert!(balancer.template.text.contains("{{socket}}"), "{word} opens the socket");
                let Packages { apt, dnf } = &balancer.packages;
                assert!(
                    [apt, dnf].iter().all(|packaged| STEPS.contains(packaged.socket)),
                    "{word} is asked there"
                );
                for function in ["serves", "states", "set"] {
                    assert!(STEPS.contains(&format!("\n{word}_{function}()")), "{word}_{function}");
                }
            }
            let others = Software::ALL.iter().filter(|other| *other != software);
            for other in others.map(|other| other.balancer()) {
                assert!(other.unit != balancer.unit && other.conf != balancer.conf, "{word} is its own");
                assert!(other.conf_name() != balancer.conf_name(), "a bundle tells them apart by this");
            }
        }
    }
}
