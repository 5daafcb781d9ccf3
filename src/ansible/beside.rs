//! The files of variables that Ansible reads beside an inventory. Only plain YAML is read, and of it only what says how ssh reaches hosts.

use std::path::{Path, PathBuf};

use super::encoding::{VAULT, decoded};
use super::tree;
use super::variables::Variables;
use crate::document::{LARGEST, read_bounded};

/// Which files: those of groups or those of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    Groups,
    Hosts,
}

/// What is in the files of a group or a host.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub variables: Variables,
    /// Why something was not read, each in a sentence.
    pub unread: Vec<String>,
}

/// A directory comes before a file of the same name, as with Ansible.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// More than a group has. Each is a megabyte at most.
const MOST_FILES: usize = 50;
const DEEPEST: usize = 5;

/// Reads the file of a group or a host beside the inventory, or the files in its directory.
pub(super) fn read(inventory: &Path, folder: Folder, name: &str) -> Beside {
    let folder = match folder {
        Folder::Groups => "group_vars",
        Folder::Hosts => "host_vars",
    };
    let mut beside = Beside::default();
    // A name is never a way to somewhere else.
    let is_plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if name.starts_with('.') || !name.chars().all(is_plain) {
        return beside;
    }
    let root = inventory.parent().unwrap_or(Path::new(""));
    let candidates = ENDINGS.iter().map(|ending| Path::new(folder).join(format!("{name}{ending}")));
    let Some(found) = candidates.into_iter().find(|path| root.join(path).exists()) else { return beside };
    let mut files = Vec::new();
    if root.join(&found).is_dir() {
        in_directory(root, &found, DEEPEST, &mut files, &mut beside.unread);
    } else {
        files.push(found);
    }
    if files.len() > MOST_FILES {
        beside.unread.push(format!("Not read: the files in {folder}/{name} beyond the first {MOST_FILES}."));
    }
    for file in files.iter().take(MOST_FILES) {
        match one(root, file) {
            Ok(found) => beside.variables.overlay(&found),
            Err(why) => beside.unread.push(why),
        }
    }
    beside
}

/// The files in a directory of variables, by name, as Ansible takes them: no hidden ones, no copies of editors, no other endings.
fn in_directory(
    root: &Path,
    directory: &Path,
    deeper: usize,
    files: &mut Vec<PathBuf>,
    unread: &mut Vec<String>,
) {
    let shown = directory.display();
    if deeper == 0 {
        return unread.push(format!("Not read: {shown} is more than {DEEPEST} directories deep."));
    }
    let entries = match std::fs::read_dir(root.join(directory)) {
        Ok(entries) => entries.flatten(),
        Err(why) => return unread.push(format!("Not read: {shown}: {why}.")),
    };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).take(MOST_FILES * 2).collect();
    names.sort();
    for name in names.iter().filter(|name| !name.starts_with('.') && !name.ends_with('~')) {
        let path = directory.join(name);
        let ending = Path::new(name).extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        if root.join(&path).is_dir() {
            if ending.is_none() {
                in_directory(root, &path, deeper - 1, files, unread);
            }
        } else if ENDINGS.contains(&ending.as_deref().unwrap_or_default()) {
            files.push(path);
        }
    }
}

/// The variables of one file.
///
/// # Errors
/// Why it was not read, in a sentence.
fn one(root: &Path, file: &Path) -> Result<Variables, String> {
    let shown = file.display().to_string();
    let bytes = read_bounded(&root.join(file), LARGEST).map_err(|why| format!("Not read: {why}."))?;
    let text = decoded(bytes).map_err(|_| format!("Not read: {shown} is no text in UTF-8."))?;
    if text.trim_start().starts_with(VAULT) {
        return Err(format!("Not read: {shown} is encrypted, and rabbitup opens no vault."));
    }
    tree::variables(&text)
        .map(|found| found.read_from(&shown))
        .ok_or_else(|| format!("Not read: {shown} is no plain YAML of variables."))
}
