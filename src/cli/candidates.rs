//! What a shell offers where a host, a playbook or one of its values is typed. Nothing is contacted and no command of the inventory runs:
//! the answer comes from files alone, and a broken one offers nothing.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap_complete::CompletionCandidate;

use super::inventory_path::{DEFAULT_INVENTORY, INVENTORY_VARIABLE, directory};
use crate::document::read_bounded;
use crate::model::{HostName, Role};
use crate::playbook::Playbook;

/// The largest inventory that is read for this, in bytes.
const LARGEST: usize = 1 << 20;

/// The keys of playbooks whose values are brokers, and those that are answered with yes or no.
const HOST_KEYS: [&str; 3] = ["node", "old", "new"];
const ANSWER_KEYS: [&str; 3] = ["restart", "back", "gap"];

/// Hosts, and roles of them: `node1`, `@broker`.
pub fn hosts_and_roles(current: &OsStr) -> Vec<CompletionCandidate> {
    let hosts = Typed::now().hosts(None);
    if hosts.is_empty() {
        return Vec::new();
    }
    let roles = Role::ALL.map(|role| format!("@{}", role.as_str()));
    beginning_with(current, hosts.into_iter().chain(roles))
}

/// Hosts by their names.
pub fn hosts(current: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(current, Typed::now().hosts(None))
}

/// Playbooks: the built-in ones, and those beside the inventory.
pub fn playbooks(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = Typed::now();
    let directory = directory(&typed.inventory);
    let with_summary = |name: String| {
        let summary = Playbook::load(&name, directory).ok().map(|playbook| playbook.document().summary);
        CompletionCandidate::new(name).help(summary.map(Into::into))
    };
    let names = Playbook::names(directory).into_iter();
    names.filter(|name| begins(current, name)).map(with_summary).collect()
}

/// The values of the playbook that was typed before: `node=`, and behind it the brokers.
pub fn values(current: &OsStr) -> Vec<CompletionCandidate> {
    Typed::now().values(&current.to_string_lossy())
}

fn beginning_with(current: &OsStr, words: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    words.into_iter().filter(|word| begins(current, word)).map(CompletionCandidate::new).collect()
}

fn begins(current: &OsStr, word: &str) -> bool {
    word.starts_with(&*current.to_string_lossy())
}

/// The command line so far, as the shell hands it over behind `--`.
struct Typed {
    words: Vec<String>,
    inventory: PathBuf,
}

impl Typed {
    fn now() -> Self {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
        Self::of(words, std::env::var_os(INVENTORY_VARIABLE))
    }

    fn of(words: impl Iterator<Item = OsString>, variable: Option<OsString>) -> Self {
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let behind = words.iter().zip(words.iter().skip(1));
        let apart = behind.filter(|(word, _)| ["-i", "--inventory"].contains(&word.as_str()));
        let joined = words.iter().filter_map(|word| word.strip_prefix("--inventory="));
        let named = apart.map(|(_, path)| path.as_str()).chain(joined).last().map(PathBuf::from);
        let inventory = named.or(variable.map(PathBuf::from)).unwrap_or_else(|| DEFAULT_INVENTORY.into());
        Self { words, inventory }
    }

    /// The inventory's hosts, also while something else in it is wrong.
    fn hosts(&self, role: Option<Role>) -> Vec<String> {
        let text = read_bounded(&self.inventory, LARGEST).unwrap_or_default();
        let inventory = toml::from_slice::<toml::Table>(&text).unwrap_or_default();
        let hosts = inventory.get("host").and_then(toml::Value::as_array).into_iter().flatten();
        let plays = |host: &toml::Value, role: Role| {
            let roles = host.get("roles").and_then(toml::Value::as_array);
            roles.is_some_and(|roles| roles.iter().any(|one| one.as_str() == Some(role.as_str())))
        };
        let names = hosts.filter(|host| role.is_none_or(|role| plays(host, role)));
        let names = names.filter_map(|host| HostName::parse(host.get("name")?.as_str()?).ok());
        names.map(|name| name.to_string()).collect()
    }

    fn values(&self, current: &str) -> Vec<CompletionCandidate> {
        // bash takes `node=no` apart into three words; other shells do not.
        let apart = self.words.iter().rev().skip(1).take(2).map(String::as_str).collect::<Vec<_>>();
        let (key, start, before) = match (current.split_once('='), apart.as_slice()) {
            (Some((key, start)), _) => (key, start, format!("{key}=")),
            (None, ["=", key]) => (*key, current, String::new()),
            // With the cursor right behind the equals sign, bash leaves it out.
            (None, [key, ..]) if HOST_KEYS.contains(key) || ANSWER_KEYS.contains(key) => {
                (*key, current, String::new())
            }
            (None, _) => return self.keys(current),
        };
        let known = match key {
            key if HOST_KEYS.contains(&key) => self.hosts(Some(Role::Broker)),
            key if ANSWER_KEYS.contains(&key) => vec!["yes".to_owned(), "no".to_owned()],
            _ => Vec::new(),
        };
        let whole = known.into_iter().filter(|value| value.starts_with(start));
        whole.map(|value| CompletionCandidate::new(format!("{before}{value}"))).collect()
    }

    /// The keys that the playbook takes and that are not typed yet.
    fn keys(&self, current: &str) -> Vec<CompletionCandidate> {
        let directory = directory(&self.inventory);
        let known = Playbook::names(directory);
        let name = self.words.iter().find(|word| known.contains(word));
        let playbook = name.and_then(|name| Playbook::load(name, directory).ok());
        let Some(playbook) = playbook else { return Vec::new() };
        let document = playbook.document();
        let all = document.required.into_iter().chain(document.optional);
        all.filter(|(key, _)| key.starts_with(current) && !self.has(key))
            .map(|(key, what)| CompletionCandidate::new(format!("{key}=")).help(Some(what.into())))
            .collect()
    }

    /// Whether a value has been given before the word that is typed now.
    fn has(&self, key: &str) -> bool {
        let before = self.words.split_last().map_or(&[][..], |(_, before)| before);
        before
            .iter()
            .any(|word| word == key || word.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn typed(words: &[&str]) -> Typed {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Typed::of(words.into_iter(), Some(OsString::from("inventories/production.toml")))
    }

    fn texts(candidates: Vec<CompletionCandidate>) -> Vec<String> {
        candidates.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_playbooks_keys_and_then_its_brokers() {
        let keys = typed(&["rabbitup", "run", "replace-node", ""]);
        assert_eq!(texts(keys.values("")), ["new=", "old="]);
        let second = typed(&["rabbitup", "run", "replace-node", "old=node3", ""]);
        assert_eq!(texts(second.values("")), ["new="]);
        let whole = typed(&["rabbitup", "run", "remove-node", "node=no"]);
        let names = texts(whole.values("node=no"));
        assert!(names.contains(&"node=node1".to_owned()), "{names:?}");
        assert!(names.iter().all(|name| !name.contains("lb")), "only brokers: {names:?}");
        let apart = typed(&["rabbitup", "run", "remove-node", "node", "=", "no"]);
        assert_eq!(texts(apart.values("no")), names.iter().map(|name| &name[5..]).collect::<Vec<_>>());
    }

    #[test]
    fn the_inventory_that_is_named_counts() {
        for words in
            [["-i", "x/own.toml"].as_slice(), &["--inventory", "x/own.toml"], &["--inventory=x/own.toml"]]
        {
            assert_eq!(typed(words).inventory, Path::new("x/own.toml"));
        }
        assert_eq!(Typed::of(std::iter::empty(), None).inventory, Path::new(DEFAULT_INVENTORY));
        let nothing = typed(&["-i", "there-is-none.toml"]);
        assert_eq!(nothing.hosts(None), [""; 0]);
    }
}
