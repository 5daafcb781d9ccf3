use std::collections::BTreeMap;

use serde_json::Value;

use crate::facts::{Facts, HostFacts};
use crate::model::{DigestKey, HostName};

/// The facts that a plan depends on, by host, as `path` → value. Readings that always differ (clock, memory, messages) are
/// not among the facts' serialised fields. File contents are short digests salted with the
/// plan's key: a file may contain a password, and `apply` prints the digests of what has changed.
pub fn fingerprint(facts: &Facts, key: DigestKey) -> BTreeMap<HostName, BTreeMap<String, String>> {
    let mut prints = BTreeMap::new();
    for name in facts.hosts.keys() {
        if let Some(host) = facts.host(name) {
            prints.insert(name.clone(), of_host(host, key));
        }
    }
    prints
}

fn of_host(host: &HostFacts, key: DigestKey) -> BTreeMap<String, String> {
    let mut print = BTreeMap::new();
    if let Ok(value) = serde_json::to_value(host) {
        flatten(String::new(), &value, key, &mut print);
    }
    // These do not change a plan, and differ between two probes.
    print.retain(|path, _| !path.starts_with("reach.") && !path.starts_with("package_lock"));
    if let Some(cookie) = &host.cookie {
        print.insert("cookie.file".to_owned(), cookie.raw.keyed(key));
        print.insert("cookie.mode".to_owned(), format!("{:04o} {}", cookie.mode, cookie.owner));
    }
    if let Some(staged) = &host.staged_cookie {
        print.insert("cookie.staged".to_owned(), staged.raw.keyed(key));
    }
    if let Some(cookie) = host.node().and_then(|node| node.cookie) {
        print.insert("cookie.running".to_owned(), cookie.keyed(key));
    }
    print
}

fn flatten(path: String, value: &Value, key: DigestKey, into: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| flatten(below(name), value, key, into));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, value)| flatten(below(&at.to_string()), value, key, into));
        }
        Value::Null => {}
        Value::String(text) if path.starts_with("files.") && path.ends_with(".content") => {
            into.insert(path, key.digest(text.as_bytes()));
        }
        Value::String(text) => {
            into.insert(path, text.clone());
        }
        other => {
            into.insert(path, other.to_string());
        }
    }
}

/// One fact that has changed since the plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub host: HostName,
    pub fact: String,
    pub was: Option<String>,
    pub now: Option<String>,
}

/// Every fact that differs between two fingerprints.
pub fn moved(
    was: &BTreeMap<HostName, BTreeMap<String, String>>,
    now: &BTreeMap<HostName, BTreeMap<String, String>>,
) -> Vec<Moved> {
    let nothing = BTreeMap::new();
    let mut found = Vec::new();
    let hosts: std::collections::BTreeSet<&HostName> = was.keys().chain(now.keys()).collect();
    for host in hosts {
        let (was, now) = (was.get(host).unwrap_or(&nothing), now.get(host).unwrap_or(&nothing));
        let facts: std::collections::BTreeSet<&String> = was.keys().chain(now.keys()).collect();
        for fact in facts {
            if was.get(fact) != now.get(fact) {
                found.push(Moved {
                    host: host.clone(),
                    fact: fact.clone(),
                    was: was.get(fact).cloned(),
                    now: now.get(fact).cloned(),
                });
            }
        }
    }
    found
}
