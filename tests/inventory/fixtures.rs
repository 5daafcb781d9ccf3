use std::collections::BTreeSet;
use std::path::Path;

use rabbitup::balancer::Software;
use rabbitup::inventory::{
    ConfigValue, CookieSource, Options, SecretPolicy, Stats, TimeServer, load, load_text, schema,
};
use rabbitup::model::{Role, SecretName, SecretSource};
use serde_json::Value;

fn fixture(name: &str) -> rabbitup::inventory::Loaded {
    let options = Options { secrets: SecretPolicy::Tolerate };
    let path = Path::new("inventories").join(name);
    load(&path, options)
        .unwrap_or_else(|errors| panic!("{}", errors.render(100, rabbitup::document::Graphics::Ascii)))
}

#[test]
fn the_tutorials_inventory_loads_with_every_default() {
    let loaded = fixture("minimal.toml");
    let desired = loaded.desired;
    assert_eq!(desired.brokers().map(|host| host.name.to_string()).collect::<Vec<_>>(), ["node1", "node2"]);
    assert_eq!(desired.cluster.cookie, CookieSource::Seed);
    let source = desired.secret_sources.get(&SecretName::cookie());
    assert!(matches!(source, Some(SecretSource::HostCookie(name)) if name.as_str() == "node1"));
    let balancer = desired.load_balancer.expect("a load balancer");
    assert_eq!(
        (balancer.software, balancer.amqp_port, balancer.management_port),
        (Software::Haproxy, 5672, Some(15672))
    );
    assert_eq!(balancer.client_timeout.as_secs(), 3 * 3600);
    assert!(desired.time.manage && desired.time.servers.is_empty());
    assert_eq!(loaded.warnings.len(), 1, "two brokers are worth a warning");
}

#[test]
fn the_labs_inventory_loads_without_warnings() {
    let text = std::fs::read_to_string("inventories/lab.toml").expect("the fixture");
    // It is there only while the demo's hosts are.
    let settings = "/var/lib/rabbitup-lab/demo/ssh_config";
    assert!(text.contains(&format!("config = \"{settings}\"")), "{text}");
    let text = text.replace(settings, "production/ssh_config");
    let loaded = load_text(Path::new("inventories/lab.toml"), &text, Options::default())
        .unwrap_or_else(|errors| panic!("{}", errors.render(100, rabbitup::document::Graphics::Ascii)));
    assert!(loaded.warnings.is_empty());
    let desired = loaded.desired;
    assert_eq!(desired.brokers().count(), 3);
    assert!(matches!(&desired.time.servers[..], [TimeServer::Host(name)] if name.as_str() == "lb1"));
    let lb1 = desired.with_role(Role::TimeSource).next().expect("a time source");
    assert_eq!(lb1.ssh.destination, "10.77.0.21");
    let config = lb1.ssh.config.as_deref().expect("a configuration of ssh");
    assert!(config.ends_with("inventories/production/ssh_config"), "{}", config.display());
}

#[test]
fn the_production_inventory_loads_without_its_secrets() {
    let loaded = fixture("production.toml");
    let said: Vec<&str> = loaded.warnings.iter().map(|warning| warning.message()).collect();
    assert!(said.iter().all(|message| message.contains("cannot be read")), "{said:?}");
    let desired = loaded.desired;
    let keys: Vec<&str> = desired.cluster.config.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "vm_memory_high_watermark.relative",
            "disk_free_limit.absolute",
            "cluster_partition_handling",
            "heartbeat",
            "log.file.level",
            "default_user",
            "default_pass"
        ],
        "in the order of writing"
    );
    assert_eq!(desired.cluster.config[0].value, ConfigValue::Text("0.6".to_owned()));
    let name = SecretName::new("config:default_pass");
    assert_eq!(desired.cluster.config[6].value, ConfigValue::Secret(name.clone()));
    assert!(
        matches!(desired.secret_sources.get(&name), Some(SecretSource::Command(argv)) if argv[0] == "pass")
    );
    assert!(desired.secret_sources.contains_key(&Stats::secret()));
    let node3 = &desired.hosts[2].ssh;
    assert_eq!(
        (node3.destination.as_str(), node3.port, node3.persist.as_secs()),
        ("node3-admin", Some(2222), 0)
    );
    assert!(node3.identity.as_deref().is_some_and(|path| path.is_absolute()));
    let definitions = desired.cluster.definitions.expect("definitions");
    assert_eq!(
        (definitions.vhosts, definitions.policies),
        (vec!["/".into(), "orders".into()], vec!["orders/quorum-limits".into()])
    );
    assert_eq!(desired.templates.len(), 7);
}

#[test]
fn the_production_inventory_mentions_every_setting() {
    let schema = schema();
    let text = std::fs::read_to_string("inventories/production.toml").expect("the fixture");
    let mut keys = BTreeSet::new();
    collect(&schema, &schema, &mut keys);
    assert!(keys.len() > 45, "the schema has keys: {keys:?}");
    let is_set = |key: &str| {
        let table = text.contains(&format!("[{key}]")) || text.contains(&format!("[[{key}]]"));
        table || text.lines().any(|line| !line.starts_with('#') && line.contains(&format!("{key} = ")))
    };
    let missing: Vec<&String> = keys.iter().filter(|key| !is_set(key)).collect();
    assert!(missing.is_empty(), "production.toml lacks {missing:?}");
}

#[test]
fn every_setting_is_described_by_the_schema() {
    let schema = schema();
    let mut bare = Vec::new();
    for table in
        std::iter::once(&schema).chain(schema["$defs"].as_object().into_iter().flat_map(|defs| defs.values()))
    {
        for (key, property) in table["properties"].as_object().into_iter().flatten() {
            if property["description"].as_str().is_none_or(str::is_empty) {
                bare.push(key.clone());
            }
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:?}");
}

fn collect(schema: &Value, root: &Value, keys: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        return collect(root.pointer(reference).expect("a definition"), root, keys);
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        keys.insert(key.clone());
        collect(property, root, keys);
    }
    if schema["items"].is_object() {
        collect(&schema["items"], root, keys);
    }
}
