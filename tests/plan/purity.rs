//! The planner can neither wait, nor connect, nor read a file or a clock: its sources do not name what could.

use std::fs;
use std::path::{Path, PathBuf};

const FORBIDDEN: [&str; 8] = [
    "tokio",
    "openssh",
    "std::fs",
    "std::net::Tcp",
    "std::process",
    "SystemTime",
    "Instant::",
    "crate::transport",
];

fn sources(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the sources are there") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn what_plans_is_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for module in ["plan", "model", "rabbitmq", "facts", "doctor"] {
        sources(&root.join(module), &mut files);
    }
    assert!(files.len() > 20, "the modules were found");
    // What is for tests only may start a shell.
    for file in files.into_iter().filter(|file| !file.to_string_lossy().ends_with("_test.rs")) {
        let text = fs::read_to_string(&file).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{} uses {word}: {line}", file.display());
            }
        }
    }
}

/// design: imports point one way.
#[test]
fn imports_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let below: [(&str, &[&str]); 7] = [
        (
            "model",
            &[
                "apply",
                "cli",
                "doctor",
                "document",
                "facts",
                "inventory",
                "plan",
                "playbook",
                "rabbitmq",
                "report",
                "template",
                "transport",
            ],
        ),
        (
            "rabbitmq",
            &[
                "apply",
                "cli",
                "doctor",
                "facts",
                "inventory",
                "plan",
                "playbook",
                "report",
                "template",
                "transport",
            ],
        ),
        (
            "facts",
            &["apply", "cli", "doctor", "inventory", "plan", "playbook", "report", "template", "transport"],
        ),
        (
            "transport",
            &[
                "apply",
                "cli",
                "doctor",
                "facts",
                "inventory",
                "plan",
                "playbook",
                "rabbitmq",
                "report",
                "template",
            ],
        ),
        ("plan", &["apply", "cli", "doctor", "report", "transport"]),
        ("doctor", &["apply", "cli", "playbook", "report", "template", "transport"]),
        ("report", &["cli", "transport"]),
    ];
    for (module, forbidden) in below {
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            for other in forbidden {
                let import = format!("crate::{other}::");
                assert!(!text.contains(&import), "{} imports {import}", file.display());
            }
        }
    }
}
