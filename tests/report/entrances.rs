//! Where to connect and how to log in, as `up` and `status` end with.

use rabbitup::facts::{Facts, VirtualAddressFacts};
use rabbitup::inventory::{Admin, BalancerListener, Desired, Vip};
use rabbitup::model::{SecretSource, Version};
use rabbitup::rabbitmq::listeners::{Listener, Listeners, Offered};
use rabbitup::report::{Style, entrances_text};
use rabbitup::virtual_address::{InterfaceAddress, NetworkAddress};

use super::fixtures::{desired, facts, node_of, seen};

fn text(desired: &Desired, facts: &Facts) -> String {
    entrances_text(desired, facts, Style::plain(80))
}

/// A cluster whose brokers and balancers have addresses of their own.
fn cluster(brokers: usize, balancers: usize) -> (Desired, Facts) {
    let mut desired = desired(brokers, balancers);
    for (at, host) in desired.hosts.iter_mut().enumerate() {
        host.address = format!("192.168.0.{}", 41 + at).parse().expect("an address");
    }
    desired.cluster.plugins = Some(vec!["rabbitmq_management".to_owned()]);
    let facts = facts(&desired, Version::new(4, 0, 5));
    (desired, facts)
}

fn with_admin(desired: &mut Desired, facts: &mut Facts, source: SecretSource) {
    desired.cluster.admin = Some(Admin { user: "admin".to_owned() });
    desired.secret_sources.insert(Admin::secret(), source);
    node_of(facts, "node1").admin_exists = true;
}

fn listens(facts: &mut Facts, name: &str, told: &[(&str, &str)], prefix: &str) {
    let all = told.iter().filter_map(|(protocol, port)| Listener::reported(protocol, "::", port));
    node_of(facts, name).listeners = Listeners::in_effect(all, prefix);
}

#[test]
fn clients_come_through_the_load_balancer_and_the_login_names_its_source() {
    let (mut desired, mut facts) = cluster(3, 1);
    let variable = SecretSource::Env("RABBITUP_ADMIN_PASSWORD".to_owned());
    with_admin(&mut desired, &mut facts, variable);
    assert_eq!(
        text(&desired, &facts),
        "AMQP   amqp://192.168.0.44:5672\n\
         UI     http://192.168.0.44:15672\n\
         Login  admin (password: environment variable RABBITUP_ADMIN_PASSWORD)\n"
    );
    let command = SecretSource::Command(vec!["vault".to_owned(), "--token=s3cret".to_owned()]);
    with_admin(&mut desired, &mut facts, command);
    assert!(text(&desired, &facts).ends_with("Login  admin (password: output of the command vault)\n"));
}

#[test]
fn without_a_load_balancer_clients_come_to_the_brokers_that_serve() {
    let (desired, mut facts) = cluster(5, 0);
    listens(&mut facts, "node1", &[("amqp/ssl", "5671"), ("https", "15671")], "mq");
    node_of(&mut facts, "node2").maintenance = true;
    assert_eq!(
        text(&desired, &facts),
        "AMQP   amqps://192.168.0.41:5671\n       amqp://192.168.0.43:5672\n       amqp://192.168.0.44:5672\n       and 1 more\n\
         UI     https://192.168.0.41:15671/mq/\n       http://192.168.0.43:15672\n       http://192.168.0.44:15672\n       and 1 more\n"
    );
}

#[test]
fn a_load_balancer_has_its_own_ports_and_the_brokers_tls_and_path() {
    let (mut desired, mut facts) = cluster(1, 1);
    listens(&mut facts, "node1", &[("amqp", "5673"), ("https", "15671")], "mq");
    let balancer = desired.load_balancer.as_mut().expect("one");
    (balancer.amqp_port, balancer.management_port) = (6000, Some(443));
    balancer.bind = vec!["10.0.0.9".parse().expect("an address")];
    balancer.listeners = vec![
        BalancerListener { serves: Offered::Amqps, port: 5671, bind: Vec::new() },
        BalancerListener { serves: Offered::Mqtt, port: 1883, bind: Vec::new() },
        BalancerListener {
            serves: Offered::ManagementTls,
            port: 444,
            bind: vec!["127.0.0.1".parse().expect("an address")],
        },
    ];
    assert_eq!(
        text(&desired, &facts),
        "AMQP   amqp://10.0.0.9:6000\n       amqps://192.168.0.42:5671\nUI     https://10.0.0.9:443/mq/\n"
    );
}

#[test]
fn a_shared_address_comes_first_while_somebody_has_it() {
    let (mut desired, mut facts) = cluster(1, 2);
    let at = NetworkAddress::parse("192.168.0.50/24").expect("an address");
    desired.load_balancer.as_mut().expect("one").vip =
        Some(Vip { addresses: vec![at], interface: None, router_id: 51 });
    let own = |address: &str| {
        let line = format!("2: eth0 inet {address}/24 scope global");
        let addresses = vec![InterfaceAddress::parse(&line).expect("an interface's address")];
        Some(VirtualAddressFacts { addresses, hardware: Vec::new(), neighbours: Vec::new(), check: None })
    };
    seen(&mut facts, "lb1").virtual_address = own("192.168.0.42");
    seen(&mut facts, "lb2").virtual_address = own("192.168.0.50");
    assert!(
        text(&desired, &facts).starts_with("AMQP   amqp://192.168.0.50:5672\nUI "),
        "{}",
        text(&desired, &facts)
    );
    seen(&mut facts, "lb2").virtual_address = own("192.168.0.43");
    let nobody = text(&desired, &facts);
    assert!(
        nobody.starts_with("AMQP   amqp://192.168.0.42:5672\n       amqp://192.168.0.43:5672\n"),
        "{nobody}"
    );
}

#[test]
fn an_ipv6_address_has_brackets() {
    let (mut desired, facts) = cluster(1, 0);
    desired.hosts[0].address = "fd00::41".parse().expect("an address");
    assert!(text(&desired, &facts).starts_with("AMQP   amqp://[fd00::41]:5672\n"));
}

#[test]
fn nothing_is_promised_that_does_not_serve_or_does_not_exist() {
    let (mut desired, mut facts) = cluster(1, 0);
    desired.cluster.admin = Some(Admin { user: "admin".to_owned() });
    assert!(!text(&desired, &facts).contains("Login"), "the cluster has no such user yet");
    seen(&mut facts, "node1").broker = rabbitup::facts::BrokerState::Down;
    assert_eq!(text(&desired, &facts), "");
}
