//! Names resolve to other addresses: another tool has written its own lines to /etc/hosts, before rabbitup's. A wrong resolver
//! has the same effect: rabbitup, the shell and Erlang all use getaddrinfo(3).

use crate::lab::Lab;
use crate::stage::BROKERS;

/// At the end of each line, so that they can be found again. rabbitup keeps comments of lines that it keeps.
const MARK: &str = "# another tool";

/// Every other broker's name resolves to an address at which no host answers.
pub fn mislead(lab: &Lab, host: &str) {
    let nowhere = lab.address(99);
    let lines: String = BROKERS
        .iter()
        .filter(|broker| **broker != host)
        .map(|broker| format!("{nowhere} {broker} {MARK}\\n"))
        .collect();
    let command = format!(
        "{{ printf '{lines}'; cat /etc/hosts; }} >/etc/hosts.new && cat /etc/hosts.new >/etc/hosts && rm /etc/hosts.new"
    );
    lab.stdout_of(host, &command);
}

pub fn put_right(lab: &Lab, host: &str) {
    lab.stdout_of(host, &format!("sed -i '/{MARK}$/d' /etc/hosts"));
}
