//! Holds a step at a known place, so that a fault can hit the middle of one that takes a tenth of a second. On the hosts of the lab a
//! program of the same name stands before a tool that steps call, and waits there for the harness. rabbitup knows nothing of it.

use std::fmt::Write as _;

use crate::hosts::on_all;
use crate::lab::Lab;

/// Where a step is held: at this call of a tool.
struct Place {
    /// The step, by what it does on whichever host.
    step: &'static str,
    tool: &'static str,
    /// The tool's arguments, as a pattern of the shell.
    call: &'static str,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

const fn before(step: &'static str, tool: &'static str, call: &'static str) -> Place {
    Place { step, tool, call, side: Side::Before }
}

const fn after(step: &'static str, tool: &'static str, call: &'static str) -> Place {
    Place { step, tool, call, side: Side::After }
}

const PLACES: &[Place] = &[
    // The new file is in place, and not in use.
    before("balancer-conf", "systemctl", "'reload haproxy' | 'reload nginx'"),
    before("balancer-conf-ways", "systemctl", "'reload haproxy'"),
    before("balancer-conf-both", "systemctl", "'reload nginx'"),
    before("balancer-conf-plain", "systemctl", "'reload haproxy'"),
    before("balancer-reload", "systemctl", "'reload haproxy' | 'reload nginx'"),
    before("address-conf", "systemctl", "'reload keepalived'"),
    before("address-reload", "systemctl", "'reload keepalived'"),
    before("address-unit", "systemctl", "'daemon-reload'"),
    // Enabled, and not started.
    before("balancer", "systemctl", "'start haproxy' | 'start nginx'"),
    before("address", "systemctl", "'start keepalived'"),
    // Stopped, and rabbitup does not know it.
    after("make-room", "systemctl", "'disable --now haproxy' | 'disable --now nginx'"),
    after("address-gone", "systemctl", "'disable --now keepalived'"),
    // On trial: in effect, and not in the file; in the file, and not in effect.
    after("open-ports-nftables", "nft", "'-f now'"),
    before("open-ports-firewalld", "firewall-cmd", "'--reload'"),
    // The way back is gone, and its timer runs.
    before("keep-openings-nftables", "systemctl", "'stop rabbitup-firewall-nftables.timer'"),
    before("keep-openings-firewalld", "systemctl", "'stop rabbitup-firewall-firewalld.timer'"),
];

/// Where the tools before the real ones are: first in the PATH of every script (`src/apply/prelude.sh`).
const BEFORE: &str = "/usr/local/sbin";
/// One file for each step that is to be held; `held` appears while one is. A boot removes all of them.
const HELD_UP: &str = "/run/lab-hold";

/// The condition on the host while the step is held; none if there is no such place in it.
pub fn shown(step: &str) -> Option<&'static str> {
    PLACES.iter().any(|place| place.step == step).then_some("[ -e /run/lab-hold/held ]")
}

/// Puts the tools in place. They do nothing but call the real ones until a step is to be held.
pub fn prepare(lab: &Lab, hosts: &[&str]) {
    let mut command = String::new();
    for tool in tools() {
        // A heredoc: the calls have blanks and bars.
        let _ =
            write!(command, "cat >{BEFORE}/{tool} <<'TOOL'\n{}TOOL\nchmod 755 {BEFORE}/{tool}\n", text(tool));
    }
    on_all(hosts, |host| lab.stdout_of(host, &command));
}

pub fn remove(lab: &Lab, hosts: &[&str]) {
    let paths: Vec<String> = tools().into_iter().map(|tool| format!("{BEFORE}/{tool}")).collect();
    on_all(hosts, |host| lab.stdout_of(host, &format!("rm -rf {} {HELD_UP}", paths.join(" "))));
}

/// Every step with such a place is held there from now on, one at a time.
pub fn arm(lab: &Lab, hosts: &[&str]) {
    let files: Vec<String> = PLACES.iter().map(|place| format!("{HELD_UP}/{}", place.step)).collect();
    on_all(hosts, |host| lab.run_on(host, &format!("mkdir -p {HELD_UP} && touch {}", files.join(" "))));
}

/// This step goes on, or is not held.
pub fn spare(lab: &Lab, host: &str, step: &str) {
    if shown(step).is_some() {
        lab.run_on(host, &format!("rm -f {HELD_UP}/{step}"));
    }
}

/// Nothing is held any more.
pub fn release(lab: &Lab, hosts: &[&str]) {
    on_all(hosts, |host| lab.run_on(host, &format!("rm -rf {HELD_UP}")));
}

fn tools() -> Vec<&'static str> {
    let mut tools: Vec<&str> = PLACES.iter().map(|place| place.tool).collect();
    tools.sort_unstable();
    tools.dedup();
    tools
}

/// Several steps make the same call: which one it is stands in the last line of the host's trail (docs/trail.md). A held one goes on after
/// twenty seconds, before the step's own patience ends.
fn text(tool: &str) -> String {
    let mut text = format!(
        "#!/bin/sh\nreal=/usr/bin/{tool}\n[ -x $real ] || real=/usr/sbin/{tool}\n[ -d {HELD_UP} ] || exec $real \"$@\"\n\
         hold() {{\n  [ -e {HELD_UP}/$1 ] || return 0\n  journalctl --sync\n  \
         last=$(journalctl -q -t rabbitup -n 1 -o cat | sed -n 's/.* step=\\([^ ]*\\) begin$/\\1/p')\n  \
         [ \"${{last##*/}}\" = \"$1\" ] || return 0\n  : >{HELD_UP}/held\n  tries=0\n  \
         while [ -e {HELD_UP}/$1 ] && [ $tries -lt 400 ]; do sleep 0.05; tries=$((tries + 1)); done\n  rm -f {HELD_UP}/held\n}}\n"
    );
    let hold = |text: &mut String, side: Side| {
        for place in PLACES.iter().filter(|place| place.tool == tool && place.side == side) {
            let _ = writeln!(text, "case $* in {}) hold {} ;; esac", place.call, place.step);
        }
    };
    hold(&mut text, Side::Before);
    text.push_str("$real \"$@\"\nrc=$?\n");
    hold(&mut text, Side::After);
    text.push_str("exit $rc\n");
    text
}
