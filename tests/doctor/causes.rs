use std::collections::BTreeSet;

use rabbitup::doctor::{Answer, Cause};
use rabbitup::facts::{
    Access, BrokerState, Clock, ClusterMember, CookieSetting, CookieShape, MainConfiguration, MetadataStore,
    NodeData, Observation, PortState, Unreachable, UnreachableCause,
};
use rabbitup::model::{NodeName, NodeType, Version};

use super::bed::{ALL, Bed};
use super::fixtures::{cookie, host};

#[test]
fn a_healthy_cluster_has_no_findings() {
    let diagnosis = Bed::healthy().diagnosis();
    assert_eq!(diagnosis.findings, []);
    let looks =
        |check: &str| diagnosis.checked.iter().find(|checked| checked.check == check).map(|c| c.looks);
    assert_eq!((looks("reach"), looks("resolution"), looks("epmd")), (Some(3), Some(9), Some(6)));
    assert!(diagnosis.checked.iter().all(|checked| checked.wrong == 0));
}

type Fault = fn(&mut Bed);

/// Each cause with a fault that produces it, and where it is found: on `node2`, or from there to another host.
fn faults() -> Vec<(Cause, Option<&'static str>, Fault)> {
    vec![
        (Cause::Unreachable, Some("node2"), |bed| {
            let why = Unreachable { cause: UnreachableCause::NoConnection, evidence: "refused".to_owned() };
            bed.facts.hosts.insert(host("node2"), Observation::Unreachable(why));
            bed.exams.hosts.remove(&host("node2"));
        }),
        (Cause::NotInspected, Some("node2"), |bed| {
            let cause = UnreachableCause::SudoPassword;
            let why = Unreachable { cause, evidence: "sudo: a password is required".to_owned() };
            bed.facts.hosts.insert(host("node2"), Observation::Unreachable(why));
            bed.exams.hosts.remove(&host("node2"));
        }),
        (Cause::SameMachine, Some("node2"), |bed| {
            for (name, boot) in ALL.into_iter().zip(["1", "1", "3"]) {
                bed.seen(name).system.identity = Some(format!("machine {boot} net:[1]"));
            }
        }),
        (Cause::HostNameDiffers, Some("node2"), |bed| {
            bed.seen("node2").host_name.running = "pear".to_owned()
        }),
        (Cause::NotInstalled, Some("node2"), |bed| {
            bed.stop("node2", "");
            let seen = bed.seen("node2");
            seen.packages.clear();
            seen.units.clear();
        }),
        (Cause::NotInstalled, Some("node2"), |bed| {
            bed.stop("node2", "");
            let package = bed.seen("node2").packages.get_mut("rabbitmq-server").expect("it is there");
            package.half_installed = package.installed.take();
        }),
        (Cause::EnvironmentBroken, Some("node2"), |bed| bed.seen("node2").environment.evaluated = false),
        (Cause::DataElsewhere, Some("node2"), |bed| bed.set("node2", "MNESIA_DIR", "/srv/other")),
        (Cause::SettingOutranked, Some("node2"), |bed| {
            bed.seen("node2").environment.main =
                MainConfiguration::ErlangTerms("/etc/rabbitmq/rabbitmq.config".to_owned());
        }),
        (Cause::CookieByArgument, Some("node2"), |bed| {
            bed.seen("node2").environment.cookies.push(CookieSetting {
                variable: "SERVER_ADDITIONAL_ERL_ARGS".to_owned(),
                by: "/etc/rabbitmq/rabbitmq-env.conf".to_owned(),
                digest: None,
            });
        }),
        (Cause::DiskFull, Some("node2"), |bed| bed.storage("node2").free_bytes = 4096),
        (Cause::ClockOff, Some("node2"), |bed| {
            bed.seen("node2").clock = Some(Clock { offset_ms: -90_000.0, uncertainty_ms: 5.0 });
        }),
        (Cause::CookieMissing, Some("node2"), |bed| bed.seen("node2").cookie = None),
        (Cause::CookieUnusable, Some("node2"), |bed| {
            bed.seen("node2").cookie.as_mut().expect("one").shape = CookieShape::Unusable;
        }),
        (Cause::CookieMode, Some("node2"), |bed| {
            bed.seen("node2").cookie.as_mut().expect("one").mode = 0o644;
        }),
        (Cause::CookieOwner, Some("node2"), |bed| {
            bed.seen("node2").cookie.as_mut().expect("one").owner = "root".to_owned();
        }),
        (Cause::CookieDiffers, Some("node2"), |bed| {
            let file = bed.seen("node2").cookie.as_mut().expect("one");
            (file.raw, file.normalised) = (cookie("other"), cookie("other"));
        }),
        (Cause::CookieNotRunning, Some("node2"), |bed| bed.seen("node2").broker = BrokerState::CookieRefused),
        (Cause::NamesDiffer, Some("node2"), |bed| {
            bed.set("node2", "USE_LONGNAME", "true");
        }),
        (Cause::NodeNameDiffers, Some("node2"), |bed| {
            bed.set("node2", "NODENAME", "hare");
        }),
        (Cause::PluginMissing, Some("node2"), |bed| {
            let plugin = "rabbitmq_delayed_message_exchange".to_owned();
            bed.desired.cluster.plugins = Some(vec![plugin.clone()]);
            for name in ["node1", "node3"] {
                let file = "/usr/lib/rabbitmq/plugins/rabbitmq_delayed_message_exchange-3.10.2.ez".to_owned();
                bed.seen(name).plugins.files.insert(plugin.clone(), vec![file]);
            }
        }),
        (Cause::TlsDiffers, Some("node2"), |bed| {
            bed.exam("node2").vm.as_mut().expect("one").proto_dist = Some("inet_tls".to_owned());
        }),
        (Cause::AddressFamily, Some("node2"), |bed| {
            bed.exam("node2").vm.as_mut().expect("one").proto_dist = Some("inet6_tcp".to_owned());
        }),
        (Cause::DoesNotBoot, Some("node2"), |bed| bed.stop("node2", "failed")),
        (Cause::GhostMember, Some("node2"), |bed| {
            bed.stop("node2", "inactive");
            bed.seen("node2").data.clear();
        }),
        (Cause::BrokerStopped, Some("node2"), |bed| bed.stop("node2", "inactive")),
        (Cause::AppStopped, Some("node2"), |bed| bed.seen("node2").broker = BrokerState::AppStopped),
        (Cause::NameUnresolved, Some("node2"), |bed| {
            bed.seen("node2").resolution.remove(&host("node1"));
        }),
        (Cause::NameLoopback, Some("node2"), |bed| {
            bed.seen("node2").resolution.insert(host("node1"), vec!["127.0.1.1".parse().expect("one")]);
        }),
        (Cause::NameElsewhere, Some("node2"), |bed| {
            bed.seen("node2").resolution.insert(host("node1"), vec!["10.9.9.9".parse().expect("one")]);
        }),
        // Another tool's line beside rabbitup's: getent returns the right one first, but erl_call uses the other one.
        (Cause::NameElsewhere, Some("node2"), |bed| {
            let both = ["10.9.9.9".parse().expect("one"), bed.desired.hosts[0].address];
            bed.seen("node2").resolution.insert(host("node1"), vec![both[1], both[0]]);
            bed.refuse("node2", "node1");
            bed.peer("node2", "node1").answer = Answer::TimedOut;
        }),
        (Cause::EpmdRefused, Some("node2"), |bed| bed.peer("node2", "node1").epmd = Some(PortState::Refused)),
        (Cause::EpmdFiltered, Some("node2"), |bed| {
            bed.peer("node2", "node1").epmd = Some(PortState::Filtered);
        }),
        (Cause::EpmdWithoutNode, Some("node2"), |bed| {
            bed.peer("node2", "node1").names = Some([("hare".to_owned(), 25672)].into());
        }),
        (Cause::DistributionRefused, Some("node2"), |bed| {
            bed.peer("node2", "node1").ports.insert(25672, PortState::Refused);
        }),
        (Cause::DistributionFiltered, Some("node2"), |bed| {
            bed.peer("node2", "node1").ports.insert(25672, PortState::Filtered);
        }),
        (Cause::HandshakeRefused, Some("node2"), |bed| bed.refuse("node2", "node1")),
        (Cause::VersionsDiffer, None, |bed| bed.node("node2").rabbitmq_version = Version::new(4, 0, 5)),
        (Cause::OtpDiffers, None, |bed| bed.node("node2").erlang = "28 (erts 16.0)".to_owned()),
        (Cause::FeatureFlagsDiffer, Some("node2"), |bed| {
            bed.node("node2").feature_flags.enabled.remove("stream_queue");
        }),
        (Cause::Partition, Some("node1"), |bed| {
            let other = NodeName::rabbit(&host("node2"));
            bed.node("node1").running.retain(|node| *node != other);
        }),
        (Cause::MemoryAlarm, Some("node2"), |bed| {
            bed.node("node1").alarms = vec!["memory rabbit@node2".to_owned()];
        }),
        (Cause::DiskAlarm, Some("node2"), |bed| {
            bed.node("node1").alarms = vec!["disk rabbit@node2".to_owned()];
        }),
        (Cause::NotJoined, Some("node2"), |bed| alone(bed, "node2")),
    ]
}

/// `name` runs in a cluster of its own, and no other node lists it.
fn alone(bed: &mut Bed, name: &str) {
    let own = NodeName::rabbit(&host(name));
    for other in ALL {
        let is_it = other == name;
        let node = bed.node(other);
        node.members.retain(|member| (member.node == own) == is_it);
        node.running.retain(|node| (*node == own) == is_it);
        node.links.retain(|node| *node != own && !is_it);
    }
}

#[test]
fn every_cause_is_the_first_finding_at_the_right_place() {
    let faults = faults();
    for (cause, at, fault) in &faults {
        let mut bed = Bed::healthy();
        fault(&mut bed);
        let found = bed.found();
        let first = found.first().unwrap_or_else(|| panic!("{} was not found", cause.id()));
        assert_eq!(
            (first.0, first.1.as_str(), first.3),
            (*cause, at.unwrap_or_default(), false),
            "{found:?}"
        );
        assert_eq!(found.iter().filter(|found| !found.3).count(), 1, "one root: {found:?}");
        let diagnosis = bed.diagnosis();
        let (told, all) = (&diagnosis.findings[0], &diagnosis.findings);
        assert!(!told.problem.cause.why.is_empty() && !told.problem.cause.next.is_empty(), "{told:?}");
        assert!(all.iter().all(|found| !found.problem.what.is_empty()));
        assert!(diagnosis.checked.iter().any(|c| c.check == cause.check() && c.wrong > 0), "{}", cause.id());
    }
    let mut tried: BTreeSet<Cause> = faults.iter().map(|(cause, ..)| *cause).collect();
    tried.extend(super::virtual_address::CAUSES);
    tried.insert(super::load_balancer::CAUSE);
    assert_eq!(tried, Cause::ALL.iter().copied().collect(), "each cause has a fault here");
}

#[test]
fn the_seed_nodes_cookie_can_be_the_wrong_one() {
    let mut bed = Bed::healthy();
    let file = bed.seen("node1").cookie.as_mut().expect("one");
    (file.raw, file.normalised) = (cookie("other"), cookie("other"));
    let finding = &bed.diagnosis().findings[0];
    assert_eq!((finding.cause, finding.problem.host.clone()), (Cause::CookieDiffers, Some(host("node1"))));
    // Its cluster is the anchor's, so `up` would distribute its wrong cookie: it must be copied from the others.
    let words = finding.problem.cause.next[0].words("");
    assert!(
        words.starts_with("ssh ops@192.168.0.42 'sudo cat ") && words.contains("| ssh ops@192.168.0.41 "),
        "{words}"
    );
}

#[test]
fn inodes_are_space_and_a_file_system_without_any_is_not_full() {
    let mut bed = Bed::healthy();
    bed.storage("node2").free_inodes = 3;
    assert_eq!(bed.diagnosis().findings[0].cause, Cause::DiskFull);
    (bed.storage("node2").free_inodes, bed.storage("node2").inodes) = (0, 0);
    assert_eq!(bed.found(), []);
    bed.storage("node2").access = Access::ReadOnly;
    let found = bed.diagnosis().findings;
    assert_eq!((found[0].cause, found.len()), (Cause::DiskFull, 1));
    assert_eq!(found[0].problem.what, "the file system of /var/lib/rabbitmq is read-only");
}

#[test]
fn the_own_name_on_127_0_1_1_is_wrong_only_if_the_node_does_not_answer_under_it() {
    let mut bed = Bed::healthy();
    let own = "127.0.1.1".parse().expect("an address");
    bed.seen("node2").resolution.insert(host("node2"), vec![own]);
    assert_eq!(bed.found(), []);
    bed.peer("node2", "node2").answer = Answer::Refused("erl_call: failed to connect".to_owned());
    assert_eq!(bed.diagnosis().findings[0].cause, Cause::NameLoopback);
}

#[test]
fn joining_a_node_with_its_own_data_needs_consent() {
    let mut bed = Bed::healthy();
    alone(&mut bed, "node2");
    assert_eq!(
        bed.diagnosis().findings[0].problem.cause.next[0].words(" -i lab.toml"),
        "rabbitup -i lab.toml up"
    );
    bed.node("node2").holdings.users = vec!["app".to_owned()];
    let found = bed.diagnosis().findings.remove(0);
    assert!(found.problem.cause.why.iter().any(|line| line.contains("joining would delete")), "{found:?}");
    assert_eq!(found.problem.cause.next[1].words(""), "rabbitup up --destroy-data node2");
}

#[test]
fn a_node_that_was_forgotten_with_its_data_is_recovered() {
    let mut bed = Bed::healthy();
    bed.stop("node3", "inactive");
    let members = bed.node("node1").members.clone();
    bed.seen("node3").data =
        vec![NodeData { node: "rabbit@node3".to_owned(), members, ..NodeData::default() }];
    let gone = NodeName::rabbit(&host("node3"));
    for name in ["node1", "node2"] {
        bed.node(name).members.retain(|member| member.node != gone);
    }
    let found = bed.diagnosis().findings;
    let forgotten = found.iter().find(|found| found.cause == Cause::NotJoined).expect("it is said");
    assert_eq!(forgotten.problem.cause.next[0].words(""), "rabbitup run recover-node node=node3");
}

/// As Debian's 3.10.8 prints it: the reason follows the recognised words, indented, and is in the log too.
#[test]
fn rejected_configuration_settings_are_evidence() {
    let mut bed = Bed::healthy();
    bed.stop("node2", "failed");
    let lines = [
        "2026-11-23 05:24:16.950442+00:00 [error] <0.132.0> Error preparing configuration in phase transform_datatypes:",
        "2026-11-23 05:24:16.955813+00:00 [error] <0.132.0>   - Error transforming datatype for: listeners.tcp.default",
        "2026-11-23 05:24:16.955871+00:00 [error] <0.132.0>   - \"nonsense\" cannot be converted to a(n) integer",
        "2026-11-23 05:24:16.956840+00:00 [error] <0.132.0> BOOT FAILED",
        "2026-11-23 05:24:16.956840+00:00 [error] <0.132.0>   crasher:",
        "2026-11-23 05:24:16.956840+00:00 [error] <0.132.0>     initial call: application_master:init/3",
    ]
    .map(str::to_owned)
    .to_vec();
    (bed.exam("node2").unit.failure, bed.exam("node2").unit.log) = (lines.clone(), lines.clone());
    let finding = &bed.diagnosis().findings[0];
    assert_eq!(finding.cause, Cause::DoesNotBoot);
    assert_eq!(finding.problem.cause.why[1..], lines[..3], "{finding:?}");
}

#[test]
fn a_wrong_clock_with_a_time_service_is_not_left_to_bring_up() {
    let mut bed = Bed::healthy();
    let seen = bed.seen("node2");
    seen.clock = Some(Clock { offset_ms: 90_000.0, uncertainty_ms: 5.0 });
    seen.time_service.running = None;
    assert_eq!(bed.diagnosis().findings[0].problem.cause.next[0].words(""), "rabbitup up");
    bed.seen("node2").time_service.running = Some("chrony".to_owned());
    let remedy = bed.diagnosis().findings[0].problem.cause.next.clone();
    assert!(remedy.iter().all(|line| !line.words("").starts_with("rabbitup")), "{remedy:?}");
    assert!(remedy[1].words("").ends_with("'sudo chronyc -n sources'"), "{remedy:?}");
}

/// Like a 3.10.8 that was reset: the join enables the flags that the node supports.
#[test]
fn flags_that_a_joining_node_supports_do_not_matter() {
    let mut bed = Bed::healthy();
    bed.node("node2").feature_flags.enabled.remove("stream_queue");
    let finding = bed.diagnosis().findings[0].clone();
    assert_eq!(finding.cause, Cause::FeatureFlagsDiffer, "within a cluster it is");
    assert!(
        finding.problem.cause.next[0].words("").ends_with("rabbitmqctl enable_feature_flag all'"),
        "{finding:?}"
    );
    alone(&mut bed, "node2");
    assert_eq!(bed.found(), [(Cause::NotJoined, "node2".to_owned(), "node1".to_owned(), false)]);
    bed.node("node2").feature_flags.known.remove("stream_queue");
    let finding = bed.diagnosis().findings[0].clone();
    assert_eq!(finding.cause, Cause::FeatureFlagsDiffer, "one that it does not know is");
    assert_eq!(finding.problem.cause.next[1].words(""), "rabbitup run upgrade");
    // A later version may have dropped flags that it requires, and unknown flags do not count as missing.
    bed.node("node2").rabbitmq_version = Version::new(3, 10, 9);
    assert_eq!(bed.diagnosis().findings[0].cause, Cause::NotJoined);
    bed.node("node2").rabbitmq_version = Version::new(3, 10, 8);
    bed.node("node2").feature_flags.known.clear();
    assert_eq!(bed.diagnosis().findings[0].cause, Cause::NotJoined);
}

/// Its data shows its enabled flags; that others have more is a cause only if RabbitMQ logged it.
#[test]
fn a_node_that_does_not_boot_because_of_flags_lists_them() {
    let mut bed = Bed::healthy();
    bed.stop("node2", "failed");
    bed.exam("node2").feature_flags.as_mut().expect("some").remove("stream_queue");
    assert_eq!(bed.diagnosis().findings[0].cause, Cause::DoesNotBoot);
    bed.exam("node2").unit.failure = vec!["{error,incompatible_feature_flags}".to_owned()];
    let findings = bed.diagnosis().findings;
    assert_eq!(findings[0].cause, Cause::FeatureFlagsDiffer);
    assert!(findings[0].problem.cause.why[0].ends_with("node2: stream_queue"), "{findings:?}");
    assert!(findings[1].cause == Cause::DoesNotBoot && findings[1].consequence, "{findings:?}");
}

#[test]
fn a_foreign_service_on_the_port_does_not_advise_a_restart() {
    let mut bed = Bed::healthy();
    bed.refuse("node2", "node1");
    let refused = bed.diagnosis().findings[0].clone();
    assert!(
        refused.problem.cause.next.iter().any(|line| line.words("").contains("systemctl restart")),
        "{refused:?}"
    );
    bed.peer("node2", "node1").answer =
        Answer::Refused("erl_call: failed to connect to node rabbit@node1".to_owned());
    let found = bed.diagnosis().findings[0].clone();
    assert_eq!((found.cause, found.problem.host), (Cause::HandshakeRefused, Some(host("node2"))));
    assert!(
        !found.problem.cause.next.iter().any(|line| line.words("").contains("restart")),
        "{:?}",
        found.problem.cause.next
    );
}

/// node2 is stopped and has data, but the others do not list it.
fn forget(bed: &mut Bed, members: &[&str]) {
    bed.stop("node2", "failed");
    let gone = NodeName::rabbit(&host("node2"));
    for other in ["node1", "node3"] {
        bed.node(other).members.retain(|member| member.node != gone);
    }
    let member =
        |name: &&str| ClusterMember { node: NodeName::rabbit(&host(name)), node_type: NodeType::Disc };
    bed.seen("node2").data = vec![NodeData {
        node: gone.to_string(),
        members: members.iter().map(member).collect(),
        ..NodeData::default()
    }];
}

fn root_of(bed: &Bed) -> String {
    let diagnosis = bed.diagnosis();
    let found = diagnosis.findings.iter().find(|finding| finding.cause == Cause::DoesNotBoot);
    format!("{:?}", found.expect("it does not boot"))
}

#[test]
fn a_forgotten_node_is_not_advised_to_start() {
    let mut bed = Bed::healthy();
    forget(&mut bed, &["node1", "node2", "node3"]);
    let found = root_of(&bed);
    assert!(found.contains("the cluster has forgotten rabbit@node2"), "{found}");
    assert!(found.contains("recover-node node=node2") && !found.contains("\"up\""), "{found}");
    // With Khepri its log decides: a node that never was a member does not wait for others.
    let mut bed = Bed::healthy();
    forget(&mut bed, &[]);
    for other in ["node1", "node3"] {
        bed.node(other).metadata_store = MetadataStore::Khepri;
    }
    assert!(!root_of(&bed).contains("recover-node"), "{}", root_of(&bed));
    bed.exam("node2").unit.failure =
        vec!["[error] <0.1.0> {timeout_waiting_for_leader, rabbitmq_metadata}".to_owned()];
    let found = root_of(&bed);
    assert!(
        found.contains("recover-node node=node2") && found.contains("timeout_waiting_for_leader"),
        "{found}"
    );
}

#[test]
fn failures_of_khepri_and_later_versions_are_explained() {
    let words = [
        ("{khepri_mnesia_migration_ex, migration_failure, #{}}", "copied from Mnesia to Khepri"),
        ("{error, all_mnesia_nodes_must_run}", "only while all members run"),
        ("{disabled_required_feature_flag, stream_queue}", "that its version requires is not enabled"),
        ("{failed_to_deny_deprecated_features, [global_qos]}", "still in use"),
        ("{erlang_version_too_old, \"Erlang 27 or later is required\"}", "its Erlang is too old"),
    ];
    for (line, told) in words {
        let mut bed = Bed::healthy();
        bed.stop("node2", "failed");
        bed.exam("node2").unit.failure = vec![format!("[error] <0.1.0> {line}")];
        let found = root_of(&bed);
        assert!(found.contains(told), "{line}: {found}");
    }
}
