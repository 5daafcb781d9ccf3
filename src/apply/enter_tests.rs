//! How a node enters a cluster, in real shells with hosts that are made up: the random delay of old versions, and a seed node that
//! goes away meanwhile.

use crate::model::shells::{run_in, shells};

const PRELUDE: &str = include_str!("prelude.sh");
const BROKER: &str = include_str!("../operation/broker.sh");
const ENTER: &str = include_str!("../operation/enter.sh");
const PACKAGES: &str = concat!(include_str!("../platform/packages.sh"), include_str!("../platform/apt.sh"));

/// What becomes of a rabbitmq.conf where this version is installed.
fn written(shell: &[&str], version: &str, conf: &str) -> String {
    let at_least = if version.starts_with("3.8.9") { 1 } else { 0 };
    // No shell's function may be called dpkg-query in all of them.
    let script = format!(
        "set -eu\nnonce=N\n{PRELUDE}\n{PACKAGES}\n{ENTER}\ntools=$(mktemp -d)\nPATH=$tools:$PATH\n\
         printf '#!/bin/sh\\necho installed {version}\\n' >\"$tools/dpkg-query\"\nchmod +x \"$tools/dpkg-query\"\n\
         dpkg() {{ [ \"$1 $2 $3 $4\" = '--compare-versions {version} ge 3.8.18' ] && return {at_least}; }}\n\
         as_rabbitmq() {{ printf %s '{conf}'; }}\nenter_workshop() {{ :; }}\nleave_workshop() {{ :; }}\n\
         make_new() {{ printf '%s %s:%s\\n%s' \"$2\" \"$3\" \"$4\" \"$6\"; }}\n\
         place() {{ echo \"$1 becomes $2\"; }}\nhasten_entry\nrm -r \"$tools\"\n"
    );
    let output = run_in(shell, script.as_bytes());
    assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_startup_delay_is_disabled_only_on_versions_that_have_it() {
    for shell in shells() {
        let old = written(shell, "3.8.9-3+deb11u1", "a = 1\n");
        assert!(old.starts_with("640 root:rabbitmq\na = 1\n\n## RabbitMQ before 3.8.18"), "{shell:?}: {old}");
        assert!(old.contains("range.min = 0\n") && old.contains("range.max = 1\n"), "{shell:?}: {old}");
        assert!(old.contains("new becomes /etc/rabbitmq/rabbitmq.conf"), "{shell:?}: {old}");
        assert_eq!(written(shell, "3.10.8-1.1+deb12u1", "a = 1\n"), "", "{shell:?}");
        let told = "cluster_formation.randomized_startup_delay_range.max = 1\n";
        assert_eq!(written(shell, "3.8.9-3+deb11u1", told), "", "{shell:?}: once is enough");
    }
}

/// systemd starts the unit by the call number `$started_at`; the seed serves in its first `$serves` answers. Nobody sleeps, and
/// a question takes a second.
const NODES: &str = r#"
sleep() { :; }
clock=0
read_clock() { clock=$((clock + 100)); }
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
counted() { count=$(($(cat "$dir/$1" 2>/dev/null || echo 0) + 1)); echo "$count" >"$dir/$1"; }
bounded() { case $* in *reset-failed*) return ;; esac; counted starts; [ "$count" -ge "$started_at" ] || return 124; }
is_serving() {
  [ "$1" = rabbit@node1 ] || return 0
  counted answers
  [ "$count" -le "$serves" ]
}
enable_broker() { :; }
serves_alone() { return 1; }
hasten_entry() { :; }
runs_on_old_files() { return 1; }
end_trial() { :; }
broker_log() { :; }
why_not_reached() { echo 'port 25672 of node1 is closed'; }
listed_by_both() { :; }
rc=0
(set -eu; enter_cluster rabbit@node2 short 5 rabbit@node1) || rc=$?
echo "rc $rc after $(cat "$dir/starts") calls"
"#;

fn entered(started_at: u32, serves: u32) -> String {
    let text = format!(
        "set -eu\nnonce=N\n{PRELUDE}\nstep=S\n{BROKER}\n{PACKAGES}\n{ENTER}\nstarted_at={started_at} serves={serves}\nset +e\n{NODES}"
    );
    String::from_utf8_lossy(&run_in(&["sh"], text.as_bytes()).stdout).into_owned()
}

#[test]
fn a_slow_start_is_waited_for_while_the_seed_serves() {
    assert_eq!(entered(1, 1), "N doing S booting\nrc 0 after 1 calls\n");
    assert_eq!(entered(9, 99), "N doing S booting\nrc 0 after 9 calls\n");
}

/// It waited ten minutes for the tables that only the other one had.
#[test]
fn a_node_whose_seed_went_away_is_not_waited_for() {
    let said = entered(99, 3);
    assert!(said.contains("rc 1 after 3 calls"), "{said}");
    assert!(said.contains("rabbit@node1 stopped answering while rabbit@node2 entered its cluster"), "{said}");
    assert!(said.contains("port 25672 of node1 is closed"), "{said}");
}

/// What becomes of a node before it is started: its unit's state, whether it serves, and the seconds since its cookie, its
/// configuration and /etc/hosts changed. It started 100 seconds ago.
fn before_start(shell: &[&str], state: &str, serves: &str, [cookie, conf, hosts]: [u32; 3]) -> String {
    let script = format!(
        "set -eu\nnonce=N\n{PRELUDE}\nstep=S\n{BROKER}\n\
         systemctl() {{ case $3 in ActiveState) echo {state} ;; MainPID) echo 7 ;; esac; }}\n\
         ps() {{ echo 100; }}\ndate() {{ echo 1000; }}\nis_serving() {{ {serves}; }}\n\
         as_rabbitmq() {{ for file; do case $file in *cookie) echo $((1000 - {cookie})) ;; *rabbitmq.conf) echo $((1000 - {conf})) ;; /etc/hosts) echo $((1000 - {hosts})) ;; esac; done; }}\n\
         enable_broker() {{ :; }}\nstop_broker() {{ echo stopped; }}\nstart_unit_of_broker() {{ echo started; return 1; }}\n\
         comes_up rabbit@node2 short 5 || :\n"
    );
    let output = run_in(shell, script.as_bytes());
    assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).replace("N doing S booting\n", "")
}

/// A host that boots after a power cut starts the broker between the plan, which saw it down, and the step: with the cookie that the
/// run has replaced meanwhile, it answered nobody, and was waited for in vain.
#[test]
fn a_node_that_came_up_with_a_replaced_cookie_is_started_again() {
    for shell in shells() {
        let (old, new) = (500, 50);
        assert_eq!(
            before_start(shell, "active", "false", [new, old, old]),
            "stopped\nstarted\n",
            "{shell:?}"
        );
        assert_eq!(
            before_start(shell, "active", "false", [old, new, new]),
            "started\n",
            "{shell:?}: silent for another reason"
        );
        assert_eq!(before_start(shell, "active", "true", [new; 3]), "started\n", "{shell:?}: it serves");
        assert_eq!(
            before_start(shell, "activating", "false", [old, new, old]),
            "stopped\nstarted\n",
            "{shell:?}"
        );
        assert_eq!(
            before_start(shell, "activating", "false", [old; 3]),
            "started\n",
            "{shell:?}: its boot goes on"
        );
        // The names of the others resolve only since then: the plan may have been made before it said whom it waits for.
        assert_eq!(
            before_start(shell, "activating", "false", [old, old, new]),
            "stopped\nstarted\n",
            "{shell:?}"
        );
        assert_eq!(before_start(shell, "inactive", "false", [new; 3]), "started\n", "{shell:?}");
    }
}
