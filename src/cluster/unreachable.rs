//! A host that could not be looked at: what that means, and what to do about it.

use crate::facts::{Unreachable, UnreachableCause};
use crate::inventory::Ssh;
use crate::model::quote;

/// How a line of advice that is a command begins.
pub(crate) const COMMAND: &str = "$ ";

/// What is wrong, in a few words.
pub(crate) fn what(cause: UnreachableCause) -> &'static str {
    match cause {
        UnreachableCause::NoConnection => "no connection",
        UnreachableCause::NameUnknown => "the name that ssh is given does not resolve",
        UnreachableCause::SshConfiguration => "ssh cannot use the configuration file that it is given",
        UnreachableCause::HostKeyChanged => "the host key is not the one that is known. STOP",
        UnreachableCause::HostKeyUnknown => "the host key is not known yet",
        UnreachableCause::AuthenticationRefused => "the host accepts none of the keys that ssh offered",
        UnreachableCause::NoPrivilege => "logged in, but the login can become root in no way",
        UnreachableCause::SudoPassword => "logged in, but sudo asks for a password",
        UnreachableCause::SudoPasswordRefused => "logged in, but sudo refused the password",
        UnreachableCause::SudoRule => "logged in, but sudo does not let this login run what rabbitup needs",
        UnreachableCause::Garbled => "logged in, but what came back is no complete answer",
        UnreachableCause::TimedOut => "logged in, but there was no answer in time",
    }
}

/// What to do about it, a sentence or a command (which [`COMMAND`] begins) each.
pub(crate) fn next(why: &Unreachable, ssh: Option<&Ssh>) -> Vec<String> {
    let (login, place) =
        (ssh.map_or_else(|| "ssh HOST".to_owned(), login), ssh.map_or("HOST".to_owned(), key_place));
    match why.cause {
        UnreachableCause::NoConnection => vec![
            "is the host on, is its address right, does sshd listen, does a firewall let ssh through? Try:".into(),
            command(&login),
        ],
        UnreachableCause::NameUnknown => vec![
            "set the host's `address` in the inventory, or add the name to DNS or ~/.ssh/config. Try:".into(),
            command(&login),
        ],
        UnreachableCause::SshConfiguration => vec![
            "fix the line that ssh names, or correct `config` under [ssh] in the inventory (its path is relative to \
             the inventory)"
                .into(),
        ],
        UnreachableCause::HostKeyChanged => vec![
            "either the host was installed anew, or somebody listens in between. Do not log in and do not type a \
             password. Ask whoever installs these hosts whether the key was changed, and compare the fingerprint \
             on the host's console or in the provider's panel, never over this network:"
                .into(),
            command("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"),
            "only when both agree, and as the last step, forget the old key here:".into(),
            command(&match known_hosts(&why.evidence) {
                Some(file) => format!("ssh-keygen -R {place} -f {}", quote(file)),
                None => format!("ssh-keygen -R {place}"),
            }),
        ],
        UnreachableCause::HostKeyUnknown => vec![
            "compare the fingerprint that ssh shows with the one on the host's console, then accept it once:".into(),
            command(&login),
            "or set `host_keys = \"accept-new\"` under [ssh], which trusts each new host at first sight".into(),
        ],
        UnreachableCause::AuthenticationRefused => vec![
            "check `user` and `identity` under [ssh] and what `ssh-add -l` lists, or put your key there. Try:".into(),
            command(&login),
        ],
        UnreachableCause::NoPrivilege => vec![
            "let the login use sudo or doas, log in as root (`user = \"root\"` under [ssh]), or check `become`; \
             docs/privileges.md has the rules"
                .into(),
        ],
        UnreachableCause::SudoPassword => vec![
            "run the same command with --ask-become-pass, which asks once and keeps it in memory, or let the login \
             use sudo without one (NOPASSWD in sudoers)"
                .into(),
        ],
        UnreachableCause::SudoPasswordRefused => vec![
            "one password is used on all hosts: is it this login's password on this host, and was it typed right? Try:"
                .into(),
            command(&format!("{login} -t sudo -k true")),
        ],
        UnreachableCause::SudoRule => vec![
            "the rule for it is in docs/privileges.md, and may be of another version of rabbitup. This prints the one \
             that this version needs, for /etc/sudoers.d on the host:"
                .into(),
            command(&format!(
                "rabbitup privileges sudoers {}",
                ssh.and_then(|ssh| ssh.user.as_deref()).unwrap_or("USER")
            )),
        ],
        UnreachableCause::Garbled => vec![
            "does something end the session or print into it (a login script, ForceCommand, a restricted shell)? \
             This must print one line, `ok`:"
                .into(),
            command(&format!("{login} 'echo ok'")),
        ],
        UnreachableCause::TimedOut => vec![
            "the host may be overloaded, out of memory or stuck on a dead disk or network mount. Try:".into(),
            command(&format!("{login} uptime")),
        ],
    }
}

/// The same advice as running text.
pub(crate) fn next_sentence(why: &Unreachable, ssh: Option<&Ssh>) -> String {
    let quoted = |line: String| line.strip_prefix(COMMAND).map(|words| format!("`{words}`")).unwrap_or(line);
    next(why, ssh).into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn command(words: &str) -> String {
    format!("{COMMAND}{words}")
}

/// The command that logs in to a host as rabbitup does.
pub(crate) fn login(ssh: &Ssh) -> String {
    let mut words = vec!["ssh".to_owned()];
    let paths = [("-F", ssh.config.as_ref()), ("-i", ssh.identity.as_ref())];
    words.extend(paths.iter().filter_map(|(flag, path)| path.map(|p| format!("{flag} {}", p.display()))));
    words.extend(ssh.jump.as_ref().map(|jump| format!("-J {jump}")));
    words.extend(ssh.port.map(|port| format!("-p {port}")));
    words.push(match &ssh.user {
        Some(user) => format!("{user}@{}", ssh.destination),
        None => ssh.destination.clone(),
    });
    words.join(" ")
}

/// The file that holds the key which ssh found changed: `Offending ED25519 key in FILE:LINE` (OpenSSH's sshconnect.c). Without
/// `-f`, ssh-keygen looks in ~/.ssh/known_hosts alone, whatever ssh's configuration names.
fn known_hosts(evidence: &str) -> Option<&str> {
    let (_, place) = evidence.lines().find(|line| line.starts_with("Offending "))?.split_once(" key in ")?;
    let (file, line) = place.trim_end().rsplit_once(':')?;
    (file.starts_with('/') && !line.is_empty() && line.chars().all(|c| c.is_ascii_digit())).then_some(file)
}

/// How known_hosts names the host, which has the port in it where that is not ssh's own.
fn key_place(ssh: &Ssh) -> String {
    match ssh.port {
        Some(port) if port != 22 => format!("'[{}]:{port}'", ssh.destination),
        _ => ssh.destination.clone(),
    }
}
