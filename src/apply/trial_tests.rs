//! What becomes of files that a broker does not start with, in a real shell with a node that is made up.

use crate::model::shells::run_in;

const PRELUDE: &str = include_str!("prelude.sh");
const TRIAL: &str = include_str!("../operation/trial.sh");
const GO_BACK: &str = include_str!("../operation/go_back.sh");
const ROLL: &str = include_str!("../operation/roll.sh");

/// A node that starts unless its configuration has `bad`, and says what it is told to do.
const NODE: &str = r#"
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
trial=$dir/trial conf=$dir/rabbitmq.conf
take_out() { :; }
stop_broker() { :; }
serve_again() { echo serves; }
broker_log() { echo log; }
broker_failed() { fail "$1"; }
with_reason() { echo "$1"; }
as_rabbitmq() { shift; "$@"; }
bounded() { :; }
comes_up() { why='it did not start'; if grep -q bad "$conf" || [ -e "$dir/broken" ]; then return 1; fi; end_trial; }
end() { echo "conf: $(cat "$conf" 2>/dev/null || echo none)"; echo "trial: $(on_trial)"; }
"#;

fn played(script: &str) -> String {
    let text =
        format!("set -eu\nnonce=N\n{PRELUDE}\nstep=S\n{TRIAL}\n{GO_BACK}\n{ROLL}\n{NODE}\n{script}\nend\n");
    String::from_utf8_lossy(&run_in(&["sh"], text.as_bytes()).stdout).into_owned()
}

const RESTART: &str = "set +e\n(set -eu; restart_broker rabbit@node1 short 5 none)\necho \"rc $?\"";

#[test]
fn a_node_that_does_not_start_gets_its_old_file_back_and_serves() {
    let said = played(&format!(
        "echo 'heartbeat = 60' >\"$conf.old\"\nprintf 'heartbeat = 60\\nlisteners.tcp.1 = bad\\n' >\"$conf\"\n\
         put_on_trial \"$conf\" there \"$conf.old\"\n{RESTART}"
    ));
    assert!(said.contains("conf: heartbeat = 60\ntrial: \n"), "{said}");
    assert!(said.contains("serves\n") && said.contains("rc 1\n"), "{said}");
    assert!(said.contains("changed: listeners.tcp.1; "), "the setting is named: {said}");
    assert!(said.contains("the old one was restored, and the node serves again"), "{said}");
    assert!(!said.contains("= bad"), "its value is not: {said}");
}

#[test]
fn a_new_file_is_removed_again() {
    let said = played(&format!("echo 'a = bad' >\"$conf\"\nput_on_trial \"$conf\" absent ''\n{RESTART}"));
    assert!(said.contains("serves\n") && said.contains("conf: none\ntrial: \n"), "{said}");
    assert!(said.contains("changed: a; "), "{said}");
}

/// Two changes before one start: what is known to work is what was there before the first.
#[test]
fn the_first_note_of_a_file_stays_until_it_is_proved() {
    let said = played(&format!(
        "echo good >\"$conf.1\"\necho bad >\"$conf.2\"\necho 'x = bad' >\"$conf\"\nput_on_trial \"$conf\" there \"$conf.1\"\n\
         put_on_trial \"$conf\" there \"$conf.2\"\n{RESTART}"
    ));
    assert!(said.contains("conf: good\n"), "{said}");
}

#[test]
fn a_successful_start_ends_the_trial() {
    let said = played(&format!("echo good >\"$conf\"\nput_on_trial \"$conf\" absent ''\n{RESTART}"));
    assert!(said.contains("rc 0\nconf: good\ntrial: \n"), "{said}");
}

#[test]
fn without_a_backup_nothing_is_restored() {
    let said = played(&format!("echo 'x = bad' >\"$conf\"\nput_on_trial \"$conf\" there ''\n{RESTART}"));
    assert!(said.contains("conf: x = bad\n") && said.contains("there is no backup of the old one"), "{said}");
}

/// A node that fails for another reason than its files is told so.
#[test]
fn a_node_that_starts_with_neither_file_has_another_problem() {
    let said = played(&format!(
        "echo 'a = 1' >\"$conf.old\"\necho 'a = 2' >\"$conf\"\ntouch \"$dir/broken\"\n\
         put_on_trial \"$conf\" there \"$conf.old\"\n{RESTART}"
    ));
    assert!(said.contains("nor with the old one, which was restored: it did not start"), "{said}");
    assert!(said.contains("conf: a = 1\n") && !said.contains("serves\n"), "{said}");
    let said = played(&format!("echo 'a = 2' >\"$conf\"\ntouch \"$dir/broken\"\n{RESTART}"));
    assert!(said.contains("N cause S it did not start\n"), "nothing was on trial: {said}");
}

/// The broker began to serve so many seconds after now. `show` alone has an argument more.
const SERVES: &str =
    "systemctl() { case $* in *is-active*) [ -n \"$serves\" ] ;; *) date -d \"$serves seconds\" ;; esac; }\n";

/// A start was given up and went well later: when the next file comes, the one before is what is known to work. It was taken for
/// one on trial, and a broker that did not start with the next one got back what was there before both: none.
#[test]
fn a_serving_broker_ends_the_trial_of_older_files() {
    let second =
        "cp \"$conf\" \"$conf.1\"\necho 'x = bad' >\"$conf\"\nput_on_trial \"$conf\" there \"$conf.1\"";
    let first = format!("{SERVES}serves=\necho good >\"$conf\"\nput_on_trial \"$conf\" absent ''");
    let said = played(&format!("{first}\nserves=+5\n{second}\nserves=-5\n{RESTART}"));
    assert!(said.contains("conf: good\ntrial: \n") && said.contains("serves\n"), "{said}");
    // It has served since before the first file, or does not serve: nothing is proved.
    for serves in ["-5", ""] {
        let said = played(&format!("{first}\nserves={serves}\n{second}\n{RESTART}"));
        assert!(said.contains("conf: none\ntrial: \n"), "{serves}: {said}");
    }
}

/// Where no other file comes, the next script on the host ends the trial.
#[test]
fn the_next_script_ends_a_trial_that_is_over() {
    let said = played(&format!(
        "{SERVES}serves=-5\necho good >\"$conf\"\nput_on_trial \"$conf\" absent ''\nend_proved_trial\nend\nserves=+5\n\
         end_proved_trial"
    ));
    assert!(said.contains("/rabbitmq.conf\nconf: good\ntrial: \n"), "{said}");
}
