//! What depends on the family of packages: hosts of both in one cluster; dnf's repositories, keys, lock and half-done transactions.

use std::time::Duration;

use crate::faults::ways::mirror::{Manner, Mirror, SILENCE};
use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::lab::Host;
use crate::program::until;
use crate::release::{Family, Suite};
use crate::stage::{ALL, BROKERS, Stage, octet};

/// Debian's hosts and one of EL form a cluster: they have the same RabbitMQ. Whatever the lab's release, since only these two do.
pub fn one_cluster(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    stage.home.borrow_mut().forget_connections();
    lab.remove_hosts();
    lab.up_as(Suite::Bookworm, &["node1", "node2", "lb1"].map(|name| Host::new(name, octet(name))));
    lab.up_as(Suite::El9, &[Host::new("node3", octet("node3"))]);
    // The EL host has a broker with data, and with the cookie that Erlang generated at its first start: Debian's package would replace
    // that one.
    let install = Family::Dnf.install_broker();
    lab.stdout_of(
        "node3",
        &format!("hostnamectl set-hostname node3 && {install} && rabbitmqctl -q add_vhost shop"),
    );
    let cookies =
        || on_all(&BROKERS, |host| lab.stdout_of(host, "cat /var/lib/rabbitmq/.erlang.cookie || :"));
    let generated = cookies();
    assert!(generated[2].len() == 20 && generated[..2] == ["", ""], "{generated:?}");
    stage
        .up(&inventory)
        .expect(1)
        .says("node1, node2: the cluster's cookie, node3's, would not last on this host")
        .says("rabbitup run rotate-cookie")
        .says("Nothing was changed.");
    assert_eq!(cookies(), generated, "the hosts' cookies");
    // Two of the brokers are not installed yet, which `verify` reports.
    stage
        .rabbitup(&inventory)
        .args(["run", "rotate-cookie", "--yes"])
        .run()
        .expect(1)
        .says("switch rabbit@node3 to the new cookie");
    stage.up(&inventory).expect(0);
    // Configured again, as at each upgrade.
    let cookie = hosts::assert_cookie(lab, &BROKERS);
    lab.stdout_of("node1", "DEBIAN_FRONTEND=noninteractive dpkg-reconfigure rabbitmq-server >/dev/null 2>&1");
    assert_eq!(hosts::assert_cookie(lab, &BROKERS), cookie, "Debian's package left it");
    let versions = on_all(&BROKERS, |host| hosts::running_version(lab, host));
    assert!(versions.iter().all(|version| *version == versions[0]), "{versions:?}");
    stage.assert_serves();
    let services = hosts::all_services(lab, &["node1", "node2", "node3"]);
    stage.up(&inventory).expect(0).says("No changes. 4 hosts match the inventory.");
    stage.assert_nothing_to_do(&inventory);
    stage.rabbitup(&inventory).args(["doctor"]).run().expect(0);
    // The playbooks know each host's own package manager, units and paths.
    stage.playbook(&inventory, &["rolling-restart", "older-than=0s"]).expect(0);
    assert_ne!(hosts::all_services(lab, &BROKERS), services, "the brokers were restarted");
    stage.playbook(&inventory, &["rotate-cookie"]).expect(0);
    stage.assert_serves();
    stage.assert_nothing_to_do(&inventory);
    hosts::assert_tidy(lab, &ALL);
}

/// The repository of the vendor names its key by an address, as vendors' own files do. Prints the key's fingerprint.
const KEY_BY_ADDRESS: &str = "systemd-run -q --unit=keys --collect python3 -m http.server --bind 127.0.0.1 -d /srv/repo 8000 && \
    sed -i 's|^gpgkey=.*|gpgkey=http://127.0.0.1:8000/KEY-rabbitmq|' /etc/yum.repos.d/rabbitmq.repo && \
    timeout 20 sh -c 'until curl -fsSo /dev/null http://127.0.0.1:8000/KEY-rabbitmq; do sleep 0.1; done' && \
    gpg --with-colons --show-keys /srv/repo/KEY-rabbitmq 2>/dev/null | awk -F: '$1 == \"fpr\" { print $10; exit }'";

/// The keys that dnf and rpm have accepted: those of metadata lie in the cache.
const ACCEPTED_KEYS: &str =
    "find /var/cache/dnf -path '*/rabbitmq-*/pubring/*' -type f; rpm -qa 'gpg-pubkey*'";

/// dnf's own lock: a file with the number of a process.
const LOCK: &str = "systemd-run -q --unit=dnf-of-another sleep 300 && \
    systemctl show -p MainPID --value dnf-of-another >/var/lib/dnf/rpmdb_lock.pid";

/// One broker on EL, and nothing else. Whatever the lab's release: this is about dnf.
fn one_broker(stage: &Stage) -> Inventory {
    stage.home.borrow_mut().forget_connections();
    stage.lab.remove_hosts();
    stage.lab.up_as(Suite::El9, &[Host::new("node1", octet("node1"))]);
    ["node2", "node3", "lb1"].into_iter().fold(Inventory::whole(), Inventory::without)
}

/// Somebody's repository that does not answer, a key that comes over the network, a lock that another dnf holds.
pub fn repositories(stage: &Stage) {
    let lab = &stage.lab;
    let mut inventory = one_broker(stage);
    let vendors = "/etc/yum.repos.d/rabbitmq.repo";
    lab.stdout_of("node1", &format!("cp {vendors} /root/ && sed -i '/^gpgkey/d' {vendors}"));
    let keyless = "of the repository rabbitmq (repo_gpgcheck=1) cannot be verified: it has no gpgkey";
    stage.up(&inventory).expect(1).says(keyless).says("add to [rabbitmq] in /etc/yum.repos.d: gpgkey=");
    lab.stdout_of("node1", &format!("sed -i '/^repo_gpgcheck/d' {vendors}"));
    let keyless = "of the repository rabbitmq (gpgcheck=1) cannot be verified: it has no gpgkey";
    stage.up(&inventory).expect(1).says(keyless).says("add to [rabbitmq] in /etc/yum.repos.d: gpgkey=");
    lab.stdout_of("node1", &format!("cp /root/rabbitmq.repo {vendors} && rm -r /var/cache/dnf"));
    let fingerprint = lab.stdout_of("node1", KEY_BY_ADDRESS);

    let run = stage.up(&inventory).expect(1);
    run.says("the repository rabbitmq is signed with a key that this host does not trust")
        .says(&fingerprint)
        .says("http://127.0.0.1:8000/KEY-rabbitmq")
        .says(&format!("[package] keys = [\"{fingerprint}\"]"));
    assert_eq!(lab.stdout_of("node1", ACCEPTED_KEYS), "", "no key was accepted from the network");
    assert_eq!(lab.stdout_of("node1", "rpm -qa rabbitmq-server erlang"), "", "nothing was installed");

    inventory.package = vec![format!("keys = [\"{fingerprint}\"]"), "hold = true".to_owned()];
    lab.stdout_of("node1", LOCK);
    // Somebody's repository that accepts connections and sends nothing. dnf tries it four times, for as long as its timeout.
    let mirror = Mirror::start(lab, Family::Dnf, &["node1"]);
    let foreign = format!("{}/{SILENCE}", mirror.source());
    lab.stdout_of(
        "node1",
        &format!(
            "printf '[foreign]\\nname=foreign\\nbaseurl={foreign}\\ngpgkey={foreign}/KEY {foreign}/OTHER\\n' >/etc/yum.repos.d/foreign.repo && \
             echo timeout=2 >>/etc/dnf/dnf.conf"
        ),
    );
    let mut waits = stage.rabbitup(&inventory).args(["up", "--yes", "--json"]).spawn();
    waits.wait_for("; waiting");
    assert_eq!(lab.stdout_of("node1", "rpm -qa rabbitmq-server"), "", "it waits");
    lab.stdout_of("node1", "systemctl stop dnf-of-another");
    waits.wait().expect(0).says("installed without these repositories, which could not be read: foreign");
    until("node1 runs", Duration::from_secs(10), || {
        lab.run_on("node1", "systemctl -q is-active rabbitmq-server").status.success().then_some(())
    });
    assert!(lab.stdout_of("node1", ACCEPTED_KEYS).contains("gpg-pubkey-"), "the key was accepted");
    // The steps `packages` and `hold`: metadata, download and transaction, the plugin for the hold, its list and its locks.
    let tries = mirror.unanswered();
    assert!(
        (1..=2 * 5).contains(&tries),
        "{tries} requests: in each step one for the keys and four of one dnf"
    );
    hosts::assert_tidy(lab, &["node1"]);
    lab.stdout_of("node1", "rm /etc/yum.repos.d/foreign.repo");
    stage.assert_nothing_to_do(&inventory);
    silent_mirror(stage, &inventory, &mirror);
}

/// A mirror that sends nothing, and one that stops in the middle of a package: the step names it, and the next run goes on.
fn silent_mirror(stage: &Stage, inventory: &Inventory, mirror: &Mirror) {
    let lab = &stage.lab;
    mirror.enter(lab);
    lab.stdout_of("node1", "dnf -q -y remove chrony");
    mirror.set(Manner::IsSilent);
    stage
        .up(inventory)
        .expect(1)
        .says("no repository of this host offers chrony; these repositories could not be read: ")
        .says("lab-appstream (Operation too slow")
        .says(&format!("at {})", mirror.source()));
    mirror.set(Manner::StopsHalfWay);
    stage
        .up(inventory)
        .expect(1)
        .says("could not be downloaded from the repository lab-appstream: Operation too slow")
        .says(&format!("at {}", mirror.source()));
    mirror.set(Manner::Answers);
    stage.up(inventory).expect(0);
    stage.assert_nothing_to_do(inventory);
}

/// Waits until rpm has the old version and the new one, and kills all of the run on this host at once: shell, dnf and all.
const KILL_HALF_WAY: &str = "timeout 120 sh -c 'until HALF_WAY; do :; done' && cat /run/rabbitup-*.work | { \
    read -r pid session; kill -9 \"$pid\" $(pgrep -s \"$session\") $(pgrep -x dnf); :; }";

/// What keeps the broker from starting while packages are installed ends with the run that put it there, however that ends.
pub fn killed_upgrade(stage: &Stage) {
    let lab = &stage.lab;
    let inventory = one_broker(stage);
    stage.up(&inventory).expect(0);
    lab.stdout_of("node1", &Family::Dnf.offer("next"));
    let next = lab.stdout_of("node1", Family::Dnf.next_version());
    let version = format!("version={next}");
    let upgrade = || stage.rabbitup(&inventory).args(["run", "upgrade", &version, "--yes"]);
    let run = upgrade().spawn();
    lab.stdout_of("node1", &KILL_HALF_WAY.replace("HALF_WAY", Family::Dnf.half_way()));
    run.wait().expect(1);
    let guard = "ls /run/systemd/system/rabbitmq-server.service.d/rabbitup-install.conf && rpm -q rabbitmq-server | wc -l";
    assert!(lab.stdout_of("node1", guard).ends_with("\n2"), "it was hit half-way");
    lab.stdout_of("node1", "systemctl start rabbitmq-server && systemctl is-active rabbitmq-server");

    stage.rabbitup(&inventory).args(["status"]).run().says("partly installed");
    upgrade().run().expect(0);
    assert_eq!(lab.stdout_of("node1", Family::Dnf.half_installed()), "");
    assert_eq!(lab.stdout_of("node1", Family::Dnf.installed_version()), next);
    hosts::assert_tidy(lab, &["node1"]);
    upgrade().run().expect(0).says("No changes.");
}
