//! Clusters that people made in the usual ways, and an inventory that says no more than hosts and addresses.

use crate::hosts::{self, on_all};
use crate::release::Family;
use crate::scenarios::adoption;
use crate::stage::{BROKERS, Stage, octet};

/// As the clustering tutorials do it: packages, lines in /etc/hosts, the cookie of the first node copied to the others, `join_cluster`, plugins.
const TUTORIAL: &str = "timeout 240 rabbitmqctl -q await_startup && timeout 240 rabbitmq-plugins -q enable rabbitmq_management >/dev/null";

/// What the usual roles leave on a host: a configuration with peer discovery and its own header, variables that say the defaults, a limit in
/// a drop-in of its own, and plugins in their order.
const ROLE: &str = "set -e; mkdir -p /etc/rabbitmq /etc/systemd/system/rabbitmq-server.service.d
cat >/etc/rabbitmq/rabbitmq.conf <<'CONF'
# Ansible managed
## Networking
listeners.tcp.default = 5672
vm_memory_high_watermark.relative = 0.6
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = rabbit@node1
cluster_formation.classic_config.nodes.2 = rabbit@node2
cluster_formation.classic_config.nodes.3 = rabbit@node3
cluster_partition_handling = pause_minority
CONF
printf 'NODENAME=rabbit@%s\\nUSE_LONGNAME=false\\nNODE_PORT=5672\\n' \"$(hostname -s)\" >/etc/rabbitmq/rabbitmq-env.conf
printf '%% Ansible managed\\n[rabbitmq_prometheus, rabbitmq_management].\\n' >/etc/rabbitmq/enabled_plugins
printf '[Service]\\nLimitNOFILE=64000\\n' >/etc/systemd/system/rabbitmq-server.service.d/limits.conf
systemctl daemon-reload";

/// No more than hosts and addresses.
fn minimal(stage: &Stage) -> String {
    let mut text = format!("[ssh]\nconfig = \"{}\"\n", stage.lab.ssh_config().display());
    for host in BROKERS {
        let address = stage.lab.address(octet(host));
        text += &format!("[[host]]\nname = \"{host}\"\naddress = \"{address}\"\nroles = [\"broker\"]\n");
    }
    text
}

/// Names, packages, one cookie: that of node1, which gets `first` before. The others get `then`, and start anew.
pub fn prepare(stage: &Stage, first: &str, then: &str) {
    let lab = &stage.lab;
    let lines = BROKERS.map(|host| format!("{} {host}", lab.address(octet(host)))).join("\\n");
    let install = lab.suite().family().install_broker();
    let time = match lab.suite().family() {
        Family::Apt => "DEBIAN_FRONTEND=noninteractive apt-get -qqy install chrony >/dev/null 2>&1",
        Family::Dnf => "dnf -qy install chrony >/dev/null && systemctl enable --now chronyd",
    };
    on_all(&BROKERS, |host| {
        lab.stdout_of(host, &format!("hostnamectl set-hostname {host} && printf '{lines}\\n' >>/etc/hosts"));
        lab.stdout_of(host, install);
        // Any provider's host keeps its time.
        lab.stdout_of(host, time);
        lab.stdout_of(
            host,
            "systemctl enable --now rabbitmq-server 2>/dev/null && timeout 240 rabbitmqctl -q await_startup",
        );
    });
    lab.stdout_of("node1", first);
    let cookie = lab.stdout_of("node1", "base64 -w 0 /var/lib/rabbitmq/.erlang.cookie");
    on_all(&BROKERS[1..], |host| {
        lab.stdout_of(
            host,
            &format!(
                "set -e; systemctl stop rabbitmq-server; cd /var/lib/rabbitmq; chmod 600 .erlang.cookie; \
                 echo {cookie} | base64 -d >.erlang.cookie; chmod 400 .erlang.cookie; {then}; systemctl start rabbitmq-server"
            ),
        )
    });
}

/// The others enter the cluster of node1, one after the other.
pub fn join(stage: &Stage, seed: &str) {
    for host in &BROKERS[1..] {
        stage.lab.stdout_of(
            host,
            &format!(
                "set -e; timeout 240 rabbitmqctl -q await_startup; exec >/dev/null; timeout 240 rabbitmqctl -q stop_app; \
                 timeout 240 rabbitmqctl -q reset; timeout 240 rabbitmqctl -q join_cluster {seed}; timeout 240 rabbitmqctl -q start_app"
            ),
        );
    }
}

/// Nothing to do, and nothing restarted by a run.
fn is_taken_over(stage: &Stage) {
    let lab = &stage.lab;
    hosts::assert_cluster(lab, &BROKERS);
    let inventory = minimal(stage);
    let (services, files) = (hosts::all_services(lab, &BROKERS), hosts::all_files(lab, &BROKERS));
    stage.rabbitup_on(&inventory).args(["plan"]).run().expect(0).says("No changes.");
    stage.rabbitup_on(&inventory).args(["up", "--yes"]).run().expect(0).says("No changes.");
    stage.rabbitup_on(&inventory).args(["doctor"]).run().expect(0);
    stage.rabbitup_on(&inventory).args(["status"]).run().expect(0);
    assert_eq!(hosts::all_services(lab, &BROKERS), services);
    hosts::assert_untouched(lab, &BROKERS, &files);
}

pub fn by_tutorial(stage: &Stage) {
    let lab = &stage.lab;
    prepare(stage, ":", ":");
    join(stage, "rabbit@node1");
    on_all(&BROKERS, |host| lab.stdout_of(host, TUTORIAL));
    is_taken_over(stage);
    adoption::by_address(stage);
    adoption::not_whole(stage);
}

pub fn by_role(stage: &Stage) {
    let lab = &stage.lab;
    let first =
        format!("{ROLE}; systemctl restart rabbitmq-server; timeout 240 rabbitmqctl -q await_startup");
    // Peer discovery is for nodes without data, which the package's own start has made.
    prepare(stage, &first, &format!("{ROLE}; rm -rf /var/lib/rabbitmq/mnesia/*"));
    on_all(&BROKERS, |host| lab.stdout_of(host, "timeout 240 rabbitmqctl -q await_startup"));
    is_taken_over(stage);
    adoption::of_a_role(stage);
}
