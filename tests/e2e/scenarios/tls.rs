//! A cluster set up by hand with TLS between nodes, which erl_call does not support.

use super::doctor::tls;
use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::stage::{BROKERS, Stage};

/// RPMs come without that file.
const KEEP: &str = "cd /etc/rabbitmq && { [ -e rabbitmq-env.conf ] || touch rabbitmq-env.conf; } && \
    cp -p rabbitmq-env.conf /root/env.before";
const PUT_BACK: &str = "cd /etc/rabbitmq && cp -p /root/env.before rabbitmq-env.conf && rm -r /root/env.before e2e-tls && \
    find rabbitmq-env.conf -empty -delete";

/// As long as those that rabbitup generates.
const NEW: &str = "TLScookieOfNobody0123456789TLScookieOfNo";

/// It is inspected, one node is started, one restarted, and a cookie rotation completed, as in any other cluster.
pub fn between_nodes(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let tls = tls(stage);
    on_all(&BROKERS, |host| lab.stdout_of(host, &format!("{KEEP} && {tls}")));
    all_restart(lab);
    stage.assert_nothing_to_do(&inventory);
    stage.rabbitup(&inventory).args(["doctor"]).run().expect(0);
    lab.stdout_of("node2", "systemctl stop rabbitmq-server");
    stage.up(&inventory).expect(0).says("start rabbit@node2").says("Verified: No changes.");
    stage.playbook(&inventory, &["rolling-restart", "older-than=0s", "--limit", "node3"]).expect(0);
    half_rotated(lab);
    stage.playbook(&inventory, &["rotate-cookie"]).expect(0).says("Verified: No changes.");
    hosts::assert_cookie(lab, &BROKERS);
    assert_eq!(lab.stdout_of("node3", "cat /var/lib/rabbitmq/.erlang.cookie"), NEW);
    stage.rabbitup(&inventory).args(["status"]).run().expect(0).says("3 of 3 nodes run");
    on_all(&BROKERS, |host| lab.stdout_of(host, PUT_BACK));
    all_restart(lab);
}

/// As left by an interrupted rotation: all have the new cookie staged, and node1 has switched to it.
fn half_rotated(lab: &Lab) {
    let stage = "umask 077; mkdir /var/lib/rabbitmq/.rabbitup-cookie && cd /var/lib/rabbitmq/.rabbitup-cookie && \
                 printf NEW >.erlang.cookie && chmod 400 .erlang.cookie && chown -R rabbitmq: .";
    on_all(&BROKERS, |host| lab.stdout_of(host, &stage.replace("NEW", NEW)));
    let switch = "timeout 60 rabbitmqctl -q eval 'erlang:set_cookie(node(), list_to_atom(\"NEW\")).'";
    lab.stdout_of("node1", &switch.replace("NEW", NEW));
}

/// Nodes with and without TLS cannot connect to each other.
fn all_restart(lab: &Lab) {
    on_all(&BROKERS, |host| lab.stdout_of(host, "timeout 120 systemctl stop rabbitmq-server"));
    on_all(&BROKERS, |host| lab.stdout_of(host, "timeout 120 systemctl start rabbitmq-server"));
}
