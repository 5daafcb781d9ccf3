//! The library exports what the program, tests and benches use, and nothing else: rustc takes whatever is exported for used, and
//! would never report it as dead.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::circles::{inline, uses};
use super::purity::{public_modules, sources};

/// Exported because the signature of something else has it: nobody outside names it.
const IN_SIGNATURES: [(&str, &[&str]); 10] = [
    ("adopt", &["Login", "Members", "Outlook"]),
    (
        "balancer",
        &[
            "Algorithm",
            "Balancer",
            "Bind",
            "Packaged",
            "Packages",
            "Runtime",
            "Scheme",
            "ServedUi",
            "Share",
            "Shipped",
            "StatisticsPage",
            "Strategy",
            "Template",
        ],
    ),
    ("facts", &["Barrier", "Failing", "SelinuxPort"]),
    ("firewall", &["Firewall", "Ports", "Protocol", "Sections"]),
    ("history", &["NoJournal", "RunProblem"]),
    ("model", &["Next"]),
    ("operation", &["Nature", "OnBroker"]),
    ("platform", &["GeneratedCookie", "Held", "Lock", "PackageFacts", "Sections", "TimeService", "Words"]),
    ("playbook", &["Phase", "PlaybookErrors"]),
    ("transport", &["Held"]),
];

/// `MODULE::NAME`, for everything that a module's own file exports.
fn exported(root: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for module in public_modules() {
        let code = fs::read_to_string(root.join("src").join(&module).join("mod.rs")).expect("a module");
        let handed_on = uses(&code).into_iter().filter(|(_, by)| by == "pub ");
        let handed_on = handed_on.map(|(path, _)| path.rsplit(':').next().unwrap_or_default().to_owned());
        let kinds = ["struct", "enum", "fn", "async fn", "const", "type", "trait", "mod"];
        let own = code.lines().filter_map(|line| {
            let item = line.strip_prefix("pub ")?;
            let name = kinds.iter().find_map(|kind| item.strip_prefix(kind)?.strip_prefix(' '))?;
            name.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
        });
        names.extend(handed_on.chain(own).map(|name| format!("{module}::{name}")));
    }
    names
}

/// The same for everything that the program, tests and benches name.
fn named(root: &Path) -> BTreeSet<String> {
    let mut files = vec![root.join("src/main.rs")];
    sources(&root.join("tests"), &mut files);
    sources(&root.join("benches"), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let code = fs::read_to_string(file).expect("a source file");
        let paths = uses(&code).into_iter().map(|(path, _)| path).chain(inline(&code));
        for path in paths {
            // A module that was itself imported is named without the crate.
            let path = path.strip_prefix("rabbitup::").unwrap_or(&path);
            let mut words = path.split([':', ' ']).filter(|word| !word.is_empty());
            if let (Some(module), Some(name)) = (words.next(), words.next()) {
                names.insert(format!("{module}::{name}"));
            }
        }
    }
    names
}

#[test]
fn what_is_exported_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (exported, named) = (exported(root), named(root));
    assert!(exported.len() > 100, "the exports were found: {exported:?}");
    let in_signatures: BTreeSet<String> = IN_SIGNATURES
        .iter()
        .flat_map(|(module, names)| names.iter().map(move |name| format!("{module}::{name}")))
        .collect();
    let unused: Vec<&String> = exported.iter().filter(|name| !named.contains(*name)).collect();
    assert_eq!(unused, in_signatures.iter().collect::<Vec<_>>());
}
