//! Whether RabbitMQ knows the keys of `[cluster.config]`: it does not start with one that it does not know.

use std::ops::Range;

use super::Checker;
use super::cluster::PLUGINS;
use crate::document::{Problem, Severity, alternatives};
use crate::inventory::Package;
use crate::model::{Version, VersionSpec};
use crate::rabbitmq::{Standing, known_keys};

/// To look for what was meant takes a moment, and nobody reads more of it.
const MOST_SUGGESTIONS: usize = 20;

/// Which keys are known to the RabbitMQ of this inventory.
pub(super) struct Vetting {
    /// The release that `[package]` asks for, where it asks for one series at least.
    release: Option<Version>,
    /// How bad a key is that no schema of RabbitMQ's own has: a plugin from elsewhere brings a schema of its own.
    unknown: Severity,
}

impl Vetting {
    pub(super) fn new(package: &Package, plugins: Option<&[String]>) -> Self {
        let is_ours = |name: &String| PLUGINS.contains(&name.as_str());
        let unknown = match plugins.unwrap_or_default().iter().all(is_ours) {
            true => Severity::Error,
            false => Severity::Warning,
        };
        Self { release: package.version.as_ref().and_then(asked_for), unknown }
    }
}

/// The release that a pattern asks for; of a series the newest one that is known here. None where it leaves the series
/// open, as `4.*` does.
fn asked_for(spec: &VersionSpec) -> Option<Version> {
    let (head, is_series) = match spec.as_str().split_once(".*") {
        Some((head, _)) => (head, true),
        None => (spec.as_str(), false),
    };
    let version = Version::parse(head).ok()?;
    match (is_series, head.matches('.').count()) {
        (true, 0) => None,
        (true, 1) => Some(known_keys().newest_of(version.major, version.minor).unwrap_or(version)),
        _ => Some(version),
    }
}

impl Checker<'_> {
    pub(super) fn known_keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = (&'k String, &'k Range<usize>)>,
        vetting: &Vetting,
    ) {
        let mut suggestions = 0;
        for (key, span) in keys {
            if !known_keys().has(key) {
                suggestions += 1;
                let nearest = match suggestions <= MOST_SUGGESTIONS {
                    true => known_keys().nearest(key),
                    false => Vec::new(),
                };
                self.unknown_key(key, span, &nearest, vetting);
            } else if let Some(release) = vetting.release {
                self.key_of_another_release(key, span, release);
            }
        }
    }

    fn unknown_key(&mut self, key: &str, span: &Range<usize>, nearest: &[String], vetting: &Vetting) {
        let (first, last) = known_keys().series();
        let judged = vetting.release.map(|release| known_keys().standing(key, release));
        let message = format!("RabbitMQ has no setting `{key}`");
        let label = match nearest {
            [] => "here".to_owned(),
            nearest => format!("did you mean {}?", alternatives(nearest)),
        };
        let (severity, hint) = match (judged, vetting.unknown) {
            (Some(Standing::ReleaseUnknown), _) => (
                Severity::Warning,
                format!(
                    "rabbitup knows the settings of {first} to {last}; whether a newer RabbitMQ has this one shows when it starts"
                ),
            ),
            (_, Severity::Warning) => (
                Severity::Warning,
                "only a plugin that RabbitMQ does not ship can have it; without one RabbitMQ does not start"
                    .to_owned(),
            ),
            (_, Severity::Error) => (
                Severity::Error,
                format!(
                    "RabbitMQ {first} to {last} does not start with it: correct it or take it out; if a newer RabbitMQ has \
                     it, name its series in [package], as in version = \"4.4.*\""
                ),
            ),
        };
        let problem = match severity {
            Severity::Error => Problem::error(message),
            Severity::Warning => Problem::warning(message),
        };
        self.problems.push(problem.at(self.source, span.clone(), label).hint(hint));
    }

    fn key_of_another_release(&mut self, key: &str, span: &Range<usize>, release: Version) {
        let message = match known_keys().standing(key, release) {
            Standing::Gone { last, .. } => {
                format!(
                    "RabbitMQ {} has no setting `{key}` any more: {last} was the last series with it",
                    release.series()
                )
            }
            Standing::NotYet { since, .. } => {
                format!("RabbitMQ {release} has no setting `{key}` yet: it came with {since}")
            }
            Standing::Known | Standing::Unknown { .. } | Standing::ReleaseUnknown => return,
        };
        self.error(
            message,
            span,
            "here",
            "RabbitMQ does not start with a setting that it does not know: take it out, or ask for another version in [package]",
        );
    }
}
