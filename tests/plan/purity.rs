//! The planner can neither wait, nor connect, nor read a file or a clock: its sources name nothing that could.

use std::fs;
use std::path::{Path, PathBuf};

use rabbitup::balancer::Software;
use rabbitup::firewall::Software as Firewall;

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

pub fn sources(directory: &Path, into: &mut Vec<PathBuf>) {
    with_extension(directory, "rs", into);
}

fn with_extension(directory: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the sources are there") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            with_extension(&path, extension, into);
        } else if path.extension().is_some_and(|end| end == extension) {
            into.push(path);
        }
    }
}

#[test]
fn what_plans_is_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for module in [
        "plan",
        "operation",
        "model",
        "firewall",
        "balancer",
        "virtual_address",
        "platform",
        "rabbitmq",
        "facts",
        "cluster",
        "doctor",
        "adopt",
    ] {
        sources(&root.join(module), &mut files);
    }
    assert!(files.len() > 20, "the modules were found");
    // Test code may start a shell.
    for file in files.into_iter().filter(|file| !is_for_tests(file)) {
        let text = fs::read_to_string(&file).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{} uses {word}: {line}", file.display());
            }
        }
    }
}

/// Code of the sources but for their comments and tests, by file.
fn code(module: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(module, &mut files);
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        (file, code)
    };
    files.into_iter().filter(|file| !is_for_tests(file)).map(read).collect()
}

/// The scripts but for their comments, by file.
fn shell(root: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    with_extension(root, "sh", &mut files);
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a script");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        (file, lines.collect::<Vec<_>>().join("\n"))
    };
    files.into_iter().map(read).collect()
}

/// Properties of one balancer's software are only in its file of src/balancer.
#[test]
fn no_balancer_is_named_outside_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // A key of saved plans, and the section that HAProxy's part of the probe prints.
    let known = ["rename = \"haproxy_socket\"", "frames.lines(\"haproxy\")"];
    for (file, code) in code(&root).into_iter().filter(|(file, _)| !file.starts_with(root.join("balancer"))) {
        let code = known.iter().fold(code, |code, known| code.replace(known, "")).to_lowercase();
        for software in Software::ALL {
            assert!(!code.contains(software.as_str()), "{} names {}", file.display(), software.as_str());
        }
    }
}

/// Properties of one package family are only in its files of src/platform, including shell; a balancer's packages
/// are with the balancer.
#[test]
fn no_package_manager_is_named_outside_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let words = ["apt-", "dpkg", "policy-rc.d", "/etc/chrony", "\"chrony\"", "erlang-base"];
    let rust = code(&root);
    let all =
        rust.into_iter().chain(shell(&root)).filter(|(file, _)| !file.starts_with(root.join("platform")));
    // The template, the validator and the step of chrony are named after it in all families.
    let own = ["Self::Chrony => \"chrony\"", "[\"write_file\", \"chrony\"]", "&host.name, \"chrony\""];
    for (file, code) in all {
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let code = own.iter().fold(code, |code, own| code.replace(own, ""));
        for word in words {
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
    }
}

/// What is true of one firewall is only in its files of src/firewall. Doctor shows an operator's rules, whatever made them.
#[test]
fn no_firewall_is_named_outside_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = code(&root).into_iter().chain(shell(&root));
    for (file, code) in all.filter(|(file, _)| !file.starts_with(root.join("firewall"))) {
        let code = code.replace("shell(\"nft list ruleset\")", "");
        for software in Firewall::ALL {
            let word = software.as_str();
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
        for word in ["firewall-cmd", "nft "] {
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
    }
}

/// A broker listens where its settings say: RabbitMQ's port numbers are defaults, and those are in one room.
#[test]
fn no_port_of_rabbitmq_is_written_outside_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (source, room) = (root.join("src"), root.join("src/rabbitmq/listeners"));
    let mut templates = Vec::new();
    with_extension(&root.join("templates"), "hbs", &mut templates);
    let read = |file: PathBuf| (file.clone(), fs::read_to_string(file).expect("a template"));
    let all = code(&source).into_iter().chain(shell(&source)).chain(templates.into_iter().map(read));
    for (file, code) in all.filter(|(file, _)| !file.starts_with(&room)) {
        for number in code.split(|c: char| !c.is_ascii_alphanumeric()) {
            let is_known = ["5671", "5672", "15671", "15672", "25672"].contains(&number);
            assert!(!is_known, "{} has port {number}", file.display());
        }
    }
}

/// Which of the modules above it here a module may import.
enum Above {
    All,
    Only(&'static [&'static str]),
}

/// Every module, and what it may import: nothing below it here.
const MODULES: [(&str, Above); 25] = [
    ("model", Above::Only(&[])),
    ("firewall", Above::Only(&[])),
    ("balancer", Above::Only(&["model"])),
    ("virtual_address", Above::Only(&[])),
    ("platform", Above::Only(&["balancer"])),
    ("redact", Above::Only(&["model", "balancer"])),
    ("document", Above::Only(&["model", "balancer", "redact"])),
    ("rabbitmq", Above::Only(&["model", "document"])),
    ("facts", Above::Only(&["model", "firewall", "platform", "balancer", "virtual_address", "rabbitmq"])),
    ("template", Above::Only(&["model", "balancer", "virtual_address", "document"])),
    (
        "operation",
        Above::Only(&[
            "model",
            "firewall",
            "platform",
            "balancer",
            "virtual_address",
            "rabbitmq",
            "facts",
            "template",
        ]),
    ),
    (
        "inventory",
        Above::Only(&[
            "model",
            "platform",
            "balancer",
            "virtual_address",
            "redact",
            "document",
            "rabbitmq",
            "template",
        ]),
    ),
    ("ansible", Above::Only(&["model", "balancer", "redact", "document", "inventory"])),
    ("playbook", Above::Only(&["model", "document", "inventory"])),
    (
        "cluster",
        Above::Only(&[
            "model",
            "document",
            "platform",
            "balancer",
            "virtual_address",
            "rabbitmq",
            "facts",
            "inventory",
        ]),
    ),
    ("plan", Above::All),
    (
        "adopt",
        Above::Only(&[
            "model",
            "balancer",
            "redact",
            "document",
            "rabbitmq",
            "facts",
            "template",
            "inventory",
            "playbook",
            "cluster",
            "plan",
        ]),
    ),
    ("transport", Above::Only(&["model"])),
    // It cannot import the inventory and playbooks: what a dry run shows is what an apply does.
    (
        "apply",
        Above::Only(&["model", "redact", "document", "rabbitmq", "facts", "operation", "plan", "transport"]),
    ),
    ("exec", Above::Only(&["model", "facts"])),
    ("history", Above::Only(&["model", "cluster", "plan", "apply"])),
    ("logs", Above::Only(&["model", "balancer", "virtual_address", "rabbitmq", "facts", "history"])),
    (
        "doctor",
        Above::Only(&[
            "logs",
            "model",
            "platform",
            "balancer",
            "virtual_address",
            "redact",
            "rabbitmq",
            "facts",
            "inventory",
            "cluster",
        ]),
    ),
    (
        "report",
        Above::Only(&[
            "model",
            "balancer",
            "virtual_address",
            "platform",
            "document",
            "rabbitmq",
            "facts",
            "operation",
            "inventory",
            "cluster",
            "plan",
            "apply",
            "exec",
            "history",
            "logs",
            "doctor",
        ]),
    ),
    ("cli", Above::All),
];

/// Files that are compiled for tests only.
pub fn is_for_tests(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    name.ends_with("_test")
        || name.ends_with("_tests")
        || name.ends_with("_fixtures")
        || ["tests", "recorded"].contains(&name.as_str())
}

/// The modules that the library exports.
pub fn public_modules() -> Vec<String> {
    let listed =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the library");
    listed
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect()
}

#[test]
fn imports_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let listed = fs::read_to_string(root.join("lib.rs")).expect("the library");
    let mut declared: Vec<&str> =
        listed.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';')).collect();
    let mut known: Vec<&str> = MODULES.iter().map(|(module, _)| *module).collect();
    declared.sort_unstable();
    known.sort_unstable();
    assert_eq!(declared, known, "every module stands in the list");
    for (place, (module, imports)) in MODULES.iter().enumerate() {
        let above: Vec<&str> = MODULES[..place].iter().map(|(module, _)| *module).collect();
        let allowed = match imports {
            Above::All => above.as_slice(),
            Above::Only(some) => some,
        };
        for other in allowed {
            assert!(above.contains(other), "{module} may not import {other}");
        }
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        for file in files.into_iter().filter(|file| !is_for_tests(file)) {
            let text = fs::read_to_string(&file).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            for (other, _) in MODULES.iter().filter(|(other, _)| other != module && !allowed.contains(other))
            {
                let import = format!("crate::{other}::");
                assert!(!code.contains(&import), "{} imports {import}", file.display());
            }
        }
    }
}
