//! Classifies the messages of ssh and sudo by what to do about them.

use crate::transport::privileges::READY;
use crate::transport::{TransportError, TransportErrorKind, evidence};

/// Determines from ssh's log (`-E`) why it did not connect.
///
/// The texts are those of OpenSSH's sshconnect.c, sshconnect2.c and ssh.c, unchanged since 5.x; if several occur, the most
/// specific one decides: a changed key is followed by "Host key verification failed." too.
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
    let evidence = if evidence.is_empty() { "ssh ended without a message".to_owned() } else { evidence };
    TransportError { kind, evidence }
}

/// When to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// Nothing listened: a restarting service is back soon or not at all.
    Soon,
    /// Disconnected before the login: sshd sheds load this way (`MaxStartups`, sshd_config(5)).
    Later,
}

/// Only a refused or dropped connection is retried. A timeout has used up the time, a missing route does not come back within a
/// second, and retrying fixes no host key or login.
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

/// Determines from the messages of sudo, doas or the shell why the user could not become root. `asked` is how often sudo asked
/// for the given password: if it asked but did not start the shell, it rejected the password.
///
/// sudo's texts are those of its check.c, sudo.c, logging.c, display.c and auth/sudo_auth.c, and sudo-rs's own. With `-n` it asks
/// for a password even for commands that are not allowed at all, so its list of rules is checked too.
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
        // `requiretty`, which the rule disables for this command.
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
    let evidence =
        if evidence.is_empty() { "the shell ended without a message".to_owned() } else { evidence };
    TransportError { kind, evidence }
}

/// The rules that sudo lists for the user, if it does.
fn rules(evidence: &str) -> Option<&str> {
    evidence.split_once("sudo allows this login").map(|(_, rules)| rules)
}

/// Whether no rule would apply with a password: none for all commands, and none for the needed one.
fn no_rule_helps(rules: &str) -> bool {
    let opens = |rule: &str| rule.ends_with("ALL") || rule.contains(READY);
    !rules.lines().map(str::trim).any(|rule| opens(rule) && !rule.contains("NOPASSWD"))
}

#[cfg(test)]
#[path = "classify_test.rs"]
mod tests;
