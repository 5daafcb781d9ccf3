/// The Erlang cookie of the broker's user.
pub const COOKIE_FILE: &str = "/var/lib/rabbitmq/.erlang.cookie";
/// Where a rotation stages the new cookie: laid out like a home directory, so that Erlang's tools use it if HOME points there.
pub const STAGED_COOKIE_FILE: &str = "/var/lib/rabbitmq/.rabbitup-cookie/.erlang.cookie";
/// The broker's configuration in the new-style format, supported since 3.7.
pub const CONF_FILE: &str = "/etc/rabbitmq/rabbitmq.conf";
/// Shell assignments read by the start scripts of the server and the tools, such as `USE_LONGNAME`.
pub const ENV_FILE: &str = "/etc/rabbitmq/rabbitmq-env.conf";
/// The keys of rabbitmq.conf for peer discovery of a blank node.
pub const CLUSTER_FORMATION: &str = "cluster_formation.";
/// An Erlang list of the explicitly enabled plugins, read at start and rewritten by `rabbitmq-plugins`.
pub const PLUGINS_FILE: &str = "/etc/rabbitmq/enabled_plugins";
/// Where every package's node looks for plugins beside those of its own version (rabbit_env:get_default_plugins_path_from_env/1).
pub const PLUGINS_DIRECTORY: &str = "/usr/lib/rabbitmq/plugins";
/// Each version of the package has its directory here, `rabbitmq_server-VERSION`, with a directory of plugins that it alone reads.
pub const VERSIONS_DIRECTORY: &str = "/usr/lib/rabbitmq/lib";
/// The systemd drop-in that raises the broker's file-descriptor limit.
pub const LIMITS_FILE: &str = "/etc/systemd/system/rabbitmq-server.service.d/limits.conf";
/// The unit in every RabbitMQ package.
pub const BROKER_UNIT: &str = "rabbitmq-server";
/// The broker's package, which depends on Erlang's.
pub const BROKER_PACKAGE: &str = "rabbitmq-server";

/// The content of `enabled_plugins` for these plugins: an Erlang list of atoms and a full stop.
pub fn enabled_plugins(plugins: &[String]) -> String {
    format!("[{}].\n", plugins.join(","))
}

/// The plugins in an `enabled_plugins` file, sorted; None if it is not a list of plain atoms.
pub fn parse_enabled_plugins(content: &str) -> Option<Vec<String>> {
    let list = content.trim().strip_suffix('.')?.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut plugins = Vec::new();
    for atom in list.split(',').map(str::trim).filter(|atom| !atom.is_empty()) {
        let atom = atom.strip_prefix('\'').and_then(|a| a.strip_suffix('\'')).unwrap_or(atom);
        if !atom.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        plugins.push(atom.to_owned());
    }
    plugins.sort();
    Some(plugins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_file_reads_back() {
        let plugins = vec!["rabbitmq_management".to_owned(), "rabbitmq_prometheus".to_owned()];
        assert_eq!(parse_enabled_plugins(&enabled_plugins(&plugins)), Some(plugins));
        assert_eq!(parse_enabled_plugins("[ 'b' , a ]. "), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(parse_enabled_plugins("[]."), Some(vec![]));
        assert_eq!(parse_enabled_plugins("[a"), None);
    }
}
