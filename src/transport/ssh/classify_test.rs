use super::*;
use TransportErrorKind::*;

const CHANGED: &str = "\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r
Someone could be eavesdropping on you right now (man-in-the-middle attack)!\r
It is also possible that a host key has just been changed.\r
The fingerprint for the ED25519 key sent by the remote host is\n\
SHA256:0Sn0UQsnQ6rp3Wzc1M7GLwzp0EGGRUrqmBz8ISTYfPY.\r
Please contact your system administrator.\r
Add correct host key in /home/ann/.ssh/known_hosts to get rid of this message.\r
Offending ED25519 key in /home/ann/.ssh/known_hosts:7\r
Host key for 192.0.2.7 has changed and you have requested strict checking.\r
Host key verification failed.\r
";

#[test]
fn ssh_errors_are_classified() {
    let cases = [
        ("ssh: connect to host 192.0.2.7 port 22: Connection refused\r\n", NoConnection),
        ("ssh: connect to host 192.0.2.7 port 22: No route to host\r\n", NoConnection),
        ("ssh: connect to host 192.0.2.7 port 22: Connection timed out\r\n", NoConnection),
        (
            "Connection timed out during banner exchange\r\nConnection to 192.0.2.7 port 22 timed out\r\n",
            NoConnection,
        ),
        ("kex_exchange_identification: read: Connection reset by peer\r\n", NoConnection),
        ("Unable to negotiate with 192.0.2.7 port 22: no matching host key type found.\r\n", NoConnection),
        ("", NoConnection),
        ("ssh: Could not resolve hostname node9: Name or service not known\r\n", NameUnknown),
        (
            "Can't open user config file /home/ann/cluster/ssh_config: No such file or directory\r\n",
            SshConfiguration,
        ),
        (
            "/home/ann/ssh_config: line 1: Bad configuration option: hostnam\r\n\
             /home/ann/ssh_config: terminating, 1 bad configuration options\r\n",
            SshConfiguration,
        ),
        (CHANGED, HostKeyChanged),
        (
            "No ED25519 host key is known for 192.0.2.7 and you have requested strict checking.\r\n\
             Host key verification failed.\r\n",
            HostKeyUnknown,
        ),
        ("ann@192.0.2.7: Permission denied (publickey,password).\r\n", AuthenticationRefused),
        (
            "Received disconnect from 192.0.2.7 port 22:2: Too many authentication failures\r\n\
             Disconnected from 192.0.2.7 port 22\r\n",
            AuthenticationRefused,
        ),
    ];
    for (log, kind) in cases {
        let error = connect_failure(log);
        assert_eq!(error.kind, kind, "{log}");
        assert!(!error.evidence.is_empty() && !error.evidence.contains('\r'));
    }
    assert!(connect_failure(CHANGED).evidence.contains("Offending ED25519 key in"));
    assert!(!connect_failure(CHANGED).evidence.contains("@@@"));
}

#[test]
fn only_refused_or_dropped_connections_are_retried() {
    let cases = [
        ("ssh: connect to host h port 22: Connection refused", Retry::Soon),
        ("kex_exchange_identification: Connection closed by remote host", Retry::Later),
        ("ssh: connect to host h port 22: No route to host", Retry::Never),
        ("ssh: connect to host h port 22: Connection timed out", Retry::Never),
        ("ssh: Could not resolve hostname h: Name or service not known", Retry::Never),
        (CHANGED, Retry::Never),
        ("h: Permission denied (publickey).\nConnection closed by 192.0.2.7", Retry::Never),
    ];
    for (log, expected) in cases {
        assert_eq!(retry(&connect_failure(log)), expected, "{log}");
    }
}

#[test]
fn errors_of_sudo_and_doas_are_classified() {
    let cases = [
        ("sudo: a password is required", SudoPassword),
        (
            "Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt",
            SudoPassword,
        ),
        ("sudo: 3 incorrect password attempts", SudoPassword),
        ("sudo: interactive authentication is required", SudoPassword),
        ("sudo: a password is required\ndoas: Operation not permitted", SudoPassword),
        ("ops is not in the sudoers file.", NoPrivilege),
        (
            "Sorry, user ops is not allowed to execute '/bin/sh -c echo rabbitup-root' as root on node1.",
            SudoRule,
        ),
        (
            "sudo: a password is required\nsudo allows this login on node1:\n    (root) NOPASSWD: /bin/ls",
            SudoRule,
        ),
        (
            "sudo: a password is required\nsudo allows this login on node1:\n    (ALL) ALL\n    (root) NOPASSWD: /bin/ls",
            SudoPassword,
        ),
        (
            "sudo: a password is required\nsudo allows this login on node1:\n    (root) NOPASSWD: /bin/ls\n    \
             (root) /bin/sh -c echo rabbitup-root; while read",
            SudoPassword,
        ),
        ("sudo: sorry, you must have a tty to run sudo", SudoRule),
        ("Sorry, user ops may not run sudo on node1.", NoPrivilege),
        ("sh: 3: sudo: not found", NoPrivilege),
        ("doas: Operation not permitted", NoPrivilege),
        ("This account is currently not available.", NoPrivilege),
        ("", NoPrivilege),
    ];
    for (said, kind) in cases {
        assert_eq!(privilege_failure(said, 0).kind, kind, "{said}");
    }
    for said in
        ["Sorry, try again.\nsudo: 1 incorrect password attempt", "sudo: 3 incorrect password attempts"]
    {
        assert_eq!(privilege_failure(said, 1).kind, SudoPasswordRefused, "{said}");
    }
    // It asks before it checks its rules.
    assert_eq!(privilege_failure("ops is not in the sudoers file.", 1).kind, NoPrivilege);
}
