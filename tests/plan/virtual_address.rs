//! The address that two load balancers share.

use rabbitup::facts::{Facts, FileFacts, Neighbour, UnitFacts, Verdict, VirtualAddressFacts};
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
        host(facts, text).virtual_address = Some(VirtualAddressFacts {
            addresses,
            hardware: vec![adapter(text)],
            neighbours: Vec::new(),
            check: Some(Verdict::Passes),
        });
    }
}

/// The hardware address of a load balancer.
fn adapter(text: &str) -> String {
    format!("52:54:00:00:00:0{}", text.trim_start_matches("lb"))
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
        hardware: Vec::new(),
        neighbours: Vec::new(),
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

/// Two machines would have it, and clients would reach now one, now the other.
#[test]
fn an_address_that_another_machine_has_is_refused() {
    let desired = shared("");
    let mut taken = new_hosts(&desired);
    // What was a load balancer's when it was asked.
    answers(&mut taken, "lb1", &adapter("lb2"));
    assert!(planned(&desired, &taken, &options()).is_ok());
    answers(&mut taken, "lb1", FOREIGN);
    answers(&mut taken, "lb2", FOREIGN);
    let refusals = planned(&desired, &taken, &options()).expect_err("a refusal").0;
    let [refusal] = refusals.as_slice() else { panic!("once: {refusals:?}") };
    assert_eq!(refusal.problem.what, "another machine has the vip 192.168.0.40");
    let why = &refusal.problem.cause.why;
    assert_eq!(
        why[0],
        "the network adapter 52:54:00:12:34:56 answers for 192.168.0.40, as seen from this host"
    );

    // A load balancer that comes to one that has it.
    let mut second = done(&desired);
    host(&mut second, "lb2").files.remove("/etc/keepalived/keepalived.conf");
    answers(&mut second, "lb2", FOREIGN);
    assert_eq!(ids(&plan(&desired, &second)), ["lb2/address-conf", "lb2/address-conf-ready"]);
    // It may be the one that did not tell.
    let mut unknown = taken.clone();
    host(&mut unknown, "lb2").virtual_address = None;
    let refusals = planned(&desired, &unknown, &options()).err().map(|refused| refused.0).unwrap_or_default();
    assert!(refusals.iter().all(|refusal| !refusal.problem.what.contains("another machine")), "{refusals:?}");
}

/// An outage may need the run, and the machine is a finding.
#[test]
fn an_address_that_another_machine_took_later_refuses_nothing() {
    let desired = shared("");
    let mut both = done(&desired);
    answers(&mut both, "lb1", FOREIGN);
    answers(&mut both, "lb2", FOREIGN);
    assert_eq!(ids(&plan(&desired, &both)), Vec::<String>::new());
    let mut outage = both;
    with_addresses(&mut outage, &[], &[]);
    answers(&mut outage, "lb2", FOREIGN);
    let units = &mut host(&mut outage, "lb1").units;
    units.get_mut("haproxy").expect("a unit").active = "failed".to_owned();
    assert_eq!(ids(&plan(&desired, &outage)), ["lb1/balancer", "lb1/address-ready"]);
}

/// No load balancer's.
const FOREIGN: &str = "52:54:00:12:34:56";

/// What answered when this load balancer asked for the address.
fn answers(facts: &mut Facts, text: &str, hardware: &str) {
    let address = "192.168.0.40".parse().expect("an address");
    let neighbour = Neighbour { address, hardware: hardware.to_owned() };
    host(facts, text).virtual_address.as_mut().expect("facts").neighbours.push(neighbour);
}

/// What a keepalived serves that somebody else runs there would end.
#[test]
fn a_keepalived_that_serves_something_else_is_not_replaced() {
    const CONF: &str = "/etc/keepalived/keepalived.conf";
    let desired = shared("");
    let with = |content: &str, active: &str| {
        let mut facts = new_hosts(&desired);
        let file = done(&desired).host(&name("lb1")).expect("a host").files[CONF].clone();
        let lb1 = host(&mut facts, "lb1");
        lb1.files.insert(CONF.to_owned(), FileFacts { content: Some(content.to_owned()), ..file });
        let unit = UnitFacts { exists: true, active: active.to_owned(), ..UnitFacts::default() };
        lb1.units.insert("keepalived".to_owned(), unit);
        planned(&desired, &facts, &options())
    };
    let web = "vrrp_instance web {\n  virtual_ipaddress {\n    192.168.0.90/24\n  }\n}\n";
    let refusals = with(web, "active").expect_err("a refusal").0;
    let problem = &refusals.first().expect("one").problem;
    assert_eq!(problem.host, Some(name("lb1")));
    assert_eq!(problem.what, "keepalived serves something else here: 192.168.0.90");
    // One that does not run, as a package's example; and one that serves nothing more than rabbitup's.
    assert!(with(web, "inactive").is_ok());
    assert!(with(&web.replace("192.168.0.90/24", "192.168.0.40/24"), "active").is_ok());
}
