//! No file of the sources needs, by whatever way, one that needs it: each can be read after those that it imports.
//!
//! One exception, for every folder alike: its `mod.rs` (or the file named after it) lists what is in it, hands it on, and holds
//! the terms that all of it shares, so it imports its files and they import it. Between two files of a folder, or of two
//! folders, there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::purity::{is_for_tests, sources};

/// A module's path, without `crate`.
type Module = Vec<String>;

/// The code of each file without comments and tests, by its module.
type Files = BTreeMap<Module, String>;

fn files_of_the_crate() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let code = |path: &Path| {
        let text = fs::read_to_string(path).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let module = |path: &Path| -> Module {
        let names = path.strip_prefix(&root).expect("it is below").with_extension("");
        let names = names.iter().map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| !["mod", "lib", "main"].contains(&name.as_str())).collect()
    };
    let files = paths.iter().filter(|path| !is_for_tests(path) && !path.ends_with("src/main.rs"));
    files.map(|path| (module(path), code(path))).collect()
}

/// The paths of `a::{b, c::{d, e as f}}`.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("one at least").push(c);
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expanded(part)).map(|part| format!("{}{}", head.trim(), part.trim())).collect()
}

/// The paths after each `use` of a file, each with what stands before the `use`: `pub ` where it is handed on.
pub fn uses(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let is_use = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("use ") || (line.starts_with("pub") && line.contains(" use "))
        };
        let Some(at) = statement.lines().find(is_use).and_then(|line| statement.find(line)) else { continue };
        let Some((before, tree)) = statement[at..].split_once("use ") else { continue };
        let before = before.trim_start().to_owned();
        found.extend(expanded(tree).into_iter().map(|path| (path, before.clone())));
    }
    found
}

/// Paths in the code itself: `crate::a::b`, `super::c`, and `child::d` of a file of its folder.
pub fn inline(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(|c| !is_word(c)).filter(|word| word.contains("::")).map(str::to_owned).collect()
}

/// The file that a path in `at` leads to, and the name in it that follows.
fn resolved(files: &Files, at: &Module, path: &str) -> Option<(Module, Option<String>)> {
    let path = path.split(" as ").next().unwrap_or_default();
    let mut words = path.split("::").map(str::trim).peekable();
    let mut module = at.clone();
    match words.peek().copied()? {
        "crate" => {
            module.clear();
            words.next();
        }
        "super" | "self" => {
            while let Some(word) = words.next_if(|word| ["super", "self"].contains(word)) {
                if word == "super" {
                    module.pop();
                }
            }
        }
        child => {
            let child: Module = at.iter().cloned().chain([child.to_owned()]).collect();
            files.contains_key(&child).then_some(())?;
        }
    }
    while let Some(word) = words.peek() {
        let below: Module = module.iter().cloned().chain([(*word).to_owned()]).collect();
        if !files.contains_key(&below) {
            break;
        }
        module = below;
        words.next();
    }
    files.contains_key(&module).then(|| (module, words.next().map(str::to_owned)))
}

/// What each file imports, where it is written: what another file only hands on is that of the one that has it.
fn imports(files: &Files) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut handed_on: BTreeMap<(Module, String), Module> = BTreeMap::new();
    for (module, code) in files {
        for (path, _) in uses(code).into_iter().filter(|(_, before)| !before.is_empty()) {
            let name = path.rsplit([':', ' ']).next().unwrap_or_default().to_owned();
            if let Some((from, _)) = resolved(files, module, &path) {
                handed_on.insert((module.clone(), name), from);
            }
        }
    }
    let origin = |(mut module, name): (Module, Option<String>)| {
        while let Some(from) = name.clone().and_then(|name| handed_on.get(&(module.clone(), name))) {
            if *from == module {
                break;
            }
            module = from.clone();
        }
        module
    };
    let of = |(module, code): (&Module, &String)| {
        let named = uses(code).into_iter().map(|(path, _)| path).chain(inline(code));
        let leads_to = named.filter_map(|path| resolved(files, module, &path)).map(origin);
        let others = leads_to.filter(|other| other != module).collect();
        (module.clone(), others)
    };
    files.iter().map(of).collect()
}

/// A way from a file back to it, if there is one. A folder's own file is no part of it.
fn circle(files: &Files) -> Option<Vec<String>> {
    let mut imports = imports(files);
    for (module, others) in &mut imports {
        others.retain(|other| !module.starts_with(other) && !other.starts_with(module));
    }
    // Files that import nothing that is left are taken away until nothing changes (Kahn's algorithm).
    loop {
        let left: BTreeSet<Module> = imports.keys().cloned().collect();
        let before = imports.len();
        imports.retain(|_, others| others.iter().any(|other| left.contains(other)));
        if imports.len() == before {
            break;
        }
    }
    let mut at = imports.keys().next()?.clone();
    let mut way: Vec<Module> = Vec::new();
    while !way.contains(&at) {
        way.push(at.clone());
        at = imports[&at]
            .iter()
            .find(|other| imports.contains_key(*other))
            .expect("it was not taken away")
            .clone();
    }
    let start = way.iter().position(|module| *module == at).unwrap_or_default();
    Some(way[start..].iter().map(|module| module.join("::")).collect())
}

#[test]
fn no_two_files_need_each_other() {
    let files = files_of_the_crate();
    assert!(files.len() > 200, "the sources were found");
    assert_eq!(circle(&files), None);
}

fn made_up(files: &[(&str, &str)]) -> Files {
    let module = |name: &str| name.split('/').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    files.iter().map(|(name, code)| (module(name), (*code).to_owned())).collect()
}

/// In every form in which one file can name another.
#[test]
fn a_circle_is_seen() {
    let parents =
        [("", "mod a;"), ("a", "mod b;\nmod c;\npub use b::{self, B as Bee};\npub(crate) use c::C;")];
    for (b, c) in [
        ("use super::c::C;", "use super::b::B;"),
        ("use super::{d,\n    c::{self, E}};", "fn f() { crate::a::b::g() }"),
        ("use super::C;", "use crate::a::Bee;"),
        ("fn f(_: super::C) {}", "pub use super::b::B;"),
    ] {
        let files = made_up(&[parents[0], parents[1], ("a/b", b), ("a/c", c)]);
        assert_eq!(circle(&files), Some(vec!["a::b".to_owned(), "a::c".to_owned()]), "{b} {c}");
        let files = made_up(&[parents[0], parents[1], ("a/b", b), ("a/c", "use super::Other;")]);
        assert_eq!(circle(&files), None, "{b}");
    }
    // Of three.
    let files =
        made_up(&[("", ""), ("a", "use crate::b::B;"), ("b", "use crate::c::C;"), ("c", "use crate::a::A;")]);
    assert_eq!(circle(&files).map(|way| way.len()), Some(3));
}
