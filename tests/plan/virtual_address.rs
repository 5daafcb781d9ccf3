//! The address that two load balancers share.

use rabbitup::facts::{Facts, Verdict, VirtualAddressFacts};
use rabbitup::inventory::Desired;
use rabbitup::plan::{Plan, Step};
use rabbitup::virtual_address::{CHECK, InterfaceAddress};

use crate::fixtures::{INVENTORY, converged_from, desired, fresh, host, ids, name, options, planned};

const SECOND: &str = "[[host]]\nname = \"lb2\"\naddress = \"192.168.0.45\"\nroles = [\"load-balancer\"]\n";

/// Two load balancers.
fn shared(more: &str) -> Desired {
    let vip = "[load_balancer]\nvip = [\"192.168.0.40/24\", \"fd00::40/64\"]\n";
    desired(&(INVENTORY.replace("[load_balancer]\n", &format!("{SECOND}{vip}{more}"))))
}

/// They have their own addresses, and these.
fn with_addresses(facts: &mut Facts, on_lb1: &[&str], on_lb2: &[&str]) {
    for (text, own, more) in [("lb1", "192.168.0.44/24", on_lb1), ("lb2", "192.168.0.45/24", on_lb2)] {
        let line = |text: &&str| {
            InterfaceAddress::parse(&format!("2: eth0 inet {text} scope global eth0")).expect("an address")
        };
        let lo = InterfaceAddress::parse("1: lo inet 127.0.0.1/8 scope host lo").expect("an address");
        let addresses = [lo].into_iter().chain([own].iter().chain(more).map(line)).collect();
        host(facts, text).virtual_address =
            Some(VirtualAddressFacts { addresses, check: Some(Verdict::Passes) });
    }
}

fn new_hosts(desired: &Desired) -> Facts {
    let mut facts = fresh(desired);
    with_addresses(&mut facts, &[], &[]);
    facts
}

/// All is done, and lb1 holds the address.
fn done(desired: &Desired) -> Facts {
    let mut facts = converged_from(desired, &new_hosts(desired));
    for text in ["lb1", "lb2"] {
        let host = host(&mut facts, text);
        host.units.values_mut().for_each(|unit| unit.since = Some(1_700_000_100));
    }
    with_addresses(&mut facts, &["192.168.0.40/24", "fd00::40/64"], &[]);
    facts
}

fn plan(desired: &Desired, facts: &Facts) -> Plan {
    planned(desired, facts, &options()).expect("a plan").0
}

fn shown(steps: &[Step]) -> String {
    let steps = steps.iter().filter(|step| step.host.as_str().starts_with("lb"));
    let steps = steps.filter(|step| ["load-balancer", "virtual-address"].contains(&step.phase.as_str()));
    let lines = steps.map(|step| {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        let is_shown = step.id.as_str().ends_with("address-conf");
        let diff = step.diff.as_deref().filter(|_| is_shown).unwrap_or_default();
        format!(
            "{} {}: {}\n  because {}\n  after {after:?}\n{diff}",
            step.change.symbol(),
            step.id,
            step.title,
            step.reason
        )
    });
    lines.collect()
}

#[test]
fn two_load_balancers_get_one_address() {
    let desired = shared("");
    let plan = plan(&desired, &new_hosts(&desired));
    insta::assert_snapshot!(shown(&plan.steps));
    let packages = plan.steps.iter().find(|step| step.id.as_str() == "lb2/packages").expect("a step");
    assert!(packages.title.contains("keepalived"), "{}", packages.title);
}

#[test]
fn nothing_is_left_to_do() {
    let desired = shared("");
    assert_eq!(ids(&plan(&desired, &done(&desired))), Vec::<String>::new());
}

/// The balancer that holds the address is the last one to be changed.
#[test]
fn changes_are_made_one_after_the_other() {
    let facts = done(&shared(""));
    let changed = shared("client_timeout = \"1h\"\nrouter_id = 77\n");
    let plan = plan(&changed, &facts);
    let wanted = [
        "lb2/balancer-conf",
        "lb1/balancer-conf",
        "lb2/address-conf",
        "lb2/address-conf-ready",
        "lb1/address-conf",
    ];
    assert_eq!(ids(&plan), wanted);
    for pair in plan.steps.windows(2).filter(|pair| pair[0].host != pair[1].host) {
        assert!(pair[1].after.contains(&pair[0].id), "{} waits for {}", pair[1].id, pair[0].id);
    }
}

/// A balancer on another port, or another software: the check knows it before the balancer changes, and keepalived need not reload.
#[test]
fn the_check_follows_the_balancer() {
    let facts = done(&shared(""));
    let moved = plan(&shared("amqp_port = 5673\n"), &facts);
    let of_lb2 = ["lb2/address-check", "lb2/balancer-conf", "lb1/address-check", "lb1/balancer-conf"];
    assert_eq!(ids(&moved), of_lb2);
    assert_eq!(moved.steps[2].after, [moved.steps[1].id.clone()]);
    let text = host(&mut facts.clone(), "lb1").files[CHECK].content.clone().unwrap_or_default();
    assert!(
        text.contains("\nport_in_hex=1628\n") && text.contains("\nalive='/run/haproxy/alive.sock'\n"),
        "{text}"
    );
    assert!(text.contains("192.168.0.42 5672\n"), "for a template that does not open the socket: {text}");
    let nginx =
        INVENTORY.replace("stats = { port = 8404 }", "software = \"nginx\"\nvip = \"192.168.0.40/24\"");
    let (_, after) =
        planned(&self::desired(&nginx), &with_one(&self::desired(&nginx)), &options()).expect("a plan");
    let text = after.host(&name("lb1")).expect("a host").files[CHECK].content.clone().unwrap_or_default();
    assert!(text.contains("\nalive=''\n") && text.contains("192.168.0.42 5672\n"), "{text}");
}

/// Another software, one host after the other: the second waits until the first can have the address.
#[test]
fn another_software_takes_over_without_a_gap() {
    let facts = done(&shared(""));
    let nginx = shared("software = \"nginx\"\n");
    let plan = plan(&nginx, &facts);
    let of_balancers: Vec<String> = ids(&plan).into_iter().filter(|id| !id.ends_with("/packages")).collect();
    let of = |host: &str| {
        ["address-check", "make-room", "balancer-conf", "balancer"]
            .map(|what| format!("{host}/{what}"))
            .to_vec()
    };
    let ready = vec!["lb2/address-ready".to_owned()];
    assert_eq!(of_balancers, [of("lb2"), ready, of("lb1")].concat());
    let step = |id: &str| plan.steps.iter().find(|step| step.id.as_str() == id).expect("a step");
    assert_eq!(step("lb1/address-check").after, [step("lb2/address-ready").id.clone()]);
}

fn with_one(desired: &Desired) -> Facts {
    let mut facts = fresh(desired);
    let line = |text: &str| InterfaceAddress::parse(text).expect("an address");
    host(&mut facts, "lb1").virtual_address = Some(VirtualAddressFacts {
        addresses: vec![line("3: bond0.12@bond0 inet 192.168.0.44/24 scope global")],
        check: None,
    });
    facts
}

/// Without a peer keepalived would use multicast; and the interface is that of the network.
#[test]
fn a_single_balancer_stays_with_unicast() {
    let desired = desired(&INVENTORY.replace("stats =", "vip = \"192.168.0.40/24\"\nstats ="));
    let (_, after) = planned(&desired, &with_one(&desired), &options()).expect("a plan");
    let conf = &after.host(&name("lb1")).expect("a host").files["/etc/keepalived/keepalived.conf"];
    let conf = conf.content.clone().unwrap_or_default();
    assert!(conf.contains("interface bond0.12\n"), "{conf}");
    let peers = conf.split("unicast_peer {").nth(1).and_then(|rest| rest.split('}').next());
    assert!(peers.is_some_and(|peers| peers.contains("127.0.0.1")), "{conf}");
}

#[test]
fn an_address_that_is_near_no_interface_is_refused() {
    let desired = shared("");
    let mut facts = new_hosts(&desired);
    host(&mut facts, "lb2").virtual_address.as_mut().expect("facts").addresses.pop();
    let refusals = planned(&desired, &facts, &options()).expect_err("a refusal").0;
    let problem = &refusals.first().expect("one").problem;
    assert_eq!(problem.host, Some(name("lb2")));
    assert_eq!(problem.what, "no interface here has an address in the network of 192.168.0.40/24");
    // Named, it may be any.
    let named = shared("interface = \"eth7\"\n");
    assert!(planned(&named, &facts, &options()).is_ok());
}

#[test]
fn an_address_that_is_gone_from_the_inventory_is_given_up() {
    let desired = shared("");
    let facts = done(&desired);
    let without =
        self::desired(&INVENTORY.replace("[load_balancer]\n", &format!("{SECOND}[load_balancer]\n")));
    let plan = plan(&without, &facts);
    let wanted = ["lb1/balancer-conf", "lb2/balancer-conf", "lb1/address-gone", "lb2/address-gone"];
    assert_eq!(ids(&plan), wanted);
    let after = planned(&without, &facts, &options()).expect("a plan").1;
    assert_eq!(ids(&self::plan(&without, &after)), Vec::<String>::new());
    // A keepalived of somebody else stays.
    let mut foreign = facts.clone();
    for text in ["lb1", "lb2"] {
        let files = &mut host(&mut foreign, text).files;
        let conf = files.get_mut("/etc/keepalived/keepalived.conf").expect("the file");
        conf.content = Some("vrrp_instance of_ours {}\n".to_owned());
    }
    assert_eq!(ids(&self::plan(&without, &foreign)), ["lb1/balancer-conf", "lb2/balancer-conf"]);
}
