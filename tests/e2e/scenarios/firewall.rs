//! Hosts behind firewalls of their own: firewalld on the RPM family, nftables on Debian's.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::hosts;
use crate::inventory::Inventory;
use crate::lab::Host;
use crate::pair::{self, HOSTS, READY, SHARED};
use crate::program::until;
use crate::release::Family;
use crate::stage::{ALL, Stage, octet};

/// Only ssh comes in.
const RULES: &str = "flush ruleset\ntable inet filter {\n  chain input {\n    type filter hook input priority 0; policy drop;\n    \
    ct state established,related accept\n    iif lo accept\n    tcp dport 22 accept\n  }\n}\n";

/// These hosts drop what nobody opened.
pub fn close(stage: &Stage, hosts: &[&str]) {
    let command = match stage.lab.suite().family() {
        Family::Dnf => "systemctl -q enable --now firewalld".to_owned(),
        Family::Apt => format!("printf '{RULES}' >/etc/nftables.conf && systemctl -q enable --now nftables"),
    };
    let lab = &stage.lab;
    hosts::on_all(hosts, |host| lab.stdout_of(host, &command));
}

/// What a person would type.
struct ByHand {
    /// Closes a port until the next reload.
    close_now: &'static str,
    /// Forgets all ports at the next reload.
    forget: &'static str,
    reload: &'static str,
}

fn by_hand(family: Family) -> ByHand {
    match family {
        Family::Dnf => ByHand {
            close_now: "for r in $(seq 1); do firewall-cmd -q --policy=rabbitup --remove-rich-rule=\"$(firewall-cmd \
                        --policy=rabbitup --list-rich-rules | head -n 1)\"; done",
            forget: "rm /etc/firewalld/policies/rabbitup.xml",
            reload: "firewall-cmd -q --reload",
        },
        Family::Apt => ByHand {
            close_now: "nft flush chain inet filter rabbitup",
            forget: "sed -i '/^# BEGIN rabbitup/,$d' /etc/nftables.conf",
            reload: "nft -f /etc/nftables.conf",
        },
    }
}

fn managed() -> Inventory {
    Inventory { firewall: vec!["manage = true"], ..Inventory::whole() }
}

/// From this machine, which is no host of the inventory.
fn accepts(stage: &Stage, host: &str, port: u16) -> bool {
    let address: SocketAddr =
        format!("{}:{port}", stage.lab.address(octet(host))).parse().expect("an address");
    TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
}

/// A bring-up from new hosts, drift in what is in effect and in what is saved, and the setting taken back.
pub fn bring_up(stage: &Stage) {
    close(stage, &ALL);
    let (managed, unmanaged) = (managed(), Inventory::whole());
    let before = hosts::all_files(&stage.lab, &ALL);
    stage.up(&unmanaged).expect(1).says("node2 cannot be reached on ports").says("[firewall] manage = true");
    hosts::assert_untouched(&stage.lab, &ALL, &before);

    stage.up(&managed).expect(0).says("Verified: No changes.");
    stage.assert_serves();
    stage.assert_nothing_to_do(&managed);
    for (host, port, open) in [
        ("node1", 22, true),
        ("node1", 5672, false),
        ("node1", 25672, false),
        ("lb1", 5672, true),
        ("lb1", 15672, true),
    ] {
        assert_eq!(accepts(stage, host, port), open, "{host}:{port}");
    }
    let status = stage.rabbitup(&managed).args(["status"]).run().expect(0);
    assert!(!status.out.contains("open to outsiders"), "{status}");
    stage.lab.stdout_of("node2", "! ls -d /run/rabbitup-firewall-* 2>/dev/null");

    let hand = by_hand(stage.lab.suite().family());
    for (change, reason) in [
        (hand.close_now, "they are saved, but not in effect"),
        (hand.forget, "they would be closed after a reload or at the next boot"),
    ] {
        stage.lab.stdout_of("node2", change);
        stage.plan(&managed).expect(2).says(reason);
        stage.up(&managed).expect(0).says("Verified: No changes.");
        stage.assert_nothing_to_do(&managed);
        stage.lab.stdout_of("node2", hand.reload);
        stage.assert_nothing_to_do(&managed);
    }
    stage.assert_nothing_to_do(&unmanaged);
    assert!(accepts(stage, "lb1", 5672), "without the setting nothing is closed");
}

/// Two load balancers that share an address, from new hosts: what keepalived sends passes as well, so only one has the address, and the other
/// takes it over.
pub fn two_balancers(stage: &Stage) {
    stage.fresh_hosts(&HOSTS.map(|name| Host::new(name, octet(name))));
    close(stage, &HOSTS);
    let inventory = Inventory { firewall: vec!["manage = true"], ..pair::inventory(stage, "") };
    stage.up(&inventory).expect(0).says("Verified: No changes.");
    stage.assert_nothing_to_do(&inventory);
    let holder = pair::only_holder(stage);
    pair::wait_until_whole(stage, &inventory, holder);
    let clients = || {
        let at = format!("{}:5672", stage.lab.address(SHARED)).parse().expect("an address");
        TcpStream::connect_timeout(&at, Duration::from_secs(2)).is_ok().then_some(())
    };
    until("the shared address accepts clients", READY, clients);
    let standby = pair::other(holder);
    stage.lab.stdout_of(holder, "systemctl stop haproxy");
    until("the other one takes the address over", READY, || {
        (pair::holders(stage) == [standby]).then_some(())
    });
    until("it accepts clients there", READY, clients);
    stage.up(&inventory).expect(0).says("Verified: No changes.");
    pair::wait_until_whole(stage, &inventory, standby);
    stage.assert_serves();
}

/// New connections to ssh are dropped while the rules are on trial, so the host reverts them.
pub fn reverted(stage: &Stage) {
    close(stage, &ALL);
    let managed = managed();
    // The connection of the plan stays open for the run.
    stage.plan(&managed).expect(2);
    let trap = "nft 'add table inet e2e; add chain inet e2e input { type filter hook input priority -50; }; \
                add rule inet e2e input tcp dport 22 ct state new drop'";
    stage.lab.stdout_of("node2", trap);
    stage.up(&managed).expect(1).says("the host accepts no new login");
    let is_back = || {
        let left = stage.lab.run_on("node2", "ls -d /run/rabbitup-firewall-*").status.success();
        (!left).then_some(())
    };
    until("the host reverts", Duration::from_secs(90), is_back);
    let rules = stage.lab.stdout_of("node2", "nft list ruleset");
    assert!(!rules.contains("tcp dport 25672 accept"), "{rules}");
    stage.lab.stdout_of("node2", "nft delete table inet e2e");
    stage.up(&managed).expect(0).says("Verified: No changes.");
    stage.assert_nothing_to_do(&managed);
}
