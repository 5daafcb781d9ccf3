//! The arguments that Ansible hands to ssh: those that the inventory has a setting for are taken.

use super::taken::{Taken, is_word, shown};
use super::words::{Comments, words};
use crate::inventory::HostKeys;

/// Takes the arguments of one variable.
pub(super) fn arguments(variable: &str, text: &str, taken: &mut Taken) {
    let Ok(split) = words(text, Comments::None) else {
        return taken.remark(format!("`{variable}` has a quote without its end: not taken."));
    };
    let mut left = split.into_iter().map(|(_, word)| word);
    while let Some(word) = left.next() {
        // -J bastion and -Jbastion, -o Key=value and -oKey=value.
        let mut characters = word.chars();
        let flag = match (characters.next(), characters.next()) {
            (Some('-'), Some(letter)) => letter,
            _ => {
                taken.remark(format!("`{variable}`: `{}` is no option of ssh: left out.", hidden(&word)));
                continue;
            }
        };
        if !"oJFiplCWLRDSbceEImOQw".contains(flag) || flag == 'C' {
            taken.remark(format!("`{variable}`: `{}` has no setting here: left out.", hidden(&word)));
            continue;
        }
        let joined = characters.as_str().to_owned();
        let value = if joined.is_empty() { left.next().unwrap_or_default() } else { joined };
        one(variable, flag, &value, taken);
    }
}

fn one(variable: &str, flag: char, value: &str, taken: &mut Taken) {
    let is_taken = match flag {
        'o' => {
            let (key, value) = value.split_once(['=', ' ']).unwrap_or((value, ""));
            return option(variable, key.trim(), value.trim_matches([' ', '=', '"']), taken);
        }
        'J' => jump(value, taken),
        'F' => config(value, taken),
        'i' => {
            taken.key(value);
            true
        }
        'l' if is_word(value) => {
            taken.ssh.user = Some(value.to_owned());
            true
        }
        'p' => {
            taken.ssh.port = value.parse().ok().or(taken.ssh.port);
            value.parse::<std::num::NonZeroU16>().is_ok()
        }
        _ => false,
    };
    if !is_taken {
        taken.remark(format!("`{variable}`: `-{flag} {}` has no setting here: left out.", hidden(value)));
    }
}

/// An option as in ssh_config(5), whose keys have no case.
fn option(variable: &str, key: &str, value: &str, taken: &mut Taken) {
    let is_taken = match key.to_ascii_lowercase().as_str() {
        "proxyjump" => jump(value, taken),
        "proxycommand" => through(value).is_some_and(|host| jump(&host, taken)),
        "identityfile" => {
            taken.key(value);
            true
        }
        "port" => {
            taken.ssh.port = value.parse().ok().or(taken.ssh.port);
            value.parse::<std::num::NonZeroU16>().is_ok()
        }
        "user" if is_word(value) => {
            taken.ssh.user = Some(value.to_owned());
            true
        }
        "stricthostkeychecking" => return host_keys(variable, value, taken),
        // rabbitup keeps connections open by itself, and asks nothing.
        "controlmaster"
        | "controlpersist"
        | "controlpath"
        | "batchmode"
        | "serveraliveinterval"
        | "serveralivecountmax"
        | "loglevel"
        | "preferredauthentications" => true,
        _ => false,
    };
    if !is_taken {
        let said = format!("-o {key}={value}");
        taken.remark(format!("`{variable}`: `{}` has no setting here: left out.", hidden(&said)));
    }
}

fn host_keys(variable: &str, value: &str, taken: &mut Taken) {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "ask" => {}
        "accept-new" => taken.ssh.host_keys = Some(HostKeys::AcceptNew),
        _ => taken.remark(format!(
            "`{variable}`: host keys are always verified here. `host_keys = \"accept-new\"` in [ssh] trusts those of new hosts, and no \
             changed one."
        )),
    }
}

/// The host of `ssh -W %h:%p HOST`, the older way of a jump host.
fn through(command: &str) -> Option<String> {
    let words: Vec<String> = words(command, Comments::None).ok()?.into_iter().map(|(_, word)| word).collect();
    let mut left = words.iter().map(String::as_str);
    if left.next()?.rsplit('/').next() != Some("ssh") {
        return None;
    }
    let (mut host, mut forwards) = (None, false);
    while let Some(word) = left.next() {
        match word {
            "-q" | "-T" => {}
            "-W" => forwards = left.next().is_some_and(|to| ["%h:%p", "[%h]:%p"].contains(&to)),
            word if !word.starts_with('-') && host.is_none() => host = Some(word.to_owned()),
            _ => return None,
        }
    }
    host.filter(|_| forwards)
}

fn jump(hops: &str, taken: &mut Taken) -> bool {
    let is_jump = hops.split(',').all(|hop| is_word(&hop.replace(['[', ']'], ""))) && hops != "none";
    if is_jump {
        taken.ssh.jump = Some(hops.to_owned());
    }
    is_jump
}

fn config(path: &str, taken: &mut Taken) -> bool {
    let is_path = !path.is_empty() && !path.starts_with('-') && !path.chars().any(char::is_control);
    if is_path {
        taken.ssh.config = Some(path.to_owned());
    }
    is_path
}

/// What is left out, unless it could hold a password (`sshpass -p …`).
fn hidden(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    match ["pass", "secret", "token"].iter().any(|word| lower.contains(word)) {
        true => "…".to_owned(),
        false => shown(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_are_taken_in_every_form() {
        for (text, expected) in [
            ("-J bastion", Some("bastion")),
            ("-Jops@bastion:2222", Some("ops@bastion:2222")),
            ("-o ProxyJump=a,ops@b", Some("a,ops@b")),
            ("-oProxyJump=bastion", Some("bastion")),
            ("-o 'ProxyJump bastion'", Some("bastion")),
            ("-o ProxyCommand=\"ssh -W %h:%p -q ops@bastion\"", Some("ops@bastion")),
            ("-o ProxyCommand='ssh -i key -W %h:%p bastion'", None),
            ("-o ProxyCommand='nc -x proxy %h %p'", None),
            ("-o ProxyJump=-oProxyCommand=x", None),
            ("-o ProxyJump='a b'", None),
            ("-J", None),
            ("-o", None),
        ] {
            let mut taken = Taken::default();
            arguments("ansible_ssh_common_args", text, &mut taken);
            assert_eq!(taken.ssh.jump.as_deref(), expected, "{text}");
            assert_eq!(taken.remarks.is_empty(), expected.is_some(), "{text}: {:?}", taken.remarks);
        }
    }

    #[test]
    fn what_is_left_out_is_told_without_passwords() {
        let mut taken = Taken::default();
        let text = "-o StrictHostKeyChecking=no -C -o ProxyCommand='sshpass -p hunter2 ssh x' -L 1:a:2 -F ssh.conf -p 2222";
        arguments("ansible_ssh_common_args", text, &mut taken);
        assert_eq!(taken.ssh.config.as_deref(), Some("ssh.conf"));
        assert_eq!(taken.ssh.port.map(u16::from), Some(2222));
        assert_eq!(taken.remarks.len(), 4, "{:?}", taken.remarks);
        assert!(!taken.remarks.concat().contains("hunter2"), "{:?}", taken.remarks);
    }
}
