//! How ssh reaches a host, from Ansible's variables to the inventory's settings.

use std::num::NonZeroU16;

use super::arguments::arguments;
use super::fault::Fault;
use super::taken::{Taken, is_word, shown};
use super::variables::{Text, Value, Variable, Variables};
use crate::inventory::Become;

/// The settings of a host.
///
/// # Errors
/// A port or a login that ssh would not take: no connection could be made.
pub(super) fn taken(variables: &Variables) -> Result<Taken, Fault> {
    let mut taken = Taken::default();
    for variable in [Variable::Arguments, Variable::CommonArguments, Variable::ExtraArguments] {
        if let Some(text) = plain(&mut taken, variables, variable) {
            arguments(variable.name(), &text, &mut taken);
        }
    }
    if let Some(text) = plain(&mut taken, variables, Variable::User) {
        if !is_word(&text) {
            return Err(fault(
                variables,
                Variable::User,
                "is not a single word",
                "name the user that ssh logs in as",
            ));
        }
        taken.ssh.user = Some(text);
    }
    if let Some(text) = plain(&mut taken, variables, Variable::Port) {
        let port = text
            .parse::<NonZeroU16>()
            .map_err(|_| fault(variables, Variable::Port, "is no port", "write a number from 1 to 65535"))?;
        taken.ssh.port = Some(port);
    }
    if let Some(text) = plain(&mut taken, variables, Variable::Key) {
        taken.key(&text);
    }
    privileges(&mut taken, variables);
    if let Some(text) = plain(&mut taken, variables, Variable::Connection)
        && !["ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh"].contains(&text.as_str())
    {
        taken.remark(format!(
            "`{} = {}`: rabbitup reaches every host over ssh.",
            Variable::Connection.name(),
            shown(&text)
        ));
    }
    Ok(taken)
}

fn fault(variables: &Variables, variable: Variable, what: &str, hint: &str) -> Fault {
    let name = variable.name();
    match variables.get(variable) {
        Some(Value { file: Some(file), .. }) => Fault::new(format!("`{name}` in {file} {what}"), 0..0, hint),
        Some(Value { span, .. }) => Fault::new(format!("`{name}` {what}"), span.clone(), hint),
        None => Fault::new(format!("`{name}` {what}"), 0..0, hint),
    }
}

/// A variable's text, if it has one that means the same without Ansible.
fn plain(taken: &mut Taken, variables: &Variables, variable: Variable) -> Option<String> {
    let name = variable.name();
    match &variables.get(variable)?.text {
        Text::Plain(text) if text.contains("{{") || text.contains("{%") => {
            taken.remark(format!("`{name}` is a template, which only Ansible evaluates: not taken."));
            None
        }
        Text::Plain(text) if text.trim().is_empty() => None,
        Text::Plain(text) => Some(text.trim().to_owned()),
        // The names of all of these are in a remark of their own.
        Text::Shut => None,
        Text::Structure => {
            taken.remark(format!("`{name}` is a list or a mapping: not taken."));
            None
        }
    }
}

fn privileges(taken: &mut Taken, variables: &Variables) {
    let truth = plain(taken, variables, Variable::Become).map(|text| text.to_lowercase());
    let is_off = truth.as_deref().is_some_and(|text| ["no", "false", "off", "0", "n"].contains(&text));
    if is_off {
        // Without it Ansible does what its login may; `auto` is root directly, where the login is root.
        return;
    }
    match plain(taken, variables, Variable::BecomeMethod).as_deref() {
        None => {}
        Some("sudo" | "ansible.builtin.sudo" | "community.general.sudo") => {
            taken.ssh.r#become = Some(Become::Sudo)
        }
        Some("doas" | "community.general.doas") => taken.ssh.r#become = Some(Become::Doas),
        Some(other) => taken.remark(format!(
            "`{} = {}`: rabbitup becomes root by sudo or doas, or logs in as root.",
            Variable::BecomeMethod.name(),
            shown(other)
        )),
    }
    if let Some(user) = plain(taken, variables, Variable::BecomeUser).filter(|user| user != "root") {
        let name = Variable::BecomeUser.name();
        taken.remark(format!("`{name} = {}`: rabbitup becomes root.", shown(&user)));
    }
}
