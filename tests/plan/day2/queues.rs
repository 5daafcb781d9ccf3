//! Mirrors, replicas, leaders.

use super::*;

#[test]
fn mirrors_of_a_queue() {
    let mut facts = whole();
    let mut mirrored = queue("jobs", QueueKind::Mirrored, "node1", &BROKERS);
    mirrored.in_sync = vec![node("node1")];
    give_queue(&mut facts, &mirrored);
    let text = [
        plan("sync-queue", &["queue=jobs"], &facts),
        plan("cancel-sync-queue", &["queue=jobs"], &facts),
        plan("sync-queue", &["queue=job"], &facts),
        plan("sync-queue", &["queue=orders"], &facts),
        plan("sync-queue", &["queue=jobs", "vhost=shop"], &facts),
    ];
    insta::assert_snapshot!(text.join("\n"));
    let (verified, second) = Call::of("sync-queue", &["queue=jobs"]).again(&desired(INVENTORY), &facts);
    assert_eq!((verified, second), (vec![], vec![]));
    BROKERS.iter().for_each(|text| running(&mut facts, text).rabbitmq_version = Version::new(4, 0, 5));
    insta::assert_snapshot!("no_mirrors_on_4", plan("sync-queue", &["queue=jobs"], &facts));
}

#[test]
fn replicas_and_leaders() {
    let mut facts = whole();
    give_queue(&mut facts, &queue("thin", QueueKind::Quorum, "node1", &["node1", "node2"]));
    give_queue(&mut facts, &queue("log", QueueKind::Stream, "node1", &["node1"]));
    insta::assert_snapshot!([plan("grow-queues", &[], &facts), plan("rebalance", &[], &facts)].join("\n"));
    for name in ["grow-queues", "rebalance"] {
        let (verified, second) = Call::of(name, &[]).again(&desired(INVENTORY), &facts);
        assert_eq!((verified, second), (vec![], vec![]), "{name}");
    }
}

#[test]
fn a_queue_that_no_command_line_can_name_is_left_alone() {
    let mut facts = whole();
    give_queue(&mut facts, &queue("thin\0", QueueKind::Quorum, "node1", &["node1", "node2"]));
    let text = plan("grow-queues", &[], &facts);
    assert!(text.contains("No changes."), "{text}");
}
