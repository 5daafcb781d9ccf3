use super::{Algorithm, Balancer, Bind, Packaged, Packages, Share, StatisticsPage, Strategy, Template};

pub(super) static BALANCER: Balancer = Balancer {
    name: "nginx",
    packages: Packages {
        apt: Packaged {
            main: "nginx",
            modules: &["libnginx-mod-stream"],
            user: "www-data",
            modules_conf: "/etc/nginx/modules-enabled/*.conf",
            socket: "",
            alive: "",
        },
        dnf: Packaged {
            main: "nginx",
            modules: &["nginx-mod-stream"],
            user: "nginx",
            modules_conf: "/usr/share/nginx/modules/*.conf",
            socket: "",
            alive: "",
        },
    },
    unit: "nginx",
    conf: "/etc/nginx/nginx.conf",
    template: Template {
        file: "nginx-stream.conf.hbs",
        text: include_str!("../../templates/nginx-stream.conf.hbs"),
        about: "nginx.conf with its stream block.",
    },
    // Connections stay for days: in turn, a broker that was away would stay without any.
    default: balance("least_conn", Strategy::FewestConnections, Some("least_conn")),
    others: &[
        // The default of an upstream block.
        balance("round_robin", Strategy::InTurn, None),
        balance("hash", Strategy::ByClientAddress, Some("hash $remote_addr consistent")),
        balance("random", Strategy::Random, Some("random")),
    ],
    // `so_keepalive` with times, for streams (nginx's changes with 1.9.0).
    idle_probes_since: (1, 9),
    old_in: &[],
    beyond_tcp: &[],
    bind,
    listens: "listen",
    // Only the commercial edition has the API.
    runtime: None,
    statistics: StatisticsPage::Missing { why: "nginx has no statistics page for streams" },
    selinux_boolean: "httpd_can_network_connect",
    same_in_syslog: None,
    harmless: HARMLESS,
};

fn bind(at: Bind) -> String {
    match at {
        Bind::Ipv4(port) => port.to_string(),
        Bind::All(port) => format!("[::]:{port} ipv6only=off"),
        Bind::At(place) => place.to_string(),
    }
}

/// `slow_start` is in the commercial edition only.
const fn balance(word: &'static str, strategy: Strategy, directive: Option<&'static str>) -> Algorithm {
    Algorithm { word, strategy: Some(strategy), directive, share: Share::WholeAtOnce }
}

const HARMLESS: &[&str] = &[
    "user",
    "worker_processes",
    "pid",
    "error_log",
    "include",
    "events",
    "worker_connections",
    "stream",
    "http",
    "log_format",
    "access_log",
    "upstream",
    "server",
    "listen",
    "proxy_pass",
    "proxy_protocol",
    "proxy_connect_timeout",
    "proxy_timeout",
    "proxy_socket_keepalive",
    "proxy_next_upstream",
    "hash",
    "least_conn",
    "random",
    "zone",
    "server_name",
    "location",
    "worker_rlimit_nofile",
    "}",
];
