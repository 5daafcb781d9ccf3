//! Configurations in a bundle. A bundle is given to other people, so only the values of keys that are known to be harmless are
//! shown. Every key stays visible.

use super::{MARK, Redactor};
use crate::balancer::Software;

/// Keys of rabbitmq.conf: prefixes if they end in a dot, else full keys. Excludes keys that may contain a secret (passwords,
/// tokens, `ldap` queries, users in URIs) and keys that are useless for diagnosis.
const RABBITMQ: [&str; 52] = [
    "cluster_name",
    "cluster_partition_handling",
    "cluster_keepalive_interval",
    "cluster_queue_limit",
    "cluster_formation.peer_discovery_backend",
    "cluster_formation.classic_config.nodes.",
    "cluster_formation.node_cleanup.",
    "cluster_formation.node_type",
    "cluster_formation.discovery_retry_limit",
    "cluster_formation.discovery_retry_interval",
    "cluster_formation.randomized_startup_delay_range.",
    "cluster_formation.lock_retry_limit",
    "cluster_formation.lock_retry_timeout",
    "cluster_formation.target_cluster_size_hint",
    "default_user",
    "default_vhost",
    "default_permissions.",
    "default_queue_type",
    "loopback_users",
    "loopback_users.",
    "listeners.",
    "num_acceptors.",
    "tcp_listen_options.",
    "management.tcp.port",
    "management.tcp.ip",
    "management.ssl.port",
    "management.ssl.ip",
    "prometheus.tcp.port",
    "prometheus.tcp.ip",
    "heartbeat",
    "frame_max",
    "channel_max",
    "connection_max",
    "initial_frame_max",
    "handshake_timeout",
    "vm_memory_high_watermark.",
    "vm_memory_high_watermark_paging_ratio",
    "vm_memory_calculation_strategy",
    "total_memory_available_override_value",
    "disk_free_limit.",
    "queue_master_locator",
    "queue_leader_locator",
    "quorum_queue.",
    "raft.",
    "consumer_timeout",
    "log.file",
    "log.console",
    "log.dir",
    "net_ticktime",
    "collect_statistics_interval",
    "auth_mechanisms.",
    "auth_backends.",
];
/// The same for keys with more parts: `log.file.level`, `ssl_options.verify`.
const RABBITMQ_MORE: [&str; 16] = [
    "log.file.level",
    "log.file.rotation.",
    "log.console.level",
    "log.default.level",
    "log.connection.level",
    "log.queue.level",
    "log.upgrade.level",
    "log.journald",
    "log.syslog",
    "ssl_options.cacertfile",
    "ssl_options.certfile",
    "ssl_options.keyfile",
    "ssl_options.verify",
    "ssl_options.fail_if_no_peer_cert",
    "ssl_options.depth",
    "ssl_options.versions.",
];
/// Variables of rabbitmq-env.conf, with or without RABBITMQ_ before them. Excludes Erlang's arguments, which may contain a
/// cookie.
const ENVIRONMENT: [&str; 13] = [
    "NODENAME",
    "USE_LONGNAME",
    "NODE_IP_ADDRESS",
    "NODE_PORT",
    "DIST_PORT",
    "MNESIA_BASE",
    "MNESIA_DIR",
    "LOG_BASE",
    "LOGS",
    "CONFIG_FILE",
    "ENABLED_PLUGINS_FILE",
    "PLUGINS_DIR",
    "SCHEDULER_BIND_TYPE",
];
const CHRONY: [&str; 20] = [
    "server",
    "pool",
    "peer",
    "allow",
    "deny",
    "local",
    "driftfile",
    "makestep",
    "rtcsync",
    "logdir",
    "log",
    "leapsectz",
    "maxupdateskew",
    "keyfile",
    "ntsdumpdir",
    "confdir",
    "sourcedir",
    "bindaddress",
    "cmdport",
    "port",
];
/// Without scripts, whose arguments may be anything, and authentication.
const KEEPALIVED: [&str; 21] = [
    "global_defs",
    "router_id",
    "enable_script_security",
    "vrrp_script",
    "interval",
    "timeout",
    "fall",
    "rise",
    "vrrp_instance",
    "state",
    "nopreempt",
    "interface",
    "virtual_router_id",
    "priority",
    "advert_int",
    "unicast_src_ip",
    "check_unicast_src",
    "lower_prio_no_advert",
    "garp_master_refresh",
    "track_script",
    "}",
];
const LIMITS: [&str; 2] = ["[Service]", "LimitNOFILE"];
/// The beginning of the header that rabbitup writes into its files.
const OURS: &str = "# Written by rabbitup from the inventory";

/// The line format of a file.
enum Form {
    /// `key = value`
    Assignments(fn(&str) -> bool),
    /// `directive words…`
    Directives(&'static [&'static str]),
    /// Addresses and names, or a list of plugins: nothing else is shown.
    Only(fn(&str) -> bool),
}

/// The text of the file at `path` for other people.
pub fn allowed_only(path: &str, text: &str, redactor: &mut Redactor) -> String {
    let form = form(path);
    let lines: String = text.lines().map(|line| shown(line, &form) + "\n").collect();
    redactor.text(&lines)
}

fn form(path: &str) -> Form {
    let name = path.rsplit('/').next().unwrap_or_default();
    let balancers = Software::ALL.iter().map(|software| software.balancer());
    if let Some(balancer) = balancers.into_iter().find(|balancer| balancer.conf_name() == name) {
        return Form::Directives(balancer.harmless);
    }
    match name {
        "rabbitmq.conf" => Form::Assignments(of_rabbitmq),
        "rabbitmq-env.conf" => Form::Assignments(of_environment),
        "limits.conf" => Form::Assignments(|key| LIMITS.contains(&key)),
        "chrony.conf" => Form::Directives(&CHRONY),
        "keepalived.conf" => Form::Directives(&KEEPALIVED),
        "hosts" => Form::Only(is_of_hosts),
        "enabled_plugins" => Form::Only(is_of_plugins),
        _ => Form::Only(|_| false),
    }
}

fn shown(line: &str, form: &Form) -> String {
    let text = line.trim();
    let indent = line.get(..line.len() - line.trim_start().len()).unwrap_or_default();
    if text.is_empty() || (text.starts_with(OURS) && !text.contains(MARK)) {
        return line.to_owned();
    }
    // A commented-out setting may still contain its value.
    if let Some(comment) = text.strip_prefix(['#', '%', ';']) {
        return if comment.trim().is_empty() { line.to_owned() } else { format!("{indent}# {MARK}") };
    }
    match form {
        Form::Assignments(allowed) => match line.split_once('=') {
            Some((key, _)) if allowed(key.trim()) => line.to_owned(),
            Some((key, _)) if is_key(key.trim()) => format!("{key}= {MARK}"),
            None if allowed(text) => line.to_owned(),
            _ => format!("{indent}{MARK}"),
        },
        Form::Directives(allowed) => {
            let mut words = text.split_whitespace();
            let first = words.next().unwrap_or_default();
            let two = words.next().map(|second| format!("{first} {second}"));
            let bare = first.trim_end_matches(';');
            // The account that HAProxy runs as, not a user with a password in a userlist.
            let is_login = bare == "user" && text.split_whitespace().count() > 2;
            if is_login {
                format!("{indent}{bare} {MARK}")
            } else if allowed.contains(&bare) || two.is_some_and(|two| allowed.contains(&two.as_str())) {
                line.to_owned()
            } else if is_key(bare) {
                format!("{indent}{bare} {MARK}")
            } else {
                format!("{indent}{MARK}")
            }
        }
        Form::Only(harmless) if harmless(text) => line.to_owned(),
        Form::Only(_) => format!("{indent}{MARK}"),
    }
}

fn of_rabbitmq(key: &str) -> bool {
    let is = |known: &&str| if known.ends_with('.') { key.starts_with(*known) } else { key == *known };
    !super::names_a_secret(key) && (RABBITMQ.iter().any(&is) || RABBITMQ_MORE.iter().any(is))
}

fn of_environment(key: &str) -> bool {
    let key = key.strip_prefix("export ").unwrap_or(key).trim();
    ENVIRONMENT.contains(&key.strip_prefix("RABBITMQ_").unwrap_or(key))
}

/// A valid key, not a sentence or a secret.
fn is_key(text: &str) -> bool {
    let text = text.strip_prefix("export ").unwrap_or(text);
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-$/".contains(&b))
}

/// An address followed by names.
fn is_of_hosts(line: &str) -> bool {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    let name = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    !line.contains('#')
        && words.next().is_some_and(|word| word.parse::<std::net::IpAddr>().is_ok())
        && words.all(name)
}

fn is_of_plugins(line: &str) -> bool {
    line.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_,[]. '".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> String {
        allowed_only(path, text, &mut Redactor::default())
    }

    #[test]
    fn a_bundle_shows_the_values_of_known_keys_and_the_names_of_all() {
        let conf = "# Written by rabbitup from the inventory.\ncluster_name = shop\nlisteners.tcp.default = 5672\n\
            default_pass = hunter2\n# default_pass = hunter2\nauth_ldap.user_dn_pattern = cn=hunter2\n\
            somebody.invented_this = hunter2\nhunter2 alone\nlog.file.level = info\n";
        assert_eq!(
            of("/etc/rabbitmq/rabbitmq.conf", conf),
            "# Written by rabbitup from the inventory.\ncluster_name = shop\nlisteners.tcp.default = 5672\n\
             default_pass = ••••\n# ••••\nauth_ldap.user_dn_pattern = ••••\n\
             somebody.invented_this = ••••\n••••\nlog.file.level = info\n"
        );
        let env = "NODENAME=rabbit@node1\nSERVER_ADDITIONAL_ERL_ARGS=\"-setcookie hunter2\"\nexport X=hunter2\n. /x\n";
        assert_eq!(
            of("/etc/rabbitmq/rabbitmq-env.conf", env),
            "NODENAME=rabbit@node1\nSERVER_ADDITIONAL_ERL_ARGS= ••••\nexport X= ••••\n••••\n"
        );
        let haproxy = "listen x\n  bind :5672\n  stats auth admin:hunter2\n  http-request set-header X hunter2\n  \
            server node1 10.0.0.1:5672 check\nuserlist u\n  user till insecure-password hunter2\n";
        assert_eq!(
            of("/etc/haproxy/haproxy.cfg", haproxy),
            "listen x\n  bind :5672\n  stats ••••\n  http-request ••••\n  server node1 10.0.0.1:5672 check\n\
             userlist ••••\n  user ••••\n"
        );
        assert_eq!(
            of("/etc/hosts", "10.0.0.1 node1 node1.lan\nhunter2\n# hunter2\n"),
            "10.0.0.1 node1 node1.lan\n••••\n# ••••\n"
        );
        assert_eq!(
            of("/etc/rabbitmq/enabled_plugins", "[rabbitmq_management].\n"),
            "[rabbitmq_management].\n"
        );
        assert_eq!(of("/etc/other", "a = hunter2\n"), "••••\n");
    }
}
