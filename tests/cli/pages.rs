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

/// What stands between backticks in a page.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    let outside_of_blocks = page.split("\n```").step_by(2);
    outside_of_blocks.flat_map(|text| text.split('`').skip(1).step_by(2))
}

/// The lists of files to touch are true: what they name is there.
#[test]
fn what_contributing_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("CONTRIBUTING.md")).expect("the page");
    let mut sources = String::new();
    for module in ["src", "tests"] {
        read_all(&root.join(module), &mut sources);
    }
    let (mut paths, mut names, mut missing) = (0, 0, Vec::new());
    for word in quoted(&page).filter(|word| !word.contains("NAME")) {
        let is_path = ["src/", "tests/", "docs/", "playbooks/"].iter().any(|top| word.starts_with(top));
        let is_name = word.trim_end_matches('!').chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && (word.contains('_') || word.ends_with('!'));
        paths += usize::from(is_path);
        names += usize::from(is_name);
        if (is_path && !root.join(word).exists()) || (is_name && !sources.contains(word)) {
            missing.push(word);
        }
    }
    assert!(paths > 20 && names > 3, "{paths} paths and {names} names were looked for");
    assert!(missing.is_empty(), "CONTRIBUTING.md names what is not there: {missing:?}");
}

/// A clone stays small, and no page has a hole.
#[test]
fn pictures_are_there_and_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("README.md")).expect("the page");
    let pictures: Vec<&str> = page
        .split("![")
        .skip(1)
        .map(|rest| rest.split_once("](").and_then(|(_, rest)| rest.split_once(')')).expect("a link").0)
        .collect();
    assert_eq!(pictures, ["docs/status.png", "docs/management.png"]);
    for path in pictures {
        let picture = std::fs::read(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(picture.starts_with(b"\x89PNG\r\n"), "{path} is no PNG");
        assert!(picture.len() < 150_000, "{path} has {} bytes", picture.len());
    }
}

fn read_all(directory: &Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).expect("the sources are there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push_str(&std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}
