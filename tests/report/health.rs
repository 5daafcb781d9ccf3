use rabbitup::cluster::{Finding, Severity, access, health, is_healthy};
use rabbitup::facts::{
    Access, BrokerState, Clock, CookieShape, Facts, FileFacts, FileKind, Guest, MetadataStore, NodeData,
    Storage, TimeService, UnitFacts,
};
use rabbitup::inventory::{Admin, GuestSetting};
use rabbitup::model::{NodeName, Version};
use rabbitup::report::{Style, findings_text};

use super::fixtures::{cookie, desired, facts, host, node_of, seen};

/// What is found after one thing went wrong in a healthy cluster.
fn after(change: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let desired = desired(3, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    change(&mut facts);
    health(&desired, &facts)
}

fn advice(finding: &Finding) -> String {
    finding.problem.cause.advice_text().unwrap_or_default()
}

fn only(findings: Vec<Finding>, severity: Severity, at: Option<&str>, part: &str) {
    let [finding] = findings.as_slice() else { panic!("one finding, not {findings:#?}") };
    assert_eq!((finding.severity, &finding.problem.host), (severity, &at.map(host)));
    assert!(finding.problem.what.contains(part), "{}", finding.problem.what);
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(after(|_| {}), []);
}

#[test]
fn one_fault_is_one_finding() {
    let (error, warning, note) = (Severity::Error, Severity::Warning, Severity::Note);
    only(
        after(|f| seen(f, "node1").time_service.synchronised = Some(false)),
        warning,
        Some("node1"),
        "not synchronised",
    );
    let off = Clock { offset_ms: -300.0, uncertainty_ms: 10.0 };
    only(after(|f| seen(f, "lb1").clock = Some(off)), error, Some("lb1"), "-300 ms off");
    let unsure = Clock { offset_ms: -300.0, uncertainty_ms: 90.0 };
    assert_eq!(after(|f| seen(f, "lb1").clock = Some(unsure)), []);
    let found = after(|f| node_of(f, "node2").maintenance = true);
    assert_eq!(advice(&found[0]), "`rabbitup up` puts it back into service");
    only(found, warning, Some("node2"), "maintenance");
    let flags = |f: &mut Facts| node_of(f, "node2").disabled_feature_flags = vec!["khepri_db".to_owned()];
    assert!(advice(&after(flags)[0]).contains("`rabbitup run upgrade`"));
    only(after(flags), note, Some("node2"), "khepri_db");
    only(
        after(|f| node_of(f, "node2").rabbitmq_version.patch = 6),
        warning,
        None,
        "4.0.5 on node1, node3; 4.0.6 on node2",
    );
    let amqp = |f: &mut Facts| seen(f, "lb1").load_balancer.as_mut().expect("one").amqp_answers = Some(false);
    only(after(amqp), error, Some("lb1"), "no answer through haproxy on port 5672");
    only(
        after(|f| node_of(f, "node2").links.truncate(1)),
        warning,
        Some("node2"),
        "counts rabbit@node3 as running",
    );
    only(after(|f| seen(f, "lb1").load_balancer = None), error, Some("lb1"), "haproxy does not run");
}

/// Before the first bring-up: what it serves is not rabbitup's, and no way to the brokers is to be repaired for it.
#[test]
fn a_load_balancer_with_somebody_elses_configuration_is_not_explained_by_a_firewall() {
    let with = |text: &'static str, answers: bool| {
        after(move |f| {
            let seen = seen(f, "lb1");
            let conf = FileFacts {
                kind: FileKind::Regular,
                content: Some(text.to_owned()),
                mode: 0o644,
                owner: "root".to_owned(),
                group: "root".to_owned(),
                modified: 0,
                link_to: None,
            };
            seen.files.insert("/etc/haproxy/haproxy.cfg".to_owned(), conf);
            let balancer = seen.load_balancer.as_mut().expect("one");
            balancer.amqp_answers = Some(answers);
            let mut theirs = balancer.backends[0].clone();
            (theirs.server, theirs.status) = ("shop1".to_owned(), "DOWN".to_owned());
            balancer.backends.push(theirs);
        })
    };
    let theirs = "# HAProxy\nglobal\n";
    let found = with(theirs, false);
    assert_eq!(advice(&found[0]), "`rabbitup plan` shows what would change");
    only(
        found,
        Severity::Error,
        Some("lb1"),
        "haproxy runs with a configuration that rabbitup did not write, and gives AMQP clients no answer on port 5672",
    );
    assert_eq!(with(theirs, true), [], "it serves the brokers' clients");
    let ours = with("# Written by rabbitup\n", false);
    assert!(advice(&ours[0]).contains("no broker answers behind it, or a firewall"), "{ours:?}");
    assert!(ours[1].problem.what.starts_with("shop1 is DOWN for haproxy"), "{ours:?}");
}

#[test]
fn cookies_are_compared_three_ways() {
    let file = |f: &mut Facts, text: &str| {
        let file = seen(f, "node2").cookie.as_mut().expect("a cookie");
        (file.raw, file.normalised) = (cookie(text), cookie(text));
    };
    only(after(|f| file(f, "other")), Severity::Error, Some("node2"), "differs from node1's");
    let running = |f: &mut Facts| node_of(f, "node2").cookie = Some(cookie("old"));
    only(after(running), Severity::Error, Some("node2"), "a cookie other than the one in its file");
    let raw =
        |f: &mut Facts| seen(f, "node2").cookie.as_mut().expect("a cookie").raw = cookie("with a newline");
    only(after(raw), Severity::Note, Some("node2"), "line end");
    let mode = |f: &mut Facts| seen(f, "node2").cookie.as_mut().expect("a cookie").mode = 0o440;
    only(after(mode), Severity::Error, Some("node2"), "mode 0440");
    let owner = |f: &mut Facts| seen(f, "node2").cookie.as_mut().expect("a cookie").owner = "root".to_owned();
    only(after(owner), Severity::Error, Some("node2"), "belongs to root");
    let shape = |f: &mut Facts| {
        seen(f, "node2").cookie.as_mut().expect("a cookie").shape = CookieShape::DebianReplaces;
    };
    only(after(shape), Severity::Warning, Some("node2"), "20 upper-case");
    let staged = after(|f| seen(f, "node2").staged_cookie = seen(f, "node1").cookie.clone());
    assert!(advice(&staged[0]).contains("`rabbitup run rotate-cookie`"));
    only(staged, Severity::Warning, Some("node2"), "cookie rotation was not finished");
}

#[test]
fn a_member_that_the_inventory_does_not_know_is_drift() {
    let old = NodeName::parse("rabbit@old").expect("a node name");
    let found = after(|f| {
        for name in ["node1", "node2", "node3"] {
            let node = node_of(f, name);
            let mut member = node.members[0].clone();
            member.node = old.clone();
            node.members.push(member);
        }
    });
    assert!(is_healthy(&found) && advice(&found[0]).contains("`rabbitup up --prune`"));
    only(found, Severity::Warning, None, "rabbit@old is a member of the cluster, but not in the inventory");
}

/// `name` is in another cluster than the rest: it lists those that `view` leaves of the members.
fn apart(facts: &mut Facts, name: &str, view: impl Fn(&NodeName) -> bool) {
    let node = node_of(facts, name);
    node.members.retain(|member| view(&member.node));
    node.running.retain(|node| view(node));
    node.links.retain(|node| view(node));
}

#[test]
fn who_disagrees_is_told_how_to_come_back() {
    let three = NodeName::rabbit(&host("node3"));
    let advice_on_views = |found: Vec<Finding>| {
        let views = found.into_iter().find(|f| f.problem.what.contains("disagree")).expect("they disagree");
        advice(&views)
    };
    // Reset: the others still list it.
    let reset = after(|f| apart(f, "node3", |node| *node == three));
    assert_eq!(advice_on_views(reset), "`rabbitup run recover-node node=node3` brings it back to the others");
    // Forgotten: it still lists the others.
    let forgotten =
        after(|f| ["node1", "node2"].iter().for_each(|name| apart(f, name, |node| *node != three)));
    assert_eq!(
        advice_on_views(forgotten),
        "`rabbitup run recover-node node=node3` brings it back to the others"
    );
    // Never joined.
    let blank = after(|f| {
        apart(f, "node3", |node| *node == three);
        ["node1", "node2"].iter().for_each(|name| apart(f, name, |node| *node != three));
    });
    assert!(advice_on_views(blank).starts_with("`rabbitup plan` shows which node would join"));
}

#[test]
fn a_broker_that_a_start_alone_does_not_bring_back_is_named() {
    let three = NodeName::rabbit(&host("node3"));
    let down = |f: &mut Facts| {
        seen(f, "node3").broker = BrokerState::Down;
        for name in ["node1", "node2"] {
            node_of(f, name).running.retain(|node| *node != three);
            node_of(f, name).links.retain(|node| *node != three);
        }
    };
    let wiped = after(|f| {
        down(f);
        seen(f, "node3").data.clear();
    });
    let forgotten = after(|f| {
        down(f);
        ["node1", "node2"].iter().for_each(|name| apart(f, name, |node| *node != three));
    });
    assert_eq!(after(down).len(), 1);
    let text = [findings_text(&wiped, Style::plain(80)), findings_text(&forgotten, Style::plain(80))];
    insta::assert_snapshot!(text.concat(), @r"
    error: node3: the broker does not run
      next: `rabbitup up` starts it; `rabbitup doctor` shows why it does not start
    error: node3: the cluster lists rabbit@node3, which has no data on its host and
           would be refused
      next: `rabbitup run recover-node node=node3` brings it back

    error: node3: the broker does not run
      next: `rabbitup up` starts it; `rabbitup doctor` shows why it does not start
    error: node3: the cluster has forgotten rabbit@node3, whose host still has its
           data
      next: `rabbitup run recover-node node=node3` brings it back
    ");
}

#[test]
fn a_server_that_was_taken_out_is_put_back_where_its_broker_serves() {
    let out = |f: &mut Facts, status: &str| {
        let balancer = seen(f, "lb1").load_balancer.as_mut().expect("a load balancer");
        for server in balancer.backends.iter_mut().filter(|server| server.server == "node2") {
            server.status = status.to_owned();
        }
    };
    let serving = after(|f| out(f, "MAINT"));
    let drained = after(|f| {
        out(f, "DRAIN");
        node_of(f, "node2").maintenance = true;
    });
    let text = [findings_text(&serving, Style::plain(80)), findings_text(&drained, Style::plain(80))];
    insta::assert_snapshot!(text.concat(), @r"
    warning: lb1: node2 was taken out of haproxy, although its broker serves: amqp,
             management
      next: `rabbitup up` puts it back

    warning: node2: the node is in maintenance mode: it accepts no client
             connections
      next: `rabbitup up` puts it back into service
    warning: lb1: node2 was taken out of haproxy: amqp, management
      next: `rabbitup up` puts it back once its broker serves
    ");
}

#[test]
fn data_that_a_removal_kept_is_told_of() {
    let found = after(|f| {
        seen(f, "lb1").kept = vec!["rabbit@node3.20261123T012003Z".to_owned(), "odd".to_owned()];
    });
    assert!(is_healthy(&found));
    insta::assert_snapshot!(findings_text(&found, Style::plain(80)), @r"
    note: lb1: data of rabbit@node3 from 2026-11-23 is kept in
          /var/lib/rabbitmq/rabbitup-kept/rabbit@node3.20261123T012003Z
      next: delete it when it is no longer needed
    note: lb1: data of a node is kept in /var/lib/rabbitmq/rabbitup-kept/odd
      next: delete it when it is no longer needed
    ");
}

#[test]
fn equal_findings_share_a_block() {
    let found = after(|f| {
        for name in ["node1", "node2", "node3", "lb1"] {
            seen(f, name).time_service = TimeService::default();
        }
    });
    insta::assert_snapshot!(findings_text(&found, Style::plain(80)), @r"
    warning: node1, node2, node3, lb1: no time service runs
      next: `rabbitup up` installs and starts one
    ");
}

#[test]
fn a_guest_that_everybody_can_be_is_told() {
    let mut desired = desired(3, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    assert_eq!(access(&desired, &facts), []);
    for node in ["node1", "node2", "node3"] {
        node_of(&mut facts, node).guest = Guest::Open;
        node_of(&mut facts, node).holdings.users.clear();
    }
    only(access(&desired, &facts), Severity::Warning, None, "guest is the only user");
    assert!(advice(&access(&desired, &facts)[0]).contains("admin = {"));
    // Users that could not be listed are not none.
    node_of(&mut facts, "node1").holdings.unreadable.push("user".to_owned());
    only(access(&desired, &facts), Severity::Warning, None, "guest has its well-known password");
    node_of(&mut facts, "node1").holdings.unreadable.clear();
    node_of(&mut facts, "node1").holdings.users.push("ops".to_owned());
    desired.cluster.admin = Some(Admin { user: "ops".to_owned() });
    only(access(&desired, &facts), Severity::Warning, None, "guest has its well-known password");
    assert_eq!(advice(&access(&desired, &facts)[0]), "`rabbitup up` removes the password");
    desired.cluster.guest = GuestSetting::Keep;
    assert_eq!(access(&desired, &facts), []);
}

/// Also where the broker is stopped and raises no alarm, and on a host without one.
#[test]
fn a_file_system_that_takes_nothing_is_an_error_whatever_runs() {
    let on = |name: &str, change: fn(&mut Storage)| {
        let mut storage = Storage {
            path: "/var/log".to_owned(),
            file_system: "fe00".to_owned(),
            free_bytes: 20 << 30,
            free_inodes: 1 << 20,
            inodes: 1 << 21,
            access: Access::ReadWrite,
        };
        change(&mut storage);
        let same = Storage { path: "/var/log/rabbitmq".to_owned(), ..storage.clone() };
        after(|f| seen(f, name).resources.storage = vec![storage, same])
    };
    let full = |storage: &mut Storage| storage.free_bytes = 40_000_000;
    only(
        on("node2", full),
        Severity::Error,
        Some("node2"),
        "of /var/log has no space left (40.0 MB are free)",
    );
    assert_eq!(on("lb1", full), [], "a node's limit is not a balancer's");
    only(on("lb1", |storage| storage.free_bytes = 0), Severity::Error, Some("lb1"), "no space left (0.0 MB");
    let inodes = on("node2", |storage| storage.free_inodes = 3);
    only(inodes, Severity::Error, Some("node2"), "has no inodes left (3 of 2097152 inodes are free)");
    let read_only = on("node2", |storage| storage.access = Access::ReadOnly);
    only(read_only, Severity::Error, Some("node2"), "of /var/log is read-only");
}

/// node3 does not run, no node lists it, and its unit is disabled.
fn retire(facts: &mut Facts) {
    let gone = NodeName::rabbit(&host("node3"));
    seen(facts, "node3").broker = BrokerState::Down;
    seen(facts, "node3").data.clear();
    seen(facts, "node3").units.insert(
        "rabbitmq-server".to_owned(),
        UnitFacts {
            exists: true,
            active: "inactive".to_owned(),
            enabled: "disabled".to_owned(),
            ..UnitFacts::default()
        },
    );
    for other in ["node1", "node2"] {
        let node = node_of(facts, other);
        node.members.retain(|member| member.node != gone);
        node.running.retain(|member| *member != gone);
        node.links.retain(|member| *member != gone);
    }
}

#[test]
fn a_node_that_left_and_is_still_in_the_inventory_is_a_warning() {
    only(after(retire), Severity::Warning, Some("node3"), "rabbit@node3 was removed from the cluster");
    // Its data in place, its removal is not complete, and a start is no remedy.
    let half = after(|facts| {
        retire(facts);
        seen(facts, "node3").data = vec![NodeData { node: "rabbit@node3".to_owned(), ..NodeData::default() }];
    });
    assert!(advice(&half[0]).contains("`rabbitup run recover-node node=node3`"), "{half:?}");
    only(half, Severity::Error, Some("node3"), "the cluster has forgotten rabbit@node3");
    // With an enabled unit it just does not run.
    let stopped = after(|facts| {
        retire(facts);
        seen(facts, "node3").units.get_mut("rabbitmq-server").expect("a unit").enabled = "enabled".to_owned();
    });
    only(stopped, Severity::Error, Some("node3"), "the broker does not run");
}

#[test]
fn nodes_that_keep_their_metadata_in_different_stores_are_named() {
    only(
        after(|facts| node_of(facts, "node2").metadata_store = MetadataStore::Mnesia),
        Severity::Warning,
        None,
        "metadata stores differ: Khepri on node1, node3; Mnesia on node2",
    );
}

mod shared_address {
    use super::*;
    use rabbitup::facts::{Neighbour, Verdict, VirtualAddressFacts};
    use rabbitup::inventory::Desired;
    use rabbitup::virtual_address::InterfaceAddress;

    /// Two load balancers with one address, which these have.
    fn shared(holders: &[&str]) -> (Desired, Facts) {
        let mut desired = desired(3, 2);
        desired.load_balancer.as_mut().expect("one").vip = Some(rabbitup::inventory::Vip {
            addresses: vec![address("192.168.0.40/24").at],
            interface: None,
            router_id: 40,
        });
        let mut facts = facts(&desired, Version::new(4, 0, 5));
        for (name, own) in [("lb1", "192.168.0.51/24"), ("lb2", "192.168.0.52/24")] {
            let mut addresses = vec![address(own)];
            addresses.extend(holders.contains(&name).then(|| address("192.168.0.40/24")));
            let check = Some(Verdict::Passes);
            let host = seen(&mut facts, name);
            let hardware = vec![adapter(name)];
            host.virtual_address =
                Some(VirtualAddressFacts { addresses, hardware, neighbours: Vec::new(), check });
            host.units.insert("keepalived".to_owned(), unit("active"));
        }
        (desired, facts)
    }

    fn address(text: &str) -> InterfaceAddress {
        InterfaceAddress::parse(&format!("2: eth0 inet {text} scope global")).expect("an address")
    }

    fn unit(active: &str) -> UnitFacts {
        UnitFacts {
            exists: true,
            active: active.to_owned(),
            enabled: "enabled".to_owned(),
            ..UnitFacts::default()
        }
    }

    fn fails(facts: &mut Facts, name: &str) {
        let why = Verdict::Fails("nothing listens on port 5672".to_owned());
        seen(facts, name).virtual_address.as_mut().expect("facts").check = Some(why);
    }

    /// What status says of it, and what is found.
    fn told((desired, facts): &(Desired, Facts)) -> String {
        use super::super::fixtures::NOW;
        use rabbitup::report::{Status, status_text};
        let findings = health(desired, facts);
        let status = Status { desired, facts, findings: &findings, now: NOW };
        let text = status_text(&status, Style::plain(100));
        let start = text.find("\nAddress ").map_or(0, |at| at + 1);
        text[start..].to_owned()
    }

    /// The hardware address of a load balancer.
    fn adapter(name: &str) -> String {
        format!("52:54:00:00:00:0{}", name.trim_start_matches("lb"))
    }

    /// What answered when this load balancer asked for the address.
    fn answers(facts: &mut Facts, name: &str, hardware: &str) {
        let address = "192.168.0.40".parse().expect("an address");
        let neighbour = Neighbour { address, hardware: hardware.to_owned() };
        seen(facts, name).virtual_address.as_mut().expect("facts").neighbours.push(neighbour);
    }

    fn found((desired, facts): &(Desired, Facts)) -> Vec<String> {
        health(desired, facts).into_iter().map(|found| found.problem.what).collect()
    }

    const FOREIGN: &str = "52:54:00:12:34:56";

    #[test]
    fn another_machine_has_it() {
        let mut scene = shared(&[]);
        answers(&mut scene.1, "lb2", FOREIGN);
        assert_eq!(found(&scene), ["another machine has the vip 192.168.0.40"]);
    }

    /// Whether the holder saw it or the one without the address.
    #[test]
    fn another_machine_has_it_as_well() {
        for host in ["lb1", "lb2"] {
            let mut scene = shared(&["lb1"]);
            answers(&mut scene.1, "lb2", &adapter("lb1"));
            assert_eq!(found(&scene), Vec::<String>::new(), "it is the holder's");
            answers(&mut scene.1, host, FOREIGN);
            let findings = health(&scene.0, &scene.1);
            let [finding] = findings.as_slice() else { panic!("one: {findings:?}") };
            assert_eq!(finding.severity, Severity::Error);
            assert_eq!(finding.problem.host.as_ref().map(ToString::to_string).as_deref(), Some(host));
            let what = format!(
                "another machine, with the network adapter {FOREIGN}, has the vip 192.168.0.40 as well"
            );
            assert_eq!(finding.problem.what, what);
            let why = &finding.problem.cause.why;
            assert!(
                why[0].starts_with(&format!("the network adapter {FOREIGN} answers for 192.168.0.40")),
                "{why:?}"
            );
            assert!(why[1].starts_with("lb1 has it, too"), "{why:?}");
        }
        // The holder's word is the one that is the same in each look.
        let mut seen_by_both = shared(&["lb2"]);
        answers(&mut seen_by_both.1, "lb1", FOREIGN);
        answers(&mut seen_by_both.1, "lb2", FOREIGN);
        let host = health(&seen_by_both.0, &seen_by_both.1).remove(0).problem.host;
        assert_eq!(host.map(|host| host.to_string()).as_deref(), Some("lb2"));
        // Beside what else is wrong.
        let mut split = shared(&["lb1", "lb2"]);
        answers(&mut split.1, "lb1", &adapter("lb2"));
        assert_eq!(found(&split), ["lb1 and lb2 have 192.168.0.40 at the same time"]);
        answers(&mut split.1, "lb1", FOREIGN);
        assert_eq!(found(&split).len(), 2);
    }

    /// The address may be on its way to the one that did not tell.
    #[test]
    fn nothing_is_foreign_while_a_load_balancer_does_not_tell_its_adapters() {
        let mut scene = shared(&["lb1"]);
        answers(&mut scene.1, "lb1", FOREIGN);
        let mut silent = scene.clone();
        seen(&mut silent.1, "lb2").virtual_address = None;
        assert!(!found(&silent).iter().any(|what| what.contains("another machine")), "{:?}", found(&silent));
        seen(&mut scene.1, "lb2").virtual_address.as_mut().expect("facts").hardware.clear();
        assert_eq!(found(&scene), Vec::<String>::new());
    }

    #[test]
    fn one_holder_is_right() {
        let scene = shared(&["lb1"]);
        assert_eq!(health(&scene.0, &scene.1), []);
        let text = told(&scene);
        assert!(text.starts_with("Address 192.168.0.40/24: held by lb1; lb2 can take it over\n"), "{text}");
    }

    #[test]
    fn the_holder_is_named_and_so_are_none_and_two() {
        let mut texts = vec![told(&shared(&["lb1", "lb2"])), told(&shared(&[]))];
        let mut left_behind = shared(&["lb1", "lb2"]);
        seen(&mut left_behind.1, "lb1").units.insert("keepalived".to_owned(), unit("failed"));
        texts.push(told(&left_behind));
        let mut nobody = shared(&[]);
        fails(&mut nobody.1, "lb1");
        fails(&mut nobody.1, "lb2");
        texts.push(told(&nobody));
        let mut moved = shared(&["lb2"]);
        fails(&mut moved.1, "lb1");
        texts.push(told(&moved));
        let mut unseen = shared(&[]);
        seen(&mut unseen.1, "lb2").virtual_address = None;
        texts.push(told(&unseen));
        insta::assert_snapshot!(texts.join("\n-- --\n\n"));
    }
}
