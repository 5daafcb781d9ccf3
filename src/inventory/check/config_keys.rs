//! Whether RabbitMQ knows the keys of `[cluster.config]`: it does not start with an unknown one.

use std::ops::Range;

use super::Checker;
use crate::document::{Problem, Severity, alternatives};
use crate::inventory::Package;
use crate::model::{Version, VersionSpec};
use crate::rabbitmq::{KeySupport, SHIPPED_PLUGINS, known_keys};

/// Limits the search for similar keys, which is slow.
const MOST_SUGGESTIONS: usize = 20;

/// Which keys the RabbitMQ of this inventory knows.
pub(super) struct KeyCheck {
    /// The release that `[package]` asks for, if it names at least a series.
    release: Option<Version>,
    /// The severity of a key that is in none of RabbitMQ's own schemas: a third-party plugin has its own schema.
    unknown: Severity,
}

impl KeyCheck {
    pub(super) fn new(package: &Package, plugins: Option<&[String]>) -> Self {
        let is_ours = |name: &String| SHIPPED_PLUGINS.contains(&name.as_str());
        let unknown = match plugins.unwrap_or_default().iter().all(is_ours) {
            true => Severity::Error,
            false => Severity::Warning,
        };
        Self { release: package.version.as_ref().and_then(asked_for), unknown }
    }
}

/// The release that a pattern asks for; for a series, the newest known one. None if it leaves the series open, like `4.*`.
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
        vetting: &KeyCheck,
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

    fn unknown_key(&mut self, key: &str, span: &Range<usize>, nearest: &[String], vetting: &KeyCheck) {
        let (first, last) = known_keys().series();
        let judged = vetting.release.map(|release| known_keys().standing(key, release));
        let message = format!("RabbitMQ has no setting `{key}`");
        let label = match nearest {
            [] => "here".to_owned(),
            nearest => format!("did you mean {}?", alternatives(nearest)),
        };
        let (severity, hint) = match (judged, vetting.unknown) {
            (Some(KeySupport::ReleaseUnknown), _) => (
                Severity::Warning,
                format!(
                    "rabbitup knows the settings of {first} to {last}; whether a newer RabbitMQ has this one is known \
                     only when it starts"
                ),
            ),
            (_, Severity::Warning) => (
                Severity::Warning,
                "only a third-party plugin can define it; without one RabbitMQ does not start".to_owned(),
            ),
            (_, Severity::Error) => (
                Severity::Error,
                format!(
                    "RabbitMQ {first} to {last} does not start with it: correct or remove it; if a newer RabbitMQ has \
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
            KeySupport::Gone { last, .. } => {
                format!(
                    "RabbitMQ {} no longer has the setting `{key}`: {last} was the last series with it",
                    release.series()
                )
            }
            KeySupport::NotYet { since, .. } => {
                format!("RabbitMQ {release} does not have the setting `{key}` yet: it was added in {since}")
            }
            KeySupport::Known | KeySupport::Unknown { .. } | KeySupport::ReleaseUnknown => return,
        };
        self.error(
            message,
            span,
            "here",
            "RabbitMQ does not start with an unknown setting: remove it, or set another version in [package]",
        );
    }
}
