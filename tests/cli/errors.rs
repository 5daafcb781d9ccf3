//! With `--json` errors are a document on standard output too, and one line if a run prints events.

use std::process::Output;

use serde_json::Value;

use crate::home::{Home, silent_port};

#[track_caller]
fn document(output: &Output, code: i32) -> Value {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    let document: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"));
    assert_eq!((&document["format_version"], &document["exit_code"]), (&1.into(), &code.into()), "{out}");
    document
}

#[track_caller]
fn line(output: &Output, code: i32) -> Value {
    let document = document(output, code);
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(out.lines().count(), 1, "more than a line: {out}");
    assert_eq!(document["event"], "error", "it is recognised among events");
    document
}

#[test]
fn wrong_words_and_inventories_are_documents() {
    let home = Home::new();
    for words in [&["check"] as &[&str], &["plan"], &["status"], &["doctor"]] {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let missing = document(&home.run(&words), 64);
        assert_eq!(missing["error"], "usage", "{words:?}");
    }
    home.write("inventory.toml", "[cluster]\nnmae = \"orders\"\n");
    let bad = document(&home.run(&["check", "--json"]), 64);
    let problems = bad["problems"].as_array().expect("there are problems");
    let key = problems.iter().find(|it| it["message"].as_str().is_some_and(|text| text.contains("nmae")));
    let key = key.unwrap_or_else(|| panic!("nothing about the key: {bad}"));
    assert_eq!((&key["line"], &key["severity"]), (&2.into(), &"error".into()), "{bad}");
    assert_eq!((&key["file"], &key["column"]), (&"inventory.toml".into(), &1.into()), "{bad}");
    let absent = document(&home.run(&["check", "--json", "-i", "lab.toml"]), 64);
    let problem = &absent["problems"][0];
    assert_eq!((&problem["file"], &problem["line"]), (&"lab.toml".into(), &Value::Null), "{absent}");

    home.inventory(9);
    document(&home.run(&["render", "haproxy", "--detailed-exitcode", "--json"]), 64);
    document(&home.run(&["plan", "--json", "--limit", "nod1"]), 64);
    let unknown = line(&home.run(&["up", "--json", "--limit", "nod1"]), 64);
    assert_eq!(unknown["message"], "the inventory has no host nod1");
    assert_eq!(unknown["next"], "did you mean node1?");
    line(&home.run(&["run", "remove-nod", "--json"]), 64);
    line(&home.run(&["apply", "nothing.plan", "--json"]), 64);
    let word = line(&home.run(&["up", "--json", "--bogus"]), 64);
    assert!(word["message"].as_str().is_some_and(|text| text.contains("--bogus")), "{word}");
}

/// Characters count, not bytes, and so does a line that is too long to be drawn.
#[test]
fn every_problem_of_an_inventory_has_its_place() {
    let home = Home::new();
    let long = "y".repeat(300);
    home.write(
        "inventory.toml",
        &format!("[cluster]\nname = \"é\"\nports = {{ é = 1, nmae = \"{long}\" }}\nnames = \"é\"  x\n"),
    );
    let bad = document(&home.run(&["check", "--json"]), 64);
    let problems = |bad: &Value| bad["problems"].as_array().expect("there are problems").clone();
    assert_eq!((&problems(&bad)[0]["line"], &problems(&bad)[0]["column"]), (&4.into(), &14.into()), "{bad}");
    home.write("inventory.toml", &format!("[cluster]\nname = \"é\"\nports = \"{long}\"\n"));
    let bad = document(&home.run(&["check", "--json"]), 64);
    let found: Vec<(Value, Value, Value)> = problems(&bad)
        .iter()
        .map(|it| (it["file"].clone(), it["line"].clone(), it["column"].clone()))
        .collect();
    let file = Value::from("inventory.toml");
    // The second: that it has no hosts.
    assert_eq!(found, [(file.clone(), 3.into(), 1.into()), (file, Value::Null, Value::Null)], "{bad}");
}

/// What is valid and probably not meant is part of the answer; on a terminal it is shown above it.
#[test]
fn warnings_are_in_the_document_of_a_check() {
    let home = Home::new();
    home.inventory(9);
    let checked = |words: &[&str]| {
        let output = home.run(words);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        output
    };
    let none: Value = serde_json::from_slice(&checked(&["check", "--json"]).stdout).expect("JSON");
    assert_eq!(
        (&none["ok"], &none["hosts"], &none["warnings"]),
        (&true.into(), &1.into(), &Value::Array(vec![]))
    );
    let one = std::fs::read_to_string(home.path("inventory.toml")).expect("it was written");
    home.write(
        "inventory.toml",
        &format!("{one}[[host]]\nname = \"node2\"\naddress = \"192.0.2.2\"\nroles = [\"broker\"]\n"),
    );
    let shown = checked(&["check"]);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("two brokers"), "{shown:?}");
    let two: Value = serde_json::from_slice(&checked(&["check", "--json"]).stdout).expect("JSON");
    let warning = &two["warnings"][0];
    assert!(warning["message"].as_str().is_some_and(|text| text.contains("two brokers")), "{two}");
    assert_eq!(
        (&warning["severity"], &warning["file"]),
        (&"warning".into(), &"inventory.toml".into()),
        "{two}"
    );
}

/// Every field that these documents have is in their schema, and every field that the schema requires is in them.
#[test]
fn documents_are_as_their_schemas_say() {
    let home = Home::new();
    let schema =
        |of: &str| -> Value { serde_json::from_slice(&home.run(&["schema", of]).stdout).expect("a schema") };
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().map(|it| it.keys().cloned().collect()).unwrap_or_default()
    };
    let fits = |document: &Value, schema: &Value| {
        let known = keys(&schema["properties"]);
        assert!(
            !known.is_empty() && keys(document).iter().all(|key| known.contains(key)),
            "{document}\n{known:?}"
        );
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for key in required.iter().filter_map(Value::as_str) {
            assert!(document.get(key).is_some(), "{document} lacks {key}");
        }
    };
    let missing = document(&home.run(&["check", "--json"]), 64);
    fits(&missing, &schema("error"));
    fits(&missing["problems"][0], &schema("error")["$defs"]["Problem"]);
    home.inventory(9);
    fits(&document(&home.run(&["plan", "--json", "--limit", "nod1"]), 64), &schema("error"));
    let valid: Value = serde_json::from_slice(&home.run(&["check", "--json"]).stdout).expect("JSON");
    fits(&valid, &schema("check"));
}

/// Whole sentences, whatever clap makes of its paragraphs, and what may have been meant.
#[test]
fn a_command_line_that_is_none_is_one_line_with_all_that_is_wrong() {
    let home = Home::new();
    let told = |words: &[&str]| {
        let line = line(&home.run(words), 64);
        (line["message"].clone(), line["next"].clone())
    };
    let (message, next) = told(&["init", "--json"]);
    assert_eq!(message, "the following required arguments were not provided: <HOST>...");
    assert_eq!(next, "usage: rabbitup init --json <HOST>...");
    let (message, next) = told(&["plan", "--json", "--limitt", "node1"]);
    assert_eq!(
        (message, next),
        ("unexpected argument '--limitt' found".into(), "a similar argument exists: '--limit'".into())
    );
    let (message, _) = told(&["plan", "--json=true"]);
    assert!(message.as_str().is_some_and(|text| text.contains("--json")), "{message}");
    let (message, _) = told(&["--json"]);
    assert!(message.as_str().is_some_and(|text| text.contains("requires a subcommand")), "{message}");
}

#[test]
fn init_says_where_it_wrote_and_what_comes_next() {
    let home = Home::new();
    let done = home.run(&["init", "--json", "-o", "lab.toml", "node1=192.168.0.41"]);
    assert_eq!(done.status.code(), Some(0));
    let done: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(
        (&done["inventory"], &done["next"]),
        (&"lab.toml".into(), &"rabbitup -i lab.toml plan".into())
    );
    let again = document(&home.run(&["init", "--json", "-o", "lab.toml", "node1=192.168.0.41"]), 64);
    assert_eq!(again["message"], "lab.toml exists already");
}

#[test]
fn a_bundle_that_cannot_be_written_is_the_only_document() {
    let home = Home::new();
    let (listener, port) = silent_port();
    drop(listener);
    home.inventory(port);
    let error = document(&home.run(&["doctor", "--json", "--bundle", "nowhere/bundle.tar.gz"]), 64);
    assert_eq!(error["message"], "the bundle could not be written to nowhere/bundle.tar.gz");
}

#[test]
fn hosts_that_do_not_answer_are_a_line_of_a_run_and_a_document_of_a_plan() {
    let home = Home::new();
    let (listener, port) = silent_port();
    drop(listener);
    home.inventory(port);
    let run = line(&home.run(&["up", "--json", "--yes"]), 1);
    assert_eq!(
        (&run["error"], &run["unreachable"][0]["host"]),
        (&"unreachable".into(), &"node1".into()),
        "{run}"
    );
    assert_eq!(document(&home.run(&["plan", "--json"]), 1)["error"], "unreachable");
}

#[test]
fn playbooks_are_listed_for_machines() {
    let output = Home::new().run(&["run", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let removal =
        list["playbooks"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "remove-node"));
    assert!(removal.is_some_and(|one| one["required"]["node"].is_string()), "{list}");
}

#[test]
fn a_missing_configuration_of_ssh_is_bad_input() {
    let home = Home::new();
    home.inventory(1);
    std::fs::remove_file(home.path("ssh_config")).expect("it was written");
    for words in [["check"], ["plan"], ["status"]] {
        let output = home.run(&words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{words:?}: {said}");
        assert!(said.contains("ssh_config does not exist") && said.contains("inventory.toml:"), "{said}");
    }
}
