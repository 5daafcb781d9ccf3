use std::path::PathBuf;

use md5::{Digest, Md5};
use serde_json::Value;

use super::Checker;
use super::defined::{defined, items, references};
use crate::document::{At, ReadError, nearest, quoted, read_bounded};
use crate::inventory::Definitions;
use crate::model::{Secret, SecretSource};

/// Import larger exports by hand.
const LARGEST: usize = 16 << 20;

/// The lists of RabbitMQ's export, and the required keys of their items.
const LISTS: [(&str, &[&str]); 11] = [
    ("users", &["name"]),
    ("vhosts", &["name"]),
    ("permissions", &["user", "vhost"]),
    ("topic_permissions", &["user", "vhost"]),
    ("parameters", &["component", "name"]),
    ("global_parameters", &["name"]),
    ("policies", &["vhost", "name", "pattern"]),
    ("queues", &["name"]),
    ("exchanges", &["name"]),
    ("bindings", &["source", "destination"]),
    ("operator_policies", &["vhost", "name"]),
];
/// An export of one virtual host omits it in all items, and `rabbitmqctl import_definitions` imports none of them.
const SINGLE_VHOST: &str = "this is an export of one virtual host, which can only be imported into one: give each item a `vhost`, or \
    export all of them with `rabbitmqctl export_definitions FILE`";

const REMARKS: [&str; 9] = [
    "rabbit_version",
    "rabbitmq_version",
    "product_name",
    "product_version",
    "rabbitmq_definition_format",
    "original_vhost_name",
    "original_cluster_name",
    "explanation",
    "metadata",
];

impl Checker<'_> {
    /// Stores the bytes with the other secrets.
    fn keep_definitions(&mut self, path: &At<String>, bytes: Vec<u8>) -> PathBuf {
        let file = self.lasting_path(path);
        self.secrets.insert(Definitions::secret(), Secret::new(bytes));
        self.secret_sources.insert(Definitions::secret(), SecretSource::File(file.clone()));
        file
    }

    /// Reads a definitions file. It may contain password hashes, so messages show only positions, never its text.
    pub(super) fn definitions(&mut self, path: &At<String>) -> Option<Definitions> {
        let file = self.path(path);
        let shown = file.display().to_string();
        let hint = "`rabbitmqctl export_definitions FILE` writes one";
        let bytes = match read_bounded(&file, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) => {
                let hint = match &error {
                    ReadError::Distrusted(why) => why.hint(),
                    ReadError::Missing(_)
                    | ReadError::Directory(_)
                    | ReadError::TooLarge(..)
                    | ReadError::Io(..) => hint.to_owned(),
                };
                self.error(format!("the definitions cannot be read: {error}"), &path.span, "from here", hint);
                return None;
            }
        };
        let root: Value = match serde_json::from_slice(&bytes) {
            Ok(root) => root,
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let message = format!("{shown} is not JSON: line {line}, column {column}");
                self.error(message, &path.span, "this file", hint);
                return None;
            }
        };
        if let Err((message, fix)) = shape(&root) {
            let fix = if fix.is_empty() { hint.to_owned() } else { fix };
            self.error(format!("{shown} is not a definitions file: {message}"), &path.span, "this file", fix);
            return None;
        }
        // Like every secret from a file, without the final newline that editors add.
        let bytes = bytes.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(bytes);
        let digest = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let names = |list: &str| {
            items(&root, list).filter_map(|item| item["name"].as_str().map(str::to_owned)).collect()
        };
        let policy = |item: &Value| Some(format!("{}/{}", item["vhost"].as_str()?, item["name"].as_str()?));
        let policies = items(&root, "policies").filter_map(policy).collect();
        Some(Definitions {
            vhosts: names("vhosts"),
            users: names("users"),
            policies,
            defined: defined(&root),
            references: references(&root),
            digest,
            path: self.keep_definitions(path, bytes),
        })
    }
}

/// Checks that it looks like RabbitMQ's export; if not, returns what is wrong and what to do.
fn shape(root: &Value) -> Result<(), (String, String)> {
    let Value::Object(map) = root else {
        return Err(("its outermost value is not an object".to_owned(), String::new()));
    };
    let known: Vec<&str> = LISTS.iter().map(|(list, _)| *list).chain(REMARKS).collect();
    if !map.keys().any(|key| LISTS.iter().any(|(list, _)| list == key)) {
        let lists = LISTS.iter().map(|(list, _)| *list).take(3);
        return Err((format!("it has none of {} or similar lists", quoted(lists)), String::new()));
    }
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        if let Some(word) = nearest(key, known.iter().copied()) {
            return Err((format!("it has an unknown key `{key}`"), format!("did you mean `{word}`?")));
        }
    }
    for (list, needed) in LISTS {
        let Some(value) = map.get(list) else { continue };
        let Value::Array(items) = value else {
            return Err((format!("`{list}` is not a list"), String::new()));
        };
        for (at, item) in items.iter().enumerate() {
            if let Some(key) = needed.iter().find(|key| !item[**key].is_string()) {
                let fix = match (*key, &map.get("original_vhost_name")) {
                    ("vhost", Some(_)) => SINGLE_VHOST,
                    _ => "",
                };
                return Err((format!("item {} of `{list}` has no `{key}`", at + 1), fix.to_owned()));
            }
        }
    }
    for (at, user) in items(root, "users").enumerate() {
        if let Some(wrong) = wrong_user(user) {
            return Err((format!("item {} of `users` {wrong}", at + 1), String::new()));
        }
    }
    Ok(())
}

/// What every version of RabbitMQ refuses (rabbit_auth_backend_internal:put_user/3; the modules rabbit_password_hashing_*).
fn wrong_user(user: &Value) -> Option<String> {
    let has = |key: &str| !user[key].is_null();
    if !has("tags") && !has("administrator") {
        return Some("has no `tags`; a user without any has `\"tags\": \"\"`".to_owned());
    }
    if has("password") && has("password_hash") {
        return Some("has both `password` and `password_hash`".to_owned());
    }
    let hashing = user["hashing_algorithm"].as_str()?;
    let known = ["md5", "sha256", "sha512"];
    let name = hashing.strip_prefix("rabbit_password_hashing_")?;
    (!known.contains(&name)).then(|| {
        format!(
            "has the unknown `hashing_algorithm` {hashing}; RabbitMQ has {}",
            quoted(known.map(|it| format!("rabbit_password_hashing_{it}")))
        )
    })
}
