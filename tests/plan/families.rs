//! Hosts of both families of packages: what is planned there, and which hosts are refused.

use rabbitup::facts::{BrokerState, CookieShape, Facts, OsFamily};
use rabbitup::operation::{InstallPackages, Operation};
use rabbitup::plan::Plan;
use rabbitup::report::{Style, plan_text, refusals_text};

use crate::fixtures::*;

/// Turns hosts into Enterprise Linux of this version, whose repositories offer these versions, newest first.
fn enterprise_linux(facts: &mut Facts, hosts: &[&str], version: &str, offered: &[&str]) {
    for text in hosts {
        let host = host(facts, text);
        host.system.family = OsFamily::Rpm;
        host.system.id = "rocky".to_owned();
        host.system.version = version.to_owned();
        host.system.pretty_name = format!("Rocky Linux {version}");
        let package = host.packages.entry("rabbitmq-server".to_owned()).or_default();
        package.candidate = offered.first().map(|&version| version.to_owned());
        package.offered = offered.iter().map(|&version| version.to_owned()).collect();
    }
}

fn text(facts: &Facts) -> String {
    match planned(&desired(INVENTORY), facts, &options()) {
        Ok((plan, _)) => plan_text(&plan, Style::plain(100)),
        Err(refused) => refusals_text(&refused, Style::plain(100)),
    }
}

fn broker_version(plan: &Plan, text: &str) -> Option<String> {
    plan.steps.iter().filter(|step| step.host == name(text)).find_map(|step| match &step.operation {
        Operation::InstallPackages(InstallPackages { packages, .. }) => packages[0].version.clone(),
        _ => None,
    })
}

#[test]
fn a_bring_up_on_rpm_hosts() {
    let mut facts = fresh(&desired(INVENTORY));
    enterprise_linux(&mut facts, &["node1", "node2", "node3", "lb1"], "9.4", &["3.10.8-1.el9"]);
    insta::assert_snapshot!(text(&facts));
}

/// One inventory for both: each host gets its family's paths, and the second run changes nothing.
#[test]
fn one_cluster_of_both_families() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    enterprise_linux(&mut facts, &["node3"], "9.4", &["3.10.9-1.el9", "3.10.8-1.el9"]);
    install(&mut facts, "node1");
    start_alone(&mut facts, "node1");
    let (plan, after) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(broker_version(&plan, "node2").as_deref(), Some(VERSION));
    assert_eq!(
        broker_version(&plan, "node3").as_deref(),
        Some("3.10.8-1.el9"),
        "the same release, not the newest"
    );
    let again = planned(&desired, &after, &options()).expect("a plan").0;
    assert!(again.steps.is_empty(), "{}", plan_text(&again, Style::plain(100)));
    enterprise_linux(&mut facts, &["node3"], "9.4", &["3.10.9-1.el9"]);
    assert!(text(&facts).contains("which node1 runs, is not offered here"), "{}", text(&facts));
}

#[test]
fn systems_that_nobody_knows_are_refused() {
    let mut facts = fresh(&desired(INVENTORY));
    enterprise_linux(&mut facts, &["node1"], "7.9", &["3.10.8-1.el7"]);
    let other = host(&mut facts, "node2");
    (other.system.family, other.system.id) = (OsFamily::Other, "alpine".to_owned());
    other.system.pretty_name = "Alpine Linux v3.20".to_owned();
    insta::assert_snapshot!(text(&facts));
}

/// A version over data is known beforehand, also where another family's package gives it its number.
#[test]
fn data_wait_for_package_lists() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    enterprise_linux(&mut facts, &["node3"], "9.4", &[]);
    let host = host(&mut facts, "node3");
    host.broker = BrokerState::Down;
    host.packages.insert("rabbitmq-server".to_owned(), rabbitup::facts::PackageFacts::default());
    assert!(text(&facts).contains("dnf makecache"), "{}", text(&facts));
}

/// A cookie of 20 capitals is what Erlang generates. Installing a time service beside the broker does not touch it.
#[test]
fn a_generated_cookie_survives_the_installation_of_other_packages() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    host(&mut facts, "node1").cookie.as_mut().expect("a cookie").shape = CookieShape::DebianReplaces;
    host(&mut facts, "node1").packages.remove("chrony");
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), ["node1/packages"], "{}", plan_text(&plan, Style::plain(100)));
}

fn install_rpm(facts: &mut Facts, text: &str) {
    install(facts, text);
    let package = host(facts, text).packages.get_mut("rabbitmq-server").expect("it is installed");
    package.installed = Some("3.10.8-1.el9".to_owned());
}

fn with_generated_cookie(facts: &mut Facts, text: &str, shape: CookieShape) {
    host(facts, text).cookie.as_mut().expect("a cookie").shape = shape;
}

/// Debian's package would replace it at its next upgrade: no such node enters, and nothing is half done.
#[test]
fn a_cookie_that_erlang_generated_is_not_given_to_debians_hosts() {
    let desired = desired(INVENTORY);
    let rpm = ["node1", "node3"];
    let mut facts = fresh(&desired);
    enterprise_linux(&mut facts, &rpm, "9.4", &["3.10.8-1.el9"]);
    start_alone(&mut facts, "node1");
    install_rpm(&mut facts, "node1");
    with_generated_cookie(&mut facts, "node1", CookieShape::Generated);
    insta::assert_snapshot!(text(&facts));
    // It stays among RPM hosts.
    enterprise_linux(&mut facts, &["node2"], "9.4", &["3.10.8-1.el9"]);
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert!(!ids(&plan).contains(&"node1/cookie".to_owned()), "{}", plan_text(&plan, Style::plain(100)));
    assert!(ids(&plan).contains(&"node2/cookie".to_owned()), "{}", plan_text(&plan, Style::plain(100)));
}

/// A seed that was never more than started by hand gives way to a new cookie, if a Debian host needs one that lasts.
#[test]
fn a_generated_cookie_of_a_blank_host_gives_way() {
    let desired = desired(INVENTORY);
    for (rpm, gives_way) in [(&["node1"][..], true), (&["node1", "node2", "node3"][..], false)] {
        let mut facts = fresh(&desired);
        enterprise_linux(&mut facts, rpm, "9.4", &["3.10.8-1.el9"]);
        install_rpm(&mut facts, "node1");
        with_generated_cookie(&mut facts, "node1", CookieShape::Generated);
        let (plan, after) = planned(&desired, &facts, &options()).expect("a plan");
        assert_eq!(
            ids(&plan).contains(&"node1/cookie".to_owned()),
            gives_way,
            "{}",
            plan_text(&plan, Style::plain(100))
        );
        let again = planned(&desired, &after, &options()).expect("a plan").0;
        assert!(again.steps.is_empty(), "{}", plan_text(&again, Style::plain(100)));
    }
}

/// A new host does not say which version it will install before its package lists are fetched: HAProxy 2.2 refused the keep-alive times of
/// 2.3, so no bring-up of Debian 11 came to its end.
#[test]
fn a_balancer_that_is_yet_to_be_installed_is_as_old_as_its_system() {
    let desired = desired(INVENTORY);
    let told = |release: &str, candidate: Option<&str>| {
        let mut facts = fresh(&desired);
        let lb1 = host(&mut facts, "lb1");
        lb1.system.version = release.to_owned();
        lb1.packages.entry("haproxy".to_owned()).or_default().candidate = candidate.map(str::to_owned);
        let (_, after) = planned(&desired, &facts, &options()).expect("a plan");
        let conf = after.host(&name("lb1")).expect("a host").files["/etc/haproxy/haproxy.cfg"].clone();
        conf.content.expect("it is written").contains("clitcpka-idle")
    };
    assert!(told("12", None) && told("13", None));
    assert!(!told("11", None));
    assert!(told("11", Some("2.6.12-1~bpo11+1")), "backports");
    assert!(!told("12", Some("2.2.9-2+deb11u6")), "an old repository");
}
