//! The inventory's file: what it is written in, and what is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::encoding::{VAULT, decoded, is_utf16};
use crate::document::{LARGEST, Problem, ReadError, read_bounded};
use crate::model::quote;
use crate::redact::names_a_secret;

/// What an inventory is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Ini,
    Yaml,
}

/// How to come to a file that can be read, whatever Ansible reads.
pub(super) fn way_out(path: &Path) -> String {
    let path = quote(&path.display().to_string());
    format!(
        "Ansible writes what it comes to: ansible-inventory -i {path} --list > hosts.json\nthen: rabbitup init --from-ansible hosts.json"
    )
}

/// Its text.
///
/// # Errors
/// It is no file of text, or Ansible would run or open it.
pub(super) fn read(path: &Path) -> Result<String, Problem> {
    let shown = path.display();
    let refused = |what: String, hint: String| Problem::error(what).hint(hint).of_file(path);
    let bytes = read_bounded(path, LARGEST).map_err(|error| {
        let what = error.to_string();
        match error {
            ReadError::Missing(_) => refused(
                what,
                "name an inventory of Ansible, in INI, YAML or the JSON of `ansible-inventory --list`"
                    .to_owned(),
            ),
            ReadError::Directory(_) => {
                refused(format!("{what}, which Ansible reads as one inventory"), way_out(path))
            }
            ReadError::TooLarge(..) => refused(what, "make a file of the cluster's own hosts".to_owned()),
            ReadError::Io(..) => refused(what, "check the file's mode and owner".to_owned()),
            ReadError::Distrusted(why) => refused(what, why.hint()),
        }
    })?;
    let is_program = bytes.starts_with(b"#!")
        && path.metadata().is_ok_and(|found| found.permissions().mode() & 0o111 != 0);
    if is_program {
        return Err(refused(format!("{shown} is a program, which rabbitup does not run"), way_out(path)));
    }
    if bytes.starts_with(VAULT.as_bytes()) {
        let hint =
            "keep the hosts in a plain file, or name them: rabbitup init node1=192.168.0.41".to_owned();
        return Err(refused(format!("{shown} is encrypted, and rabbitup opens no vault"), hint));
    }
    if path.extension().is_some_and(|ending| ending == "toml") {
        return Err(refused(format!("{shown} is in TOML, which is not read as Ansible's"), way_out(path)));
    }
    if is_utf16(&bytes) {
        return Err(refused(format!("{shown} is in UTF-16"), "save it in UTF-8".to_owned()));
    }
    decoded(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        refused(format!("{shown} is no text in UTF-8: byte {} (line {line})", valid + 1), way_out(path))
    })
}

/// By the file's name, else by its first line that says something.
pub(super) fn form(path: &Path, text: &str) -> Form {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yml" | "yaml" | "json") => return Form::Yaml,
        Some("ini") => return Form::Ini,
        Some(_) | None => {}
    }
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let word = first.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
    match word == "---" || word.starts_with(['{', '%']) || word.ends_with(':') {
        true => Form::Yaml,
        false => Form::Ini,
    }
}

/// The text for reports, with stars in place of what may be a secret; each byte keeps its position.
pub(super) fn veiled(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // How far the line of the secret was indented: what is further in continues it.
    let mut within: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let rest = &line[indent..];
        let continues = within.is_some_and(|outer| {
            rest.trim().is_empty() || indent > outer || (indent == outer && rest.starts_with('-'))
        });
        let from = if continues { Some(0) } else { secret_in(line) };
        within = if continues { within } else { from.map(|_| indent) };
        let keep = from.unwrap_or(line.len());
        shown.push_str(&line[..keep]);
        for c in line[keep..].chars() {
            match c {
                '\n' => shown.push('\n'),
                c => shown.extend(std::iter::repeat_n('*', c.len_utf8())),
            }
        }
    }
    shown
}

/// Where the first value in a line starts that may be a secret.
fn secret_in(line: &str) -> Option<usize> {
    let vault = ["!vault", VAULT].iter().filter_map(|word| line.find(word)).min();
    let value = line.match_indices(['=', ':']).find_map(|(at, _)| {
        let before = line[..at].trim_end_matches([' ', '\t', '"', '\'']);
        let is_part = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let start = before
            .rfind(|c: char| !is_part(c))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let key = before.get(start..)?;
        let lower = key.to_lowercase();
        (names_a_secret(key) || lower.contains("pass") || lower.contains("vault")).then_some(at + 1)
    });
    vault.into_iter().chain(value).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_seen_in_the_name_or_the_first_line() {
        let form = |name: &str, text: &str| form(Path::new(name), text);
        assert_eq!(form("hosts.yml", "[a]"), Form::Yaml);
        assert_eq!(form("hosts.ini", "all:"), Form::Ini);
        assert_eq!(form("hosts", "# x\n\n[a]\nb: c"), Form::Ini);
        assert_eq!(form("hosts", "node1:2222 ansible_host=10.0.0.1"), Form::Ini);
        assert_eq!(form("hosts", "---\nall:"), Form::Yaml);
        assert_eq!(form("production", "# x\nall:\n  hosts:"), Form::Yaml);
    }

    #[test]
    fn no_secret_is_shown_in_a_report() {
        let text = "node1 ansible_host=10.0.0.1 ansible_password=hunter2é x=y\nansible_become_pass = \"hunter2\"\n\
                    vars:\n  ansible_ssh_pass: >\n    hunter2\n\n    hunter2\n  ansible_user: ops\n  a: !vault |\n    $ANSIBLE_VAULT;1.1\n    6162\n\
                    tokens:\n- hunter2\nnode2 ansible_host=10.0.0.2\n";
        let shown = veiled(text);
        assert_eq!(shown.len(), text.len());
        assert_eq!(shown.lines().count(), text.lines().count());
        assert!(!shown.contains("hunter2") && !shown.contains("6162"), "{shown}");
        for kept in ["ansible_host=10.0.0.1", "ansible_user: ops", "node2 ansible_host=10.0.0.2"] {
            assert!(shown.contains(kept), "{kept}\n{shown}");
        }
    }
}
