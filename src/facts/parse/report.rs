//! The lines of a node's report: a key and its value each.

use super::base64::decoded;
use crate::model::NodeName;

/// The lines of a complete report.
pub(super) struct Report<'a>(pub(super) &'a [String]);

/// A question that the node did not answer.
pub(super) struct Unanswered<'a> {
    pub(super) question: &'a str,
    /// It never will: its version does not support it.
    pub(super) unsupported: bool,
    /// The node's own error.
    pub(super) words: String,
}

impl Report<'_> {
    /// The questions without an answer.
    pub(super) fn failed(&self) -> impl Iterator<Item = Unanswered<'_>> {
        self.all("failed").map(|line| {
            let mut words = line.splitn(3, ' ');
            let question = words.next().unwrap_or_default();
            let unsupported = words.clone().next() == Some("untold");
            let kind = words.next().unwrap_or("no answer");
            let words = words.next().and_then(decoded).unwrap_or_else(|| kind.to_owned());
            Unanswered { question, unsupported, words }
        })
    }

    pub(super) fn has_failed(&self, question: &str) -> bool {
        self.failed().any(|failed| failed.question == question)
    }

    /// The values of a key, one per line.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
    }

    pub(super) fn one(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.one(key).and_then(decoded)
    }

    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        sorted(self.all(key).filter_map(decoded))
    }

    pub(super) fn nodes(&self, key: &str) -> Vec<NodeName> {
        let mut nodes: Vec<_> = self.all(key).filter_map(|node| NodeName::parse(node).ok()).collect();
        nodes.sort();
        nodes
    }
}

/// The node's tables are unordered.
pub(super) fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    texts
}
