//! Checks across values: everything in an inventory that must be consistent with something else.

mod balancer;
mod cluster;
mod config;
mod config_keys;
mod defined;
mod definitions;
mod hosts;
mod listeners;
mod proxied;
mod reach;
mod secret;
mod templates;
mod time;
mod vip;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::raw::{RawInventory, RawPackage};
use super::{CommandSecret, Desired, FirewallSetting, HostsFileSetting, Options, Package};
use crate::document::{At, Problem, Source};
use crate::model::{KeyFingerprint, SecretName, SecretSource, Secrets, VersionSpec};

/// The state of one check: the source, the problems found, the secrets read.
struct Checker<'c> {
    source: &'c Arc<Source>,
    base: &'c Path,
    options: Options,
    problems: &'c mut Vec<Problem>,
    secrets: Secrets,
    secret_sources: BTreeMap<SecretName, SecretSource>,
    commands: BTreeMap<SecretName, CommandSecret>,
    /// Where each key of `[cluster.config]` stands.
    config_keys: BTreeMap<String, Range<usize>>,
}

/// Checks a raw inventory. The result is valid only if `problems` has no error afterwards.
pub fn check(
    raw: RawInventory,
    source: &Arc<Source>,
    base: &Path,
    options: Options,
    problems: &mut Vec<Problem>,
) -> Desired {
    // Invalid values were removed from the document; checks that could miss them are skipped.
    let is_whole = problems.is_empty();
    let (secrets, secret_sources) = (Secrets::default(), BTreeMap::new());
    let mut checker = Checker {
        source,
        base,
        options,
        problems,
        secrets,
        secret_sources,
        commands: BTreeMap::new(),
        config_keys: BTreeMap::new(),
    };
    let cluster = raw.cluster.unwrap_or_default();
    let hosts = checker.hosts(&raw.host, raw.ssh.as_ref(), cluster.names.unwrap_or_default());
    if is_whole {
        checker.roles(&raw.host, raw.load_balancer.as_ref());
    }
    let time = checker.time(raw.time.unwrap_or_default(), &hosts);
    let package = checker.package(&raw.package.unwrap_or_default());
    let cluster = checker.cluster(cluster, &hosts, &package);
    checker.listeners(&cluster);
    let load_balancer = checker.load_balancer(raw.load_balancer.as_ref(), &cluster, &raw.host);
    checker.proxied(&cluster, load_balancer.as_ref());
    let hosts_file = match raw.hosts_file.and_then(|hosts_file| hosts_file.manage) {
        Some(false) => HostsFileSetting::LeftAlone,
        Some(true) | None => HostsFileSetting::Managed,
    };
    let firewall = match raw.firewall.and_then(|firewall| firewall.manage) {
        Some(true) => FirewallSetting::Managed,
        Some(false) | None => FirewallSetting::LeftAlone,
    };
    let mut desired = Desired {
        cluster,
        package,
        time,
        hosts_file,
        firewall,
        hosts,
        load_balancer,
        secrets: std::mem::take(&mut checker.secrets),
        secret_sources: std::mem::take(&mut checker.secret_sources),
        commands: std::mem::take(&mut checker.commands),
        templates: BTreeMap::new(),
        leaving: None,
    };
    desired.templates = checker.templates(&raw.templates.unwrap_or_default(), &desired);
    desired
}

impl Checker<'_> {
    fn error(
        &mut self,
        message: impl Into<String>,
        span: &Range<usize>,
        label: &str,
        hint: impl Into<String>,
    ) {
        self.problems.push(Problem::error(message).at(self.source, span.clone(), label).hint(hint));
    }

    fn warn(
        &mut self,
        message: impl Into<String>,
        span: &Range<usize>,
        label: &str,
        hint: impl Into<String>,
    ) {
        self.problems.push(Problem::warning(message).at(self.source, span.clone(), label).hint(hint));
    }

    /// Resolves a path relative to the inventory's directory, `~/` to the home directory.
    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => self.base.join(text),
        }
    }

    /// The same as an absolute path, independent of the working directory.
    fn lasting_path(&self, text: &str) -> PathBuf {
        let path = self.path(text);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Whether a string has no control character; reports one if it has.
    fn is_one_line(&mut self, what: &str, text: &At<String>) -> bool {
        let Some(bad) = text.chars().find(|c| c.is_control()) else { return true };
        let bad = if bad == '\n' || bad == '\r' {
            "a line break".to_owned()
        } else {
            format!("the control character {bad:?}")
        };
        self.error(
            format!("{what} contains {bad}"),
            &text.span,
            "here",
            "it is written into a line-based file: use one line of printable characters",
        );
        false
    }

    fn package(&mut self, raw: &RawPackage) -> Package {
        let version = raw.version.as_ref().and_then(|text| match VersionSpec::parse(text) {
            Ok(spec) if text.contains('*') && !(text.ends_with(".*") && text.matches('*').count() == 1) => {
                self.error(
                    format!("the version pattern `{}` has its * in the wrong place", spec.as_str()),
                    &text.span,
                    "here",
                    "a pattern ends in .* as in \"4.0.*\"; without a * it is one version, \"4.0.5\"",
                );
                None
            }
            Ok(spec) => Some(spec),
            Err(why) => {
                self.error(
                    why.to_string(),
                    &text.span,
                    "here",
                    "write \"4.0.*\", \"4.0.5\" or a package version like \"4.0.5-3\"",
                );
                None
            }
        });
        let keys = raw.keys.iter().flatten().filter_map(|text| match KeyFingerprint::parse(text) {
            Ok(key) => Some(key),
            Err(why) => {
                self.error(
                    why.to_string(),
                    &text.span,
                    "here",
                    "write all of it, as `gpg --show-keys --fingerprint FILE` prints it; a short key id can be forged",
                );
                None
            }
        });
        let keys = keys.collect();
        Package { version, hold: raw.hold, keys }
    }
}
