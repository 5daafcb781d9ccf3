//! Problems of a single host.

use super::Act::{Run, Until};
use super::{CASE, Case, Fix};

/// Instead of the cluster's cookie.
pub const OTHER_COOKIE: &str = "e2e-other-cookie-of-nobody";

const PUT_COOKIE_BACK: Fix =
    Fix::ByHand(&[Run("node2", "cp -p /root/e2e-kept/cookie /var/lib/rabbitmq/.erlang.cookie")]);

/// The directory of logs is full while the broker's own, beneath it, stays where it is.
macro_rules! log_disk {
    ($options:literal, $fill:literal) => {
        concat!(
            "install -d /run/e2e-logs && mount --bind /var/log/rabbitmq /run/e2e-logs && mount -t tmpfs -o ",
            $options,
            " tmpfs /var/log && mkdir /var/log/rabbitmq && mount --bind /run/e2e-logs /var/log/rabbitmq && ",
            $fill
        )
    };
}
const LOG_DISK_BACK: Fix =
    Fix::ByHand(&[Run("node2", "umount /var/log/rabbitmq /var/log /run/e2e-logs && rmdir /run/e2e-logs")]);

pub const CASES: &[Case] = &[
    Case {
        name: "a host that ssh does not get into",
        // What was open is closed as well.
        breaks: &[Run("node3", "systemctl kill {sshd}; systemctl stop {sshd}")],
        cause: "unreachable",
        host: "node3",
        evidence: &["Connection refused"],
        fix: Fix::ByHand(&[Run("node3", "systemctl start {sshd}")]),
        ..CASE
    },
    Case {
        name: "a load balancer that does not start",
        breaks: &[
            Run(
                "lb1",
                "echo nonsense-of-e2e >>/etc/haproxy/haproxy.cfg; systemctl stop haproxy; systemctl start haproxy || :",
            ),
            Until("lb1", "systemctl is-failed -q haproxy"),
        ],
        cause: "balancer-down",
        host: "lb1",
        evidence: &["the unit haproxy is failed", "nonsense-of-e2e"],
        ..CASE
    },
    Case {
        name: "a host that calls itself otherwise",
        breaks: &[Run("node2", "hostname elsewhere")],
        cause: "host-name-differs",
        host: "node2",
        evidence: &["elsewhere"],
        ..CASE
    },
    Case {
        name: "a disk without space",
        breaks: &[Run("node2", log_disk!("size=64k", "{ head -c 1M /dev/zero >/var/log/fill || :; }"))],
        cause: "disk-full",
        host: "node2",
        evidence: &["/var/log"],
        fix: LOG_DISK_BACK,
        ..CASE
    },
    Case {
        name: "a disk without inodes",
        breaks: &[Run("node2", log_disk!("size=8g,nr_inodes=3", "touch /var/log/last"))],
        cause: "disk-full",
        host: "node2",
        evidence: &["/var/log", "inode"],
        fix: LOG_DISK_BACK,
        ..CASE
    },
    Case {
        name: "a clock that is off",
        breaks: &[Run("node2", crate::scenarios::trouble::SHIFT_CLOCK)],
        cause: "clock-off",
        host: "node2",
        evidence: &["1 min 30 s ahead"],
        fix: Fix::ByHand(&[Run("node2", "rm /usr/sbin/date")]),
        ..CASE
    },
    Case {
        name: "a cookie that is missing",
        breaks: &[Run("node2", "rm /var/lib/rabbitmq/.erlang.cookie")],
        cause: "cookie-missing",
        host: "node2",
        evidence: &["/var/lib/rabbitmq/.erlang.cookie"],
        fix: PUT_COOKIE_BACK,
        ..CASE
    },
    Case {
        name: "a cookie that is empty",
        breaks: &[Run("node2", "echo >/var/lib/rabbitmq/.erlang.cookie")],
        cause: "cookie-unusable",
        host: "node2",
        evidence: &["/var/lib/rabbitmq/.erlang.cookie"],
        fix: PUT_COOKIE_BACK,
        ..CASE
    },
    Case {
        name: "a cookie that everybody may read",
        breaks: &[Run("node2", "chmod 644 /var/lib/rabbitmq/.erlang.cookie")],
        cause: "cookie-mode",
        host: "node2",
        evidence: &["0644"],
        ..CASE
    },
    Case {
        name: "a cookie that is not the broker's",
        breaks: &[Run("node2", "chown root /var/lib/rabbitmq/.erlang.cookie")],
        cause: "cookie-owner",
        host: "node2",
        evidence: &["root"],
        ..CASE
    },
    Case {
        name: "another cookie",
        breaks: &[Run("node3", "printf e2e-other-cookie-of-nobody >/var/lib/rabbitmq/.erlang.cookie")],
        cause: "cookie-differs",
        host: "node3",
        peer: Some("node1"),
        evidence: &["/var/lib/rabbitmq/.erlang.cookie"],
        ..CASE
    },
    Case {
        name: "a node that runs with a cookie other than the one in its file",
        breaks: &[Run(
            "node3",
            "timeout 60 rabbitmqctl -q eval \"erlang:set_cookie(node(), 'e2e-other-cookie-of-nobody').\"",
        )],
        cause: "cookie-not-running",
        host: "node3",
        ..CASE
    },
    Case {
        name: "long names on one host",
        breaks: &[Run("node2", "echo USE_LONGNAME=true >>/etc/rabbitmq/rabbitmq-env.conf")],
        cause: "names-differ",
        host: "node2",
        evidence: &["/etc/rabbitmq/rabbitmq-env.conf", "USE_LONGNAME"],
        fix: Fix::ByHand(&[Run("node2", "cp -p /root/e2e-kept/rabbitmq-env.conf /etc/rabbitmq")]),
        ..CASE
    },
    Case {
        name: "another node name in the environment",
        breaks: &[Run("node2", "echo NODENAME=hare@node2 >>/etc/rabbitmq/rabbitmq-env.conf")],
        cause: "node-name-differs",
        host: "node2",
        evidence: &["/etc/rabbitmq/rabbitmq-env.conf", "hare@node2"],
        ..CASE
    },
    Case {
        name: "an environment file that ends early",
        breaks: &[Run("node2", "echo 'exit 1' >>/etc/rabbitmq/rabbitmq-env.conf")],
        cause: "environment-broken",
        host: "node2",
        evidence: &["ends before its last line"],
        fix: Fix::ByHand(&[Run("node2", "cp -p /root/e2e-kept/rabbitmq-env.conf /etc/rabbitmq")]),
        ..CASE
    },
    Case {
        name: "data that the next start would not find",
        breaks: &[Run("node2", "echo RABBITMQ_MNESIA_DIR=/srv/other >>/etc/rabbitmq/rabbitmq-env.conf")],
        cause: "data-elsewhere",
        host: "node2",
        evidence: &["RABBITMQ_MNESIA_DIR=/srv/other"],
        fix: Fix::ByHand(&[Run("node2", "cp -p /root/e2e-kept/rabbitmq-env.conf /etc/rabbitmq")]),
        ..CASE
    },
    Case {
        name: "the old configuration file beside the new one",
        breaks: &[Run("node2", "echo '[{rabbit, [{heartbeat, 10}]}].' >/etc/rabbitmq/rabbitmq.config")],
        cause: "setting-outranked",
        host: "node2",
        evidence: &["rabbit.heartbeat"],
        ..CASE
    },
    Case {
        name: "a file that is read after rabbitmq.conf",
        breaks: &[Run(
            "node2",
            "install -d /etc/rabbitmq/conf.d && echo 'heartbeat = 10' >/etc/rabbitmq/conf.d/90-mine.conf",
        )],
        cause: "setting-outranked",
        host: "node2",
        evidence: &["/etc/rabbitmq/conf.d/90-mine.conf"],
        ..CASE
    },
    Case {
        name: "advanced.config sets what the inventory sets",
        breaks: &[Run("node3", "echo '[{rabbit, [{heartbeat, 10}]}].' >/etc/rabbitmq/advanced.config")],
        cause: "setting-outranked",
        host: "node3",
        evidence: &["/etc/rabbitmq/advanced.config"],
        ..CASE
    },
    Case {
        name: "a cookie in an argument",
        breaks: &[Run(
            "node2",
            "echo 'CTL_ERL_ARGS=\"-setcookie e2e-argument-of-nobody\"' >>/etc/rabbitmq/rabbitmq-env.conf",
        )],
        cause: "cookie-by-argument",
        host: "node2",
        evidence: &["CTL_ERL_ARGS"],
        fix: Fix::ByHand(&[Run("node2", "cp -p /root/e2e-kept/rabbitmq-env.conf /etc/rabbitmq")]),
        ..CASE
    },
    Case {
        name: "a node that runs under another name",
        breaks: &[Run("node3", OTHER_NAME), Run("node3", "timeout 60 systemctl start rabbitmq-server")],
        cause: "node-name-differs",
        host: "node3",
        evidence: &["hare@node3"],
        fix: Fix::ByHand(&[
            Run("node3", "systemctl stop rabbitmq-server && cp -p /root/e2e-kept/*.conf /etc/rabbitmq"),
            Run(
                "node3",
                "rm -r /var/lib/rabbitmq/mnesia/hare@node3* && timeout 60 systemctl start rabbitmq-server",
            ),
        ]),
        ..CASE
    },
    Case {
        name: "TLS between nodes on one node",
        breaks: &[
            Run("node3", TLS),
            Run("node3", "systemctl stop rabbitmq-server && systemctl start --no-block rabbitmq-server"),
            Until("node3", "epmd -names | grep -q '^name rabbit '"),
        ],
        cause: "tls-differs",
        host: "node3",
        peer: Some("node1"),
        evidence: &["inet_tls"],
        fix: Fix::ByHand(&[
            Run(
                "node3",
                "cp -p /root/e2e-kept/rabbitmq-env.conf /etc/rabbitmq && rm -r /etc/rabbitmq/e2e-tls",
            ),
            Run(
                "node3",
                "timeout 60 systemctl stop rabbitmq-server && timeout 60 systemctl start rabbitmq-server",
            ),
        ]),
        ..CASE
    },
    Case {
        name: "IPv6 between nodes on one node",
        breaks: &[
            Run(
                "node3",
                "echo 'SERVER_ADDITIONAL_ERL_ARGS=\"-proto_dist inet6_tcp\"' >>/etc/rabbitmq/rabbitmq-env.conf",
            ),
            Run("node3", "systemctl stop rabbitmq-server && systemctl start --no-block rabbitmq-server"),
        ],
        cause: "address-family",
        host: "node3",
        evidence: &["-proto_dist inet6_tcp"],
        fix: Fix::ByHand(&[
            Run(
                "node3",
                "timeout 60 systemctl stop rabbitmq-server; cp -p /root/e2e-kept/rabbitmq-env.conf /etc/rabbitmq",
            ),
            Run("node3", "timeout 60 systemctl start rabbitmq-server"),
        ]),
        ..CASE
    },
    Case {
        name: "a configuration that RabbitMQ does not take",
        breaks: &[
            Run("node3", "echo 'listeners.tcp.default = nonsense' >>/etc/rabbitmq/rabbitmq.conf"),
            Run("node3", "systemctl stop rabbitmq-server; timeout 60 systemctl start rabbitmq-server || :"),
        ],
        cause: "does-not-boot",
        host: "node3",
        evidence: &["nonsense"],
        ..CASE
    },
    Case {
        name: "a wiped host that the cluster still lists",
        breaks: &[Run(
            "node3",
            "systemctl stop rabbitmq-server && rm -r /var/lib/rabbitmq/mnesia/rabbit@node3*",
        )],
        cause: "ghost-member",
        host: "node3",
        peer: Some("node1"),
        evidence: &["rabbit@node1"],
        ..CASE
    },
    Case {
        name: "a broker that was stopped",
        breaks: &[Run("node3", "systemctl stop rabbitmq-server")],
        cause: "broker-stopped",
        host: "node3",
        evidence: &["inactive"],
        ..CASE
    },
    Case {
        name: "a broker whose application was stopped",
        breaks: &[Run("node3", "timeout 60 rabbitmqctl -q stop_app")],
        cause: "app-stopped",
        host: "node3",
        ..CASE
    },
];

/// Alone: its configuration would let the blank hare enter the cluster.
const OTHER_NAME: &str = "systemctl stop rabbitmq-server && sed -i /^cluster_formation/d /etc/rabbitmq/rabbitmq.conf && \
    echo NODENAME=hare@node3 >>/etc/rabbitmq/rabbitmq-env.conf";

/// Certificates of the host's own, and the VM's arguments as RabbitMQ's "Inter-node TLS" guide has them. One such node waits
/// for peers that do not understand it, so that its start is not waited for.
pub(super) const TLS: &str = r#"install -d /etc/rabbitmq/e2e-tls && cd /etc/rabbitmq/e2e-tls &&
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$(hostname)" \
  -keyout key.pem -out cert.pem 2>/dev/null && chown rabbitmq key.pem &&
echo '[{server, [{certfile, "/etc/rabbitmq/e2e-tls/cert.pem"}, {keyfile, "/etc/rabbitmq/e2e-tls/key.pem"}]},
  {client, [{verify, verify_none}]}].' >options &&
args="-pa $(ls -d {erlang}/lib/ssl-*/ebin) -proto_dist inet_tls -ssl_dist_optfile $PWD/options" &&
printf '%s="%s"\n' SERVER_ADDITIONAL_ERL_ARGS "$args" CTL_ERL_ARGS "$args" >>/etc/rabbitmq/rabbitmq-env.conf"#;
