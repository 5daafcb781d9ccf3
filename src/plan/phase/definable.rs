//! Whether the RabbitMQ that will import a definitions file accepts all of it: it imports item by item, and leaves the rest out where it
//! refuses one.

use std::collections::BTreeMap;

use super::{Draft, conf_keys};
use crate::cluster::phrases::counted;
use crate::facts::NodeFacts;
use crate::inventory::{ConfigValue, Definitions, Host};
use crate::model::{Advice, Next, Problem};
use crate::rabbitmq::{Importer, known_keys};

/// The maximum number of names in one line of evidence, and of lines: a refusal shows six.
const NAMES: usize = 4;
const LINES: usize = 5;

/// What is refused of the definitions; None if all of it is accepted.
pub(super) fn objection(
    draft: &Draft<'_>,
    anchor: &Host,
    node: &NodeFacts,
    definitions: &Definitions,
) -> Option<Problem> {
    let mut lines = missing(node, definitions);
    let release =
        draft.host(&anchor.name).and_then(conf_keys::installed).or_else(|| conf_keys::reader(draft, anchor));
    let plugins = draft.desired.cluster.plugins.clone().unwrap_or_else(|| node.plugins.clone());
    let permitted = permitted(draft);
    let importer = |release| Importer { release, plugins: &plugins, permitted: &permitted };
    match release {
        Some(release) => lines.extend(refused(&importer(release), definitions)),
        // The package lists were never fetched.
        None => {
            let all =
                known_keys().releases().map(|release| (release, refused(&importer(release), definitions)));
            if let Some((release, refused)) = all.filter(|(_, refused)| !refused.is_empty()).last() {
                lines.push(format!(
                    "which RabbitMQ will be installed is not known yet; {release} would refuse:"
                ));
                lines.extend(refused);
            }
        }
    }
    if lines.is_empty() {
        return None;
    }
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    if more > 0 {
        lines.push(format!("and {} more", counted(more, "reason")));
    }
    let file =
        definitions.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let what = match release {
        Some(release) => format!("RabbitMQ {release} does not accept all of {file}"),
        None => format!("not every RabbitMQ accepts all of {file}"),
    };
    let advice = match release {
        Some(_) => draft
            .again(format!("correct {file}: nothing of it is imported before all of it is accepted; then")),
        None => {
            let refresh = draft.host(&anchor.name).map_or("", |facts| facts.system.family.words().refresh);
            Next::say("this shows the version:")
                .and(draft.on_host(&anchor.name, refresh))
                .and(Advice::Command(draft.options.command.clone()))
        }
    };
    Some(Problem::new(what, lines.join("\n"), advice))
}

/// The deprecated features that rabbitmq.conf permits.
fn permitted(draft: &Draft<'_>) -> Vec<String> {
    let permits = draft.desired.cluster.config.iter().filter_map(|entry| {
        let feature = entry.key.strip_prefix("deprecated_features.permit.")?;
        matches!(&entry.value, ConfigValue::Text(value) if value == "true").then(|| feature.to_owned())
    });
    permits.collect()
}

/// One line for all that is refused for one reason: `policies shop/a, shop/b: the key …`.
fn refused(importer: &Importer<'_>, definitions: &Definitions) -> Vec<String> {
    let mut by_reason: BTreeMap<(&str, &str, String), Vec<String>> = BTreeMap::new();
    for refused in definitions.defined.iter().filter_map(|defined| importer.refuses(defined)) {
        let (one, many) = refused.noun.words();
        by_reason.entry((one, many, refused.why)).or_default().push(refused.name);
    }
    let line = |((one, many, why), mut names): ((&str, &str, String), Vec<String>)| {
        let noun = if names.len() == 1 { one } else { many };
        let more = names.len().saturating_sub(NAMES);
        names.truncate(NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{noun} {}{more}: {why}", names.join(", "))
    };
    by_reason.into_iter().map(line).collect()
}

/// What items of the file refer to, and neither the file nor the cluster has.
fn missing(node: &NodeFacts, definitions: &Definitions) -> Vec<String> {
    let absent = |names: &[String], there: &[String], default: &str, name: &str| {
        name != default && ![names, there].concat().iter().any(|known| known == name)
    };
    let vhosts = definitions.references.vhosts.iter();
    let vhosts = vhosts.filter(|(name, _)| absent(&definitions.vhosts, &node.holdings.vhosts, "/", name));
    let users = definitions.references.users.iter();
    let users = users.filter(|(name, _)| absent(&definitions.users, &node.holdings.users, "guest", name));
    let line = |noun: &str, (name, by): (&String, &String)| {
        format!("{noun} {name}: named by {by}, and neither the file nor the cluster has it")
    };
    vhosts.map(|found| line("virtual host", found)).chain(users.map(|found| line("user", found))).collect()
}
