//! What a load balancer is told, in a real shell with an HAProxy that is made up.

use crate::model::shells::{run_in, shells};

const PRELUDE: &str = include_str!("prelude.sh");
const BALANCER: &str =
    concat!(include_str!("../balancer/haproxy.sh"), include_str!("../operation/balancer.sh"));

/// Two backends, of which the second refuses to let its server go.
const HALF: &str = r#"
haproxy_says() {
  case $1 in
    show*) printf 'amqp,node1,,,,,,,,,,,,,,,,UP\nmanagement,node1,,,,,,,,,,,,,,,,UP\n' ;;
    'set server management/node1 state maint') echo 'No such server.' ;;
    *) echo "$1" >&3 ;;
  esac
}
"#;

#[test]
fn a_server_that_is_taken_out_in_part_is_put_back() {
    for shell in shells() {
        let script = format!(
            "set -u\nnonce=N\nexec 3>&1\n{PRELUDE}\n{BALANCER}\n{HALF}\nswitch_server haproxy HAProxy node1 out\n"
        );
        let output = run_in(shell, script.as_bytes());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success(), "{shell:?}: {said}");
        let told: Vec<&str> = said.lines().filter(|line| line.starts_with("set server")).collect();
        assert_eq!(
            told,
            [
                "set server amqp/node1 state maint",
                "set server amqp/node1 state ready",
                "set server management/node1 state ready"
            ],
            "{shell:?}: {said}"
        );
        assert!(said.contains("No such server.") && said.contains("HAProxy did not switch node1"), "{said}");
    }
}
