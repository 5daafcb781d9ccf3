//! Whether a contender has done its job, asked on the hosts themselves.

use crate::lab::{BALANCER, BROKERS, Lab};

const BROKER: &str = include_str!("broker.sh");
const BALANCED: &str = include_str!("balancer.sh");

/// What a broker has to say of itself; `MD5` and `HOST` are filled in.
const BROKER_ANSWER: &str = "\
host name HOST
members rabbit@node1,rabbit@node2,rabbit@node3
running rabbit@node1,rabbit@node2,rabbit@node3
partitions 0
alarms 0
cluster name bench
cookie MD5 400 rabbitmq
unit enabled active
time enabled active
plugins rabbitmq_management rabbitmq_prometheus
policy-rc.d none
";

const BALANCER_ANSWER: &str = "\
host name lb1
configuration valid
rabbitmq UP UP UP
management UP UP UP
unit enabled active
time enabled active
policy-rc.d none
";

/// Says, for every host that is not as it has to be, which answers differ.
pub fn verify(lab: &Lab, cookie_md5: &str) -> Result<(), String> {
    let mut wrong = Vec::new();
    for host in BROKERS {
        let wanted = BROKER_ANSWER.replace("MD5", cookie_md5).replace("HOST", host);
        compare(host, &wanted, lab.script(host, BROKER)?.as_str(), &mut wrong);
    }
    compare(BALANCER, BALANCER_ANSWER, lab.script(BALANCER, BALANCED)?.as_str(), &mut wrong);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn compare(host: &str, wanted: &str, got: &str, wrong: &mut Vec<String>) {
    for line in wanted.lines() {
        if !got.lines().any(|answer| answer == line) {
            let subject = line.split(' ').next().unwrap_or_default();
            let answer = got.lines().find(|answer| answer.starts_with(subject)).unwrap_or("nothing");
            wrong.push(format!("{host}: '{answer}' instead of '{line}'"));
        }
    }
}
