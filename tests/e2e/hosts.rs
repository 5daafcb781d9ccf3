//! Inspects the hosts without any part of the program under test.

use std::collections::BTreeMap;

use crate::lab::Lab;
use crate::release::{Family, RESTRAINTS};

/// Runs one closure per host, all at once.
pub fn on_all<T: Send>(hosts: &[&str], work: impl Fn(&str) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = hosts.iter().map(|host| scope.spawn(|| work(host))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Paths that change by themselves: kernel and systemd, logs, the brokers' databases. [`Family::restless`] has those of a family.
const RESTLESS: &[&str] = &[
    "/proc",
    "/sys",
    "/dev",
    "/srv/repo",
    "/run/systemd",
    "/run/host",
    "/run/log",
    "/run/sudo",
    "/run/utmp",
    "/run/motd.dynamic",
    "/run/dbus",
    "/run/chrony",
    "/run/haproxy",
    "/var/log",
    "/var/lib/systemd",
    "/var/lib/chrony",
    "/var/lib/rabbitmq/mnesia",
    // Where a scenario has moved them.
    "/srv/rabbit/rabbit@*",
    // A lock file stays when it is not held; removing it would create two locks.
    "/run/rabbitup.lock",
];

/// Every other file of a host: kind, mode, owner, size and when its content and its inode last changed. The times of directories
/// show that something was created or removed. hostnamed exits half a minute after a name was set, and removes its directories in
/// /var/tmp: it is stopped before the inspection.
pub fn files(lab: &Lab, host: &str) -> BTreeMap<String, String> {
    let restless = RESTLESS.iter().chain(lab.suite().family().restless());
    let restless = restless.map(|path| format!("-path '{path}'")).collect::<Vec<_>>().join(" -o ");
    let command = format!(
        "find / \\( {restless} \\) -prune -o \\( -path /run -o -path / -o -path /tmp -o -path /run/user \\) \
         -o -printf '%p\\t%y %m %U:%G %s %T@ %C@\\n'"
    );
    // The first write below a directory of the image, which is an overlay, shows in the times of the directories above.
    let settle = lab.suite().family().settle();
    let text = lab.stdout_of(host, &format!("systemctl -q stop systemd-hostnamed || :; {settle}; {command}"));
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(path, rest)| (path.to_owned(), rest.to_owned()))
        .collect()
}

/// The files of many hosts.
pub fn all_files(lab: &Lab, hosts: &[&str]) -> Vec<BTreeMap<String, String>> {
    on_all(hosts, |host| files(lab, host))
}

/// The changed paths.
pub fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let gone =
        before.iter().filter(|(path, _)| !after.contains_key(*path)).map(|(path, _)| format!("- {path}"));
    let other = after.iter().filter_map(|(path, now)| match before.get(path) {
        None => Some(format!("+ {path} {now}")),
        Some(was) if was != now => Some(format!("~ {path} {was} -> {now}")),
        Some(_) => None,
    });
    gone.chain(other).collect()
}

/// Checks that nothing on these hosts has changed since.
#[track_caller]
pub fn assert_untouched(lab: &Lab, hosts: &[&str], before: &[BTreeMap<String, String>]) {
    for ((host, was), now) in hosts.iter().zip(before).zip(all_files(lab, hosts)) {
        let changed = changed(was, &now);
        assert!(changed.is_empty(), "{host} has been touched:\n{}", changed.join("\n"));
    }
}

/// The services' processes and start times: equal texts mean that nothing was restarted.
pub fn services(lab: &Lab, host: &str) -> String {
    let time = lab.suite().family().time_unit();
    let properties = "Id,MainPID,ActiveState,ActiveEnterTimestampMonotonic,NRestarts";
    lab.stdout_of(host, &format!("systemctl show rabbitmq-server haproxy nginx {time} -p {properties}"))
}

pub fn all_services(lab: &Lab, hosts: &[&str]) -> Vec<String> {
    on_all(hosts, |host| services(lab, host))
}

/// A number that `systemctl show` has for a unit.
pub fn unit_number(lab: &Lab, host: &str, unit: &str, property: &str) -> u64 {
    let text = lab.stdout_of(host, &format!("systemctl show -p {property} --value {unit}"));
    text.parse().unwrap_or_else(|_| panic!("{property} of {unit} on {host} is `{text}`"))
}

/// Since when each host's broker runs, on the clock that all hosts of a lab share.
pub fn starts(lab: &Lab, hosts: &[&str]) -> Vec<u64> {
    on_all(hosts, |host| unit_number(lab, host, "rabbitmq-server", "ActiveEnterTimestampMonotonic"))
}

/// How often systemd started the broker since the host's boot.
pub fn broker_starts(lab: &Lab, host: &str) -> usize {
    lab.stdout_of(host, "journalctl -b -q -u rabbitmq-server -o cat | grep -c '^Starting ' || :")
        .parse()
        .expect("grep counts")
}

/// The version of rabbitmq-server that the lab's repository offers beside the one that a host would get unasked.
pub fn next_version(lab: &Lab, host: &str) -> String {
    lab.stdout_of(host, lab.suite().family().next_version())
}

/// The version of rabbitmq-server that is installed.
pub fn package_version(lab: &Lab, host: &str) -> String {
    lab.stdout_of(host, lab.suite().family().installed_version())
}

/// The version that the running node itself says it is, without any packaging's part.
pub fn running_version(lab: &Lab, host: &str) -> String {
    let text = lab.stdout_of(host, "timeout 60 rabbitmqctl -q eval 'rabbit_misc:version().'");
    text.trim_matches('"').to_owned()
}

/// `rabbitmqctl cluster_status` as the host's own node answers it.
pub fn cluster_status(lab: &Lab, host: &str) -> serde_json::Value {
    let text = lab.stdout_of(host, "timeout 60 rabbitmqctl -q cluster_status --formatter json");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("cluster_status of {host}: {error}\n{text}"))
}

/// A sorted list of node names in `cluster_status`.
pub fn nodes(status: &serde_json::Value, key: &str) -> Vec<String> {
    let list = status[key].as_array().into_iter().flatten();
    let mut nodes: Vec<String> = list.filter_map(|node| node.as_str().map(str::to_owned)).collect();
    nodes.sort();
    nodes
}

/// Every one of these hosts lists exactly these nodes as members and as running, without partition or alarm.
#[track_caller]
pub fn assert_cluster(lab: &Lab, hosts: &[&str]) {
    let mut wanted: Vec<String> = hosts.iter().map(|host| format!("rabbit@{host}")).collect();
    wanted.sort();
    for (host, status) in hosts.iter().zip(on_all(hosts, |host| cluster_status(lab, host))) {
        let mut members = nodes(&status, "disk_nodes");
        members.extend(nodes(&status, "ram_nodes"));
        members.sort();
        assert_eq!(members, wanted, "the members that {host} sees");
        assert_eq!(nodes(&status, "running_nodes"), wanted, "the running nodes that {host} sees");
        assert_eq!(
            status["partitions"].as_object().map(serde_json::Map::len),
            Some(0),
            "partitions: {status}"
        );
        assert_eq!(status["alarms"].as_array().map(Vec::len), Some(0), "alarms: {status}");
    }
}

/// Checks that all have one cookie, as Erlang and the packages need it. Returns its digest.
#[track_caller]
pub fn assert_cookie(lab: &Lab, hosts: &[&str]) -> String {
    let command = "cd /var/lib/rabbitmq && stat -c '%a %U %s' .erlang.cookie && md5sum <.erlang.cookie && \
                   if grep -qxE '[A-Z]{20}' .erlang.cookie; then echo as-erlang-makes-it; fi";
    let found = on_all(hosts, |host| lab.stdout_of(host, command));
    for (host, text) in hosts.iter().zip(&found) {
        assert!(text.starts_with("400 rabbitmq "), "{host}'s cookie: {text}");
        // RPMs keep what Erlang makes.
        let is_kept = lab.suite().family() == Family::Dnf || !text.contains("as-erlang-makes-it");
        assert!(is_kept, "{host}'s cookie is one that the package replaces");
        assert_eq!(text, &found[0], "the cookies of {host} and {} differ", hosts[0]);
    }
    found[0].lines().nth(1).unwrap_or_default().to_owned()
}

/// Checks that nothing of rabbitup is left: no temporary file, nothing that keeps services from starting.
#[track_caller]
pub fn assert_tidy(lab: &Lab, hosts: &[&str]) {
    let command = format!(
        "ls -d {RESTRAINTS} 2>/dev/null; \
         find /etc /var/lib/rabbitmq /run /tmp /var/tmp /root /home -xdev -name '.rabbitup.*' 2>/dev/null; \
         find /tmp -mindepth 1 -maxdepth 1 -name 'tmp.*'; :"
    );
    for (host, left) in hosts.iter().zip(on_all(hosts, |host| lab.stdout_of(host, &command))) {
        assert_eq!(left, "", "left behind on {host}");
    }
}
