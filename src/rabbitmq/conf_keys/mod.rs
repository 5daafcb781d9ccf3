//! The keys of rabbitmq.conf, by version. RabbitMQ does not start with an unknown key. It reads the schemas of all installed
//! plugins, enabled or not (`rabbit_prelaunch_conf:find_cuttlefish_schemas/1`).

use std::sync::LazyLock;

use crate::document::nearest;
use crate::model::Version;

/// `SCHEMA KEY VARIABLE SPAN…`, extracted by extract.sh from the schemas in RabbitMQ's own repository.
const TABLE: &str = include_str!("keys.txt");

static KNOWN: LazyLock<KnownKeys> = LazyLock::new(|| KnownKeys::read(TABLE));

/// All keys that RabbitMQ and the plugins that it ships have known since 3.8.
#[derive(Debug)]
pub struct KnownKeys {
    /// The newest release of each series, oldest series first.
    releases: Vec<Version>,
    keys: Vec<KnownKey>,
}

#[derive(Debug)]
struct KnownKey {
    /// The application whose schema defines it: `rabbit`, `rabbitmq_mqtt`.
    schema: &'static str,
    /// The key; a segment that starts with `$` stands for any one segment.
    pattern: &'static str,
    segments: Vec<&'static str>,
    /// The variable of an application's environment that it sets: `rabbit.vm_memory_high_watermark`.
    variable: Option<&'static str>,
    spans: Vec<Span>,
}

/// From a release to the end of a series.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Version,
    /// Major and minor of the last series.
    last: (u32, u32),
}

/// Whether a release knows a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySupport {
    Known,
    /// No known release has it. Similar keys, nearest first.
    Unknown {
        nearest: Vec<String>,
    },
    /// It came with a later release.
    NotYet {
        since: Version,
        schema: &'static str,
    },
    /// The last series that has it.
    Gone {
        last: String,
        schema: &'static str,
    },
    /// The release is newer than this list, so it is unknown.
    ReleaseUnknown,
}

/// The list of all known keys.
pub fn known_keys() -> &'static KnownKeys {
    &KNOWN
}

/// Why a release does not start with a value that older ones accepted, if so: its schema rejects it
/// (`rabbit.schema` of 4.0.0, the translation of `rabbit.classic_queue_default_version`).
pub fn refused_value(key: &str, value: &str, release: Version) -> Option<&'static str> {
    let is_gone = key == "classic_queue.default_version" && value == "1" && release >= Version::new(4, 0, 0);
    is_gone.then_some("RabbitMQ 3.13 was the last with classic queues of version 1")
}

/// Whether a release accepts a setting but ignores it (release notes of 4.3.0: partition handling was removed with Mnesia).
pub fn has_no_effect(key: &str, release: Version) -> bool {
    key.split('.').next() == Some("cluster_partition_handling") && release >= Version::new(4, 3, 0)
}

impl KnownKeys {
    /// Parses the table. An invalid line is skipped; a test checks that there is none.
    pub(super) fn read(table: &'static str) -> Self {
        let mut releases = Vec::new();
        let mut keys = Vec::new();
        for line in table.lines() {
            let mut words = line.split(' ');
            let rest = |words: std::str::Split<'static, char>| words.collect::<Vec<&'static str>>();
            match (words.next(), words.next()) {
                (Some("releases"), first) => {
                    let all = first.into_iter().chain(rest(words));
                    releases = all.filter_map(|release| Version::parse(release).ok()).collect();
                }
                (Some(schema), Some(pattern)) => {
                    let rest = rest(words);
                    // Other tables have none.
                    let variable = rest.first().filter(|word| Span::read(word).is_none());
                    let segments = pattern.split('.').collect();
                    let spans = rest.iter().filter_map(|word| Span::read(word)).collect();
                    keys.push(KnownKey { schema, pattern, segments, variable: variable.copied(), spans });
                }
                _ => {}
            }
        }
        releases.sort();
        Self { releases, keys }
    }

    /// The newest release of each series, oldest series first.
    pub fn releases(&self) -> impl Iterator<Item = Version> {
        self.releases.iter().copied()
    }

    /// The newest known release of a series.
    pub fn newest_of(&self, major: u32, minor: u32) -> Option<Version> {
        self.releases.iter().copied().find(|release| (release.major, release.minor) == (major, minor))
    }

    /// The first and the last series, `3.8` and `4.3`.
    pub fn series(&self) -> (String, String) {
        let name = |release: Option<&Version>| release.map(|release| release.series()).unwrap_or_default();
        (name(self.releases.first()), name(self.releases.last()))
    }

    /// The application that defines the key in a release.
    pub(super) fn schema_of(&self, key: &str, release: Version) -> Option<&'static str> {
        self.matching(key)
            .find(|known| known.spans.iter().any(|span| span.covers(release)))
            .map(|known| known.schema)
    }

    /// The number of keys.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Whether any release has the key.
    pub fn has(&self, key: &str) -> bool {
        self.matching(key).next().is_some()
    }

    /// The variable of an application's environment that a key sets: `rabbit.vm_memory_high_watermark`.
    pub fn variable(&self, key: &str) -> Option<&'static str> {
        self.matching(key).next()?.variable
    }

    /// What a release makes of a key.
    pub fn standing(&self, key: &str, release: Version) -> KeySupport {
        let spans: Vec<(Span, &'static str)> = self
            .matching(key)
            .flat_map(|known| known.spans.iter().map(|span| (*span, known.schema)))
            .collect();
        if spans.iter().any(|(span, _)| span.covers(release)) {
            return KeySupport::Known;
        }
        // Patch releases and series after the end of the list may have added it.
        let is_listed = self.newest_of(release.major, release.minor).is_some_and(|newest| release <= newest);
        if !is_listed {
            return KeySupport::ReleaseUnknown;
        }
        let later = spans.iter().filter(|(span, _)| span.from > release).min_by_key(|(span, _)| span.from);
        let earlier = spans.iter().filter(|(span, _)| span.from < release).max_by_key(|(span, _)| span.last);
        match (earlier, later) {
            // It was added late to an older series, and even later to this release's own series.
            (_, Some((span, schema))) => KeySupport::NotYet { since: span.from, schema },
            (Some((span, schema)), None) => {
                KeySupport::Gone { last: format!("{}.{}", span.last.0, span.last.1), schema }
            }
            (None, None) => KeySupport::Unknown { nearest: self.nearest(key) },
        }
    }

    /// Similar keys: one with a similar spelling, else those below a similar word.
    pub fn nearest(&self, typed: &str) -> Vec<String> {
        let whole: Vec<String> = self.keys.iter().map(|known| known.filled(typed)).collect();
        if let Some(key) = nearest(typed, whole.iter().map(String::as_str)) {
            return vec![key.to_owned()];
        }
        let parents: Vec<&str> = self.keys.iter().filter_map(|known| known.parent()).collect();
        let Some(parent) = nearest(typed, parents) else { return Vec::new() };
        let below = self.keys.iter().filter(|known| known.parent() == Some(parent));
        below.map(|known| known.pattern.to_owned()).take(3).collect()
    }

    fn matching(&self, key: &str) -> impl Iterator<Item = &KnownKey> {
        let words = segments(key);
        self.keys.iter().filter(move |known| {
            known.segments.len() == words.len()
                && known
                    .segments
                    .iter()
                    .zip(&words)
                    .all(|(known, word)| known.starts_with('$') || known == word)
        })
    }
}

impl KnownKey {
    fn parent(&self) -> Option<&'static str> {
        self.pattern.rsplit_once('.').map(|(parent, _)| parent)
    }

    /// The key with the typed segment in place of a wildcard.
    fn filled(&self, typed: &str) -> String {
        let words = segments(typed);
        if self.segments.len() != words.len() {
            return self.pattern.to_owned();
        }
        let fill = |(known, word): (&&str, &String)| {
            if known.starts_with('$') { word.clone() } else { (*known).to_owned() }
        };
        self.segments.iter().zip(&words).map(fill).collect::<Vec<_>>().join(".")
    }
}

impl Span {
    /// `3.8-4.3`, `3.10.12-3.13`.
    fn read(text: &str) -> Option<Self> {
        let (from, last) = text.split_once('-')?;
        let last = Version::parse(last).ok()?;
        Some(Self { from: Version::parse(from).ok()?, last: (last.major, last.minor) })
    }

    fn covers(self, release: Version) -> bool {
        self.from <= release && (release.major, release.minor) <= self.last
    }
}

/// A key's segments; a dot after a backslash does not end one.
fn segments(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = key.chars();
    while let Some(character) = characters.next() {
        match (character, words.last_mut()) {
            ('.', _) => words.push(String::new()),
            ('\\', Some(word)) => word.extend(characters.next()),
            (other, Some(word)) => word.push(other),
            (_, None) => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(key: &str, release: &str) -> KeySupport {
        known_keys().standing(key, Version::parse(release).expect("a version"))
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let known = known_keys();
        assert_eq!(known.series(), ("3.8".to_owned(), "4.3".to_owned()));
        assert_eq!(known.releases.len(), 10);
        assert_eq!(known.keys.len() + 1, TABLE.lines().count());
        let count = |key: &KnownKey| key.spans.len();
        assert_eq!(
            known.keys.iter().map(count).sum::<usize>(),
            TABLE.matches('-').count() - dashes_in_keys()
        );
        assert!(known.keys.iter().all(|key| !key.spans.is_empty()));
    }

    fn dashes_in_keys() -> usize {
        let count = |key: &KnownKey| {
            key.pattern.matches('-').count() + key.variable.unwrap_or_default().matches('-').count()
        };
        known_keys().keys.iter().map(count).sum()
    }

    #[test]
    fn keys_set_variables() {
        let variable = |key: &str| known_keys().variable(key);
        assert_eq!(variable("vm_memory_high_watermark.relative"), Some("rabbit.vm_memory_high_watermark"));
        assert_eq!(variable("listeners.tcp.default"), Some("rabbit.tcp_listeners"));
        assert_eq!(variable("management.tcp.port"), Some("rabbitmq_management.tcp_config"));
        assert_eq!(variable("frobnicate"), None);
    }

    #[test]
    fn keys_come_and_go() {
        assert_eq!(at("heartbeat", "3.8.9"), KeySupport::Known);
        assert_eq!(at("listeners.tcp.my_own-name", "4.3.0"), KeySupport::Known);
        assert_eq!(at("mqtt.default_user", "3.13.7"), KeySupport::Known);
        let gone = KeySupport::Gone { last: "3.13".to_owned(), schema: "rabbitmq_mqtt" };
        assert_eq!(at("mqtt.default_user", "4.0.5"), gone);
        let since = Version::new(3, 10, 0);
        assert_eq!(
            at("classic_queue.default_version", "3.9.29"),
            KeySupport::NotYet { since, schema: "rabbit" }
        );
    }

    #[test]
    fn a_patch_release_may_bring_a_key() {
        assert_eq!(at("cluster_formation.target_cluster_size_hint", "3.8.24"), KeySupport::Known);
        let since = Version::new(3, 8, 24);
        let not_yet = KeySupport::NotYet { since, schema: "rabbit" };
        assert_eq!(at("cluster_formation.target_cluster_size_hint", "3.8.9"), not_yet);
        let since = Version::new(3, 9, 9);
        let not_yet = KeySupport::NotYet { since, schema: "rabbit" };
        assert_eq!(at("cluster_formation.target_cluster_size_hint", "3.9.1"), not_yet);
    }

    #[test]
    fn a_release_after_the_lists_end_is_not_judged() {
        assert_eq!(at("frobnicate", "5.0.0"), KeySupport::ReleaseUnknown);
        assert_eq!(at("frobnicate", "4.3.999"), KeySupport::ReleaseUnknown);
        assert_eq!(at("frobnicate", "4.3.0"), KeySupport::Unknown { nearest: Vec::new() });
        assert_eq!(at("heartbeat", "4.3.999"), KeySupport::Known);
    }

    #[test]
    fn what_may_have_been_meant() {
        let nearest = |typed: &str| known_keys().nearest(typed).join(" ");
        assert_eq!(nearest("hartbeat"), "heartbeat");
        assert_eq!(
            nearest("vm_memory_high_watermrk"),
            "vm_memory_high_watermark.absolute vm_memory_high_watermark.relative"
        );
        assert_eq!(nearest("listenrs.tcp.default"), "listeners.tcp.default");
        assert_eq!(nearest("frobnicate"), "");
    }
}
