//! How an administrator is made, in a real shell with a broker that stops on the way.

use crate::model::shells::run_in;

const CLUSTER: &str =
    concat!(include_str!("../operation/cluster.sh"), include_str!("../operation/definitions.sh"));

/// rabbitmqctl, which says what it is told, reads what it is given, and fails from its call number `$stops_at` on.
const NODE: &str = r#"
fail() { exit 1; }
import() { control 300 "$1" import_definitions; }
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
control() {
  shift 2
  echo x >>"$dir/calls"
  [ "$(wc -l <"$dir/calls")" -lt "$stops_at" ] || return 69
  case "$*" in *list_vhosts*) printf '/\nkept\n' ;; *set_permissions*) echo "$*" >&2; cat >/dev/null ;; *) echo "$*" >&2 ;; esac
}
put_admin rabbit@node1 digest definitions operator
"#;

/// What the broker did, and whether the step went well.
fn made(stops_at: u32) -> (bool, String) {
    let output = run_in(&["sh"], format!("set -eu\n{CLUSTER}\nstops_at={stops_at}\n{NODE}").as_bytes());
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Seen on 3.10.8: the broker was stopped behind the import, the user was an administrator without permissions, and every further
/// run said that there was nothing to do.
#[test]
fn an_administrator_is_one_when_all_of_it_is_done() {
    let (ok, said) = made(99);
    let last: Vec<&str> = said.lines().rev().take(2).collect();
    assert!(
        ok && last == ["set_user_tags operator administrator", "set_permissions -p kept operator .* .* .*"],
        "{said}"
    );
    for stops_at in 1..=5 {
        let (ok, said) = made(stops_at);
        assert!(!ok && !said.contains("administrator"), "{stops_at}: {said}");
    }
}
