//! What is in the way on hosts, and of the inventory as a whole.

use rabbitup::facts::{
    Clock, FileFacts, FileKind, InTheWay, Neighbour, OsFamily, PortState, Purpose, Reach, UnitFacts,
    VirtualAddressFacts,
};
use rabbitup::firewall::{Seen, Software};
use rabbitup::template::TemplateName;
use rabbitup::virtual_address::InterfaceAddress;

use super::Hand::{Does, NoWay};
use super::*;

const HOSTS: &str = "/etc/hosts";

pub const ROWS: &[Row] = &[
    Row {
        kind: RefusalKind::Unreachable,
        typed: "up",
        set_up: |world| lose_host(&mut world.facts, "node3"),
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::UnsupportedQuestion,
        typed: "up",
        set_up: |world| world.host("node3").broker = BrokerState::Unsupported("undef".to_owned()),
        hand: NoWay("another rabbitup is needed"),
    },
    Row {
        kind: RefusalKind::NoBroker,
        typed: "up",
        set_up: |world| world.desired.hosts.clear(),
        hand: Does(|world| world.desired = desired(INVENTORY)),
    },
    Row {
        kind: RefusalKind::TemplateFails,
        typed: "up",
        set_up: |world| {
            world.edit("stats = { port = 8404 }", "");
            let balancer = TemplateName::Balancer(rabbitup::balancer::Software::Haproxy);
            let broken = BTreeMap::from([(balancer.as_str().to_owned(), "{{stats.port}}".to_owned())]);
            world.templates = Rc::new(Templates::new(&broken).expect("its syntax is right"));
        },
        hand: Does(|world| world.templates = World::new().templates),
    },
    Row {
        kind: RefusalKind::LeftOut,
        typed: "--limit node1 run rotate-cookie",
        set_up: |_| {},
        hand: NoWay("the sentence names the host for --limit, and whole_without_limit plays it"),
    },
    Row {
        kind: RefusalKind::BrokerLeftOut,
        typed: "up --without node3",
        set_up: |world| {
            world.stop("node2");
            cookie(&mut world.facts, "node2", "another-cookie");
        },
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::SameMachine,
        typed: "up",
        set_up: |world| {
            for text in ["node2", "node3"] {
                world.host(text).system.identity = Some("one".to_owned());
            }
        },
        hand: Does(|world| world.host("node3").system.identity = Some("two".to_owned())),
    },
    Row {
        kind: RefusalKind::ControllersClock,
        typed: "up",
        set_up: |world| ALL.iter().for_each(|text| clock(world, text, 7_200_000.0, Some("chrony"))),
        hand: Does(|world| ALL.iter().for_each(|text| clock(world, text, 0.0, Some("chrony")))),
    },
    Row {
        kind: RefusalKind::WrongClock,
        typed: "up",
        set_up: |world| clock(world, "node2", -90_000.0, Some("chrony")),
        hand: Does(|world| clock(world, "node2", 0.0, Some("chrony"))),
    },
    Row {
        kind: RefusalKind::WrongClockForPackages,
        typed: "up",
        set_up: |world| {
            world.facts = fresh(&world.desired);
            clock(world, "node2", -21_600_000.0, None);
        },
        hand: Does(|world| clock(world, "node2", 0.0, None)),
    },
    Row {
        kind: RefusalKind::WrongClockUnmanaged,
        typed: "up",
        set_up: |world| {
            world.edit("[time]", "[time]\nmanage = false");
            clock(world, "node2", 90_000.0, None);
        },
        hand: Does(|world| world.desired = desired(INVENTORY)),
    },
    Row {
        kind: RefusalKind::UnsupportedSystem,
        typed: "up",
        set_up: |world| {
            let system = &mut world.host("node2").system;
            (system.id, system.family) = ("haiku".to_owned(), OsFamily::Other);
        },
        hand: NoWay("rabbitup does not manage it"),
    },
    Row {
        kind: RefusalKind::NoSystemd,
        typed: "up",
        set_up: |world| world.host("node2").system.systemd = false,
        hand: NoWay("rabbitup needs systemd"),
    },
    Row {
        kind: RefusalKind::TooLittleDisk,
        typed: "up",
        set_up: |world| {
            world.facts = fresh(&world.desired);
            world.host("node2").resources.disk_free_kib = Some(1024);
        },
        hand: Does(|world| world.host("node2").resources.disk_free_kib = Some(20 << 20)),
    },
    Row {
        kind: RefusalKind::TooLittleMemory,
        typed: "up",
        set_up: |world| world.host("node2").resources.memory_total_kib = Some(65_536),
        hand: Does(|world| world.host("node2").resources.memory_total_kib = Some(4 << 20)),
    },
    Row {
        kind: RefusalKind::NoRoom,
        typed: "run start",
        set_up: |world| {
            world.stop("node3");
            world.host("node3").resources.storage[1].free_bytes = 4096;
        },
        hand: Does(|world| world.host("node3").resources.storage[1].free_bytes = 20 << 30),
    },
    Row {
        kind: RefusalKind::FileIsLink,
        typed: "up",
        set_up: |world| place(world, FileKind::Regular, Some("/srv/hosts")),
        hand: Does(|world| place(world, FileKind::Regular, None)),
    },
    Row {
        kind: RefusalKind::FileIsLink,
        typed: "up",
        set_up: |world| place(world, FileKind::Nothing, Some("/srv/gone")),
        hand: Does(|world| place(world, FileKind::Regular, None)),
    },
    Row {
        kind: RefusalKind::FileIsDirectory,
        typed: "up",
        set_up: |world| place(world, FileKind::Directory, None),
        hand: Does(|world| place(world, FileKind::Regular, None)),
    },
    Row {
        kind: RefusalKind::FileIsSpecial,
        typed: "up",
        set_up: |world| place(world, FileKind::Special, None),
        hand: Does(|world| place(world, FileKind::Regular, None)),
    },
    Row {
        kind: RefusalKind::FileUnreadable,
        typed: "up",
        set_up: |world| place(world, FileKind::Unreadable, None),
        hand: Does(|world| place(world, FileKind::Regular, None)),
    },
    Row {
        kind: RefusalKind::FileHasSecondName,
        typed: "up",
        set_up: |world| place(world, FileKind::Shared, None),
        hand: Does(|world| place(world, FileKind::Regular, None)),
    },
    Row {
        kind: RefusalKind::FileIsNoText,
        typed: "up",
        set_up: |world| {
            place(world, FileKind::Regular, None);
            world.host("node2").files.get_mut(HOSTS).expect("a file").content = None;
        },
        hand: Does(|world| place(world, FileKind::Regular, None)),
    },
    Row {
        kind: RefusalKind::CookieInTheWay,
        typed: "up",
        set_up: |world| {
            let path = "/var/lib/rabbitmq/.erlang.cookie".to_owned();
            world.host("node2").in_the_way =
                vec![InTheWay { path, kind: FileKind::Directory, link_to: None }];
        },
        hand: Does(|world| world.host("node2").in_the_way.clear()),
    },
    Row {
        kind: RefusalKind::UnitMasked,
        typed: "run rolling-restart older-than=0s",
        set_up: |world| mask(world, "node2", "rabbitmq-server", "masked"),
        hand: Does(|world| mask(world, "node2", "rabbitmq-server", "enabled")),
    },
    Row {
        kind: RefusalKind::NamesDoNotResolve,
        typed: "up",
        set_up: |world| {
            world.edit("[time]", "[hosts_file]\nmanage = false\n[time]");
            world.host("node2").resolution.clear();
        },
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::NamesResolveElsewhere,
        typed: "up",
        set_up: |world| {
            let elsewhere = vec!["127.0.1.1".parse().expect("an address")];
            world.host("node2").resolution.insert(name("node3"), elsewhere);
        },
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::FirewallUnknown,
        typed: "up",
        set_up: |world| {
            world.edit("[time]", "[firewall]\nmanage = true\n[time]");
            let seen =
                Seen::Beyond { software: Software::Nftables, why: "it jumps to another chain".to_owned() };
            world.host("node2").firewalls = vec![seen];
        },
        hand: Does(|world| world.desired = desired(INVENTORY)),
    },
    Row {
        kind: RefusalKind::PortBlocked,
        typed: "up",
        set_up: |world| {
            world.wipe("node3");
            unlist(&mut world.facts, "node3");
            world.host("node3").reach = vec![Reach {
                peer: name("node1"),
                port: 4369,
                purpose: Purpose::Epmd,
                state: PortState::Filtered,
            }];
        },
        hand: Does(|world| world.host("node3").reach.clear()),
    },
    Row {
        kind: RefusalKind::VipOutsideNetworks,
        typed: "up",
        set_up: |world| {
            world.edit("stats =", "vip = \"192.168.0.40/24\"\nstats =");
            let line = "2: eth0 inet 10.0.0.4/24 scope global eth0";
            let addresses = InterfaceAddress::parse(line).into_iter().collect();
            world.host("lb1").virtual_address = Some(VirtualAddressFacts {
                addresses,
                hardware: Vec::new(),
                neighbours: Vec::new(),
                check: None,
            });
        },
        hand: Does(|world| {
            world.edit("stats =", "vip = \"192.168.0.40/24\"\ninterface = \"eth0\"\nstats =");
        }),
    },
    Row {
        kind: RefusalKind::KeepalivedInUse,
        typed: "up",
        set_up: |world| {
            share(world);
            let lb1 = world.host("lb1");
            let text = "vrrp_instance web {\n  virtual_ipaddress {\n    192.168.0.90/24\n  }\n}\n";
            let conf =
                FileFacts { content: Some(text.to_owned()), ..lb1.files["/etc/haproxy/haproxy.cfg"].clone() };
            lb1.files.insert("/etc/keepalived/keepalived.conf".to_owned(), conf);
            let unit = UnitFacts { exists: true, active: "active".to_owned(), ..UnitFacts::default() };
            lb1.units.insert("keepalived".to_owned(), unit);
        },
        hand: Does(|world| {
            let unit = world.host("lb1").units.get_mut("keepalived").expect("it is there");
            unit.active = "inactive".to_owned();
        }),
    },
    Row {
        kind: RefusalKind::VipInUse,
        typed: "up",
        set_up: |world| {
            share(world);
            let address = "192.168.0.40".parse().expect("an address");
            let neighbour = Neighbour { address, hardware: "52:54:00:12:34:56".to_owned() };
            let seen = world.host("lb1").virtual_address.as_mut().expect("facts");
            seen.neighbours.push(neighbour);
        },
        hand: Does(|world| {
            world.host("lb1").virtual_address.as_mut().expect("facts").neighbours.clear();
        }),
    },
];

/// A load balancer is to have an address beside its own.
fn share(world: &mut World) {
    world.edit("stats =", "vip = \"192.168.0.40/24\"\nstats =");
    let line = "2: eth0 inet 192.168.0.44/24 scope global eth0";
    let addresses = InterfaceAddress::parse(line).into_iter().collect();
    world.host("lb1").virtual_address = Some(VirtualAddressFacts {
        addresses,
        hardware: vec!["52:54:00:00:00:01".to_owned()],
        neighbours: Vec::new(),
        check: None,
    });
}

const ALL: [&str; 4] = ["node1", "node2", "node3", "lb1"];

fn mask(world: &mut World, text: &str, unit: &str, state: &str) {
    world.host(text).units.get_mut(unit).expect("it is installed").enabled = state.to_owned();
}

fn clock(world: &mut World, text: &str, offset_ms: f64, service: Option<&str>) {
    let host = world.host(text);
    host.clock = Some(Clock { offset_ms, uncertainty_ms: 1.0 });
    host.time_service.running = service.map(str::to_owned);
}

/// Puts something else at the place of a file that has to be written.
fn place(world: &mut World, kind: FileKind, link_to: Option<&str>) {
    let host = world.host("node2");
    host.resolution.clear();
    let link_to = link_to.map(str::to_owned);
    host.files.insert(HOSTS.to_owned(), FileFacts { kind, link_to, ..written("127.0.0.1 localhost\n") });
}

/// The sentence names the host that `--limit` leaves out.
#[test]
fn whole_without_limit() {
    let mut world = World::new();
    let Outcome::Refused(refused) = world.run("--limit node1 run rotate-cookie") else { panic!("a part") };
    let left: BTreeSet<String> =
        refused.0.iter().filter_map(|it| Some(it.problem.host.as_ref()?.to_string())).collect();
    let all: Vec<&str> = left.iter().map(String::as_str).chain(["node1"]).collect();
    assert!(matches!(world.run(&format!("--limit {} run rotate-cookie", all.join(","))), Outcome::Done));
}
