//! What a definitions file defines, for the checks that depend on RabbitMQ's version and on what the cluster has.

use serde_json::Value;

use crate::inventory::References;
use crate::rabbitmq::{Defined, PolicyKind};

pub(super) fn items<'v>(root: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    root[list].as_array().into_iter().flatten()
}

/// `VHOST/NAME`.
fn full_name(item: &Value) -> Option<String> {
    Some(format!("{}/{}", item["vhost"].as_str()?, item["name"].as_str()?))
}

/// In the order in which RabbitMQ imports them.
pub(super) fn defined(root: &Value) -> Vec<Defined> {
    let exchanges = items(root, "exchanges").filter_map(|item| {
        let exchange_type = item["type"].as_str()?.to_owned();
        Some(Defined::ExchangeType { exchange: full_name(item)?, exchange_type })
    });
    let operators = items(root, "operator_policies").flat_map(|item| keys(item, PolicyKind::Operators));
    // `rabbitmqctl export_definitions` writes operator policies as parameters.
    let operators_too = items(root, "parameters")
        .filter(|item| item["component"] == "operator_policy")
        .flat_map(|item| keys_of(item, &item["value"]["definition"], PolicyKind::Operators));
    let policies = items(root, "policies").flat_map(|item| keys(item, PolicyKind::Users));
    let parameters = items(root, "parameters").filter_map(|item| {
        let component = item["component"].as_str()?.to_owned();
        Some(Defined::Parameter { name: full_name(item)?, component })
    });
    let queues = items(root, "queues").filter_map(queue);
    exchanges.chain(policies).chain(operators).chain(operators_too).chain(parameters).chain(queues).collect()
}

fn keys(item: &Value, kind: PolicyKind) -> Vec<Defined> {
    keys_of(item, &item["definition"], kind)
}

fn keys_of(item: &Value, definition: &Value, kind: PolicyKind) -> Vec<Defined> {
    let (Some(policy), Some(definition)) = (full_name(item), definition.as_object()) else {
        return Vec::new();
    };
    let one = |key: &String| Defined::PolicyKey { kind, policy: policy.clone(), key: key.clone() };
    definition.keys().map(one).collect()
}

fn queue(item: &Value) -> Option<Defined> {
    let arguments = &item["arguments"];
    Some(Defined::Queue {
        queue: full_name(item)?,
        // A file without it means a durable one (rabbit_definitions:add_queue_int/3).
        durable: item["durable"].as_bool().unwrap_or(true),
        queue_type: arguments["x-queue-type"].as_str().map(str::to_owned),
        version: arguments["x-queue-version"].as_u64(),
        has_master_locator: !arguments["x-queue-master-locator"].is_null(),
    })
}

/// What has to exist for the import of each item, in the file or in the cluster.
pub(super) fn references(root: &Value) -> References {
    let mut found = References::default();
    for (list, noun) in [
        ("permissions", "permissions of"),
        ("topic_permissions", "topic permissions of"),
        ("exchanges", "exchange"),
        ("policies", "policy"),
        ("operator_policies", "operator policy"),
        ("parameters", "parameter"),
        ("queues", "queue"),
        ("bindings", "binding of"),
    ] {
        for item in items(root, list) {
            let name = ["name", "user", "source"].iter().find_map(|key| item[*key].as_str());
            let by = format!("{noun} {}", name.unwrap_or_default());
            if let Some(vhost) = item["vhost"].as_str() {
                found.vhosts.entry(vhost.to_owned()).or_insert_with(|| by.clone());
            }
            if let Some(user) = item["user"].as_str().filter(|_| list.ends_with("permissions")) {
                let within = item["vhost"].as_str().unwrap_or_default();
                found.users.entry(user.to_owned()).or_insert_with(|| format!("permissions in {within}"));
            }
        }
    }
    found
}
