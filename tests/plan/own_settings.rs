//! Nodes with a rabbitmq.conf that somebody else wrote.

use rabbitup::facts::Facts;

use crate::fixtures::{INVENTORY, converged, desired, fresh, host, ids, options, planned, unlist, written};

const CONF: &str = "/etc/rabbitmq/rabbitmq.conf";
const THEIRS: &str = "# Ansible managed\nvm_memory_high_watermark.relative = 0.6\n";

fn with_conf(facts: &mut Facts, names: &[&str], text: &str) {
    for name in names {
        host(facts, name).files.insert(CONF.to_owned(), written(text));
    }
}

/// Where the inventory says nothing about settings, a node keeps those that it has; those of rabbitup's own file go with the inventory's.
#[test]
fn settings_of_others_stay_where_the_inventory_has_none() {
    let silent = desired(&INVENTORY.replace("heartbeat = 30", ""));
    let mut facts = converged(&silent);
    with_conf(&mut facts, &["node1", "node2", "node3"], THEIRS);
    let (plan, _) = planned(&silent, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());

    let talks = desired(INVENTORY);
    let (plan, _) = planned(&talks, &facts, &options()).expect("a plan");
    assert!(ids(&plan).contains(&"node1/conf".to_owned()), "{:?}", ids(&plan));

    let ours = format!("# Written by rabbitup from the inventory ([cluster.config]).\n{THEIRS}");
    with_conf(&mut facts, &["node1"], &ours);
    let (plan, _) = planned(&silent, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan).first().map(String::as_str), Some("node1/conf"));
}

#[test]
fn a_new_node_of_such_a_cluster_is_named() {
    let silent = desired(&INVENTORY.replace("heartbeat = 30", ""));
    let mut facts = converged(&silent);
    with_conf(&mut facts, &["node1", "node2"], THEIRS);
    let blank = fresh(&silent).hosts.into_iter().find(|(name, _)| name.as_str() == "node3").expect("node3");
    facts.hosts.insert(blank.0, blank.1);
    unlist(&mut facts, "node3");
    let (plan, _) = planned(&silent, &facts, &options()).expect("a plan");
    let notes: Vec<_> = plan.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(notes.iter().any(|text| text.contains("gets none of the settings that node1 has")), "{notes:?}");
}
