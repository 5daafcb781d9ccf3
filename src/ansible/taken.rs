//! What was taken of Ansible's variables, and what could not be.

use crate::inventory::StarterSsh;
use crate::model::shortened;

/// How much of a value a comment or a message shows.
const SHOWN: usize = 120;

/// What was read, and what could not be taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub ssh: StarterSsh,
    /// What the inventory cannot express, or what was left out, each in a sentence.
    pub remarks: Vec<String>,
}

impl Taken {
    pub fn remark(&mut self, sentence: String) {
        if !self.remarks.contains(&sentence) {
            self.remarks.push(sentence);
        }
    }

    /// A private key's path.
    pub fn key(&mut self, path: &str) {
        if path.chars().any(char::is_control) || path.starts_with('-') {
            return self
                .remark(format!("the key's path `{}` is none that ssh takes: left out.", shown(path)));
        }
        if !path.starts_with(['/', '~']) {
            self.remark(format!(
                "the key `{}`: a relative path counts from this file's directory, with Ansible from where it is started.",
                shown(path)
            ));
        }
        self.ssh.identity = Some(path.to_owned());
    }
}

/// Whether ssh takes it for a login or a host: one word, and no option.
pub(super) fn is_word(text: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "._-:%@+".contains(c);
    !text.is_empty() && text.len() <= 253 && !text.starts_with('-') && text.chars().all(is_usual)
}

pub(super) fn shown(text: &str) -> String {
    shortened(text, SHOWN)
}
