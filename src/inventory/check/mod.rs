//! What one TOML value cannot say of itself: everything in an inventory that must fit something else.

mod balancer;
mod cluster;
mod config;
mod config_keys;
mod definitions;
mod hosts;
mod reach;
mod secret;
mod templates;
mod time;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::raw::{RawInventory, RawPackage};
use super::{CommandSecret, Desired, Options, Package};
use crate::document::{At, Problem, Source};
use crate::model::{SecretName, SecretSource, Secrets, VersionSpec};

/// The state of one check: where the text is, what was found, what was read.
struct Checker<'c> {
    source: &'c Arc<Source>,
    base: &'c Path,
    options: Options,
    problems: &'c mut Vec<Problem>,
    secrets: Secrets,
    secret_sources: BTreeMap<SecretName, SecretSource>,
    commands: BTreeMap<SecretName, CommandSecret>,
}

/// Checks a raw inventory. The result is only good where `problems` holds no error afterwards.
pub fn check(
    raw: RawInventory,
    source: &Arc<Source>,
    base: &Path,
    options: Options,
    problems: &mut Vec<Problem>,
) -> Desired {
    // What was taken out of the document may be what a later check would miss: then it stays silent.
    let is_whole = problems.is_empty();
    let (secrets, secret_sources) = (Secrets::default(), BTreeMap::new());
    let mut checker =
        Checker { source, base, options, problems, secrets, secret_sources, commands: BTreeMap::new() };
    let cluster = raw.cluster.unwrap_or_default();
    let hosts = checker.hosts(&raw.host, raw.ssh.as_ref(), cluster.names.unwrap_or_default());
    if is_whole {
        checker.roles(&raw.host, raw.load_balancer.as_ref());
    }
    let time = checker.time(raw.time.unwrap_or_default(), &hosts);
    let load_balancer = checker.load_balancer(raw.load_balancer.as_ref(), &cluster, &raw.host);
    let package = checker.package(&raw.package.unwrap_or_default());
    let cluster = checker.cluster(cluster, &hosts, &package);
    let mut desired = Desired {
        cluster,
        package,
        time,
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

    /// A path as the inventory means it: relative to its directory, `~/` in the home directory.
    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => self.base.join(text),
        }
    }

    /// The same, whatever the working directory will be when it is used.
    fn lasting_path(&self, text: &str) -> PathBuf {
        let path = self.path(text);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Whether a text has no control character; where it has one, that is said.
    fn is_one_line(&mut self, what: &str, text: &At<String>) -> bool {
        let Some(bad) = text.chars().find(|c| c.is_control()) else { return true };
        let bad = if bad == '\n' || bad == '\r' {
            "a line break".to_owned()
        } else {
            format!("the control character {bad:?}")
        };
        self.error(
            format!("{what} has {bad} in it"),
            &text.span,
            "here",
            "it goes into a file line by line: write it on one line, with printable characters only",
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
        Package { version, hold: raw.hold }
    }
}
