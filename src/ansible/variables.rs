//! The variables that are read: those that say how ssh reaches a host.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Span;
use crate::redact::names_a_secret;

/// A variable's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub text: Text,
    pub span: Span,
    /// The file beside the inventory that has it; its span is not of the inventory then.
    pub file: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain(String),
    /// A vault's.
    Shut,
    /// A list or a mapping.
    Structure,
}

/// A variable that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variable {
    Host,
    Port,
    User,
    Key,
    CommonArguments,
    ExtraArguments,
    Arguments,
    Connection,
    Become,
    BecomeMethod,
    BecomeUser,
    /// An address beside a host's name, as several roles have it.
    Address,
    /// Which of the groups at the same depth counts more.
    Priority,
}

/// The names of each. Ansible still takes the older ones with `ssh` in them.
const NAMES: [(&str, Variable); 22] = [
    ("ansible_host", Variable::Host),
    ("ansible_ssh_host", Variable::Host),
    ("ansible_port", Variable::Port),
    ("ansible_ssh_port", Variable::Port),
    ("ansible_user", Variable::User),
    ("ansible_ssh_user", Variable::User),
    ("ansible_ssh_private_key_file", Variable::Key),
    ("ansible_private_key_file", Variable::Key),
    ("ansible_ssh_common_args", Variable::CommonArguments),
    ("ansible_ssh_extra_args", Variable::ExtraArguments),
    ("ansible_ssh_args", Variable::Arguments),
    ("ansible_connection", Variable::Connection),
    ("ansible_become", Variable::Become),
    ("ansible_become_method", Variable::BecomeMethod),
    ("ansible_become_user", Variable::BecomeUser),
    ("ip", Variable::Address),
    ("ip_address", Variable::Address),
    ("private_ip", Variable::Address),
    ("access_ip", Variable::Address),
    ("address", Variable::Address),
    ("ipv4_address", Variable::Address),
    ("ansible_group_priority", Variable::Priority),
];

impl Variable {
    pub fn of(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable)
    }

    /// Its name today.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, variable)| *variable == self).map_or("", |(name, _)| name)
    }
}

/// Those of a host or a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    values: BTreeMap<Variable, Value>,
    /// The names of those that are a secret, or a vault's, and were not read.
    pub shut: BTreeSet<String>,
}

/// How many names of secrets are kept, for a comment.
const MOST_SHUT: usize = 20;

impl Variables {
    /// Keeps the value, if it is one that is read.
    pub fn set(&mut self, name: &str, text: Text, span: Span) {
        // What a vault begins with, in the middle of a plain file.
        let is_vault = matches!(&text, Text::Plain(plain) if plain.contains("$ANSIBLE_VAULT"));
        let variable = Variable::of(name);
        let text = if is_vault { Text::Shut } else { text };
        let is_password = name.starts_with("ansible_") && (name.contains("pass") || names_a_secret(name));
        if (is_password || text == Text::Shut) && self.shut.len() < MOST_SHUT {
            self.shut.insert(name.to_owned());
        }
        if let Some(variable) = variable {
            self.values.insert(variable, Value { text, span, file: None });
        }
    }

    pub fn get(&self, variable: Variable) -> Option<&Value> {
        self.values.get(&variable)
    }

    /// Adds those of something that Ansible heeds more.
    pub fn overlay(&mut self, nearer: &Self) {
        self.values.extend(nearer.values.iter().map(|(variable, value)| (*variable, value.clone())));
        self.shut.extend(nearer.shut.iter().take(MOST_SHUT.saturating_sub(self.shut.len())).cloned());
    }

    /// Marks all of them as read from this file.
    pub fn read_from(mut self, file: &str) -> Self {
        self.values.values_mut().for_each(|value| value.file = Some(file.to_owned()));
        self
    }
}
