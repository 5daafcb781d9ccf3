use super::{
    Algorithm, Balancer, Bind, Packaged, Packages, Runtime, Scheme, ServedUi, Share, Shipped, StatisticsPage,
    Strategy, Template,
};
use crate::model::Version;

pub(super) static BALANCER: Balancer = Balancer {
    name: "HAProxy",
    packages: Packages {
        apt: Packaged {
            main: "haproxy",
            modules: &[],
            user: "haproxy",
            modules_conf: "",
            socket: "/run/haproxy/admin.sock",
            alive: "/run/haproxy/alive.sock",
        },
        // There is no /run/haproxy, and SELinux lets HAProxy make sockets here.
        dnf: Packaged {
            main: "haproxy",
            modules: &[],
            user: "haproxy",
            modules_conf: "",
            socket: "/var/lib/haproxy/stats",
            alive: "/var/lib/haproxy/alive",
        },
    },
    unit: "haproxy",
    conf: "/etc/haproxy/haproxy.cfg",
    template: Template {
        file: "haproxy.cfg.hbs",
        text: include_str!("../../templates/haproxy.cfg.hbs"),
        about: "haproxy.cfg.",
    },
    // Connections stay for days: in turn, a broker that was away would stay without any.
    default: balance("leastconn", Some(Strategy::FewestConnections), Share::Growing),
    others: &[
        balance("roundrobin", Some(Strategy::InTurn), Share::Growing),
        balance("source", Some(Strategy::ByClientAddress), Share::WholeAtOnce),
        balance("static-rr", None, Share::WholeAtOnce),
        balance("first", None, Share::WholeAtOnce),
        balance("random", Some(Strategy::Random), Share::Growing),
    ],
    // `clitcpka-idle` and `srvtcpka-idle` (HAProxy's announcement of 2.3).
    idle_probes_since: (2, 3),
    old_in: &[Shipped { system: "debian", release: "11", version: Version::new(2, 2, 9) }],
    // They need HTTP or RDP.
    beyond_tcp: &["uri", "url_param", "hdr", "rdp-cookie"],
    bind,
    listens: "bind",
    runtime: Some(Runtime {
        verdict,
        amqp: AMQP,
        management: MANAGEMENT,
        offered: |word| format!("{word}{BROKERS}"),
        proxied: "-proxied",
        has_backend: |conf, backend| section(conf, "backend", backend).next().is_some(),
        client_port,
        port,
        check_fits,
    }),
    statistics: StatisticsPage::Offered,
    selinux_boolean: "haproxy_connect_any",
    same_in_syslog: Some(same_in_syslog),
    harmless: HARMLESS,
};

/// The names of backends in its template, and how those of other listeners end.
const AMQP: &str = "rabbitmq";
const MANAGEMENT: &str = "management";
const BROKERS: &str = "-brokers";

/// `balance WORD`.
const fn balance(word: &'static str, strategy: Option<Strategy>, share: Share) -> Algorithm {
    Algorithm { word, strategy, directive: Some(word), share }
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

/// `haproxy[9]: [WARNING]  (9) : Server rabbitmq/node2 is UP` for `haproxy[9]: Server rabbitmq/node2 is UP`. Only the former has names in
/// quotes.
fn same_in_syslog(line: &str) -> Option<String> {
    let (process, said) = line.split_once(": [")?;
    let (_severity, said) = said.split_once(']')?;
    let (_process, said) = said.trim_start().strip_prefix('(')?.split_once(") : ")?;
    Some(format!("{process}: {said}").replace('\'', ""))
}

fn bind(at: Bind) -> String {
    match at {
        Bind::Ipv4(port) => format!(":{port}"),
        Bind::All(port) => format!(":::{port} v4v6"),
        Bind::At(place) => place.to_string(),
    }
}

/// As its template writes it: `server NAME ADDRESS:PORT` below `backend NAME`.
fn port(conf: &str, backend: &str, server: &str) -> Option<u16> {
    let place = |line: &str| {
        let rest = line.strip_prefix("server ")?.strip_prefix(server)?.strip_prefix(' ')?;
        rest.split(' ').next()?.rsplit_once(':')?.1.parse().ok()
    };
    section(conf, "backend", backend).find_map(place)
}

/// `bind :PORT` below the `frontend` of a backend, which from HAProxy 3.3 on may not have its name: the UI's once did.
fn client_port(conf: &str, backend: &str) -> Option<u16> {
    let frontends = match backend {
        AMQP => ["amqp"; 2],
        MANAGEMENT => ["ui", MANAGEMENT],
        other => [other.strip_suffix(BROKERS).unwrap_or(other); 2],
    };
    let bound = |line: &str| line.strip_prefix("bind ")?.split(' ').next()?.rsplit_once(':')?.1.parse().ok();
    frontends.into_iter().find_map(|frontend| section(conf, "frontend", frontend).find_map(bound))
}

/// The lines of a section without their indentation.
fn section<'c>(conf: &'c str, kind: &str, name: &str) -> impl Iterator<Item = &'c str> {
    let head = format!("{kind} {name}");
    let lines = conf.lines().skip_while(move |line| *line != head).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).map(str::trim)
}

/// What the check in rabbitup's template asks for, below the UI's path.
const HEALTH: &str = "api/health/checks/is-in-service";

/// A UI with a path answers a check of `/` by a redirect, which passes; one without does not know another one's path.
fn check_fits(conf: &str, ui: ServedUi<'_>) -> bool {
    let scheme = if conf.contains(" check-ssl ") { Scheme::Https } else { Scheme::Http };
    let asked = conf.lines().find_map(|line| {
        let line = line.trim();
        // The second is what earlier versions of rabbitup wrote.
        line.strip_prefix("http-check send meth GET uri ").or(line.strip_prefix("option httpchk GET "))
    });
    let asked = asked.unwrap_or("/");
    let path = asked.strip_suffix(HEALTH).unwrap_or(asked).trim_end_matches('/');
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
    "tcp-check send",
    "tcp-check send-binary",
    "tcp-check expect",
    "http-check expect",
    "http-check send",
    "http-request use-service",
    "monitor-uri",
    "monitor fail",
    "clitcpka-idle",
    "clitcpka-intvl",
    "clitcpka-cnt",
    "srvtcpka-idle",
    "srvtcpka-intvl",
    "srvtcpka-cnt",
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
    fn a_configuration_says_where_its_servers_are() {
        let conf = "backend rabbitmq\n    balance source\n    server node1 192.0.2.1:5672\n    server node10 [2001:db8::1]:5673\n\n\
                    backend management\n    server node1 192.0.2.1:15672\n";
        let ports = [
            ("rabbitmq", "node1"),
            ("rabbitmq", "node10"),
            ("management", "node1"),
            ("management", "node10"),
        ]
        .map(|(backend, server)| port(conf, backend, server));
        assert_eq!(ports, [Some(5672), Some(5673), Some(15672), None]);
        let conf = "frontend amqp\n    bind :::5671 v4v6\n\nfrontend ui\n    bind 192.0.2.9:15672\n";
        let ports = ["rabbitmq", "management", "stats"].map(|backend| client_port(conf, backend));
        assert_eq!(ports, [Some(5671), Some(15672), None]);
    }

    #[test]
    fn a_check_passes_at_the_ui_that_it_is_for() {
        let fits = |conf: &str, scheme, path| check_fits(conf, ServedUi { scheme, path });
        let plain = "backend management\n    option httpchk GET /\n    default-server check inter 2s\n";
        assert!(fits(plain, Scheme::Http, "") && fits(plain, Scheme::Http, "/mq"));
        assert!(!fits(plain, Scheme::Https, ""));
        let health =
            plain.replace("option httpchk GET /", &format!("http-check send meth GET uri /mq/{HEALTH}"));
        assert!(fits(&health, Scheme::Http, "/mq") && !fits(&health, Scheme::Http, ""));
        assert!(BALANCER.template.text.contains(HEALTH));
        let prefixed = plain.replace("GET /", "GET /mq/");
        assert!(fits(&prefixed, Scheme::Http, "/mq") && !fits(&prefixed, Scheme::Http, ""));
        let tls = plain.replace("check inter", "check check-ssl verify none inter");
        assert!(fits(&tls, Scheme::Https, "") && !fits(&tls, Scheme::Http, ""));
    }
}
