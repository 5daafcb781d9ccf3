//! When a queue's mirrors count as synchronised, and what is done about those that are not, in a real shell with a node that is made up.

use crate::model::shells::run_in;

const PRELUDE: &str = include_str!("prelude.sh");
const QUEUES: &str = include_str!("../operation/queues.sh");

/// The node says `at_first` until rabbitmqctl has ended, then `right_after` four times, then `in_the_end`. Nobody sleeps, and a
/// question takes a tenth of a second.
const NODE: &str = r#"
sleep() { :; }
clock=0
read_clock() { clock=$((clock + 10)); }
control() { echo 0 >"$dir/asked"; }
mirrors_of() {
  [ -e "$dir/asked" ] || { printf '%s\n' "$at_first"; return; }
  asked=$(($(cat "$dir/asked") + 1))
  echo "$asked" >"$dir/asked"
  if [ "$asked" -le 4 ]; then printf '%s\n' "$right_after"; else printf '%s\n' "$in_the_end"; fi
}
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
sync_queue rabbit@node1 short 60 queue / orders
"#;

/// What the step prints, and whether it went well.
fn synchronised(at_first: &str, right_after: &str, in_the_end: &str) -> (bool, String) {
    let node = format!("at_first='{at_first}' right_after='{right_after}' in_the_end='{in_the_end}'\n{NODE}");
    let output = run_in(&["sh"], format!("set -eu\nnonce=N\n{PRELUDE}\n{QUEUES}\n{node}").as_bytes());
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Each mirror notes by itself that it is in sync (rabbit_mirror_queue_slave), after the command has ended.
#[test]
fn a_mirror_may_note_a_moment_later_that_it_is_in_sync() {
    let (ok, said) = synchronised(
        "2 mirrors, 2 behind, running",
        "2 mirrors, 1 behind, running",
        "2 mirrors, 0 behind, running",
    );
    assert!(ok, "{said}");
}

#[test]
fn a_mirror_that_stays_behind_or_falls_away_is_a_failure() {
    for end in ["2 mirrors, 1 behind, running", "1 mirrors, 0 behind, running", ""] {
        let (ok, said) = synchronised("2 mirrors, 2 behind, running", end, end);
        assert!(!ok && said.contains("orders is not in sync"), "{end}: {said}");
        assert!(end.is_empty() || said.contains(&format!("now: {end}")), "{said}");
    }
}

/// A node whose mirror stays behind until RabbitMQ is asked to synchronise it. A question takes a second.
const BEHIND: &str = r#"
sleep() { :; }
clock=0
read_clock() { clock=$((clock + 100)); }
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
ask() {
  case $1 in
    synchronise) echo "$asks"; [ "$asks" != 1 ] || touch "$dir/asked" ;;
    *) if [ -e "$dir/asked" ]; then echo 'ok 3'; else echo '1 of 3: orders'; fi ;;
  esac
}
"#;

/// What the wait prints, and whether it went well, where so many queues have to be asked.
fn awaited(asks: &str) -> (bool, String) {
    let node = format!("asks='{asks}'\n{BEHIND}\nawait_replicas rabbit@node1 short 60 rabbit@node3");
    let output = run_in(&["sh"], format!("set -eu\nnonce=N\nstep=S\n{PRELUDE}\n{QUEUES}\n{node}").as_bytes());
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Seen on 3.10.8 in a rolling restart behind a broker that was stopped: a mirror of a queue with ha-sync-mode automatic stayed
/// behind for the five minutes that the restart waited, and then the restart failed.
#[test]
fn a_missing_automatic_synchronisation_is_requested() {
    let (ok, said) = awaited("1");
    assert!(
        ok && said.contains(
            "was asked to synchronise mirrors on rabbit@node3, according to their policy (queues: 1)"
        ),
        "{said}"
    );
    // None that has to be asked (a policy without it, one that synchronises just now), and a node that does not answer that.
    for asks in ["0", "{error,undef}", ""] {
        let (ok, said) = awaited(asks);
        assert!(!ok && !said.contains("was asked"), "{asks}: {said}");
        assert!(said.contains("timed out after 60 s: 1 of 3: orders"), "{asks}: {said}");
    }
}
