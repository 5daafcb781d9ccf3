//! What is seen of a cluster at one moment.

use std::time::SystemTime;

use super::arguments::Common;
use super::exit::Exit;
use super::outsider::Outsider;
use super::print;
use super::session::Session;
use crate::cluster::{Finding, advised, is_healthy};
use crate::facts::Facts;
use crate::report::{Status, StatusDocument, Style, status_text, under_way_text};

/// What was seen of the cluster, and when.
pub struct Seen {
    facts: Facts,
    findings: Vec<Finding>,
    time: SystemTime,
}

impl Seen {
    pub async fn now(session: &Session, common: &Common, outsider: &mut Outsider) -> Self {
        let (facts, exposed) = outsider.look(&session.desired, session.gather()).await;
        let time = SystemTime::now();
        let mut findings = session.findings(common, &facts);
        findings.extend(exposed);
        findings.sort_by_key(|finding| finding.severity);
        Self { findings: advised(findings, &facts), facts, time }
    }

    pub fn status<'a>(&'a self, session: &'a Session) -> Status<'a> {
        session.status(&self.facts, &self.findings, self.time)
    }

    pub fn show(&self, status: &Status<'_>, common: &Common) {
        if common.json {
            print::json(&StatusDocument::from(status));
        }
        let text = |style| self.text(status, style);
        if is_healthy(&self.findings) { print::usual(common, text) } else { print::important(common, text) }
    }

    pub fn text(&self, status: &Status<'_>, style: Style) -> String {
        under_way_text(&self.facts, self.time) + &status_text(status, style)
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// When it was seen.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    pub fn exit(&self) -> Exit {
        if is_healthy(&self.findings) { Exit::Done } else { Exit::Failed }
    }
}
