//! What two load balancers that share an address say to each other (VRRP): over IPv6, through firewalls of their own, beside strangers.

use std::time::Duration;

use super::addresses::{give_addresses, six, with_six};
use crate::hosts::on_all;
use crate::inventory::Inventory;
use crate::lab::Host;
use crate::pair::{self, BALANCERS, READY, SHARED, holders_of, other};
use crate::program::{Run, until};
use crate::release::{Family, Suite};
use crate::stage::{Stage, octet};

/// One broker is enough here.
const HOSTS: [&str; 3] = ["node1", "lb1", "lb2"];

/// As long as a second holder takes to appear where no advertisement arrives (3 s and some), twice.
const QUIET: Duration = Duration::from_secs(8);

/// Only ssh, IPv6's neighbours and established connections come in. VRRP between two hosts that both send it would count as established.
const RULES: &str = "flush ruleset\ntable inet filter {\n  chain input {\n    type filter hook input priority 0; policy drop;\n    \
    meta l4proto 112 drop\n    ct state established,related accept\n    iif lo accept\n    meta l4proto ipv6-icmp accept\n    \
    tcp dport 22 accept\n  }\n}\n";

/// An inventory's text, and the address of which there must be one holder.
struct Shared<'a> {
    stage: &'a Stage,
    inventory: String,
    at: String,
}

fn small(stage: &Stage, vip: &str, firewall: &[&'static str]) -> Inventory {
    let mut inventory = pair::with_second().without("node2").without("node3");
    inventory.firewall = firewall.to_vec();
    inventory.balanced(&format!("vip = {}", vip.replace("SHARED", &stage.lab.address(SHARED))))
}

impl Shared<'_> {
    fn rabbitup(&self, words: &[&str]) -> Run {
        self.stage.rabbitup_on(&self.inventory).args(words.iter().copied()).run()
    }

    fn holders(&self) -> Vec<&'static str> {
        holders_of(self.stage, &self.at)
    }

    /// How often each load balancer took the address, since it booted.
    fn moves_so_far(&self) -> [String; 2] {
        let count = "journalctl -q -b -u keepalived | grep -c 'Entering MASTER STATE' || :";
        BALANCERS.map(|host| self.stage.lab.stdout_of(host, count))
    }

    #[track_caller]
    fn only_holder(&self) -> &'static str {
        until("one load balancer has the address", READY, || match self.holders().as_slice() {
            [one] => Some(*one),
            _ => None,
        })
    }

    /// One has it and the other can have it, and that stays so.
    #[track_caller]
    fn is_whole(&self) -> &'static str {
        let holder = self.only_holder();
        let words = format!("held by {holder}; {} can take it over", other(holder));
        until(&format!("status says: {words}"), READY, || {
            self.rabbitup(&["status"]).out.contains(&words).then_some(())
        });
        let before = self.moves_so_far();
        std::thread::sleep(QUIET);
        let logs = || pair::logs(self.stage);
        assert_eq!(self.holders(), [holder], "nobody else takes the address\n{}", logs());
        // Two that have it for a moment confuse the neighbours, whoever keeps it.
        assert_eq!(self.moves_so_far(), before, "nobody takes it for a moment either\n{}", logs());
        self.rabbitup(&["plan", "--detailed-exitcode"]).expect(0).says("No changes.");
        holder
    }

    /// It moves to the other when HAProxy stops, and stays there.
    #[track_caller]
    fn moves(&self) {
        let lab = &self.stage.lab;
        let holder = self.is_whole();
        lab.stdout_of(holder, "systemctl stop haproxy");
        until("the other load balancer has the address, alone", READY, || {
            (self.holders() == [other(holder)]).then_some(())
        });
        let address = self.at.split('/').next().unwrap_or_default();
        lab.stdout_of("node1", &format!("timeout 5 bash -c ': <>/dev/tcp/{address}/5672'"));
        lab.stdout_of(holder, "systemctl start haproxy");
        assert_eq!(self.is_whole(), other(holder), "it does not come back by itself");
        for host in BALANCERS {
            let of_checks =
                "journalctl -q -b -u haproxy | grep -e 'log format ignored' -e ' alive alive/' || :";
            assert_eq!(lab.stdout_of(host, of_checks), "", "HAProxy says nothing of keepalived's checks");
        }
    }
}

fn fresh_hosts(stage: &Stage) {
    stage.fresh_hosts(&HOSTS.map(|name| Host::new(name, octet(name))));
}

/// Load balancers that find each other over IPv6, with an address of each kind.
pub fn ipv6(stage: &Stage) {
    fresh_hosts(stage);
    give_addresses(&stage.lab, &HOSTS);
    let shared = |firewall: &[&'static str]| {
        let text = small(stage, r#"["fd77::40/64", "SHARED/24"]"#, firewall).text(&stage.lab, None);
        Shared { stage, inventory: with_six(stage, text, &HOSTS), at: "fd77::40/64".to_owned() }
    };
    let open = shared(&[]);
    open.rabbitup(&["up", "--yes"]).expect(0).says("Verified: No changes.");
    open.moves();
    let holder = open.only_holder();
    assert_eq!(holders_of(stage, &format!("{}/24", stage.lab.address(SHARED))), [holder], "they go together");
    // The brokers see the load balancer's own address.
    let source = format!("ip -6 route get {} | grep -o 'src [0-9a-f:]*'", six("node1"));
    assert_eq!(stage.lab.stdout_of(holder, &source), format!("src {}", six(holder)));
    if stage.lab.suite().family() == Family::Apt {
        close_with_nftables(stage);
        let managed = shared(&["manage = true"]);
        managed.rabbitup(&["up", "--yes"]).expect(0).says("Verified: No changes.");
        managed.moves();
    }
}

/// Firewalls of their own, one after the other, and before them a stranger with the same router number.
pub fn behind_firewalls(stage: &Stage) {
    fresh_hosts(stage);
    let shared = |firewall: &[&'static str]| Shared {
        stage,
        inventory: small(stage, r#""SHARED/24""#, firewall).text(&stage.lab, None),
        at: format!("{}/24", stage.lab.address(SHARED)),
    };
    let (open, managed) = (shared(&[]), shared(&["manage = true"]));
    open.rabbitup(&["up", "--yes"]).expect(0).says("Verified: No changes.");
    stranger(&open);
    match stage.lab.suite().family() {
        Family::Dnf => {
            let lab = &stage.lab;
            on_all(&BALANCERS, |host| lab.stdout_of(host, "systemctl -q enable --now firewalld"));
            opened(&managed);
        }
        Family::Apt => {
            close_with_nftables(stage);
            until("both have the address", READY, || (open.holders().len() == 2).then_some(()));
            opened(&managed);
            close_with_ufw(stage);
            opened(&managed);
        }
    }
}

/// Another machine has the address, and one of the load balancers has a keepalived that moves an address of somebody else's: neither is taken
/// away.
pub fn occupied(stage: &Stage) {
    fresh_hosts(stage);
    let lab = &stage.lab;
    let address = lab.address(SHARED);
    let shared = Shared {
        stage,
        inventory: small(stage, r#""SHARED/24""#, &[]).text(lab, None),
        at: format!("{address}/24"),
    };
    lab.stdout_of("node1", &format!("ip addr add {address}/24 dev host0"));
    let hardware = lab.stdout_of("node1", "cat /sys/class/net/host0/address");
    let taken = format!("another machine has the vip {address}");
    for _ in 0..2 {
        shared.rabbitup(&["plan"]).expect(1).says(&taken).says(&hardware);
    }
    shared.rabbitup(&["up", "--yes"]).expect(1).says(&taken).says("Nothing was changed");
    for command in ["status", "doctor"] {
        shared.rabbitup(&[command]).expect(1).says(&taken);
    }
    lab.stdout_of("node1", &format!("ip addr del {address}/24 dev host0"));

    install_keepalived(stage, "lb1");
    let web = lab.address(41);
    let conf = format!(
        "vrrp_instance web {{\nstate MASTER\ninterface host0\nvirtual_router_id 51\npriority 200\nvirtual_ipaddress {{\n{web}/24\n}}\n}}\n"
    );
    lab.stdout_of(
        "lb1",
        &format!("printf '%s' '{conf}' >/etc/keepalived/keepalived.conf && systemctl restart keepalived"),
    );
    let has_web = || lab.stdout_of("lb1", "ip -o addr show").contains(&format!(" {web}/24 "));
    until("keepalived moves the other address", READY, || has_web().then_some(()));
    // What a host remembers of who had the address is no answer.
    let refused = shared.rabbitup(&["up", "--yes"]).expect(1);
    refused.says(&format!("keepalived serves something else here: {web}")).says("Nothing was changed");
    assert!(has_web(), "it stays");
    lab.stdout_of("lb1", "systemctl -q disable --now keepalived");
    shared.rabbitup(&["up", "--yes"]).expect(0).says("Verified: No changes.");
    shared.moves();
    taken_later(&shared);
}

/// A machine takes the address after the bring-up: it is seen whichever load balancer holds the address, and it stops no run. Debian 11's ip
/// cannot make the holder ask; there it depends on which of the two answers the other load balancer first.
fn taken_later(shared: &Shared<'_>) {
    let lab = &shared.stage.lab;
    if lab.suite() == Suite::Bullseye {
        return;
    }
    let hardware = lab.stdout_of("node1", "cat /sys/class/net/host0/address");
    let address = shared.at.split('/').next().unwrap_or_default();
    let taken =
        format!("another machine, with the network adapter {hardware}, has the vip {address} as well");
    for _ in &BALANCERS {
        let holder = shared.is_whole();
        for command in ["status", "doctor"] {
            shared.rabbitup(&[command]).expect(0);
        }
        lab.stdout_of("node1", &format!("ip addr add {} dev host0", shared.at));
        for command in ["status", "doctor"] {
            shared.rabbitup(&[command]).expect(1).says(&taken);
        }
        shared.rabbitup(&["plan"]).expect(0).says("No changes.");
        // What a run repairs it repairs, and says that the machine remains.
        lab.stdout_of(other(holder), "systemctl stop keepalived");
        let run = shared.rabbitup(&["up", "--yes"]).expect(1);
        run.says(&taken).says("Not healthy: nothing is left to change");
        assert_eq!(lab.stdout_of(other(holder), "systemctl is-active keepalived"), "active");
        lab.stdout_of("node1", &format!("ip addr del {} dev host0", shared.at));
        shared.rabbitup(&["status"]).expect(0);
        // The balancer's check fails there for a moment; the address stays with the other.
        lab.stdout_of(holder, "systemctl stop haproxy");
        until("the other load balancer has the address, alone", READY, || {
            (shared.holders() == [other(holder)]).then_some(())
        });
        lab.stdout_of(holder, "systemctl start haproxy");
    }
}

#[track_caller]
fn opened(managed: &Shared<'_>) {
    let plan = managed.rabbitup(&["plan"]).expect(0);
    plan.says("vrrp from");
    managed.rabbitup(&["up", "--yes"]).expect(0).says("Verified: No changes.");
    managed.moves();
}

fn close_with_nftables(stage: &Stage) {
    let close = format!(
        "printf '{RULES}' >/etc/nftables.conf && systemctl -q enable nftables && systemctl restart nftables"
    );
    let lab = &stage.lab;
    on_all(&BALANCERS, |host| lab.stdout_of(host, &close));
}

/// In the place of nftables.
fn close_with_ufw(stage: &Stage) {
    let close = "systemctl -q disable --now nftables && nft flush ruleset && rm /etc/nftables.conf && \
                 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ufw >/dev/null && ufw allow 22/tcp >/dev/null && \
                 ufw --force enable >/dev/null && ufw status | grep -q '^Status: active'";
    let lab = &stage.lab;
    on_all(&BALANCERS, |host| lab.stdout_of(host, close));
}

/// Another pair's keepalived with the same router number and a higher priority, which shouts at everybody, then at these load balancers in
/// person, and then does that faster than they speak themselves. Nothing of it is heard, and it silences nobody: they listen to each other only.
fn stranger(shared: &Shared<'_>) {
    let (stage, lab) = (shared.stage, &shared.stage.lab);
    let holder = shared.is_whole();
    stage.add_host("lb3");
    install_keepalived(stage, "lb3");
    let own = lab.address(41);
    let peers = BALANCERS.map(|host| lab.address(octet(host))).join("\n");
    let in_person = format!("unicast_src_ip {}\nunicast_peer {{\n{peers}\n}}", lab.address(octet("lb3")));
    let to_everybody = "advert_int 1".to_owned();
    // Only VRRP 3 has parts of a second.
    let fast = format!("version 3\nadvert_int 0.3\n{in_person}");
    for way in [to_everybody, format!("advert_int 1\n{in_person}"), fast] {
        let conf = format!(
            "vrrp_instance other {{\nstate MASTER\ninterface host0\nvirtual_router_id {SHARED}\npriority 254\n\
             {way}\nvirtual_ipaddress {{\n{own}/24\n}}\n}}\n"
        );
        let start =
            format!("printf '%s' '{conf}' >/etc/keepalived/keepalived.conf && systemctl restart keepalived");
        lab.stdout_of("lb3", &start);
        until("the stranger has its own address", READY, || {
            lab.stdout_of("lb3", "ip -o addr show").contains(&format!(" {own}/24 ")).then_some(())
        });
        assert_eq!(shared.is_whole(), holder, "a stranger takes nothing away ({way})");
        let shown = lab.stdout_of("lb3", "ip -o addr show");
        assert!(shown.contains(&format!(" {own}/24 ")), "and keeps its own: {shown}");
    }
    stage.lose_host("lb3");
}

fn install_keepalived(stage: &Stage, host: &str) {
    let install = match stage.lab.suite().family() {
        Family::Apt => {
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq keepalived >/dev/null"
        }
        Family::Dnf => "dnf -q -y install keepalived >/dev/null",
    };
    stage.lab.stdout_of(host, install);
}
