use super::{Algorithm, Balancer, Packaged, Packages, StatisticsPage, Strategy, Template};

pub(super) static BALANCER: Balancer = Balancer {
    name: "nginx",
    packages: Packages {
        apt: Packaged {
            main: "nginx",
            modules: &["libnginx-mod-stream"],
            user: "www-data",
            modules_conf: "/etc/nginx/modules-enabled/*.conf",
            socket: "",
        },
        dnf: Packaged {
            main: "nginx",
            modules: &["nginx-mod-stream"],
            user: "nginx",
            modules_conf: "/usr/share/nginx/modules/*.conf",
            socket: "",
        },
    },
    unit: "nginx",
    conf: "/etc/nginx/nginx.conf",
    template: Template {
        file: "nginx-stream.conf.hbs",
        text: include_str!("../../templates/nginx-stream.conf.hbs"),
        about: "nginx.conf with its stream block.",
    },
    // Round robin is the default of an upstream block.
    default: Algorithm { word: "round_robin", strategy: Some(Strategy::InTurn), directive: None },
    others: &[
        Algorithm {
            word: "least_conn",
            strategy: Some(Strategy::FewestConnections),
            directive: Some("least_conn"),
        },
        Algorithm {
            word: "hash",
            strategy: Some(Strategy::ByClientAddress),
            directive: Some("hash $remote_addr consistent"),
        },
        Algorithm { word: "random", strategy: Some(Strategy::Random), directive: Some("random") },
    ],
    beyond_tcp: &[],
    // Only the commercial edition has the API.
    runtime: None,
    statistics: StatisticsPage::Missing { why: "nginx has no statistics page for streams" },
    selinux_boolean: "httpd_can_network_connect",
    harmless: HARMLESS,
};

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
