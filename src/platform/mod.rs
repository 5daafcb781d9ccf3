//! The families of packages, one file for each: names of packages and units, paths, how packages are queried, installed and
//! held, what an interrupted installation looks like. What all of them share is in `rabbitmq` (the broker's package, unit, user
//! and files).
//!
//! To add one: its file here with its [`Platform`], which has no defaults, beside it its step functions and its part of the
//! probe, and its line in the list below; then what each balancer is installed from ([`Packages`]).

mod apt;
mod dnf;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::balancer::{Balancer, Packaged, Packages, Software};

/// The properties of the hosts of one family.
#[derive(Debug)]
pub struct Platform {
    /// `ID` or one of `ID_LIKE` in os-release(5).
    pub ids: &'static [&'static str],
    /// Its systems, in a sentence.
    pub systems: &'static str,
    /// Whether rabbitup knows this release: `ID` and `VERSION_ID` in os-release(5).
    pub supports: fn(&str, &str) -> bool,
    /// The command that installs.
    pub tool: &'static str,
    /// The package of Erlang's runtime, which RabbitMQ was tested with.
    pub erlang: &'static str,
    pub time: TimeService,
    /// What its package of the broker does with a cookie that Erlang generated: 20 capitals.
    pub generated_cookie: GeneratedCookie,
    /// What a balancer is installed from.
    pub balancer: fn(&Packages) -> &Packaged,
    /// Where the package manager keeps what it knows.
    pub data: &'static str,
    /// The locks that installing needs. Its step functions have the same list, since they wait for them.
    pub locks: &'static [Lock],
    /// What forbids services to start while packages are installed, and is left where a run is killed.
    pub start_guard: &'static str,
    pub words: Words,
    /// Reads what its part of the probe printed.
    pub read: fn(Sections<'_>) -> BTreeMap<String, PackageFacts>,
}

/// A lock of the package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    pub file: &'static str,
    pub held: Held,
    /// What it protects, for messages.
    pub what: &'static str,
}

/// How a lock shows who holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The kernel knows which process has locked the file.
    Locked,
    /// The file contains the number of the process.
    Numbered,
}

/// What becomes of a cookie that Erlang generated when the broker's package is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratedCookie {
    Stays,
    /// By one that is harder to guess, at each configuration (postinst of rabbitmq-server in Debian 12 and 13).
    IsReplaced,
}

/// chrony, as the family has it.
#[derive(Debug)]
pub struct TimeService {
    pub package: &'static str,
    pub unit: &'static str,
    pub conf: &'static str,
    pub drift_file: &'static str,
    /// The packages of other time services that are removed when it is installed.
    pub replaces: &'static [&'static str],
}

/// What messages say of the package manager.
#[derive(Debug)]
pub struct Words {
    /// Why a package is partly installed.
    pub interrupted: &'static str,
    /// The command that fetches the lists of packages.
    pub refresh: &'static str,
    /// What tells which versions of the broker were installed before.
    pub history: &'static str,
    /// How a certain version of the broker is installed by hand.
    pub put_in_place: &'static str,
    /// The command that shows what an installation of the package after it would do, without doing it.
    pub simulate: &'static str,
    /// What stands between a package's name and its version there.
    pub before_version: char,
}

/// For a host of no family that rabbitup knows.
static UNKNOWN: Words = Words {
    interrupted: "its installation was interrupted",
    refresh: "fetch the lists of packages",
    history: "the package manager's log",
    put_in_place: "with the package manager",
    simulate: "the package manager",
    before_version: ' ',
};

/// The lines of a section that the probe printed.
pub type Sections<'s> = &'s dyn Fn(&str) -> Vec<String>;

/// What the package manager knows of one package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    pub installed: Option<String>,
    /// The partly installed version, if none is installed: unpacking or configuring it was interrupted.
    #[serde(default)]
    pub half_installed: Option<String>,
    /// The version that was removed but not purged: its files are still there.
    #[serde(default)]
    pub removed: Option<String>,
    /// When the package's files last changed, Unix seconds: its installation, last change of version, or removal. Only looked up
    /// for rabbitmq-server.
    #[serde(default)]
    pub unpacked: Option<u64>,
    /// The version that the package manager would install. Only looked up if nothing is installed or a version is requested.
    pub candidate: Option<String>,
    /// All versions in the repositories, newest first; looked up like `candidate`.
    pub offered: Vec<String>,
    pub held: bool,
    /// The installed packages that would be removed if this one was installed. Only looked up if it is not installed.
    #[serde(default)]
    pub removes: Vec<String>,
}

impl Platform {
    /// Whether a package may have this name here: it is this family's name, or no other family's.
    pub fn may_have(&self, package: &str) -> bool {
        let own = |platform: &Self| {
            let balancers = Software::ALL.iter().map(|software| software.balancer());
            platform.erlang == package
                || platform.time.package == package
                || platform.time.replaces.contains(&package)
                || balancers
                    .flat_map(|balancer| platform.packages_of(balancer).all())
                    .any(|name| name == package)
        };
        own(self) || !platforms().any(own)
    }

    /// What a balancer is installed from here.
    pub fn packages_of(&self, balancer: &'static Balancer) -> &'static Packaged {
        (self.balancer)(&balancer.packages)
    }
}

/// The longest time that a step waits for the package manager's locks, in seconds: the first unattended upgrade of a new machine takes
/// longer than a few minutes.
macro_rules! lock_patience {
    () => {
        1200
    };
}

/// See `lock_patience` in packages.sh. A step that may wait has this beside the time for its work.
pub(crate) const LOCK_PATIENCE_S: u64 = lock_patience!();

/// Makes the enum of all families, and puts their shell together: the part of the family that the host has counts.
macro_rules! platforms {
    ($($(#[$doc:meta])* $family:ident: $file:ident, steps [$($part:ident)*], where $here:literal;)*) => {
        /// How a host's packages are managed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum OsFamily {
            $($(#[$doc])* $family,)*
            /// None that rabbitup knows.
            Other,
        }

        impl OsFamily {
            /// Those that rabbitup knows.
            pub const ALL: &'static [Self] = &[$(Self::$family,)*];

            /// The word for it in variables of the probe.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$family => stringify!($file),)*
                    Self::Other => "other",
                }
            }

            /// Its properties.
            pub fn platform(self) -> Option<&'static Platform> {
                match self {
                    $(Self::$family => Some(&$file::PLATFORM),)*
                    Self::Other => None,
                }
            }
        }

        /// The step functions that install.
        pub const STEPS: &str = concat!(
            "lock_patience=",
            lock_patience!(),
            "\n",
            include_str!("packages.sh"),
            $("if ", $here, "; then\n", $(include_str!(concat!(stringify!($part), ".sh")),)* "fi\n",)*
        );

        /// The part of the probe that asks for packages.
        pub const PROBE: &str = concat!($("if ", $here, "; then\n", include_str!(concat!(stringify!($file), "_probe.sh")), "fi\n",)*);
    };
}

platforms! {
    /// Debian, Ubuntu and what derives from them: apt and dpkg.
    Debian: apt, steps [apt], where "command -v dpkg >/dev/null 2>&1";
    /// Enterprise Linux, Fedora, Amazon Linux: dnf and rpm. rpm may be installed on a Debian host as a tool.
    Rpm: dnf, steps [dnf dnf_failures dnf_keys], where "command -v rpm >/dev/null 2>&1 && ! command -v dpkg >/dev/null 2>&1";
}

impl OsFamily {
    /// The family of a host by its os-release(5): `ID`, and the words of `ID_LIKE`.
    pub fn of(id: &str, like: &str) -> Self {
        let is = |family: &&Self| {
            let known = family.platform().map_or([].as_slice(), |platform| platform.ids);
            [id].into_iter().chain(like.split(' ')).any(|word| known.contains(&word))
        };
        Self::ALL.iter().find(is).copied().unwrap_or(Self::Other)
    }

    /// What messages say of its package manager.
    pub(crate) fn words(self) -> &'static Words {
        self.platform().map_or(&UNKNOWN, |platform| &platform.words)
    }
}

/// All that rabbitup knows.
pub(crate) fn platforms() -> impl Iterator<Item = &'static Platform> {
    OsFamily::ALL.iter().filter_map(|family| family.platform())
}

/// The locks of all families.
pub(crate) fn locks() -> impl Iterator<Item = &'static Lock> {
    platforms().flat_map(|platform| platform.locks)
}

/// Whether this is chrony's unit in any family.
pub(crate) fn keeps_time(unit: &str) -> bool {
    platforms().any(|platform| platform.time.unit == unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_recognised_by_os_release() {
        assert_eq!(OsFamily::of("debian", ""), OsFamily::Debian);
        assert_eq!(OsFamily::of("pop", "ubuntu debian"), OsFamily::Debian);
        assert_eq!(
            (OsFamily::of("fedora", ""), OsFamily::of("", "rhel centos")),
            (OsFamily::Rpm, OsFamily::Rpm)
        );
        assert_eq!(
            (OsFamily::of("alpine", ""), OsFamily::of("", "suse opensuse")),
            (OsFamily::Other, OsFamily::Other)
        );
    }

    #[test]
    fn every_family_has_the_functions_that_steps_and_probe_call() {
        for part in STEPS.split("\nif command -v ").skip(1) {
            for function in [
                "install_packages",
                "hold_packages",
                "held_packages",
                "fetch_packages",
                "refresh_lists",
                "broker_package",
                "is_at_least",
                "remove_stale_policy",
            ] {
                assert!(part.contains(&format!("\n{function}()")), "{function}");
            }
        }
        for Lock { file, held, what } in locks() {
            let way = match held {
                Held::Locked => "locked",
                Held::Numbered => "numbered",
            };
            assert!(STEPS.contains(&format!("{way} {file} {what}")), "steps wait for {file}");
        }
        for part in PROBE.split("if command -v ").filter(|part| part.contains(">/dev/null 2>&1; then")) {
            assert!(part.contains("\npackages()") && part.contains("\nstart_guard()"));
        }
    }
}
