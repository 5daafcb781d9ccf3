use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, hosts_text};
use crate::facts::{CloudInit, HostsFileRule};
use crate::model::HostName;
use crate::operation::{Proof, Then, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal};
use crate::template::Rendered;

const TAKEN_BACK: &str = "# Written by rabbitup: the host's own name must resolve to its address, not to a loopback address.\n\
                          manage_etc_hosts: false\n";

/// Where cloud-init writes /etc/hosts at every boot, makes it write the block, too.
///
/// A setting from user-data outranks every file of /etc/cloud, but the template is on the host: with `true` the block goes into the
/// template. With `localhost` there is no template: the setting is taken back where a file of /etc/cloud has it.
pub(super) fn plan(draft: &mut Draft<'_>, host: &HostName, block: &str, names: &BTreeSet<String>) {
    let Some(cloud) = draft.host(host).and_then(|facts| facts.cloud_init.clone()) else { return };
    match cloud.rule {
        HostsFileRule::Template => into_template(draft, host, &cloud, block, names),
        HostsFileRule::Localhost if cloud.is_local() => take_back(draft, host, &cloud),
        HostsFileRule::Localhost => draft.note(
            host,
            format!(
                "cloud-init maps the host's own name to a loopback address at every boot ({}): set it to false there, which no file \
                 on the host can do",
                cloud.in_words()
            ),
        ),
    }
}

/// Without a template cloud-init fails, and leaves /etc/hosts as it is.
fn into_template(
    draft: &mut Draft<'_>,
    host: &HostName,
    cloud: &CloudInit,
    block: &str,
    names: &BTreeSet<String>,
) {
    let Some(facts) = draft.host(host) else { return };
    let Some(path) = CloudInit::template(facts.system.family) else { return };
    let Some(current) = facts.file(path).and_then(|file| file.content.clone()) else { return };
    let wanted = hosts_text::template_with_block(&current, block, names);
    if wanted == current {
        return;
    }
    let reason = format!("cloud-init writes /etc/hosts from it at every boot ({})", cloud.in_words());
    propose(draft, host, Change::Change, path, &current, &wanted, &reason);
}

fn take_back(draft: &mut Draft<'_>, host: &HostName, cloud: &CloudInit) {
    let Some(facts) = draft.host(host) else { return };
    let path = CloudInit::OVERRIDE;
    let current = facts.file(path).and_then(|file| file.content.clone()).unwrap_or_default();
    if current == TAKEN_BACK {
        let text = format!(
            "cloud-init maps the host's own name to a loopback address at every boot: {}, which it reads after {path}; set it to \
             false there",
            cloud.in_words()
        );
        return draft.note(host, text);
    }
    let reason = format!(
        "cloud-init maps the host's own name to a loopback address at every boot ({})",
        cloud.in_words()
    );
    propose(draft, host, Change::Add, path, &current, TAKEN_BACK, &reason);
}

fn propose(
    draft: &mut Draft<'_>,
    host: &HostName,
    change: Change,
    path: &str,
    current: &str,
    wanted: &str,
    reason: &str,
) {
    let write = WriteFile {
        path: path.to_owned(),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        body: Rendered::from_text(wanted),
        validate: None,
        then: Then::Nothing,
        proof: Proof::None,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    };
    draft.propose(
        Proposal::new(host, "cloud-init-hosts", change, write)
            .title(format!("write {path}"))
            .because(reason)
            .diff(unified(current, wanted))
            .within(60),
    );
}
