//! A host with a full or read-only file system: refused before any change, by every playbook that would fail on it.

use super::*;

/// node3 does not run, and one of its file systems changed while it was down.
fn down_with(change: impl FnOnce(&mut Storage)) -> Facts {
    let mut facts = whole();
    stop(&mut facts, "node3");
    change(&mut host(&mut facts, "node3").resources.storage[1]);
    facts
}

#[test]
fn a_full_disk_under_a_stopped_broker_is_refused_before_its_start() {
    let full = down_with(|storage| storage.free_bytes = 12_288);
    let told = plan("bring-up", &[], &full);
    insta::assert_snapshot!(told);
    assert!(
        plan("start", &[], &full).contains("node3: the file system of /var/lib/rabbitmq has no space left")
    );
    let spare = down_with(|storage| storage.free_bytes = LEAST_TO_WRITE);
    assert!(!plan("bring-up", &[], &spare).contains("no space left"));
}

#[test]
fn missing_inodes_and_a_read_only_file_system_are_distinguished() {
    let none = down_with(|storage| storage.free_inodes = 3);
    let read_only = down_with(|storage| storage.access = Access::ReadOnly);
    insta::assert_snapshot!(format!("{}{}", plan("start", &[], &none), plan("start", &[], &read_only)));
}

/// It may even free space on the host.
#[test]
fn steps_that_write_nothing_are_not_refused() {
    let mut full = whole();
    host(&mut full, "node3").resources.storage[1].free_bytes = 0;
    assert!(plan("stop", &[], &full).contains("node3"), "{}", plan("stop", &[], &full));
    assert!(!plan("remove-node", &["node=node3"], &full).contains("no space left"));
    assert!(plan("rolling-restart", &[], &full).contains("no space left"));
}
