//! Brokers with IPv6 addresses: what is written for them, and what is refused.

use rabbitup::facts::{EnvironmentSetting, Facts, HostFacts};
use rabbitup::inventory::Desired;
use rabbitup::plan::Plan;
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::*;
use crate::outranked::set;

const ENV: &str = "/etc/rabbitmq/rabbitmq-env.conf";
const INETRC: &str = "/etc/rabbitmq/erl_inetrc";
const SERVER: &str = "SERVER_ADDITIONAL_ERL_ARGS";
const TOOLS: &str = "CTL_ERL_ARGS";
const ADDED: &str = "export ERL_INETRC=/etc/rabbitmq/erl_inetrc\n";

fn six() -> Desired {
    desired(&INVENTORY.replace("192.168.0.", "fd00::"))
}

/// A host whose environment file has this text, with the variables that it sets.
fn write(facts: &mut HostFacts, text: &str, variables: &[(&str, &str)]) {
    facts.files.insert(ENV.to_owned(), written(text));
    for (variable, value) in variables {
        set(facts, variable, value);
    }
}

/// The environment file on node2 afterwards, and the plan. A second plan has nothing to do there.
fn after(desired: &Desired, facts: &Facts) -> (String, Plan) {
    let (plan, then) = planned(desired, facts, &options()).unwrap_or_else(|why| {
        panic!("{}", refusals_text(&why, Style::plain(100)));
    });
    let (again, _) = planned(desired, &then, &options()).expect("a second plan");
    assert!(!ids(&again).iter().any(|id| id.contains("env") || id.contains("inetrc")), "{:?}", ids(&again));
    let seen = then.host(&name("node2")).expect("node2");
    let inetrc = seen.file(INETRC).and_then(|file| file.content.as_deref());
    let text = seen.file(ENV).and_then(|file| file.content.clone()).unwrap_or_default();
    assert_eq!(inetrc.is_some(), text.contains(INETRC), "{text}");
    assert!(inetrc.is_none_or(|inetrc| inetrc == "{inet6, true}.\n"));
    (text, plan)
}

#[test]
fn nodes_with_ipv6_addresses_connect_over_ipv6() {
    let desired = six();
    let (text, plan) = after(&desired, &fresh(&desired));
    assert_eq!(
        text,
        format!("{SERVER}=\"-proto_dist inet6_tcp\"\n{TOOLS}=\"-proto_dist inet6_tcp\"\n{ADDED}")
    );
    let ids = ids(&plan);
    let place =
        |id: &str| ids.iter().position(|other| other == id).unwrap_or_else(|| panic!("{id}: {ids:?}"));
    assert!(place("node2/inetrc") < place("node2/env") && place("node2/env") < place("node2/start"));
    assert!(!ids.iter().any(|id| id.starts_with("lb1/") && id.contains("env")));
}

#[test]
fn with_ipv4_addresses_nothing_of_it_is_written() {
    let desired = desired(INVENTORY);
    assert_eq!(after(&desired, &fresh(&desired)).0, "");
}

/// Whatever the arguments are made of, they stay, and none is there twice: Erlang would ignore both.
#[test]
fn arguments_that_are_there_are_kept_and_merged() {
    let desired = six();
    let tools = format!("{TOOLS}=\"-proto_dist inet6_tcp\"\n");
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(&str, Variables, String); 5] = [
        (
            "# ours\nSERVER_ADDITIONAL_ERL_ARGS=\"+P $((2 * 1048576))\" # many\n",
            &[(SERVER, "+P 2097152")],
            format!(
                "# ours\nSERVER_ADDITIONAL_ERL_ARGS=\"+P $((2 * 1048576))\" # many\n\
                 {SERVER}=\"${SERVER} -proto_dist inet6_tcp\"\n{tools}{ADDED}"
            ),
        ),
        (
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=\"-proto_dist inet_tls -ssl_dist_optfile /etc/inter.conf\"\n\
             RABBITMQ_CTL_ERL_ARGS=\"-proto_dist inet_tls -ssl_dist_optfile /etc/inter.conf\"\n",
            &[],
            format!(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=\"-proto_dist inet6_tls -ssl_dist_optfile /etc/inter.conf\"\n\
                 RABBITMQ_CTL_ERL_ARGS=\"-proto_dist inet6_tls -ssl_dist_optfile /etc/inter.conf\"\n{ADDED}"
            ),
        ),
        (
            "A=\"-proto_dist inet6_tcp\"\nSERVER_ADDITIONAL_ERL_ARGS=$A\nCTL_ERL_ARGS=$A\nexport ERL_INETRC=/etc/inetrc\n",
            &[(SERVER, "-proto_dist inet6_tcp"), (TOOLS, "-proto_dist inet6_tcp"), ("ERL_INETRC", "/etc/inetrc")],
            "A=\"-proto_dist inet6_tcp\"\nSERVER_ADDITIONAL_ERL_ARGS=$A\nCTL_ERL_ARGS=$A\nexport ERL_INETRC=/etc/inetrc\n"
                .to_owned(),
        ),
        (
            "SERVER_ADDITIONAL_ERL_ARGS=\"-kernel inetrc '/etc/inetrc' -proto_dist inet6_tcp\"",
            &[(SERVER, "-kernel inetrc '/etc/inetrc' -proto_dist inet6_tcp")],
            format!(
                "SERVER_ADDITIONAL_ERL_ARGS=\"-kernel inetrc '/etc/inetrc' -proto_dist inet6_tcp\"\n{tools}"
            ),
        ),
        (
            "USE_LONGNAME=false\n",
            &[],
            format!("USE_LONGNAME=false\n{SERVER}=\"-proto_dist inet6_tcp\"\n{tools}{ADDED}"),
        ),
    ];
    for (text, variables, wanted) in cases {
        let mut facts = fresh(&desired);
        install(&mut facts, "node2");
        write(host(&mut facts, "node2"), text, variables);
        assert_eq!(after(&desired, &facts).0, wanted, "of {text}");
    }
}

fn refused(desired: &Desired, facts: &Facts) -> String {
    let refused = planned(desired, facts, &options()).expect_err("a refusal");
    refusals_text(&refused, Style::plain(100))
}

#[test]
fn what_cannot_be_written_or_not_while_the_cluster_runs_is_refused() {
    let (six, four) = (six(), desired(INVENTORY));
    let mut texts = Vec::new();
    // A running cluster with IPv4 between its nodes.
    let mut facts = converged(&six);
    for name in ["node1", "node2", "node3"] {
        host(&mut facts, name).files.retain(|path, _| ![ENV, INETRC].contains(&path.as_str()));
    }
    texts.push(refused(&six, &facts));
    // A unit's file chooses IPv4.
    let mut facts = fresh(&six);
    install(&mut facts, "node2");
    let by_unit = EnvironmentSetting {
        variable: "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS".to_owned(),
        value: "-proto_dist inet_tcp".to_owned(),
        by: "/etc/systemd/system/rabbitmq-server.service.d/args.conf".to_owned(),
    };
    host(&mut facts, "node2").environment.settings.insert(SERVER.to_owned(), by_unit);
    texts.push(refused(&six, &facts));
    // The inventory has IPv4 addresses, and the environment file chooses IPv6.
    let mut facts = converged(&four);
    write(host(&mut facts, "node3"), "", &[(SERVER, "-proto_dist inet6_tcp")]);
    texts.push(refused(&four, &facts));
    insta::assert_snapshot!(texts.join("\n---\n"));
    // Names of both families work with either.
    let seen = host(&mut facts, "node3");
    for addresses in seen.resolution.values_mut() {
        addresses.push("fd00::1".parse().expect("an address"));
    }
    planned(&four, &facts, &options()).expect("a plan");
}
