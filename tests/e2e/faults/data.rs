//! Test data that a cluster has before a fault, and must have afterwards.

use std::time::{Duration, Instant};

use super::invariants::attempt;
use crate::amqp;
use crate::inventory::{ADMIN, ADMIN_PASSWORD};
use crate::stage::Stage;

const LOGIN: (&str, &str) = (ADMIN, ADMIN_PASSWORD);
const MESSAGES: u32 = 50;
/// A queue whose leader failed elects another, and a client finds it through the balancer.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The queues: one of quorum type, and a classic durable one on the seed node, mirrored where the version mirrors.
const QUEUES: [(&str, &str); 2] = [("kept-quorum", "quorum"), ("kept-classic", "classic")];

/// Messages, a virtual host, a user and a policy.
pub fn lay(stage: &Stage) {
    let lab = &stage.lab;
    lab.stdout_of(
        "node1",
        "rabbitmqctl -q add_vhost kept && rabbitmqctl -q add_user keeper keeper-password >/dev/null && \
         rabbitmqctl -q set_policy -p kept short-lived '.*' '{\"message-ttl\":60000}'",
    );
    if lab.suite().mirrors() {
        lab.stdout_of(
            "node1",
            "rabbitmqctl -q set_policy --apply-to queues kept '^kept-classic$' \
             '{\"ha-mode\":\"all\",\"ha-sync-mode\":\"automatic\"}'",
        );
    }
    for (queue, kind) in QUEUES {
        amqp::publish(&lab.address(11), LOGIN, queue, kind, MESSAGES as usize).expect("confirmed messages");
    }
}

/// Checks that all of it is there. A node that was just hit may need a moment, so it waits for the messages.
pub fn missing(stage: &Stage) -> Vec<String> {
    let balancer = stage.lab.address(21);
    let mut missing: Vec<String> = QUEUES
        .into_iter()
        .flat_map(|(queue, _)| {
            attempt(|| {
                let mut last = String::new();
                let count = comes_to_hold(PATIENCE, || match amqp::count(&balancer, LOGIN, queue) {
                    Ok(MESSAGES) => true,
                    other => {
                        last = format!("{other:?}");
                        false
                    }
                });
                assert!(count, "{queue} had {MESSAGES} messages, and now: {last}");
            })
        })
        .collect();
    missing.extend(attempt(|| {
        let said = stage.lab.stdout_of(
            "node1",
            "timeout 60 rabbitmqctl -q list_vhosts && timeout 60 rabbitmqctl -q list_users && \
             timeout 60 rabbitmqctl -q list_policies -p kept",
        );
        for word in ["kept", "keeper", "short-lived"] {
            assert!(said.contains(word), "{word} is gone: {said}");
        }
    }));
    missing
}

/// Whether the condition becomes true before the timeout.
fn comes_to_hold(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > within {
            return false;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    true
}
