//! Hosts that were set up partly by hand.

use crate::amqp;
use crate::hosts::{self, on_all};
use crate::inventory::{ADMIN_PASSWORD, Inventory};
use crate::release::Suite;
use crate::stage::{ALL, BROKERS, Stage};

/// The tutorial, followed halfway: names are set, packages installed and started with cookies of their
/// own, and on node3 the cookie was copied without the restart that it needs.
pub fn half_done(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let rendered = |template: &str, host: &str| {
        let run = stage.rabbitup(&inventory).args(["render", template, "--host", host]).run().expect(0);
        run.out
    };
    on_all(&ALL, |host| lab.stdout_of(host, &format!("hostnamectl set-hostname {host}")));
    let install = lab.suite().family().install_broker();
    let confs = BROKERS.map(|host| rendered("rabbitmq", host));
    on_all(&BROKERS, |host| {
        let conf = &confs[BROKERS.iter().position(|broker| *broker == host).expect("it is a broker")];
        // Nodes start alone, as in the tutorial: without the lines by which they would find node1.
        let conf: String = conf
            .lines()
            .filter(|line| !line.starts_with("cluster_formation"))
            .map(|line| format!("{line}\n"))
            .collect();
        let configure =
            format!("mkdir -p /etc/rabbitmq && cat >/etc/rabbitmq/rabbitmq.conf <<'CONF'\n{conf}CONF\n");
        lab.stdout_of(host, &format!("echo '127.0.1.1 {host}' >>/etc/hosts"));
        // Debian 11's package reads a rabbitmq.conf that exists before it in the format before 3.7.
        let first = lab.suite() != Suite::Bullseye;
        if first {
            lab.stdout_of(host, &configure);
        }
        lab.stdout_of(
            host,
            &format!(
                "mkdir -p /etc/rabbitmq && echo '[rabbitmq_management,rabbitmq_prometheus].' >/etc/rabbitmq/enabled_plugins && \
                 {install} && systemctl is-active rabbitmq-server && timeout 60 rabbitmqctl -q await_startup"
            ),
        );
        if !first {
            lab.stdout_of(host, &configure);
            lab.stdout_of(
                host,
                "systemctl restart rabbitmq-server && timeout 60 rabbitmqctl -q await_startup",
            );
        }
    });
    let cookies = on_all(&BROKERS, |host| lab.stdout_of(host, "cat /var/lib/rabbitmq/.erlang.cookie"));
    assert!(cookies[0] != cookies[1] && cookies[1] != cookies[2], "every package made its own cookie");
    // Byte for byte, like scp: with the line end that Debian's package gives its cookie, and Erlang does not.
    let copy = lab.stdout_of("node1", "base64 -w 0 /var/lib/rabbitmq/.erlang.cookie");
    lab.stdout_of(
        "node3",
        &format!(
            "cd /var/lib/rabbitmq && chmod 600 .erlang.cookie && echo {copy} | base64 -d >.erlang.cookie && \
             chmod 400 .erlang.cookie"
        ),
    );
    let started =
        |host: &str| hosts::unit_number(lab, host, "rabbitmq-server", "ActiveEnterTimestampMonotonic");
    let before = BROKERS.map(started);

    let plan = stage.planned(&inventory);
    let has = |step: &str| plan.iter().any(|planned| planned.starts_with(step));
    assert!(has("node2 install the Erlang cookie") && has("node2 restart"), "{plan:#?}");
    assert!(!has("node3 install the Erlang cookie") && has("node3 restart"), "{plan:#?}");
    assert!(!has("node1 install the Erlang cookie") && !has("node1 restart"), "{plan:#?}");
    let joins: Vec<&String> = plan.iter().filter(|step| step.contains(" join ")).collect();
    assert!(joins.len() == 2 && joins[0].starts_with("node2") && joins[1].starts_with("node3"), "{plan:#?}");

    stage.up(&inventory).expect(0);
    let after = BROKERS.map(started);
    assert_eq!(after[0], before[0], "the seed node was restarted, for no reason");
    assert!(after[1] > before[1] && after[2] > before[2], "who ran with another cookie was restarted");
    for host in ["node2", "node3"] {
        assert_eq!(hosts::broker_starts(lab, host), 2, "how often the broker of {host} was started");
    }
    assert_eq!(
        lab.stdout_of("node1", "cat /var/lib/rabbitmq/.erlang.cookie"),
        cookies[0],
        "the seed node's cookie stays"
    );
    stage.assert_serves();
    stage.assert_nothing_to_do(&inventory);
}

/// A cluster that was set up by hand, with different names: its lines stay, its brokers keep running.
pub fn taken_over(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let lines = ALL.map(|host| format!("{} {host}", lab.address(crate::stage::octet(host)))).join("\\n");
    on_all(&ALL, |host| {
        lab.stdout_of(
            host,
            &format!(
                "sed -i '/^# BEGIN rabbitup/,/^# END rabbitup/d' /etc/hosts && \
                 printf '{lines}\\n192.0.2.7 printer # second floor\\n' >>/etc/hosts"
            ),
        )
    });
    lab.stdout_of(
        "lb1",
        "sed -i 1,2d /etc/haproxy/haproxy.cfg && echo '# by hand' >>/etc/haproxy/haproxy.cfg",
    );
    lab.stdout_of("node2", "timeout 60 rabbitmqctl -q set_cluster_name somebodys >/dev/null");
    let services = hosts::all_services(lab, &ALL);
    let mut plan = stage.planned(&inventory);
    plan.sort();
    // The names in /etc/hosts are right as they are.
    assert_eq!(plan, ["lb1 write /etc/haproxy/haproxy.cfg", "node1 name the cluster orders"]);
    stage.up(&inventory).expect(0).says("its name is somebodys");
    on_all(&ALL, |host| {
        let file = lab.stdout_of(host, "cat /etc/hosts");
        assert!(
            file.contains("192.0.2.7 printer # second floor") && !file.contains("# BEGIN rabbitup"),
            "{host}: {file}"
        );
        assert_eq!(file.matches(" node3").count(), 1, "no name twice on {host}: {file}");
    });
    assert_eq!(hosts::all_services(lab, &ALL), services, "nothing of it needs a restart");
    stage.assert_serves();
}

/// A broker with queues, users and virtual hosts of its own is not joined, since that would wipe it, until it
/// is named.
pub fn own_data(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    // It leaves its cluster and starts alone: without the configuration by which it would rejoin.
    lab.stdout_of(
        "node3",
        "set -e; exec >/dev/null; conf=/etc/rabbitmq/rabbitmq.conf; timeout 60 rabbitmqctl -q stop_app; \
         timeout 60 rabbitmqctl -q reset; systemctl stop rabbitmq-server; mv $conf $conf.away; \
         systemctl start rabbitmq-server; timeout 60 rabbitmqctl -q await_startup; mv $conf.away $conf; \
         timeout 60 rabbitmqctl -q set_policy short '^x' '{\"max-length\":5}'; systemctl stop rabbitmq-server",
    );
    // A plan cannot list the data of a stopped node: the step checks it when it runs, and naming the node is not enough.
    let run = stage.rabbitup(&inventory).args(["up", "--yes", "--destroy-data", "node3"]).run().expect(1);
    run.says("the data of rabbit@node3 can be seen only while it runs")
        .says("rabbit@node3 has data of its own (1 policies), which joining rabbit@node1 would destroy");
    let left = "timeout 60 rabbitmqctl -q list_policies --silent; \
                timeout 60 rabbitmqctl -q eval 'rabbit_maintenance:is_being_drained_local_read(node()).'";
    let left = lab.stdout_of("node3", left);
    assert!(left.contains("max-length") && left.contains("false"), "it serves with what it had: {left}");
    lab.stdout_of(
        "node3",
        "set -e; exec >/dev/null; timeout 60 rabbitmqctl -q add_vhost legacy; timeout 60 rabbitmqctl -q add_user keeper keeper-password; \
         timeout 60 rabbitmqctl -q set_permissions -p / keeper '.*' '.*' '.*'",
    );
    amqp::publish(&lab.address(13), ("keeper", "keeper-password"), "invoices", "classic", 3)
        .expect("messages on node3 alone");
    // Each is counted, however many there are: past a limit the answer was once zero.
    lab.stdout_of(
        "node3",
        "timeout 60 rabbitmqctl -q eval '[rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"many-\", \
         (integer_to_binary(N))/binary>>), true, false, [], none, <<\"keeper\">>) || N <- lists:seq(1, 250)], ok.'",
    );
    let files = hosts::all_files(lab, &ALL);
    let services = hosts::all_services(lab, &ALL);
    let run = stage.up(&inventory).expect(1);
    let run = run.says("node3: rabbit@node3 has data of its own").says("251 queues with 3 messages");
    let run = run.says("invoices").says("virtual hosts legacy").says("keeper").says("--destroy-data node3");
    let run = run.says("Nothing was changed.");
    assert!(!run.out.contains("keeper-password"));
    // Naming another node counts as naming none.
    stage.rabbitup(&inventory).args(["up", "--yes", "--destroy-data", "node2"]).run().expect(1);
    hosts::assert_untouched(lab, &ALL, &files);
    assert_eq!(hosts::all_services(lab, &ALL), services, "services");

    // The plan shows what is deleted; later data is not deleted with it.
    let path = stage.home.borrow().path("destroy.plan").display().to_string();
    let args = ["plan", "--destroy-data", "node3", "-o", &path];
    let plan = stage.rabbitup(&inventory).args(args).run().expect(0);
    plan.says("destroys 251 queues with 3 messages").says("invoices (3 messages)").says("policies //short");
    amqp::publish(&lab.address(13), ("keeper", "keeper-password"), "invoices", "classic", 2)
        .expect("two messages more");
    let run = stage.rabbitup(&inventory).args(["apply", &path, "--yes"]).run().expect(1);
    run.says("rabbit@node3 has more data than the plan showed: 5 messages");
    let vhosts = lab.stdout_of("node3", "timeout 60 rabbitmqctl -q list_vhosts --silent");
    assert!(vhosts.contains("legacy"), "nothing was destroyed: {vhosts}");
    stage.rabbitup(&inventory).args(["up", "--yes", "--destroy-data", "node3"]).run().expect(0);
    stage.assert_serves();
    let vhosts = lab.stdout_of("node3", "timeout 60 rabbitmqctl -q list_vhosts --silent");
    assert_eq!(vhosts, "/", "what node3 had is gone, as was said");
    let admin = amqp::login(&lab.address(13), crate::inventory::ADMIN, ADMIN_PASSWORD);
    admin.expect("node3 has the cluster's users");
}
