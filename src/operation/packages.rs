use serde::{Deserialize, Serialize};

use super::world::{WILL_CHANGE, stopped_unit};
use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, broker};
use crate::balancer::Software;
use crate::facts::{CookieShape, HostFacts, TimeService};
use crate::model::{KeyFingerprint, SecretName};
use crate::platform::{self, OsFamily};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT};
use crate::virtual_address::KEEPALIVED;

pub(super) const SHELL: Shell =
    Shell { on: &[&broker::ENVIRONMENT], ..Shell::of("packages", platform::STEPS) };

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChoice {
    pub name: String,
    /// The exact package version; None takes the repositories' candidate.
    pub version: Option<String>,
    /// The data that the plan found under a broker's package, from which it derived the version. The step refuses if it finds anything
    /// else. None for other packages.
    #[serde(default)]
    pub over: Option<InstalledOver>,
}

impl PackageChoice {
    /// The data that the plan found under the broker's package, if that is among them, as the step functions read it.
    pub(super) fn over_word(packages: &[Self]) -> String {
        match packages.iter().find_map(|package| package.over.as_ref()) {
            None => "-".to_owned(),
            Some(InstalledOver::NoData) => "no-data".to_owned(),
            Some(InstalledOver::Data { package }) => {
                format!("data={}", package.as_deref().unwrap_or_default())
            }
        }
    }
}

impl Call<'_> {
    /// The keys that may be accepted, the data that the plan found under the broker's package, if that is among them, and the packages.
    pub(super) fn packages(&mut self, keys: &[KeyFingerprint], packages: &[PackageChoice]) -> &mut Self {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        self.word(&keys.join(" "));
        self.word(&PackageChoice::over_word(packages));
        for package in packages {
            self.word(&package.to_string());
        }
        self
    }
}

/// `NAME`, or `NAME=VERSION`.
impl std::fmt::Display for PackageChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}={version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The data on the host on which a broker's package will be installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstalledOver {
    /// No node's database.
    NoData,
    /// A database, and this version of the package, fully or partly installed; none if it was removed.
    Data { package: Option<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    Hold,
    Release,
}

/// One transaction of the package manager, in which the named units do not start by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstallPackages {
    pub packages: Vec<PackageChoice>,
    pub held_back_units: Vec<String>,
    /// The keys that the package manager may accept from a repository that names their address.
    #[serde(default)]
    pub keys: Vec<KeyFingerprint>,
    /// The installed packages that it removes, because they conflict with these. Anything else is refused.
    #[serde(default)]
    pub removes: Vec<String>,
}

impl Operate for InstallPackages {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["install_packages", &self.held_back_units.join(" "), &self.removes.join(" ")])
            .packages(&self.keys, &self.packages);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            install(host, &self.packages);
            for name in &self.removes {
                host.packages.remove(name);
            }
            // A time service that chrony replaces no longer runs.
            if host.time_service.running.as_ref().is_some_and(|unit| self.removes.contains(unit)) {
                host.time_service = TimeService::default();
            }
            let installed =
                self.packages.iter().filter_map(|package| unit_of(host.system.family, &package.name));
            for unit in installed.collect::<Vec<_>>() {
                if !host.unit(unit).exists {
                    host.units.insert(unit.to_owned(), stopped_unit());
                }
            }
            // The broker's package makes a new one then.
            let broker = self.packages.iter().any(|package| package.name == BROKER_PACKAGE);
            if broker
                && host.cookie.as_ref().is_some_and(|cookie| cookie.shape == CookieShape::DebianReplaces)
            {
                host.cookie = None;
            }
        });
    }
}

/// Holds packages at their version, or releases them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldPackages {
    pub packages: Vec<String>,
    pub hold: Hold,
}

impl Operate for HoldPackages {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let verb = match self.hold {
            Hold::Hold => "hold",
            Hold::Release => "unhold",
        };
        call.words(["hold_packages", verb]).words(self.packages.iter().map(String::as_str));
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            for package in &self.packages {
                host.packages.entry(package.clone()).or_default().held = self.hold == Hold::Hold;
            }
        });
    }
}

/// Removes the file by which an interrupted run prevented services from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveStalePolicy;

impl Operate for RemoveStalePolicy {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Changes, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("remove_stale_policy");
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| host.stale_policy = false);
    }
}

/// The unit of a package.
pub fn unit_of(family: OsFamily, package: &str) -> Option<&'static str> {
    if package == BROKER_PACKAGE {
        return Some(BROKER_UNIT);
    }
    let platform = family.platform()?;
    if package == platform.time.package {
        return Some(platform.time.unit);
    }
    if package == KEEPALIVED {
        return Some(KEEPALIVED);
    }
    let balancers = Software::ALL.iter().map(|software| software.balancer());
    balancers
        .into_iter()
        .find(|balancer| platform.packages_of(balancer).main == package)
        .map(|balancer| balancer.unit)
}

pub(super) fn install(host: &mut HostFacts, packages: &[PackageChoice]) {
    for package in packages {
        let known = host.packages.entry(package.name.clone()).or_default();
        let version = package.version.clone().or_else(|| known.candidate.clone());
        known.installed = Some(version.unwrap_or_else(|| "0".to_owned()));
        (known.half_installed, known.removed, known.unpacked) = (None, None, Some(WILL_CHANGE));
    }
}
