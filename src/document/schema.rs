//! The parts of JSON Schema that derived schemas use.

use serde_json::Value;

pub(super) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The key whose constant distinguishes the branches of a tagged enum.
pub(super) fn tag_of(branches: &[Value]) -> Option<&str> {
    let properties = branches.first()?["properties"].as_object()?;
    properties.iter().find(|(_, schema)| schema["const"].is_string()).map(|(key, _)| key.as_str())
}

pub(super) fn words(schema: &Value) -> Vec<&str> {
    let listed = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let branches = schema["oneOf"].as_array().into_iter().flatten();
    let described = branches.flat_map(|branch| branch["const"].as_str().into_iter().chain(words(branch)));
    listed.chain(described).collect()
}

pub(super) fn first_sentence(schema: &Value) -> Option<String> {
    let paragraph = schema["description"].as_str()?.split("\n\n").next()?;
    // Docstrings are wrapped for the source's width, reports for the terminal's.
    Some(paragraph.lines().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned())
}

pub(super) fn wanted(items: &Value, schema: &Value) -> &'static str {
    match (schema["type"].as_str(), items["type"].as_str()) {
        (Some("string"), _) => "a string",
        (Some("integer"), _) => "a whole number",
        (Some("number"), _) => "a number",
        (Some("boolean"), _) => "true or false",
        (Some("array"), Some("object")) => "a list of tables",
        (Some("array"), _) => "a list of strings",
        _ => "a table",
    }
}

/// A derived schema without JSON's `null`, which TOML does not have.
pub fn plain_schema(schema: schemars::Schema) -> Value {
    let mut value = schema.to_value();
    without_null(&mut value);
    value
}

fn without_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(map) => {
            map.values_mut().for_each(without_null);
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if map.get("default") == Some(&Value::Null) {
                map.remove("default");
            }
            if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
                branches.retain(|branch| branch["type"] != "null");
                if let [Value::Object(only)] = branches.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    for (key, value) in only {
                        map.entry(key).or_insert(value);
                    }
                }
            }
        }
        _ => {}
    }
}
