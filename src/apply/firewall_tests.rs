//! What a host's firewall is told, by made-up tools that write down what they are asked. Needs root, for owners of files.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use super::place_tests::{Directory, output, script};
use crate::firewall::Software;
use crate::model::shells::run_in;
use crate::operation::{KeepOpenings, OpenPorts, Operation};

const FIREWALL_CMD: &str = r#"case "$*" in
  --list-all-zones) cat "$D/running" ;;
  '--permanent --list-all-zones') cat "$D/saved" ;;
  --get-policies) echo "allow-host-ipv6 rabbitup" ;;
esac"#;

const NFT: &str = r#"case "$*" in
  'list chains') cat "$D/chains" ;;
  'list chain inet filter input') cat "$D/input" ;;
  'list chain inet filter rabbitup') echo 'table inet filter { chain rabbitup { tcp dport 1 accept } }' ;;
  '-f '*) ! grep -q broken "$2" || { echo "syntax error" >&2; exit 1; } ;;
esac"#;

/// A host with these tools and files.
struct Host(Directory);

impl Host {
    fn new(test: &str) -> Option<Self> {
        let host = Self(Directory::of(test)?);
        for directory in ["tools", "run", "etc/firewalld/policies", "etc/ufw"] {
            std::fs::create_dir_all(host.0.path(directory)).expect("it is ours");
        }
        let simple = [("systemctl", ""), ("systemd-run", "[ ! -e \"$D/no-timer\" ]"), ("ufw", "")];
        let more = [("firewall-cmd", FIREWALL_CMD), ("nft", NFT), ("unshare", "shift; exec \"$@\"")];
        for (name, text) in simple.into_iter().chain(more) {
            host.tool(name, text);
        }
        host.put("running", "public (active)\n  target: default\n  interfaces: eth0\n  ports: 22/tcp\n");
        host.put("saved", "public\n  target: default\n  interfaces: \n  ports: 22/tcp\n");
        host.put("chains", "table inet filter {\n\tchain input {\n\t}\n}\n");
        host.put("input", "");
        Some(host)
    }

    fn tool(&self, name: &str, text: &str) {
        let dir = self.0.dir.display();
        let text = format!("#!/bin/sh\nD={dir}\necho {name} \"$@\" >>\"$D/log\"\n{text}\n");
        let path = self.put(&format!("tools/{name}"), &text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    fn put(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.path(name);
        std::fs::write(&path, text).expect("it is ours");
        path
    }

    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.path(name)).ok()
    }

    /// The calls of the tools since the last time.
    fn calls(&self) -> String {
        let dir = format!("{}/", self.0.dir.display());
        let log = self.text("log").unwrap_or_default().replace(&dir, "/");
        self.put("log", "");
        log
    }

    /// Runs a step in its place, and returns its output.
    fn run(&self, operation: Operation) -> String {
        let dir = self.0.dir.display();
        let text = script(operation)
            .replace("PATH=/usr/local/sbin:", &format!("PATH={dir}/tools:/usr/local/sbin:"))
            .replace("/run/rabbitup-firewall-", &format!("{dir}/run/rabbitup-firewall-"))
            .replace("/etc/", &format!("{dir}/etc/"));
        String::from_utf8_lossy(&run_in(&["sh"], text.as_bytes()).stdout).into_owned()
    }

    fn open(&self, software: Software, instructions: &str) -> String {
        let (openings, instructions) = (BTreeSet::new(), instructions.to_owned());
        self.run(Operation::OpenPorts(OpenPorts { software, openings, instructions }))
    }

    fn keep(&self, software: Software) -> String {
        self.run(Operation::KeepOpenings(KeepOpenings { software }))
    }

    /// What the timer does when it is over.
    fn revert(&self, software: Software) {
        let script = self.0.path(&format!("run/rabbitup-firewall-{}/back", software.as_str()));
        let path = format!("PATH={}/tools:$PATH sh {}", self.0.dir.display(), script.display());
        output("sh", &["-c", &path]);
    }
}

const POLICY: &str = "etc/firewalld/policies/rabbitup.xml";
const FIREWALLD: Software = Software::Firewalld;

#[track_caller]
fn assert_done(printed: &str) {
    assert!(printed.contains(" end node1/file 0"), "{printed}");
}

#[track_caller]
fn assert_fails(printed: &str, cause: &str) {
    assert!(printed.contains(" end node1/file 1") && printed.contains(cause), "{printed}");
}

#[test]
fn firewalld_is_changed_on_trial_and_kept() {
    let Some(host) = Host::new("firewalld-kept") else { return };
    assert_done(&host.open(FIREWALLD, "<policy/>\n"));
    assert_eq!(host.text(POLICY).as_deref(), Some("<policy/>\n"));
    insta::assert_snapshot!(host.calls());
    assert_done(&host.keep(FIREWALLD));
    assert_eq!(host.calls(), "systemctl stop rabbitup-firewall-firewalld.timer\n");
    // A timer that comes too late finds nothing.
    host.revert(FIREWALLD);
    assert_eq!(host.text(POLICY).as_deref(), Some("<policy/>\n"));
    assert_eq!(host.calls(), "");
}

#[test]
fn firewalld_is_as_before_when_nobody_confirms() {
    let Some(host) = Host::new("firewalld-back") else { return };
    assert_done(&host.open(FIREWALLD, "<policy/>\n"));
    host.calls();
    host.revert(FIREWALLD);
    assert_eq!((host.text(POLICY), host.calls().as_str()), (None, "firewall-cmd --reload\n"));
    assert_fails(&host.keep(FIREWALLD), "the host has reverted the change");
    // Two runs that were interrupted one after the other: what was before the first counts.
    host.put(POLICY, "<old/>\n");
    assert_done(&host.open(FIREWALLD, "<new/>\n"));
    assert_done(&host.open(FIREWALLD, "<newer/>\n"));
    assert_eq!(host.text(POLICY).as_deref(), Some("<newer/>\n"));
    host.revert(FIREWALLD);
    assert_eq!(host.text(POLICY).as_deref(), Some("<old/>\n"));
}

#[test]
fn what_a_reload_would_drop_is_not_dropped() {
    let Some(host) = Host::new("firewalld-running") else { return };
    host.put("running", "public (active)\n  target: default\n  interfaces: eth0\n  ports: 22/tcp 8080/tcp\n");
    let printed = host.open(FIREWALLD, "<policy/>\n");
    assert_fails(&printed, "firewalld has settings that are not saved");
    assert!(printed.contains("8080/tcp") && printed.contains("--runtime-to-permanent"), "{printed}");
    assert_eq!(host.text(POLICY), None);
    assert!(!host.calls().contains("systemd-run"));
}

#[test]
fn without_a_way_back_nothing_is_changed() {
    let Some(host) = Host::new("firewalld-no-timer") else { return };
    host.put("no-timer", "");
    assert_fails(&host.open(FIREWALLD, "<policy/>\n"), "so nothing was changed");
    assert_eq!(host.text(POLICY), None);
}

const RULES: &str = "etc/nftables.conf";
const BLOCK: &str = "# BEGIN rabbitup\nadd rule inet filter rabbitup tcp dport 5672 accept\n\
    insert rule inet filter input jump rabbitup\n# END rabbitup\n";

#[test]
fn nftables_get_a_block_that_is_replaced() {
    let Some(host) = Host::new("nftables") else { return };
    let own = "flush ruleset\ntable inet filter { chain input { } }\n";
    host.put(RULES, own);
    assert_done(&host.open(Software::Nftables, BLOCK));
    let once = host.text(RULES).expect("it is there");
    assert_eq!(once, format!("{own}{BLOCK}"));
    assert_done(&host.keep(Software::Nftables));
    assert_done(&host.open(Software::Nftables, &BLOCK.replace("5672", "5673")));
    assert_eq!(host.text(RULES), Some(once.replace("5672", "5673")));
    host.revert(Software::Nftables);
    assert_eq!(host.text(RULES), Some(once));
    let calls = host.calls();
    assert!(calls.contains("nft -f /run/rabbitup-firewall-nftables/chains\n"), "{calls}");
}

#[test]
fn a_jump_that_is_there_is_not_added_again() {
    let Some(host) = Host::new("nftables-jump") else { return };
    host.put(RULES, "flush ruleset\n");
    host.tool("nft", &format!("{NFT}\ncase \"$1 $2\" in '-f now') cat now >\"$D/loaded\" ;; esac"));
    assert_done(&host.open(Software::Nftables, BLOCK));
    assert!(host.text("loaded").is_some_and(|text| text.contains("insert rule")));
    host.put("input", "table inet filter {\n\tchain input {\n\t\tjump rabbitup\n\t}\n}\n");
    assert_done(&host.open(Software::Nftables, BLOCK));
    let loaded = host.text("loaded").expect("it was loaded");
    assert!(loaded.contains("add rule") && !loaded.contains("insert rule"), "{loaded}");
}

#[test]
fn a_file_that_would_not_load_at_boot_is_not_written() {
    let Some(host) = Host::new("nftables-broken") else { return };
    host.put(RULES, "flush ruleset\n");
    assert_fails(&host.open(Software::Nftables, "broken\n"), "would not load at boot");
    assert_eq!(host.text(RULES).as_deref(), Some("flush ruleset\n"));
    assert!(!host.calls().contains("nft -f now"));
}

#[test]
fn ufw_gets_its_own_commands() {
    let Some(host) = Host::new("ufw") else { return };
    for file in ["etc/ufw/user.rules", "etc/ufw/user6.rules"] {
        host.put(file, "as before\n");
    }
    let rules = "delete allow proto tcp from any to any port 1 comment rabbitup\n\
        allow proto tcp from 192.168.0.42 to any port 4369 comment rabbitup\n";
    assert_done(&host.open(Software::Ufw, rules));
    insta::assert_snapshot!(host.calls());
    host.put("etc/ufw/user.rules", "changed\n");
    host.revert(Software::Ufw);
    assert_eq!(host.text("etc/ufw/user.rules").as_deref(), Some("as before\n"));
    assert_eq!(host.calls(), "ufw reload\n");
    host.tool("ufw", "[ \"$1\" != allow ]");
    assert_fails(&host.open(Software::Ufw, rules), "ufw refuses a rule");
}
