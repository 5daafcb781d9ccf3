//! The pages of the playbooks have what the program takes.

use std::path::Path;

use serde_json::Value;

use crate::home::Home;

#[test]
fn every_value_of_a_playbook_is_on_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| {
        std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let list: Value = serde_json::from_slice(&Home::new().run(&["run", "--json"]).stdout).expect("JSON");
    let mut missing = Vec::new();
    let mut values = 0;
    for playbook in list["playbooks"].as_array().expect("playbooks") {
        let name = playbook["name"].as_str().expect("a name");
        let text = read(&format!("playbooks/{name}.toml"));
        let page = text.lines().find_map(|line| line.strip_prefix("# Its page: "));
        let page = read(page.unwrap_or_else(|| panic!("playbooks/{name}.toml names no page")));
        for kind in ["required", "optional"] {
            for value in playbook[kind].as_object().into_iter().flat_map(|values| values.keys()) {
                values += 1;
                // Several playbooks may share a page, so the value stands behind this one's name, or in a sentence.
                let called = page.lines().any(|line| {
                    line.contains(&format!("run {name} ")) && line.contains(&format!(" {value}="))
                });
                if !called && !page.contains(&format!("`{value}=")) {
                    missing.push(format!("{name} {value}="));
                }
            }
        }
    }
    assert!(values > 10, "only {values} values were looked for");
    assert_eq!(missing, [""; 0], "values that no page names");
}
