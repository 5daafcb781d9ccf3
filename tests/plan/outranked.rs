//! Settings of a host that outrank the inventory: a plan is refused, and names them with the way out.

use rabbitup::facts::{BrokerState, CookieSetting, EnvironmentSetting, Facts, HostFacts, MainConfiguration};
use rabbitup::inventory::Desired;
use rabbitup::model::{CookieDigest, Secret};
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::*;

const ENV: &str = "/etc/rabbitmq/rabbitmq-env.conf";

fn with(line: &str) -> Desired {
    desired(&INVENTORY.replace("heartbeat = 30", &format!("heartbeat = 30\n{line}")))
}

/// A variable in the environment file.
pub fn set(facts: &mut HostFacts, variable: &str, value: &str) {
    let setting =
        EnvironmentSetting { variable: variable.to_owned(), value: value.to_owned(), by: ENV.to_owned() };
    facts.environment.settings.insert(variable.to_owned(), setting);
}

fn refused(desired: &Desired, facts: &Facts) -> String {
    let refused = planned(desired, facts, &options()).expect_err("a refusal");
    refusals_text(&refused, Style::plain(100))
}

/// The converged cluster of the inventory with something else on node2.
fn node2(desired: &Desired, change: impl Fn(&mut HostFacts)) -> String {
    let mut facts = converged(desired);
    change(host(&mut facts, "node2"));
    refused(desired, &facts)
}

#[test]
fn a_node_of_another_name_is_never_started_beside_its_data() {
    let desired = desired(INVENTORY);
    let mut texts = Vec::new();
    for (variable, value) in
        [("NODENAME", "hare@node2"), ("NODENAME", "rabbit@alias2"), ("USE_LONGNAME", "true")]
    {
        texts.push(node2(&desired, |facts| {
            set(facts, variable, value);
            facts.data[0].node = match variable {
                "NODENAME" => value.to_owned(),
                _ => "rabbit@node2.lab.example".to_owned(),
            };
            facts.broker = BrokerState::Down;
        }));
    }
    // Nothing lies under the name: the line can go.
    let mut facts = fresh(&desired);
    install(&mut facts, "node2");
    set(host(&mut facts, "node2"), "NODENAME", "hare");
    texts.push(refused(&desired, &facts));
    insta::assert_snapshot!(texts.join("\n---\n"));
}

#[test]
fn data_that_the_next_start_does_not_find_is_not_lost_data() {
    let desired = desired(INVENTORY);
    let moved = |facts: &mut HostFacts| {
        set(facts, "MNESIA_BASE", "/srv/rabbit");
        facts.environment.data_base = "/srv/rabbit".to_owned();
    };
    let running = node2(&desired, |facts| {
        moved(facts);
        let BrokerState::Running(node) = &mut facts.broker else { panic!("it runs") };
        node.data_dir = Some("/var/lib/rabbitmq/mnesia/rabbit@node2".to_owned());
    });
    let stopped = node2(&desired, |facts| {
        moved(facts);
        facts.broker = BrokerState::Down;
        facts.data.clear();
        facts.data_place.elsewhere = vec!["/var/lib/rabbitmq/mnesia/rabbit@node2".to_owned()];
    });
    insta::assert_snapshot!([running, stopped].join("\n---\n"));
    // Where everything agrees, the place does not matter.
    let mut facts = converged(&desired);
    let there = host(&mut facts, "node2");
    moved(there);
    running_in(there, "/srv/rabbit/rabbit@node2");
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
}

/// Quorum queues and streams that are not in the node's data directory.
#[test]
fn a_node_is_not_started_without_its_quorum_queues() {
    let desired = desired(INVENTORY);
    let moved = |facts: &mut HostFacts| set(facts, "QUORUM_DIR", "/srv/quorum");
    let runs_in = |facts: &mut HostFacts, directory: &str| {
        running_in(facts, "/var/lib/rabbitmq/mnesia/rabbit@node2");
        let BrokerState::Running(node) = &mut facts.broker else { panic!("it runs") };
        node.quorum_dir = Some(directory.to_owned());
    };
    let inside = "/var/lib/rabbitmq/mnesia/rabbit@node2/quorum";
    let texts = [
        node2(&desired, |facts| {
            moved(facts);
            runs_in(facts, inside);
        }),
        node2(&desired, |facts| runs_in(facts, "/srv/quorum")),
        node2(&desired, |facts| {
            moved(facts);
            facts.broker = BrokerState::Down;
        }),
        node2(&desired, |facts| {
            moved(facts);
            facts.broker = BrokerState::Down;
            facts.data.clear();
            facts.data_place.filled = vec!["/srv/quorum".to_owned()];
        }),
    ];
    insta::assert_snapshot!(texts.join("\n---\n"));
    // The inventory's own file would do the same.
    let moving = with("raft.data_dir = \"/srv/quorum\"");
    let by_inventory = |directory: &str| {
        let mut facts = converged(&desired);
        for text in ["node1", "node2", "node3"] {
            let BrokerState::Running(node) = &mut host(&mut facts, text).broker else { panic!("it runs") };
            node.quorum_dir = Some(directory.replace("node2", text));
            // The variable becomes a key.
            if directory != inside {
                moved(host(&mut facts, text));
            }
        }
        planned(&moving, &facts, &options())
    };
    let refused = refusals_text(&by_inventory(inside).expect_err("a refusal"), Style::plain(100));
    assert!(
        refused.contains(
            "with the inventory's raft.data_dir, rabbit@node3 would start without its quorum queues"
        ),
        "{refused}"
    );
    assert!(refused.contains("take raft.data_dir out of [cluster.config]"), "{refused}");
    assert!(by_inventory("/srv/quorum").is_ok(), "it is where the node has them");
    // A file that sets it counts before the variable.
    let mut facts = converged(&desired);
    let there = host(&mut facts, "node2");
    let more = "/etc/rabbitmq/conf.d/90-raft.conf";
    there.files.insert(more.to_owned(), written("raft.data_dir = /srv/raft\n"));
    there.environment.additional = vec![more.to_owned()];
    moved(there);
    runs_in(there, "/srv/raft");
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
    // Where everything agrees, the place does not matter.
    for directory in [inside, "/srv/quorum"] {
        let mut facts = converged(&desired);
        let there = host(&mut facts, "node2");
        if directory != inside {
            moved(there);
        }
        runs_in(there, directory);
        let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
        assert_eq!(ids(&plan), Vec::<String>::new());
    }
}

fn running_in(facts: &mut HostFacts, directory: &str) {
    let BrokerState::Running(node) = &mut facts.broker else { panic!("it runs") };
    node.data_dir = Some(directory.to_owned());
}

#[test]
fn files_that_rabbitmq_reads_later_are_named_with_their_keys() {
    let desired = with("vm_memory_high_watermark.relative = 0.5\nlisteners.tcp.default = 5672");
    let file = |path: &str, text: &str| {
        let (path, text) = (path.to_owned(), text.to_owned());
        move |facts: &mut HostFacts| {
            facts.files.insert(path.clone(), written(&text));
        }
    };
    let old = "/etc/rabbitmq/rabbitmq.config";
    let (more, advanced) = ("/etc/rabbitmq/conf.d/90-mine.conf", "/etc/rabbitmq/advanced.config");
    let texts = [
        node2(&desired, |facts| {
            file(old, "[{rabbit, [{vm_memory_high_watermark, 0.3}, {default_pass, <<\"hush\">>}]}].")(facts);
            facts.environment.main = MainConfiguration::ErlangTerms(old.to_owned());
        }),
        node2(&desired, |facts| {
            set(facts, "CONFIG_FILE", "/etc/mq/main.conf");
            facts.environment.main = MainConfiguration::Current("/etc/mq/main.conf".to_owned());
        }),
        node2(&desired, |facts| {
            file(
                more,
                "heartbeat = 10\nvm_memory_high_watermark.absolute = 1GB\nlisteners.tcp.default = 5672\nchannel_max = 9\n",
            )(facts);
            facts.environment.additional = vec![more.to_owned()];
        }),
        node2(&desired, |facts| {
            file(advanced, "[{rabbit, [{vm_memory_high_watermark, 0.3}, {channel_max, 10}]}].")(facts);
            facts.environment.advanced = Some(advanced.to_owned());
        }),
        node2(&desired, |facts| set(facts, "ENABLED_PLUGINS", "rabbitmq_management,rabbitmq_shovel")),
    ];
    insta::assert_snapshot!(texts.join("\n---\n"));
}

#[test]
fn files_that_set_something_else_do_not_matter() {
    let desired = with("vm_memory_high_watermark.relative = 0.5");
    let mut facts = converged(&desired);
    let there = host(&mut facts, "node2");
    let path = "/etc/rabbitmq/conf.d/10-more.conf";
    there.files.insert(path.to_owned(), written("channel_max = 100\nheartbeat = 30\n"));
    there.environment.additional = vec![path.to_owned()];
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
}

#[test]
fn a_later_drop_in_outranks_the_limit_and_an_earlier_one_does_not() {
    let desired =
        desired(&INVENTORY.replace("[cluster.config]", "file_descriptors = 100000\n[cluster.config]"));
    let by = |name: &str| {
        let mut facts = converged(&desired);
        let there = host(&mut facts, "node2");
        there.environment.file_descriptors = Some(1024);
        there.environment.file_descriptors_by =
            Some(format!("/etc/systemd/system/rabbitmq-server.service.d/{name}"));
        planned(&desired, &facts, &options())
    };
    let refused = by("zz-local.conf").expect_err("a refusal");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));
    assert!(by("a-local.conf").is_ok());
}

#[test]
fn a_cookie_in_an_argument_is_not_that_of_the_file() {
    let desired = desired(INVENTORY);
    let argument = |digest| {
        move |facts: &mut HostFacts| {
            facts.environment.cookies = vec![CookieSetting {
                variable: "SERVER_ADDITIONAL_ERL_ARGS".to_owned(),
                by: ENV.to_owned(),
                digest,
            }];
        }
    };
    let other = CookieDigest::of(&Secret::new(b"LabArgCookie01".to_vec()));
    insta::assert_snapshot!(node2(&desired, argument(Some(other))));
    // The same cookie in both: nothing is wrong before a rotation.
    let mut facts = converged(&desired);
    let same = host(&mut facts, "node2").cookie.as_ref().map(|cookie| cookie.normalised);
    argument(same)(host(&mut facts, "node2"));
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
}

/// The limits and log levels of a running node, where its file says what the inventory says.
#[test]
fn a_value_that_was_changed_at_run_time_is_not_in_effect() {
    let desired = with(
        "vm_memory_high_watermark.relative = 0.5\ndisk_free_limit.absolute = \"2GB\"\nlog.file.level = \"warning\"",
    );
    let changed = |these: &'static [(&str, &str)]| {
        move |facts: &mut HostFacts| {
            let BrokerState::Running(node) = &mut facts.broker else { panic!("it runs") };
            node.changed =
                Some(these.iter().map(|(key, now)| ((*key).to_owned(), (*now).to_owned())).collect());
        }
    };
    let all = changed(&[
        ("disk_free_limit", "50000000 bytes"),
        ("log.file.level", "debug"),
        ("vm_memory_high_watermark", "0.2"),
    ]);
    let by_variable = |facts: &mut HostFacts| {
        set(facts, "LOG", "debug");
        changed(&[("log.file.level", "debug")])(facts);
    };
    insta::assert_snapshot!([node2(&desired, all), node2(&desired, by_variable)].join("\n---\n"));

    // What the inventory does not set is the operator's.
    let mut facts = converged(&self::desired(INVENTORY));
    changed(&[("log.connection.level", "debug"), ("vm_memory_high_watermark", "0.2")])(host(
        &mut facts, "node2",
    ));
    let (plan, _) = planned(&self::desired(INVENTORY), &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());

    // A restart for the file ends it, so it is planned.
    let wanted = with("vm_memory_high_watermark.relative = 0.6");
    let mut facts = converged(&with("vm_memory_high_watermark.relative = 0.5"));
    changed(&[("vm_memory_high_watermark", "0.2")])(host(&mut facts, "node2"));
    let (plan, after) = planned(&wanted, &facts, &options()).expect("a plan");
    assert!(ids(&plan).iter().any(|id| id.contains("node2") && id.contains("restart")), "{:?}", ids(&plan));
    planned(&wanted, &after, &options()).expect("nothing is refused after the restart");

    // A node that does not say.
    let mut facts = converged(&desired);
    let BrokerState::Running(node) = &mut host(&mut facts, "node2").broker else { panic!("it runs") };
    node.changed = None;
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert!(plan.notes.iter().any(|note| note.text.contains("is not known")), "{:?}", plan.notes);
}
