//! Why a unit did not start. The tools are made up.

use super::place_tests::{Directory, script};
use super::selinux_tests::run;
use crate::operation::{Operation, ReloadUnit, StartUnit};

/// systemd counts its own attempts (`StartLimitBurst=`), and refuses the one after a repair.
#[test]
fn the_count_of_failed_starts_is_forgotten_before_a_start() {
    let Some(place) = Directory::of("unit-limit") else { return };
    let start = script(Operation::StartUnit(StartUnit { unit: "haproxy".to_owned() }));
    let (_, calls) =
        run(&place, &start, &[("systemctl", "[ \"$1\" != start ]"), ("journalctl", ""), ("ss", "")]);
    let at = |call: &str| calls.find(call).unwrap_or_else(|| panic!("`{call}`: {calls}"));
    assert!(at("systemctl reset-failed haproxy\n") < at("systemctl start haproxy\n"), "{calls}");
}

/// systemctl returns before nginx has read its configuration.
#[test]
fn a_reload_ends_when_a_new_worker_serves() {
    let Some(place) = Directory::of("unit-reload") else { return };
    let reload = script(Operation::ReloadUnit(ReloadUnit { unit: "nginx".to_owned() }));
    let ps = r#"asked=$(cat "$0.asked" 2>/dev/null || echo 0)
        echo $((asked + 1)) >"$0.asked"
        case $asked in
          0 | 1 | 2) echo '  7 nginx: worker process' ;;
          *) printf '  7 nginx: worker process is shutting down\n  8 nginx: worker process\n' ;;
        esac"#;
    let (printed, calls) = run(&place, &reload, &[("systemctl", "echo 5"), ("ps", ps)]);
    assert!(printed.contains(" end node1/file 0"), "{printed}\n{calls}");
    let (before, after) = calls.split_once("systemctl reload nginx\n").expect("a reload");
    let asked = |calls: &str| calls.lines().filter(|call| call.starts_with("ps ")).count();
    assert_eq!((asked(before), asked(after)), (1, 3), "{calls}");
}

#[test]
fn who_holds_the_port_of_a_unit_that_did_not_start_is_named() {
    let Some(place) = Directory::of("unit-port") else { return };
    let start = script(Operation::StartUnit(StartUnit { unit: "haproxy".to_owned() }));
    let said = |line: &str, holder: &str| {
        let tools = [
            ("systemctl", "[ \"$1\" != start ]".to_owned()),
            ("journalctl", format!("echo '{line}'")),
            ("ss", format!("echo 'LISTEN 0 5 0.0.0.0:5672 0.0.0.0:* users:((\"{holder}\",pid=2000,fd=3))'")),
        ];
        let tools: Vec<(&str, &str)> = tools.iter().map(|(name, end)| (*name, end.as_str())).collect();
        run(&place, &start, &tools)
    };
    for line in [
        "[ALERT] (2930) : Binding [/etc/haproxy/haproxy.cfg:39] for frontend amqp: protocol tcpv4: cannot bind socket (Address already in use) for [0.0.0.0:5672].",
        "[ALERT] 331/1 (7) : Starting frontend amqp: cannot bind socket (Address already in use) [0.0.0.0:5672]",
        "[ALERT] 333/215200 (862) : Starting frontend amqp: cannot bind socket [0.0.0.0:5672]",
        "nginx: [emerg] bind() to 0.0.0.0:5672 failed (98: Address already in use)",
        "nginx: [emerg] bind() to [::]:5672 failed (98: Address already in use)",
    ] {
        let (printed, calls) = said(line, "perl");
        assert!(printed.contains(line), "{printed}");
        assert!(
            printed.contains("haproxy did not start: port 5672 is held by perl (process 2000)\n"),
            "{printed}"
        );
        assert!(calls.contains("ss -Hltnp sport = :5672\n"), "{calls}");
        let (printed, _) = said(line, "haproxy");
        assert!(printed.contains("haproxy did not start\n"), "an earlier attempt's line: {printed}");
    }
    let (printed, _) = said("cannot read /etc/haproxy/haproxy.cfg:39 at all", "perl");
    assert!(printed.contains("haproxy did not start\n"), "{printed}");
}
