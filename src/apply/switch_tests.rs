//! What a load balancer is told, in a real shell with an HAProxy that is made up.

use crate::model::shells::{run_in, shells};

const PRELUDE: &str = include_str!("prelude.sh");
const BALANCER: &str =
    concat!(include_str!("../balancer/haproxy.sh"), include_str!("../operation/balancer.sh"));

/// Two backends with servers of node1, whose states are files. `rabbitmq` is at a port where its checks fail while the file
/// `closed` has it; `management` refuses to go while the file `stuck` exists. What is told goes to descriptor 3.
const HAPROXY: &str = r##"
cd "$(mktemp -d)" || exit
trap 'rm -rf "$PWD"' EXIT
closed=none stuck=no
echo UP >rabbitmq && echo UP >management && echo 5672 >port
sleep() { :; }
checks() { # BACKEND
  [ "$(cat "$1")" = DOWN ] || return 0
  case $1:$(cat port) in "rabbitmq:$closed") ;; *) echo UP >"$1" ;; esac
}
haproxy_says() {
  case $1 in
    show*)
      echo '# pxname,svname,status,check_status,last_chk,addr'
      echo "rabbitmq,node1,$(cat rabbitmq),L4CON,Connection refused,192.168.0.41:$(cat port)"
      echo "management,node1,$(cat management),L7OK,,192.168.0.41:15672"
      checks rabbitmq
      checks management
      return ;;
  esac
  echo "$1" >&3
  backend=${1#set server } backend=${backend%%/*}
  case $1 in
    *'management/node1 state maint') if [ $stuck = yes ]; then echo 'No such server.'; else echo MAINT >management; fi ;;
    *'state maint') echo MAINT >"$backend" ;;
    *'state ready') case $(cat "$backend") in MAINT) echo 'UP 1/3' >"$backend" ;; esac ;;
    *'health down') echo DOWN >"$backend" ;;
    *' addr '*) echo "${1##* }" >port; echo "no need to change the addr, port changed from '5672' to '${1##* }' by 'stats socket command'" ;;
  esac
}
"##;

struct Told {
    success: bool,
    commands: Vec<String>,
    said: String,
}

/// Runs calls of the step function after each other, in every shell.
fn told(calls: &str) -> Vec<Told> {
    shells()
        .into_iter()
        .map(|shell| {
            let script = format!("set -u\nnonce=N\nexec 3>&1\n{PRELUDE}\n{BALANCER}\n{HAPROXY}\n{calls}\n");
            let output = run_in(shell, script.as_bytes());
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let commands = said.lines().filter(|line| line.starts_with("set server"));
            Told { success: output.status.success(), commands: commands.map(str::to_owned).collect(), said }
        })
        .collect()
}

#[test]
fn a_server_that_is_taken_out_in_part_is_put_back() {
    for Told { success, commands, said } in told("stuck=yes\nswitch_server haproxy HAProxy node1 out") {
        assert!(!success, "{said}");
        assert_eq!(
            commands,
            [
                "set server rabbitmq/node1 state maint",
                "set server management/node1 state maint",
                "set server rabbitmq/node1 state ready",
                "set server rabbitmq/node1 health down",
                "set server management/node1 state ready"
            ],
            "{said}"
        );
        assert!(said.contains("No such server.") && said.contains("HAProxy did not switch node1"), "{said}");
    }
}

/// HAProxy reports a server that leaves maintenance as "UP 1/3" before any check.
#[test]
fn a_server_is_back_only_after_a_check_has_passed_since() {
    let back = "switch_server haproxy HAProxy node1 out\nswitch_server haproxy HAProxy node1 in";
    for Told { success, commands, said } in told(back) {
        assert!(success, "{said}");
        let last = &commands[2..];
        let downs = last.iter().filter(|line| line.ends_with("health down")).count();
        assert_eq!((last.len(), downs), (4, 2), "{said}");
    }
    let fails = format!(
        "closed=5672\nclock_now=0\nread_clock() {{ clock_now=$((clock_now + 1000)); clock=$clock_now; }}\n{back}"
    );
    for Told { success, said, .. } in told(&fails) {
        assert!(!success, "{said}");
        assert!(said.contains("HAProxy does not use node1 again"), "{said}");
        assert!(said.contains("rabbitmq DOWN L4CON (Connection refused) at 192.168.0.41:5672"), "{said}");
    }
}

#[test]
fn a_broker_that_listens_elsewhere_is_looked_for_there_first() {
    let moves = "closed=5672\nswitch_server haproxy HAProxy node1 out\n\
                 switch_server haproxy HAProxy node1 in rabbitmq=192.168.0.41=5673 management=later";
    for Told { success, commands, said } in told(moves) {
        assert!(success, "{said}");
        assert_eq!(
            commands[2..],
            [
                "set server rabbitmq/node1 addr 192.168.0.41 port 5673",
                "set server rabbitmq/node1 state ready",
                "set server rabbitmq/node1 health down"
            ],
            "{said}"
        );
    }
}
