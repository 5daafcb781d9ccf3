//! The invariants after every fault. Each violation is a sentence.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use super::playbook::{Address, Playbook};
use crate::hosts::{self, on_all};
use crate::lab::Lab;
use crate::pair::{self, READY};
use crate::program::until;
use crate::release::RESTRAINTS;
use crate::stage::{BROKERS, Stage};

/// The brokers whose units run.
pub fn active(stage: &Stage) -> Vec<&'static str> {
    let lab = &stage.lab;
    let asked =
        on_all(&BROKERS, |host| lab.run_on(host, "systemctl -q is-active rabbitmq-server").status.success());
    BROKERS.into_iter().zip(asked).filter_map(|(host, active)| active.then_some(host)).collect()
}

/// A majority that ran still runs, except for the broker that the fault itself stopped.
pub fn quorum(stage: &Stage, before: &[&str], taken: Option<&str>) -> Option<String> {
    let majority = BROKERS.len() / 2 + 1;
    let now = active(stage);
    let excused = taken.is_some_and(|host| before.contains(&host) && !now.contains(&host));
    (before.len() >= majority && now.len() + usize::from(excused) < majority)
        .then(|| format!("a quorum ran ({}), and now only {}", before.join(", "), now.join(", ")))
}

/// Prints problems of files that rabbitup writes: empty, truncated, or rejected by their software; a cookie that Erlang would
/// reject.
const FILES: &str = r#"
for f in /etc/hosts /etc/hostname /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/enabled_plugins /etc/haproxy/haproxy.cfg \
  /etc/keepalived/keepalived.conf /usr/libexec/keepalived/rabbitup-check TIME_FILE; do
  [ -e "$f" ] || continue
  [ -s "$f" ] || { echo "$f is empty"; continue; }
  [ -z "$(tail -c 1 "$f")" ] || echo "$f ends in the middle of a line"
done
[ "$(grep -c '^# BEGIN rabbitup' /etc/hosts)" = "$(grep -c '^# END rabbitup' /etc/hosts)" ] || echo "/etc/hosts has half a block"
grep -q '^127.0.0.1' /etc/hosts || echo "/etc/hosts has lost localhost"
if command -v haproxy >/dev/null && [ -s /etc/haproxy/haproxy.cfg ]; then haproxy -c -q -f /etc/haproxy/haproxy.cfg || echo "haproxy refuses its file"; fi
c=/var/lib/rabbitmq/.erlang.cookie
if [ -e $c ]; then [ -s $c ] || echo "the cookie is empty"; [ "$(stat -c '%a %U' $c)" = '400 rabbitmq' ] || echo "the cookie is $(stat -c '%a %U' $c)"; fi
exit 0
"#;

pub fn whole_files(stage: &Stage, playbook: &Playbook) -> Vec<String> {
    let files = FILES.replace("TIME_FILE", &stage.lab.suite().family().time_file());
    let hosts = hosts_of(playbook);
    let said = on_each(&stage.lab, &hosts, &files);
    hosts
        .iter()
        .zip(said)
        .flat_map(|(host, text)| text.lines().map(|line| format!("{host}: {line}")).collect::<Vec<_>>())
        .collect()
}

/// The hosts of a playbook that are there all the time.
pub fn hosts_of(playbook: &Playbook) -> Vec<&'static str> {
    BROKERS.iter().chain(playbook.balancers).copied().collect()
}

/// An unfinished run leaves the address on one load balancer at most, and on exactly one where it was shared before.
pub fn shared_address(stage: &Stage, playbook: &Playbook) -> Vec<String> {
    let good = |holders: usize| match playbook.address {
        Address::Unsteady => holders <= 1,
        Address::Steady => holders == 1,
        Address::MaySplit => holders >= 1,
    };
    if playbook.balancers.len() == 1 {
        return Vec::new();
    }
    attempt(|| {
        until("the load balancers agree on who has the address", READY, || {
            good(pair::holders(stage).len()).then_some(())
        });
    })
}

/// The digests of all cookies, staged ones included, that nodes which have data could need.
const COOKIES: &str = "[ -d /var/lib/rabbitmq/mnesia ] || exit 0; \
    for f in /var/lib/rabbitmq/.erlang.cookie /var/lib/rabbitmq/.rabbitup-cookie/.erlang.cookie; do \
    [ ! -e $f ] || tr -d '\\r\\n' <$f | md5sum | cut -c 1-8; done";

/// Brokers whose files differ must have had the other's cookie staged, so that the rotation can be reverted or completed.
pub fn cookies(stage: &Stage, active: &[&str]) -> Option<String> {
    let held = on_each(&stage.lab, active, COOKIES);
    let held: Vec<Vec<&str>> = held.iter().map(|text| text.lines().collect()).collect();
    let first = held.iter().find_map(|cookies| cookies.first())?;
    let common = held
        .iter()
        .flatten()
        .any(|cookie| held.iter().filter(|host| !host.is_empty()).all(|host| host.contains(cookie)));
    (!common).then(|| format!("no cookie is known to all brokers ({first} and others): {held:?}"))
}

/// Prints leftovers of a finished rabbitup run on a host.
fn left() -> String {
    format!(
        "ls -d {RESTRAINTS} /run/rabbitup-* /var/lib/rabbitmq/.rabbitup-cookie 2>/dev/null; \
         ps -eo args= | grep -oE 'rabbitup-[0-9a-zA-Z]{{16,}}'; :"
    )
}

const DRAINED: &str =
    "timeout 60 rabbitmqctl -q eval 'rabbit_maintenance:is_being_drained_local_read(node()).'";

/// After a successful run nothing of rabbitup is left, and no node is drained.
pub fn nothing_left(stage: &Stage, playbook: &Playbook) -> Vec<String> {
    let (look, hosts) = (left(), hosts_of(playbook));
    let mut broken = attempt(|| hosts::assert_tidy(&stage.lab, &hosts));
    // The session that held the lock ends a moment after its run.
    broken.extend(attempt(|| {
        until("nothing of ours runs or lies on any host", Duration::from_secs(10), || {
            let left = on_each(&stage.lab, &hosts, &look);
            left.iter().all(String::is_empty).then_some(())
        });
    }));
    if !broken.is_empty() {
        broken.push(format!("{:?}", on_each(&stage.lab, &hosts, &look)));
    }
    let active = active(stage);
    for (host, drained) in active.iter().zip(on_each(&stage.lab, &active, DRAINED)) {
        if drained != "false" {
            broken.push(format!("{host} is drained: {drained}"));
        }
    }
    broken
}

fn on_each(lab: &Lab, hosts: &[&str], command: &str) -> Vec<String> {
    on_all(hosts, |host| lab.stdout_of(host, command))
}

/// The messages of an assertion, as sentences.
pub fn attempt(assertion: impl FnOnce()) -> Vec<String> {
    match std::panic::catch_unwind(AssertUnwindSafe(assertion)) {
        Ok(()) => Vec::new(),
        Err(panic) => vec![words(panic.as_ref())],
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
