//! Whatever is read: nothing panics, everything ends, and what is written is an inventory of the hosts that it names.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::beside::Beside;
use super::starter_of;
use crate::inventory::{Options, SecretPolicy, load_text};

fn made(name: &str, text: &str) -> Result<String, Vec<String>> {
    let resolve = |_: &str| Some(IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)));
    starter_of(Path::new(name), text, None, &|_, _| Beside::default(), &resolve)
        .map_err(|problems| problems.iter().map(|problem| problem.message().to_owned()).collect())
}

/// What is written loads, and has no other secret than it should have.
fn check(name: &str, text: &str) {
    if let Ok(inventory) = made(name, text) {
        let options = Options { secrets: SecretPolicy::Tolerate };
        if let Err(errors) = load_text(Path::new("inventory.toml"), &inventory, options) {
            panic!("{text:?}\n{inventory}\n{errors}: {:?}", errors.problems());
        }
    }
}

/// Pieces of which inventories are made, and what could break out of quotes and comments.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[rabbitmq]\n"),
        Just("[lb:vars]\n"),
        Just("[all:children]\n"),
        Just("node[1:3] "),
        Just("node1 "),
        Just("x[01:5:2]\n"),
        Just("ansible_host="),
        Just("ansible_user="),
        Just("ansible_ssh_common_args='-o ProxyJump="),
        Just("10.0.0.1 "),
        Just("'"),
        Just("\""),
        Just("\n"),
        Just("]\n[[host]]\nname = \"evil\"\n"),
        Just("\\u0041"),
        Just("\r"),
        Just("\u{7}"),
        Just("\u{202e}"),
        Just("{{ x }}"),
        Just("all:\n"),
        Just(
            "{\"_meta\": {\"hostvars\": {\"node1\": {\"ansible_host\": \"10.0.0.1\"}}}, \"rabbitmq\": {\"hosts\": [\"node1\""
        ),
        Just("], \"children\": [\"rabbitmq\"]}}"),
        Just("  hosts:\n"),
        Just("    node1:\n"),
        Just("      ansible_host: "),
        Just("  children:\n"),
        Just("  vars: "),
        Just("*a "),
        Just("&a "),
        Just("<<: "),
        Just("!vault |\n"),
        Just("- "),
        Just("{"),
        Just("}"),
        Just("ansible_port: "),
        Just("22 "),
        Just("ip=10.0.0.2 "),
        Just("é"),
        Just(": "),
        Just("#"),
        Just("\t"),
        Just("ansible_ssh_private_key_file="),
        Just("/k \\ey "),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_panicking(text in any::<String>(), name in prop_oneof![Just("h.ini"), Just("h.yml"), Just("h")]) {
        check(name, &text);
    }

    #[test]
    fn pieces_of_inventories_never_break_out(text in pieces(), name in prop_oneof![Just("h.ini"), Just("h.yml"), Just("h")]) {
        check(name, &text);
    }

    #[test]
    fn hostile_values_stay_in_their_quotes(value in "\\PC{0,30}", key in prop_oneof![
        Just("ansible_user"), Just("ansible_ssh_private_key_file"), Just("ansible_ssh_common_args"), Just("ansible_host"),
        Just("ansible_become_user"), Just("ansible_connection"), Just("ansible_become_method"), Just("ansible_become_password"),
    ]) {
        check("h.ini", &format!("[rabbitmq]\nnode1 ip=10.0.0.1\n[rabbitmq:vars]\n{key} = {value}\n"));
        let json = serde_json::to_string(&value).expect("a string");
        check("h.yml", &format!("rabbitmq:\n  hosts:\n    node1:\n      ip: 10.0.0.1\n      {key}: {json}\n  vars:\n    x: {json}\n  {json}: 1\n"));
    }

    #[test]
    fn hostile_names_stay_in_their_comments(name in "[^\\s\\[\\]:=#'\"\\\\]{1,30}") {
        check("h.ini", &format!("[rabbitmq]\nnode1 ansible_host=10.0.0.1\n[{name}]\n{name} {name}=1\n[haproxy{name}]\nnode1\n"));
    }
}

fn in_time(what: &str, name: &str, text: &str) -> Result<String, Vec<String>> {
    let begin = Instant::now();
    let made = made(name, text);
    assert!(begin.elapsed() < Duration::from_secs(20), "{what} took {:?}", begin.elapsed());
    made
}

#[test]
fn what_grows_is_bounded() {
    let refused = |what: &str, name: &str, text: &str| {
        let told = in_time(what, name, text).expect_err(what).join("; ");
        assert!(told.len() < 1000, "{what}: {told}");
        told
    };
    let mut laughs = "a: &a0 {hosts: {n: {}}}\n".to_owned();
    for level in 1..30 {
        let alias = format!("x: *a{0}, y: *a{0}, z: *a{0}, w: *a{0}", level - 1);
        laughs += &format!("b{level}: &a{level} {{children: {{{alias}}}}}\n");
    }
    assert!(refused("laughs", "h.yml", &laughs).contains("deep"));
    let mut wide = "a: &a0 {hosts: {n: {ansible_host: 10.0.0.1}}}\n".to_owned();
    for level in 1..12 {
        let children: Vec<String> = (0..9).map(|at| format!("g{level}x{at}: *a{}", level - 1)).collect();
        wide += &format!("b{level}: &a{level} {{children: {{{}}}}}\n", children.join(", "));
    }
    assert!(refused("wide laughs", "h.yml", &wide).contains("more than"));
    let chain: String = (1..50_000).map(|at| format!("- &a{at} [*a{}]\n", at - 1)).collect();
    refused("chain", "h.yml", &format!("- &a0 []\n{chain}"));
    for open in ["[", "{", "- ", "? ", "{a: ", "a: &b "] {
        let _ = in_time(open, "h.yml", &open.repeat(1_000_000 / open.len()));
    }
    refused("ranges", "h.ini", &"n[1:1000]\n".repeat(90_000));
    refused("names", "h.ini", &(0..90_000).map(|at| format!("n{at}\n")).collect::<String>());
    refused("groups", "h.ini", &(0..90_000).map(|at| format!("[g{at}]\n")).collect::<String>());
    let settings: String = (0..50_000).map(|at| format!(" pass{at}=x")).collect();
    let _ = in_time("settings", "h.ini", &format!("n[1:1000]{settings}\n"));
    assert!(
        refused("circle", "h.ini", "[a:children]\nb\n[b:children]\nc\n[c:children]\nb\n[a]\nn\n")
            .contains("`b` is in itself")
    );
    let ladder: String = (1..990).map(|at| format!("[g{at}:children]\ng{}\n", at - 1)).collect();
    let _ = in_time("ladder", "h.ini", &format!("{ladder}[g0]\nnode1 ansible_host=10.0.0.1\n"));
}
