//! What ssh and sudo say, sorted by what one has to do about it.

use crate::transport::privileges::READY;
use crate::transport::{TransportError, TransportErrorKind, evidence};

/// Reads why ssh did not connect from what it logged (`-E`).
///
/// The texts are those of OpenSSH's sshconnect.c, sshconnect2.c and ssh.c, unchanged since 5.x; where several
/// stand there, the most specific decides: a changed key is followed by "Host key verification failed." too.
pub(super) fn connect_failure(log: &str) -> TransportError {
    let evidence = evidence(log);
    let says = |text: &str| evidence.contains(text);
    let kind =
        if says("REMOTE HOST IDENTIFICATION HAS CHANGED") || says("Offending ") || says("REVOKED HOST KEY") {
            TransportErrorKind::HostKeyChanged
        } else if says("host key is known for") || says("Host key verification failed") {
            TransportErrorKind::HostKeyUnknown
        } else if says("Could not resolve hostname") {
            TransportErrorKind::NameUnknown
        } else if says("Can't open user config file") || says("bad configuration option") {
            TransportErrorKind::SshConfiguration
        } else if says("Permission denied (") || says("Too many authentication failures") {
            TransportErrorKind::AuthenticationRefused
        } else {
            TransportErrorKind::NoConnection
        };
    let evidence = if evidence.is_empty() { "ssh ended without a word".to_owned() } else { evidence };
    TransportError { kind, evidence }
}

/// How soon another try is worth it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// Nobody listened: a service that restarts is back at once or not at all.
    Soon,
    /// Somebody hung up before the login: sshd sheds load so (`MaxStartups`, sshd_config(5)).
    Later,
}

/// Only a connection that was refused or dropped is tried again. A time-out has used the time up, an absent
/// route does not come back within a second, and no host key or login gets better by trying.
pub(super) fn retry(error: &TransportError) -> Retry {
    if error.kind != TransportErrorKind::NoConnection {
        return Retry::Never;
    }
    let says = |text: &str| error.evidence.contains(text);
    if says("Connection refused") {
        Retry::Soon
    } else if says("kex_exchange_identification")
        || says("Connection reset by")
        || says("Connection closed by")
        || says("Not allowed at this time")
    {
        Retry::Later
    } else {
        Retry::Never
    }
}

/// Reads why nobody became root from what sudo, doas or the shell said. `asked` is how often sudo asked for the password that
/// it was given: where it asked and let nobody in, it refused that one.
///
/// sudo's texts are those of its check.c, sudo.c, logging.c, display.c and auth/sudo_auth.c, and sudo-rs's own. With
/// `-n` it wants a password before it says that a command is not allowed at all, so what it allows is looked at too.
pub(super) fn privilege_failure(said: &str, asked: usize) -> TransportError {
    let evidence = evidence(said);
    let says = |text: &str| evidence.contains(text);
    let nothing =
        says("not in the sudoers") || says("is not allowed to run sudo") || says("may not run sudo");
    let asks = says("password is required")
        || says("no password was provided")
        || says("incorrect password")
        || says("Sorry, try again")
        || says("authentication is required")
        || says("incorrect authentication attempt");
    let kind = if nothing {
        TransportErrorKind::NoPrivilege
    } else if says("is not allowed to execute")
        // `requiretty`, which the rule lifts for the one command.
        || says("must have a tty")
        || asks && rules(&evidence).is_some_and(no_rule_helps)
    {
        TransportErrorKind::SudoRule
    } else if asked > 0 {
        TransportErrorKind::SudoPasswordRefused
    } else if asks {
        TransportErrorKind::SudoPassword
    } else {
        TransportErrorKind::NoPrivilege
    };
    let evidence = if evidence.is_empty() { "the shell ended without a word".to_owned() } else { evidence };
    TransportError { kind, evidence }
}

/// The rules that sudo lists for the login, where it does.
fn rules(evidence: &str) -> Option<&str> {
    evidence.split_once("sudo allows this login").map(|(_, rules)| rules)
}

/// No rule is there that a password would open: one for all commands, or for the one that is needed.
fn no_rule_helps(rules: &str) -> bool {
    let opens = |rule: &str| rule.ends_with("ALL") || rule.contains(READY);
    !rules.lines().map(str::trim).any(|rule| opens(rule) && !rule.contains("NOPASSWD"))
}

#[cfg(test)]
#[path = "classify_test.rs"]
mod tests;
