//! A file that a broker reads when it starts.

use std::collections::BTreeMap;

use super::Draft;
use crate::inventory::Host;
use crate::operation::{Proof, Then, WriteFile};
use crate::plan::{Change, Proposal};
use crate::template::Rendered;

pub(super) fn file(path: &str, group: &str, mode: u32, body: Rendered) -> WriteFile {
    WriteFile {
        path: path.to_owned(),
        mode,
        owner: "root".to_owned(),
        group: group.to_owned(),
        body,
        validate: None,
        then: Then::Nothing,
        proof: Proof::BrokerStart,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    }
}

pub(super) fn propose(
    draft: &mut Draft<'_>,
    host: &Host,
    what: &str,
    write: WriteFile,
    reason: &str,
    diff: Option<String>,
    current: &str,
) {
    let change = if current.is_empty() { Change::Add } else { Change::Change };
    let title = format!("write {}", write.path);
    draft.hold_back(Proposal::new(&host.name, what, change, write).title(title).because(reason).diff(diff));
}
