use super::{
    Algorithm, Balancer, Packaged, Packages, Runtime, Scheme, ServedUi, StatisticsPage, Strategy, Template,
};

pub(super) static BALANCER: Balancer = Balancer {
    name: "HAProxy",
    packages: Packages {
        apt: Packaged {
            main: "haproxy",
            modules: &[],
            user: "haproxy",
            modules_conf: "",
            socket: "/run/haproxy/admin.sock",
        },
        // There is no /run/haproxy, and SELinux lets HAProxy make sockets here.
        dnf: Packaged {
            main: "haproxy",
            modules: &[],
            user: "haproxy",
            modules_conf: "",
            socket: "/var/lib/haproxy/stats",
        },
    },
    unit: "haproxy",
    conf: "/etc/haproxy/haproxy.cfg",
    template: Template {
        file: "haproxy.cfg.hbs",
        text: include_str!("../../templates/haproxy.cfg.hbs"),
        about: "haproxy.cfg.",
    },
    default: balance("roundrobin", Some(Strategy::InTurn)),
    others: &[
        balance("leastconn", Some(Strategy::FewestConnections)),
        balance("source", Some(Strategy::ByClientAddress)),
        balance("static-rr", None),
        balance("first", None),
        balance("random", Some(Strategy::Random)),
    ],
    // They need HTTP or RDP.
    beyond_tcp: &["uri", "url_param", "hdr", "rdp-cookie"],
    runtime: Some(Runtime { verdict, amqp: "rabbitmq", management: "management", check_fits }),
    statistics: StatisticsPage::Offered,
    selinux_boolean: "haproxy_connect_any",
    harmless: HARMLESS,
};

/// `balance WORD`.
const fn balance(word: &'static str, strategy: Option<Strategy>) -> Algorithm {
    Algorithm { word, strategy, directive: Some(word) }
}

/// HAProxy's check verdicts (management guide, "check_status" of `show stat`).
fn verdict(check: &str) -> &str {
    match check {
        "L4CON" => "connection refused or no route",
        "L4TOUT" => "the connection timed out",
        "L7TOUT" | "L6TOUT" => "connected, but the answer timed out",
        "L7RSP" | "L6RSP" => "connected, a wrong answer",
        "L7STS" => "connected, answered with an error",
        "" => "never checked",
        other => other,
    }
}

/// A UI with a path answers a check of `/` by a redirect, which passes; one without does not know another one's path.
fn check_fits(conf: &str, ui: ServedUi<'_>) -> bool {
    let scheme = if conf.contains(" check-ssl ") { Scheme::Https } else { Scheme::Http };
    let asked = conf.lines().find_map(|line| line.trim().strip_prefix("option httpchk GET "));
    let path = asked.unwrap_or("/").trim_end_matches('/');
    scheme == ui.scheme && (path.is_empty() || path == ui.path)
}

const HARMLESS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "bind",
    "mode",
    "balance",
    "server",
    "default-server",
    "default_backend",
    "timeout",
    "option",
    "log",
    "retries",
    "maxconn",
    "user",
    "group",
    "daemon",
    "nbthread",
    "chroot",
    "pidfile",
    "no option",
    "stats enable",
    "stats uri",
    "stats refresh",
    "stats socket",
    "stats timeout",
    "stats realm",
    "stats hide-version",
    "stats show-legends",
    "stats show-node",
    "server-state-file",
    "load-server-state-from-file",
    "fullconn",
    "hash-type",
    "acl",
    "use_backend",
    "tcp-check connect",
    "tcp-check expect",
    "http-check expect",
    "description",
    "node",
    "ulimit-n",
    "tune.bufsize",
    "tune.maxaccept",
    "resolvers",
    "nameserver",
    "hold",
    "dispatch",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_passes_at_the_ui_that_it_is_for() {
        let fits = |conf: &str, scheme, path| check_fits(conf, ServedUi { scheme, path });
        let plain = "backend management\n    option httpchk GET /\n    default-server check inter 2s\n";
        assert!(fits(plain, Scheme::Http, "") && fits(plain, Scheme::Http, "/mq"));
        assert!(!fits(plain, Scheme::Https, ""));
        let prefixed = plain.replace("GET /", "GET /mq/");
        assert!(fits(&prefixed, Scheme::Http, "/mq") && !fits(&prefixed, Scheme::Http, ""));
        let tls = plain.replace("check inter", "check check-ssl verify none inter");
        assert!(fits(&tls, Scheme::Https, "") && !fits(&tls, Scheme::Http, ""));
    }
}
