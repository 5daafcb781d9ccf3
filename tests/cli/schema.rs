//! Documents against their JSON Schemas: the part of JSON Schema that `rabbitup schema` uses, read strictly.

use serde_json::Value;

/// Fails where a document has a field that its schema does not know, lacks one that is required, or has a value of another kind.
#[track_caller]
pub fn assert_fits(document: &Value, schema: &Value) {
    assert!(schema["properties"].is_object(), "a schema of a document: {schema}");
    let wrong = complaints(document, schema, schema, "$");
    assert!(wrong.is_empty(), "{wrong:#?}\n{document:#}");
}

/// All names of fields in a schema, also of the parts that it refers to.
pub fn field_names(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    let parts = schema["$defs"].as_object().into_iter().flat_map(|parts| parts.values()).chain([schema]);
    for part in parts {
        names.extend(part["properties"].as_object().into_iter().flat_map(|fields| fields.keys().cloned()));
    }
    names.sort();
    names.dedup();
    names
}

fn complaints(value: &Value, schema: &Value, root: &Value, path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        let part = root.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        wrong.extend(complaints(value, part, root, path));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[key].as_array()
            && !choices.iter().any(|choice| complaints(value, choice, root, path).is_empty())
        {
            wrong.push(format!("{path}: {value} is none of {choices:?}"));
        }
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        wrong.push(format!("{path}: {value} is none of {words:?}"));
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        wrong.push(format!("{path}: {value} is not {}", schema["const"]));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind)) {
        wrong.push(format!("{path}: {value} is no {kinds:?}"));
    }
    if let Some(items) = value.as_array() {
        for (at, item) in items.iter().enumerate() {
            wrong.extend(complaints(item, &schema["items"], root, &format!("{path}[{at}]")));
        }
    }
    if let (Some(fields), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        for (name, value) in fields {
            match known.get(name) {
                Some(schema) => wrong.extend(complaints(value, schema, root, &format!("{path}.{name}"))),
                // Lines of journals have fields of their own.
                None if schema["additionalProperties"] == true => {}
                None => wrong.push(format!("{path}: nothing is said of {name}")),
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        wrong.extend(
            required.filter(|name| !fields.contains_key(*name)).map(|name| format!("{path} lacks {name}")),
        );
    }
    wrong
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no kind of values is called {other}"),
    }
}

#[test]
fn what_does_not_fit_is_seen() {
    let schema: Value = serde_json::json!({
        "type": "object", "required": ["a"], "properties": { "a": { "$ref": "#/$defs/A" }, "b": { "type": ["string", "null"] } },
        "$defs": { "A": { "type": "array", "items": { "anyOf": [{ "enum": ["x"] }, { "type": "integer" }] } } },
    });
    let found = |document: Value| complaints(&document, &schema, &schema, "$").len();
    assert_eq!(found(serde_json::json!({ "a": ["x", 1], "b": null })), 0);
    assert_eq!(found(serde_json::json!({ "a": ["y"] })), 1, "no such word");
    assert_eq!(found(serde_json::json!({ "a": [1.5] })), 1, "another kind in a list");
    assert_eq!(found(serde_json::json!({ "b": 1, "c": 1 })), 3, "required, another kind, unknown");
    assert_eq!(field_names(&schema), ["a", "b"]);
}
