//! What of a broker's logs is of its present state, in a real shell with a log that is made up.

use crate::model::shells::{run_in, shells};

const LOGS: &str = include_str!("../facts/broker_logs.sh");

const LOG: &str = "stack of an older start
2023-11-14 22:00:00.123 [error] <0.1.0> an old failure
of two lines
2023-11-14 22:12:00.123456+00:00 [error] <0.1.0> the failure
BOOT FAILED
";

fn said(shell: &[&str], stubs: &str, call: &str) -> String {
    let script = format!(
        "set -u\n{LOGS}\ntimeout() {{ shift; \"$@\"; }}\ndate() {{ TZ=UTC0 command date \"$@\"; }}\n{stubs}\n{call}\n"
    );
    String::from_utf8_lossy(&run_in(shell, script.as_bytes()).stdout).into_owned()
}

#[test]
fn an_older_starts_failure_is_left_out() {
    for shell in shells() {
        let since = |log: &str, seconds: u64| {
            let stubs = format!("log_tail() {{ printf %s '{log}'; }}");
            said(shell, &stubs, &format!("log_since broker.log 4096 {seconds}"))
        };
        // 1 699 999 900 is 22:11:40.
        assert_eq!(
            since(LOG, 1_699_999_900),
            "2023-11-14 22:12:00.123456+00:00 [error] <0.1.0> the failure\nBOOT FAILED\n",
            "{shell:?}"
        );
        assert!(since(LOG, 1_699_990_000).starts_with("2023-11-14 22:00:00.123 [error]"), "{shell:?}");
        assert_eq!(since("Error: no\nmore\n", 1_699_999_900), "Error: no\nmore\n", "{shell:?}");
    }
}

/// A unit that systemd starts again and again has failed of the same thing since it last served.
#[test]
fn the_starts_of_one_outage_belong_together() {
    for shell in shells() {
        let since = |process: u64, restarts: u64, served: u64| {
            let stubs = format!(
                "systemctl() {{ echo NRestarts={restarts}; echo ExecMainStartTimestampMonotonic={process}; \
                 echo ActiveExitTimestampMonotonic={served}; }}\nhere() {{ echo $(($(date +%s) - $(cut -d. -f1 /proc/uptime))); }}"
            );
            said(
                shell,
                &stubs,
                "if since=$(broker_since); then echo $((since - $(here))); else echo never; fi",
            )
        };
        let about = |text: &str, seconds: i64| {
            let found: i64 = text.trim().parse().expect("seconds");
            assert!((found - seconds).abs() <= 2, "{shell:?}: {found}, not about {seconds}");
        };
        about(&since(900_000_000, 0, 100_000_000), 899);
        about(&since(900_000_000, 3, 100_000_000), 99);
        about(&since(900_000_000, 3, 0), -1);
        assert_eq!(since(0, 0, 0).trim(), "never", "{shell:?}");
    }
}

const BROKER: &str = include_str!("../operation/broker.sh");

/// The first line that says why, of the logs of each of the usual failures as RabbitMQ 3.10 and 4.0 write them.
#[test]
fn the_first_line_that_says_why_is_the_reason() {
    let cases = [
        (
            "2023-11-14 22:12:00.1+00:00 [error] <0.630.0> Failed to start Ranch listener x in ranch_tcp:listen([]) for reason eaddrinuse (address already in use)\n\
             2023-11-14 22:12:00.2+00:00 [error] <0.600.0> Supervisor: {<0.600.0>,tcp_listener_sup}.  Context: start_error.\n\
             2023-11-14 22:12:00.3+00:00 [error] <0.222.0> BOOT FAILED\n\
             2023-11-14 22:12:00.3+00:00 [error] <0.222.0> ===========\n\
             2023-11-14 22:12:00.3+00:00 [error] <0.222.0> Exception during startup:\n",
            "Failed to start Ranch listener x in ranch_tcp:listen([]) for reason eaddrinuse (address already in use)",
        ),
        (
            "2023-11-14 22:12:00.1+00:00 [error] <0.130.0> Error preparing configuration in phase transform_datatypes:\n\
             2023-11-14 22:12:00.1+00:00 [error] <0.130.0>   - Conf file attempted to set unknown variable: no_such\n\
             2023-11-14 22:12:00.2+00:00 [error] <0.130.0> BOOT FAILED\n",
            "Error preparing configuration in phase transform_datatypes: Conf file attempted to set unknown variable: no_such",
        ),
        (
            "2023-11-14 22:12:00.1+00:00 [error] <0.130.0> \n\
             2023-11-14 22:12:00.1+00:00 [error] <0.130.0>   crasher:\n\
             2023-11-14 22:12:00.1+00:00 [error] <0.130.0>     initial call: application_master:init/4\n\
             2023-11-14 22:12:00.2+00:00 [error] <0.130.0> Error description:\n",
            "Error description:",
        ),
        (
            "2023-11-14 22:12:00.1+00:00 [error] <0.535.0> Failed to start TCP listener [::]:5672, error: {{shutdown,\n\
             2023-11-14 22:12:00.1+00:00 [error] <0.535.0>       {failed_to_start_child,\n\
             2023-11-14 22:12:00.1+00:00 [error] <0.535.0>        {listen_error,{acceptor,x,5672},eaddrinuse}}},\n\
             2023-11-14 22:12:00.2+00:00 [error] <0.222.0> BOOT FAILED\n",
            "Failed to start TCP listener [::]:5672, error: {{shutdown, … eaddrinuse",
        ),
        ("", ""),
    ];
    for shell in shells() {
        for (log, wanted) in cases {
            let stubs = format!("{BROKER}\nsaid() {{ printf %s '{log}'; }}");
            assert_eq!(said(shell, &stubs, "said | reason_of").trim_end(), wanted, "{shell:?}");
        }
    }
}
