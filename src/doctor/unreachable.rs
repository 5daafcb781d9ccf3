//! A host that could not be looked at: what that means, and what to do about it.

use crate::facts::UnreachableCause;
use crate::inventory::Ssh;

/// How a line of advice that is a command begins.
pub(crate) const COMMAND: &str = "$ ";

/// What is wrong, in a few words.
pub(crate) fn what(cause: UnreachableCause) -> &'static str {
    match cause {
        UnreachableCause::NoConnection => "no connection",
        UnreachableCause::NameUnknown => "the name that ssh is given does not resolve",
        UnreachableCause::HostKeyChanged => "the host key is not the one that is known. STOP",
        UnreachableCause::HostKeyUnknown => "the host key is not known yet",
        UnreachableCause::AuthenticationRefused => "the host accepts none of the keys that ssh offered",
        UnreachableCause::NoPrivilege => "logged in, but the login can become root in no way",
        UnreachableCause::SudoPassword => "logged in, but sudo wants a password",
        UnreachableCause::SudoRule => "logged in, but sudo does not let this login run what rabbitup needs",
        UnreachableCause::Garbled => "logged in, but what came back is no complete answer",
        UnreachableCause::TimedOut => "logged in, but there was no answer in time",
    }
}

/// What to do about it, a sentence or a command (which [`COMMAND`] begins) each.
pub(crate) fn next(cause: UnreachableCause, ssh: Option<&Ssh>) -> Vec<String> {
    let (login, place) =
        (ssh.map_or_else(|| "ssh HOST".to_owned(), login), ssh.map_or("HOST".to_owned(), key_place));
    match cause {
        UnreachableCause::NoConnection => vec![
            "is the host on, is its address right, does sshd listen, does a firewall let ssh through? Try:".into(),
            command(&login),
        ],
        UnreachableCause::NameUnknown => vec![
            "set the host's `address` in the inventory, or add the name to DNS or ~/.ssh/config. Try:".into(),
            command(&login),
        ],
        UnreachableCause::HostKeyChanged => vec![
            "either the host was installed anew, or somebody listens in between. Do not log in and do not type a \
             password. Ask whoever installs these hosts whether the key was changed, and compare the fingerprint \
             on the host's console or in the provider's panel, never over this network:"
                .into(),
            command("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"),
            "only when both agree, and as the last step, forget the old key here:".into(),
            command(&format!("ssh-keygen -R {place}")),
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
             docs/privileges.md has the narrowest rules"
                .into(),
        ],
        UnreachableCause::SudoPassword => vec![
            "run the same command with --ask-become-pass, which asks once and keeps it in memory, or let the login \
             use sudo without one (NOPASSWD in sudoers)"
                .into(),
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
pub(crate) fn next_sentence(cause: UnreachableCause, ssh: Option<&Ssh>) -> String {
    let quoted = |line: String| line.strip_prefix(COMMAND).map(|words| format!("`{words}`")).unwrap_or(line);
    next(cause, ssh).into_iter().map(quoted).collect::<Vec<_>>().join(" ")
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

/// How known_hosts names the host, which has the port in it where that is not ssh's own.
fn key_place(ssh: &Ssh) -> String {
    match ssh.port {
        Some(port) if port != 22 => format!("'[{}]:{port}'", ssh.destination),
        _ => ssh.destination.clone(),
    }
}
