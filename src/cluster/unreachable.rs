//! A host that could not be inspected: what is wrong, and what to do about it.

use super::phrases::grouped;
use crate::facts::{Facts, Unreachable, UnreachableCause};
use crate::inventory::{Desired, Host, Ssh};
use crate::model::{Advice, quote, shell_word};

/// What is wrong, in a few words.
pub(crate) fn what(cause: UnreachableCause) -> &'static str {
    match cause {
        UnreachableCause::NoConnection => "no connection",
        UnreachableCause::NameUnknown => "the host's name for ssh does not resolve",
        UnreachableCause::SshConfiguration => "ssh cannot use its configuration file",
        UnreachableCause::HostKeyChanged => "the host key has CHANGED. STOP",
        UnreachableCause::HostKeyUnknown => "the host key is unknown",
        UnreachableCause::AuthenticationRefused => "the host accepts none of the keys that ssh offered",
        UnreachableCause::LoginShell => "logged in, but the login shell does not start /bin/sh",
        UnreachableCause::NoPrivilege => "logged in, but this user cannot become root",
        UnreachableCause::SudoPassword => "logged in, but sudo asks for a password",
        UnreachableCause::SudoPasswordRefused => "logged in, but sudo refused the password",
        UnreachableCause::SudoRule => {
            "logged in, but sudo does not allow this user the command that rabbitup needs"
        }
        UnreachableCause::Garbled => "logged in, but the reply was incomplete",
        UnreachableCause::TimedOut => "logged in, but the reply timed out",
    }
}

/// What to do about it.
pub(crate) fn next(why: &Unreachable, ssh: Option<&Ssh>) -> Vec<Advice> {
    let (login, place) =
        (ssh.map_or_else(|| "ssh HOST".to_owned(), login), ssh.map_or("HOST".to_owned(), key_place));
    match why.cause {
        UnreachableCause::NoConnection => vec![
            sentence(
                "check that the host is on, its address is right, sshd listens and no firewall blocks ssh. Try:",
            ),
            command(&login),
        ],
        UnreachableCause::NameUnknown => vec![
            sentence(
                "set the host's `address` in the inventory, or add the name to DNS or ~/.ssh/config. Try:",
            ),
            command(&login),
        ],
        UnreachableCause::SshConfiguration => vec![sentence(
            "fix the line that ssh reports, or correct `config` under [ssh] in the inventory (its path is relative to \
             the inventory)",
        )],
        UnreachableCause::HostKeyChanged => vec![
            sentence(
                "either the host was reinstalled, or someone intercepts the connection. Do not log in and do not type a \
             password. Ask the administrator of this host whether the key was changed, and compare the fingerprint on the \
             host's console or in the provider's panel, never over this network:",
            ),
            command("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"),
            sentence("only if both agree, remove the old key here as the last step:"),
            command(&match known_hosts(&why.evidence) {
                Some(file) => format!("ssh-keygen -R {place} -f {}", quote(file)),
                None => format!("ssh-keygen -R {place}"),
            }),
        ],
        UnreachableCause::HostKeyUnknown => unknown_keys(ssh.as_slice()),
        UnreachableCause::AuthenticationRefused => vec![
            sentence(
                "check `user` and `identity` under [ssh] and what `ssh-add -l` lists, or add your key on the host. Try:",
            ),
            command(&login),
        ],
        UnreachableCause::LoginShell => vec![
            sentence(
                "give the login another shell, or set `user` under [ssh] to a login that has one, then run the same command again \
             (docs/privileges.md). This must print exactly `ok`:",
            ),
            command(&format!("{login} 'sh -c \"echo ok\"'")),
        ],
        UnreachableCause::NoPrivilege => vec![sentence(
            "allow the user to use sudo or doas, log in as root (`user = \"root\"` under [ssh]), or check `become`; \
             docs/privileges.md has the rules",
        )],
        UnreachableCause::SudoPassword => vec![sentence(
            "run the same command with --ask-become-pass, which asks once and keeps the password in memory, or allow sudo \
             without a password (NOPASSWD in sudoers)",
        )],
        UnreachableCause::SudoPasswordRefused => vec![
            sentence(
                "the same password is used on all hosts: check that it is this user's password on this host and has no typo. Try:",
            ),
            command(&format!("{login} -t sudo -k true")),
        ],
        UnreachableCause::SudoRule => vec![
            sentence(
                "docs/privileges.md has the rule; an existing one may be from another version of rabbitup. This prints the \
             rule that this version needs, for /etc/sudoers.d on the host:",
            ),
            command(&format!(
                "rabbitup privileges sudoers {}",
                ssh.and_then(|ssh| ssh.user.as_deref()).unwrap_or("USER")
            )),
        ],
        UnreachableCause::Garbled => vec![
            sentence(
                "check for anything that ends the session or prints into it (a login script, ForceCommand, a restricted \
             shell). This must print exactly `ok`:",
            ),
            command(&format!("{login} 'echo ok'")),
        ],
        UnreachableCause::TimedOut => vec![
            sentence(
                "the host may be overloaded, out of memory or blocked by a dead disk or network mount. Try:",
            ),
            command(&format!("{login} uptime")),
        ],
    }
}

/// The same about a host of the inventory. Where one command serves all hosts with this trouble, it is for all of them.
pub(crate) fn next_for(desired: &Desired, facts: &Facts, host: &Host, why: &Unreachable) -> Vec<Advice> {
    if why.cause != UnreachableCause::HostKeyUnknown {
        return next(why, Some(&host.ssh));
    }
    let is_unknown = |host: &&Host| {
        let silent = facts.unreachable().find(|(name, _)| **name == host.name);
        silent.is_some_and(|(_, why)| why.cause == UnreachableCause::HostKeyUnknown)
    };
    unknown_keys(&desired.hosts.iter().filter(is_unknown).map(|host| &host.ssh).collect::<Vec<_>>())
}

/// What to do about host keys that nobody has accepted yet: one command for all of them.
pub(crate) fn unknown_keys(hosts: &[&Ssh]) -> Vec<Advice> {
    let compare = if hosts.len() > 1 {
        "compare each fingerprint that ssh shows with the one on that host's console, then accept it; this asks for one host after \
         the other:"
    } else {
        "compare the fingerprint that ssh shows with the one on the host's console, then accept it once:"
    };
    let groups = grouped(hosts.iter().map(|ssh| (options(ssh), shell_word(&destination(ssh)))));
    // ssh would refuse at once where its configuration says so. With -n no session takes the answer for the next host.
    let ask = |options: &str| format!("ssh -n {options}-o StrictHostKeyChecking=ask");
    let one = |(options, at): &(String, Vec<String>)| match at.as_slice() {
        [one] => format!("{} {one} true", ask(options)),
        several => {
            format!("for host in {}; do {} \"$host\" true; done", several.join(" "), ask(options))
        }
    };
    let all = match groups.as_slice() {
        [] => format!("{} HOST true", ask("")),
        groups => groups.iter().map(one).collect::<Vec<_>>().join("; "),
    };
    vec![
        sentence(compare),
        command(&all),
        sentence(
            "or set `host_keys = \"accept-new\"` under [ssh], which trusts each new host on first contact",
        ),
    ]
}

/// Advice as one sentence.
pub(crate) fn in_a_sentence(advice: Vec<Advice>) -> String {
    let quoted = |advice: Advice| match advice {
        Advice::Command(_) | Advice::Rabbitup(_) => format!("`{}`", advice.words("")),
        Advice::Sentence(words) => words,
    };
    advice.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn sentence(words: &str) -> Advice {
    Advice::Sentence(words.to_owned())
}

fn command(words: &str) -> Advice {
    Advice::Command(words.to_owned())
}

/// The command that logs in to a host like rabbitup.
pub(crate) fn login(ssh: &Ssh) -> String {
    format!("ssh {}{}", options(ssh), shell_word(&destination(ssh)))
}

/// `-F FILE -p 2222 `: ssh's options, each with a space behind it.
fn options(ssh: &Ssh) -> String {
    let paths = [("-F", &ssh.config), ("-i", &ssh.identity)];
    let paths =
        paths.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?.display().to_string())));
    let jump = ssh.jump.iter().map(|jump| ("-J", jump.clone()));
    let port = ssh.port.iter().map(|port| ("-p", port.to_string()));
    paths.chain(jump).chain(port).map(|(flag, value)| format!("{flag} {} ", shell_word(&value))).collect()
}

fn destination(ssh: &Ssh) -> String {
    match &ssh.user {
        Some(user) => format!("{user}@{}", ssh.destination),
        None => ssh.destination.clone(),
    }
}

/// The file with the old key, from `Offending ED25519 key in FILE:LINE` (OpenSSH's sshconnect.c). Without `-f`, ssh-keygen uses
/// only ~/.ssh/known_hosts, whatever ssh's configuration names.
fn known_hosts(evidence: &str) -> Option<&str> {
    let (_, place) = evidence.lines().find(|line| line.starts_with("Offending "))?.split_once(" key in ")?;
    let (file, line) = place.trim_end().rsplit_once(':')?;
    (file.starts_with('/') && !line.is_empty() && line.chars().all(|c| c.is_ascii_digit())).then_some(file)
}

/// The host's name in known_hosts, which includes the port if it is not 22.
fn key_place(ssh: &Ssh) -> String {
    match ssh.port {
        Some(port) if port != 22 => format!("'[{}]:{port}'", ssh.destination),
        _ => ssh.destination.clone(),
    }
}
