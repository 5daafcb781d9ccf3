use std::collections::BTreeMap;

use rabbitup::balancer::Software;
use rabbitup::inventory::{BalancerAt, Desired};
use rabbitup::platform::{OsFamily, Platform};
use rabbitup::template::{Piece, TemplateFault, TemplateName, Templates};

use super::{load, shared, with_node};

fn desired() -> Desired {
    let text = std::fs::read_to_string("inventories/lab.toml").expect("the fixture");
    // It is there only while the demo's hosts are.
    let text = text.replace("/var/lib/rabbitup-lab/demo/ssh_config", "inventories/production/ssh_config");
    load(&text).unwrap_or_else(|report| panic!("{report}")).desired
}

fn with_secrets() -> Desired {
    let text = with_node(
        "\n[[host]]\nname = \"node2\"\naddress = \"10.0.0.2\"\nroles = [\"broker\"]\n\n[[host]]\nname = \"node3\"\n\
         address = \"10.0.0.3\"\nroles = [\"broker\"]\n\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.9\"\n\
         roles = [\"load-balancer\"]\n\n[cluster]\nname = \"orders\"\nfile_descriptors = 65536\n\n[cluster.config]\nheartbeat = 30\n\
         default_pass = { from = \"file\", path = \"tests/inventory/files/good.cookie\" }\nlog.file.level = \"info\"\n\n\
         [load_balancer]\nbalance = \"leastconn\"\nstats = { port = 8404, user = \"ops\", password = { from = \"file\", \
         path = \"tests/inventory/files/good.cookie\" } }\n",
    );
    load(&text).unwrap_or_else(|report| panic!("{report}")).desired
}

fn templates() -> Templates {
    Templates::new(&BTreeMap::new()).expect("the embedded templates")
}

#[test]
fn rendered_files_look_hand_written() {
    let (desired, secret, templates) = (desired(), with_secrets(), templates());
    let render = |name, context: &serde_json::Value| {
        templates.render_file(name, context).expect("rendered").display_text()
    };
    let json = |value: Result<serde_json::Value, _>| {
        value.unwrap_or_else(|error: serde_json::Error| panic!("{error}"))
    };
    let hosts = json(serde_json::to_value(desired.hosts_context(&std::collections::BTreeMap::new())));
    insta::assert_snapshot!("rendered_hosts", render(TemplateName::Hosts, &hosts));
    for (host, name) in [(0, "rendered_rabbitmq_of_the_seed_node"), (1, "rendered_rabbitmq_of_a_joiner")] {
        let context =
            json(serde_json::to_value(secret.rabbitmq_context(&secret.hosts[host], &secret.hosts[0].node())));
        insta::assert_snapshot!(name, render(TemplateName::Rabbitmq, &context));
    }
    let time = &debian().time;
    for (host, name) in [(0, "rendered_chrony_of_a_client"), (3, "rendered_chrony_of_the_source")] {
        let context = json(serde_json::to_value(desired.chrony_context(&desired.hosts[host], time)));
        insta::assert_snapshot!(name, render(TemplateName::Chrony, &context));
    }
    for (desired, name) in [(&desired, "rendered_haproxy"), (&secret, "rendered_haproxy_with_a_login")] {
        let balancer = desired.load_balancer.as_ref().expect("a balancer");
        let context = json(serde_json::to_value(
            desired.balancer_context(balancer, &BalancerAt::new_host(debian(), &desired.backends())),
        ));
        insta::assert_snapshot!(name, render(TemplateName::Balancer(Software::Haproxy), &context));
    }
    let balanced =
        load(&shared("vip = \"10.0.0.40/24\"")).unwrap_or_else(|report| panic!("{report}")).desired;
    let vip = balanced.load_balancer.as_ref().and_then(|balancer| balancer.vip.as_ref()).expect("a vip");
    let context = json(serde_json::to_value(balanced.keepalived_context(&balanced.hosts[2], vip, "eth0")));
    insta::assert_snapshot!("rendered_keepalived", render(TemplateName::Keepalived, &context));
    let limits = json(serde_json::to_value(secret.limits_context()));
    insta::assert_snapshot!("rendered_limits", render(TemplateName::Limits, &limits));
}

#[test]
fn nginx_has_its_own_directives() {
    let text = with_node(
        "\n[cluster]\nplugins = [\"rabbitmq_management\"]\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.9\"\n\
         roles = [\"load-balancer\"]\n[load_balancer]\nsoftware = \"nginx\"\nbalance = \"leastconn\"\n",
    );
    let desired = load(&text).unwrap_or_else(|report| panic!("{report}")).desired;
    let balancer = desired.load_balancer.as_ref().expect("a balancer");
    let rendered = templates()
        .render_file(
            TemplateName::Balancer(Software::Nginx),
            &desired.balancer_context(balancer, &BalancerAt::new_host(debian(), &desired.backends())),
        )
        .expect("rendered");
    insta::assert_snapshot!("rendered_nginx", rendered.display_text());
}

/// Other listeners use IPv6 by themselves.
#[test]
fn with_ipv6_addresses_the_uis_and_the_balancers_listen_on_both_families() {
    let six = |config: &str, balancer: &str| {
        let text = with_node(&format!(
            "\n[cluster]\nplugins = [\"rabbitmq_management\", \"rabbitmq_prometheus\"]\n[cluster.config]\n{config}\n[[host]]\nname = \"lb1\"\n\
             address = \"10.0.0.9\"\nroles = [\"load-balancer\"]\n[load_balancer]\n{balancer}"
        ));
        load(&text.replace("10.0.0.", "fd00::")).unwrap_or_else(|report| panic!("{report}")).desired
    };
    let conf = |config: &str| {
        let desired = six(config, "");
        let context = desired.rabbitmq_context(&desired.hosts[0], &desired.hosts[0].node());
        let rendered = templates().render_file(TemplateName::Rabbitmq, &context).expect("rendered");
        let text = rendered.display_text();
        text.lines().filter(|line| line.contains(".ip = ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(conf("heartbeat = 30"), ["management.tcp.ip = ::", "prometheus.tcp.ip = ::"]);
    assert_eq!(
        conf("management.tcp.ip = \"fd00::1\"\nprometheus.tcp.port = 15693"),
        ["management.tcp.ip = fd00::1", "prometheus.tcp.ip = ::"]
    );
    let tls = "management.ssl.port = 15671\nmanagement.ssl.certfile = \"/etc/c\"\nmanagement.ssl.keyfile = \"/etc/k\"";
    assert_eq!(
        conf(tls),
        ["management.ssl.ip = ::", "prometheus.tcp.ip = ::"],
        "no plain listener is opened"
    );
    for (software, name) in [(Software::Haproxy, "ipv6_haproxy"), (Software::Nginx, "ipv6_nginx")] {
        let desired = six("", &format!("software = \"{}\"", software.as_str()));
        let balancer = desired.load_balancer.as_ref().expect("a balancer");
        let context =
            desired.balancer_context(balancer, &BalancerAt::new_host(debian(), &desired.backends()));
        let rendered = templates().render_file(TemplateName::Balancer(software), &context).expect("rendered");
        let text = rendered.display_text();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("bind ") || line.contains("listen ") || line.contains("server "))
            .collect();
        insta::assert_snapshot!(name, lines.join("\n"));
    }
}

#[test]
fn more_listeners_on_some_addresses() {
    for (software, name) in [(Software::Haproxy, "listeners_haproxy"), (Software::Nginx, "listeners_nginx")] {
        let text = with_node(&format!(
            "\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.9\"\nroles = [\"load-balancer\"]\n\n[cluster]\n\
             plugins = [\"rabbitmq_management\", \"rabbitmq_mqtt\"]\n[cluster.config]\nmqtt.listeners.tcp.default = 1884\n\
             [load_balancer]\nsoftware = \"{}\"\nbind = [\"10.0.0.9\", \"2001:db8::9\"]\nmax_connections = 5000\n\
             listeners = [{{ serves = \"mqtt\", bind = [\"10.0.0.9\"] }}]\n",
            software.as_str()
        ));
        let desired = load(&text).unwrap_or_else(|report| panic!("{report}")).desired;
        let balancer = desired.load_balancer.as_ref().expect("a balancer");
        let context =
            desired.balancer_context(balancer, &BalancerAt::new_host(debian(), &desired.backends()));
        let rendered = templates().render_file(TemplateName::Balancer(software), &context).expect("rendered");
        insta::assert_snapshot!(name, rendered.display_text());
    }
}

#[test]
fn secrets_are_pieces_until_the_file_is_written() {
    let desired = with_secrets();
    let context = desired.rabbitmq_context(&desired.hosts[0], &desired.hosts[0].node());
    let rendered = templates().render_file(TemplateName::Rabbitmq, &context).expect("rendered");
    assert_eq!(rendered.pieces.iter().filter(|piece| matches!(piece, Piece::Secret(_))).count(), 1);
    assert!(!serde_json::to_string(&rendered).expect("JSON").contains("hunter"));
    let bytes = rendered.resolve(&desired.secrets).expect("known secrets");
    let text = String::from_utf8_lossy(bytes.expose()).into_owned();
    assert!(text.contains("\ndefault_pass = hunter2hunter2hunter2hunter2\n"));
}

#[test]
fn errors_of_templates_are_distinguished() {
    let fault = |text: &str| {
        let overrides = BTreeMap::from([("haproxy".to_owned(), text.to_owned())]);
        Templates::new(&overrides).expect_err("a fault")
    };
    let error = fault("a\n  {{#each brokers}}{{adress}}{{/each}}");
    assert_eq!((error.line, error.hint().as_str()), (Some(2), "did you mean `address`?"));
    assert!(matches!(fault("{{nothing_like_it}}").fault, TemplateFault::UnknownVariable { .. }));
    assert!(matches!(fault("{{#iff stats}}{{/iff}}").fault, TemplateFault::UnknownHelper(_)));
    assert!(matches!(fault("{{#if stats}}").fault, TemplateFault::Compile(_)));
    let desired = desired();
    let mut balancer = desired.balancer_context(
        desired.load_balancer.as_ref().expect("a balancer"),
        &BalancerAt::new_host(debian(), &desired.backends()),
    );
    balancer.stats = None;
    let overrides = BTreeMap::from([("haproxy".to_owned(), "{{stats.port}}".to_owned())]);
    let templates = Templates::new(&overrides).expect("it fits the sample");
    let error = templates.render(TemplateName::Balancer(Software::Haproxy), &balancer).expect_err("no value");
    assert_eq!(error.fault, TemplateFault::NoValue("stats.port".to_owned()));
}

fn debian() -> &'static Platform {
    OsFamily::Debian.platform().expect("a known family")
}
