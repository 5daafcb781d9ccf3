//! Clusters of which there is no inventory: `adopt` writes one, with which nothing is to do.

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::program::Run;
use crate::release::Family;
use crate::scenarios::by_hand;
use crate::stage::{BROKERS, Stage, octet};

/// What an earlier scenario wrote is gone.
fn forget(stage: &Stage) {
    let _ = std::fs::remove_file(stage.home.borrow().path("adopted.toml"));
}

/// `adopt` with these words.
fn adopt(stage: &Stage, words: &[&str]) -> Run {
    adopt_by(stage, &stage.lab.ssh_config().display().to_string(), words)
}

/// `adopt` with this configuration of ssh.
fn adopt_by(stage: &Stage, config: &str, words: &[&str]) -> Run {
    let home = stage.home.borrow();
    let words = ["adopt", "--ssh-config", config].into_iter().chain(words.iter().copied());
    home.rabbitup(&home.path("adopted.toml")).args(words).run()
}

fn written(stage: &Stage) -> String {
    std::fs::read_to_string(stage.home.borrow().path("adopted.toml")).expect("it was written")
}

/// A run with what was written.
fn with_it(stage: &Stage, words: &[&str]) -> Run {
    let home = stage.home.borrow();
    home.rabbitup(&home.path("adopted.toml")).args(words.iter().copied()).run()
}

/// Nothing on the hosts has changed, and nothing is to do.
fn is_adopted(stage: &Stage, words: &[&str]) -> String {
    let lab = &stage.lab;
    let (services, files) = (hosts::all_services(lab, &BROKERS), hosts::all_files(lab, &BROKERS));
    forget(stage);
    adopt(stage, words).expect(0).says("3 brokers. A plan has nothing to do.").says("adopted.toml plan");
    assert_eq!(hosts::all_services(lab, &BROKERS), services);
    hosts::assert_untouched(lab, &BROKERS, &files);
    let text = written(stage);
    assert!(text.contains("`rabbitup plan` has nothing to do"), "{text}");
    with_it(stage, &["plan"]).expect(0).says("No changes.");
    with_it(stage, &["status"]).expect(0);
    text
}

/// Named by its address; the others are reached at theirs.
pub fn by_address(stage: &Stage) {
    let address = stage.lab.address(11);
    let text = is_adopted(stage, &[&address]);
    assert!(text.contains("plugins = [\"rabbitmq_management\"]"), "{text}");
    assert!(!text.contains("ssh = {") && !text.contains("[cluster.config]"), "{text}");
    for host in BROKERS {
        let lines = format!("name = \"{host}\"\naddress = \"{}\"\n", stage.lab.address(octet(host)));
        assert!(text.contains(&lines), "{host}\n{text}");
    }
    // A file that is there stays, unless it is to go; standard output is another place.
    adopt(stage, &[&address]).expect(64).says("exists already");
    let home = stage.home.borrow().path("adopted.toml").display().to_string();
    let told = adopt(stage, &["--force", "--json", &address]).expect(0).json();
    assert_eq!(
        (told["inventory"].as_str(), told["left"].as_array().map(Vec::len)),
        (Some(home.as_str()), Some(0))
    );
    adopt(stage, &["-o", "-", &address]).expect(0).says("[[host]]");
    held(stage, &address);
}

/// Packages that the operator holds: of RabbitMQ alone, as most people do it, and with Erlang.
fn held(stage: &Stage, address: &str) {
    let lab = &stage.lab;
    if lab.suite().family() != Family::Apt {
        return;
    }
    let each = |line: &str| drop(on_all(&BROKERS, |host| lab.stdout_of(host, line)));
    let told = || adopt(stage, &["-o", "-", address]).expect(0).says("`rabbitup plan` has nothing to do");
    each("apt-mark -qq hold rabbitmq-server");
    told().says("# rabbitmq-server is held on ");
    each("apt-mark -qq hold erlang-base");
    told().says("hold = true");
    each("apt-mark -qq unhold rabbitmq-server erlang-base");
}

/// By an alias of ssh's configuration, as which the others are reached, too; with what a role has set up, and another's secret.
pub fn of_a_role(stage: &Stage) {
    let lab = &stage.lab;
    on_all(&BROKERS, |host| {
        lab.stdout_of(host, "printf 'default_pass = not-for-you\\n' >>/etc/rabbitmq/rabbitmq.conf; touch -d '2 days ago' /etc/rabbitmq/rabbitmq.conf")
    });
    let text = is_adopted(stage, &["node2"]);
    for line in [
        "ssh = { host = \"node3\" }",
        "# The limit of open files is 64000 (/etc/systemd/system/",
        "plugins = [\"rabbitmq_management\", \"rabbitmq_prometheus\"]",
        "# cluster_partition_handling = \"pause_minority\"",
        "# default_pass = { from = \"env\", name = \"RABBITUP_DEFAULT_PASS\" }",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("not-for-you"), "{text}");
}

/// Refused, by name: a host without a broker, a member that does not run, one that cannot be reached, one on which nothing may be done.
pub fn not_whole(stage: &Stage) {
    let lab = &stage.lab;
    let first = lab.address(11);
    let refused = |words: &[&str], what: &str| {
        let words: Vec<&str> = ["--force"].into_iter().chain(words.iter().copied()).collect();
        adopt(stage, &words).expect(1).says(what)
    };
    let before = written(stage);
    refused(&["lb1"], "no RabbitMQ node runs on this host").says("rabbitmq-server is not installed");
    lab.stdout_of("node3", "systemctl stop rabbitmq-server");
    refused(&[&first], "rabbit@node3 is a member and does not run").says("systemctl start rabbitmq-server");
    refused(&["node3"], "the unit rabbitmq-server is inactive").says("systemctl start rabbitmq-server");
    lab.stdout_of("node3", "systemctl start rabbitmq-server && timeout 240 rabbitmqctl -q await_startup");
    lab.stdout_of(
        "node3",
        "systemctl stop ssh.socket ssh 2>/dev/null; systemctl stop sshd 2>/dev/null; true",
    );
    stage.home.borrow_mut().forget_connections();
    refused(&[&first], "node3").says("no connection");
    refused(&["node3"], "node3: no connection").says("sshd listens");
    lab.stdout_of(
        "node3",
        "systemctl start ssh.socket 2>/dev/null || systemctl start ssh 2>/dev/null || systemctl start sshd",
    );
    lab.stdout_of("node3", "cp -p /etc/sudoers.d/ops /root/; echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops");
    refused(&["node3"], "logged in, but sudo asks for a password").says("--ask-become-pass");
    lab.stdout_of("node3", "cp -p /root/ops /etc/sudoers.d/");
    unknown_key(stage);
    assert_eq!(written(stage), before, "a refused run leaves the file as it is");
    // A node of another name, on a host of its own.
    let hare =
        "set -e; hostnamectl set-hostname lb1; printf 'NODENAME=hare\\n' >/etc/rabbitmq/rabbitmq-env.conf";
    let install = lab.suite().family().install_broker();
    lab.stdout_of("lb1", &format!("mkdir -p /etc/rabbitmq; {hare}; {install}"));
    lab.stdout_of(
        "lb1",
        "systemctl enable --now rabbitmq-server 2>/dev/null && timeout 240 rabbitmqctl -q await_startup",
    );
    refused(&["lb1"], "hare@lb1").says("a node cannot be renamed with its data");
}

/// A host whose key nobody has accepted yet, and how it is accepted here.
fn unknown_key(stage: &Stage) {
    let own = stage.lab.dir().join("known_hosts").display().to_string();
    let (config, known) = {
        let home = stage.home.borrow();
        (home.path("strangers.config"), home.path("strangers"))
    };
    let text = std::fs::read_to_string(stage.lab.ssh_config()).expect("the lab has one");
    std::fs::write(&known, "").expect("the home is writable");
    std::fs::write(&config, text.replace(&own, &known.display().to_string())).expect("the home is writable");
    let config = config.display().to_string();
    stage.home.borrow_mut().forget_connections();
    let run = adopt_by(stage, &config, &["--force", "node1"]).expect(1).says("the host key is unknown");
    run.says("compare the fingerprint").says("said on the command line").says("--accept-new");
    let run = adopt_by(stage, &config, &["--accept-new", "-o", "-", "node1"]).expect(0);
    run.says("host_keys = \"accept-new\"");
    stage.home.borrow_mut().forget_connections();
}

/// The data on another disk; one host has its own name on a loopback address, which is announced, and corrected by a run.
pub fn data_elsewhere(stage: &Stage) {
    let moved = "mkdir -p /srv/rabbit /etc/rabbitmq; chown rabbitmq: /srv/rabbit; \
                 printf 'MNESIA_BASE=/srv/rabbit\\n' >/etc/rabbitmq/rabbitmq-env.conf";
    let first =
        format!("{moved}; systemctl restart rabbitmq-server; timeout 240 rabbitmqctl -q await_startup");
    by_hand::prepare(stage, &first, moved);
    by_hand::join(stage, "rabbit@node1");
    stage.lab.stdout_of("node1", "timeout 240 rabbitmqctl -q set_cluster_name orders; timeout 240 rabbitmqctl -q add_vhost sales >/dev/null");
    // Debian's installer has the host's own name on a loopback address.
    stage.lab.stdout_of("node2", "sed -i '/ node2$/d' /etc/hosts; echo '127.0.1.1 node2' >>/etc/hosts");
    forget(stage);
    let run = adopt(stage, &["node1"]).expect(0);
    run.says("node2: write the cluster's host names to /etc/hosts");
    let text = written(stage);
    assert!(
        text.contains("name = \"orders\"") && text.contains("#   node2: write the cluster's host names"),
        "{text}"
    );
    assert!(
        text.contains(&format!("address = \"{}\"", stage.lab.address(12))),
        "as the others find it\n{text}"
    );
    with_it(stage, &["up", "--yes"]).expect(0).says("Done").says("1 step done");
    is_adopted(stage, &["node1"]);
    let vhosts = stage.lab.stdout_of("node3", "timeout 240 rabbitmqctl -q list_vhosts");
    assert!(vhosts.contains("sales"), "{vhosts}");
}

pub fn long_names(stage: &Stage) {
    let lab = &stage.lab;
    let full = |host: &str| format!("{host}.lab.example");
    let lines = BROKERS.map(|host| format!("{} {}", lab.address(octet(host)), full(host))).join("\\n");
    let long = format!(
        "printf '{lines}\\n' >>/etc/hosts; hostnamectl set-hostname $(hostname -s).lab.example; \
         printf 'USE_LONGNAME=true\\n' >/etc/rabbitmq/rabbitmq-env.conf; systemctl stop epmd 2>/dev/null || :; rm -rf /var/lib/rabbitmq/mnesia/*"
    );
    let first = format!(
        "systemctl stop rabbitmq-server; {long}; systemctl start rabbitmq-server; timeout 240 rabbitmqctl -q await_startup"
    );
    by_hand::prepare(stage, &first, &long);
    by_hand::join(stage, "rabbit@node1.lab.example");
    let text = is_adopted(stage, &["node1"]);
    assert!(text.contains("names = \"long\"") && text.contains("name = \"node3.lab.example\""), "{text}");
}

/// node2 and node3 are RAM nodes: a disc node stands first, and is the seed node.
pub fn with_ram_nodes(stage: &Stage) {
    let told = adopt(stage, &["-o", "-", "node2"]).expect(0).says("`rabbitup plan` has nothing to do");
    let hosts: Vec<&str> = told.out.split("[[host]]").skip(1).collect();
    let is_ram = hosts.iter().map(|host| host.contains("node_type = \"ram\"")).collect::<Vec<_>>();
    assert!(hosts[0].contains("name = \"node1\"") && is_ram == [false, true, true], "{told}");
}

/// What rabbitup made itself, whose inventory is lost, with its load balancer.
pub fn again(stage: &Stage) {
    let lb = format!("lb1={}", stage.lab.address(21));
    // A login of the statistics page is a secret, which no file on the hosts may tell.
    let inventory = Inventory { balancer: vec!["stats = { port = 8404 }".to_owned()], ..Inventory::whole() };
    stage.up(&inventory).expect(0);
    forget(stage);
    let run = adopt(stage, &["--load-balancer", &lb, "node1"]).expect(0);
    let text = written(stage);
    run.says("A plan has nothing to do.");
    assert!(text.contains("[load_balancer]\nsoftware = "), "{text}");
    with_it(stage, &["plan"]).expect(0).says("No changes.");
    with_it(stage, &["status"]).expect(0).says("Load balancer lb1");
    adopt(stage, &["--force", "lb1"])
        .expect(1)
        .says("HAProxy runs: it is a load balancer")
        .says("--load-balancer");
    // A configuration of somebody else's is not taken over without being asked.
    let conf = "f=/etc/haproxy/haproxy.cfg; cp -p $f /root/; sed -i '1,2d' $f; touch -r /root/haproxy.cfg $f";
    stage.lab.stdout_of("lb1", conf);
    adopt(stage, &["--force", "--load-balancer", &lb, "node1"]).expect(0).says("A plan has nothing to do.");
    let text = written(stage);
    assert!(
        text.contains("# [load_balancer]") && text.contains("#   lb1: write /etc/haproxy/haproxy.cfg"),
        "{text}"
    );
    stage.lab.stdout_of("lb1", "cp -p /root/haproxy.cfg /etc/haproxy/");
    stage.assert_nothing_to_do(&inventory);
}
