//! Where `--html` writes, and where it does not.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::fixtures::bring_up;
use crate::home::{Home, silent_port};
use crate::journals;

/// A home with one run of the past, and hosts that refuse connections.
fn home() -> Home {
    let home = Home::new();
    let (listener, port) = silent_port();
    drop(listener);
    home.inventory(port);
    let directory = home.path("state/rabbitup/journal");
    std::fs::create_dir_all(&directory).expect("the home is writable");
    std::fs::write(directory.join("20261129T081500Z-7.jsonl"), journals::bring_up().text())
        .expect("it is ours");
    home
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Bad usage: nothing is written or printed but one sentence with these words.
#[track_caller]
fn refused(home: &Home, words: &[&str], sentence: &str) {
    let output = home.run(words);
    let said = err(&output);
    assert_eq!(output.status.code(), Some(64), "{words:?}: {output:?}");
    // Lines are broken at the width of the screen.
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(sentence), "{words:?}: {said}");
    assert_eq!(out(&output), "", "{words:?}");
    let left = std::fs::read_dir(home.path(".")).expect("the home").flatten();
    let partial = left.filter(|entry| entry.file_name().to_string_lossy().ends_with(".partial")).count();
    assert_eq!(partial, 0, "{words:?} leaves a file");
}

const COMMANDS: [&[&str]; 3] = [&["plan"], &["status"], &["history", "show", "last"]];

#[test]
fn only_one_thing_is_printed_on_standard_output() {
    let home = home();
    for command in COMMANDS {
        let words = [command, &["--html", "-", "--json"]].concat();
        let output = home.run(&words);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(
            err(&output).contains("--html - and --json cannot both print on standard output"),
            "{output:?}"
        );
        assert!(!out(&output).contains("<html"), "the error's document alone: {output:?}");
    }
    refused(
        &home,
        &["plan", "--html", "-", "--graph", "dot"],
        "--html - and --graph cannot both print on standard output",
    );
    refused(&home, &["status", "--html", "-", "--watch"], "cannot be used with '--watch");
    refused(&home, &["status", "--html", "page.html", "--watch", "5"], "cannot be used with '--watch");
    let both = home.run(&["plan", "--json", "--graph", "dot"]);
    assert_eq!(both.status.code(), Some(64), "{both:?}");
    assert!(err(&both).contains("'--json' cannot be used with '--graph"), "{both:?}");
    for command in COMMANDS {
        refused(&home, &[command, &["--html", ""]].concat(), "--html has an empty name");
    }
    refused(&home, &["plan", "--html", "./same", "--output", "same"], "--output and --html both name ./same");
    assert!(!home.path("same").exists() && !home.path("page.html").exists());
}

/// A page goes to standard output alone, also where the text would be more.
#[test]
fn standard_output_has_the_page_and_nothing_else() {
    let home = home();
    for more in [&[] as &[&str], &["--quiet"], &["--verbose"]] {
        let output = home.run(&[&["history", "show", "last", "--html", "-"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let page = out(&output);
        assert!(page.starts_with("<!doctype html>\n") && page.ends_with("</html>\n"), "{page}");
        assert_eq!(page.matches("<html").count(), 1);
    }
    // Hosts that do not answer have their page, too, and the exit code of the text.
    let output = home.run(&["plan", "--html", "-"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        out(&output).starts_with("<!doctype html>\n") && out(&output).ends_with("</html>\n"),
        "{output:?}"
    );
    assert!(err(&output).contains("node1"), "the reason is still told: {output:?}");
}

/// An older page is replaced, and nothing else that is there.
#[test]
fn a_file_that_is_no_page_stays() {
    let home = home();
    for command in COMMANDS {
        let inventory = std::fs::read_to_string(home.path("inventory.toml")).expect("it is there");
        refused(
            &home,
            &[command, &["--html", "inventory.toml"]].concat(),
            "inventory.toml is there already and is no page of rabbitup, so it is not replaced",
        );
        assert_eq!(std::fs::read_to_string(home.path("inventory.toml")).expect("it is there"), inventory);
        home.write("theirs.html", "<!doctype html>\n<title>the minutes of a meeting</title>\n");
        refused(&home, &[command, &["--html", "theirs.html"]].concat(), "theirs.html is there already");
        refused(&home, &[command, &["--html", "/dev/null"]].concat(), "/dev/null is not a regular file");
        refused(&home, &[command, &["--html", "state"]].concat(), "state is not a regular file");
    }
    let link = home.path("link.html");
    std::os::unix::fs::symlink(home.path("inventory.toml"), &link).expect("the home is writable");
    refused(&home, &["status", "--html", "link.html"], "link.html is not a regular file");

    home.write("page.html", "");
    let page = home.path("page.html");
    std::fs::set_permissions(&page, PermissionsExt::from_mode(0o644)).expect("it is ours");
    for _ in 0..2 {
        let output = home.run(&["history", "show", "last", "--html", "page.html"]);
        assert_eq!(output.status.code(), Some(0), "an empty file and an older page are replaced: {output:?}");
        assert!(err(&output).contains("Page: page.html"), "{output:?}");
        let mode = std::fs::metadata(&page).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
}

/// A place where nothing can be written is told before any host is asked.
#[test]
fn a_place_that_is_not_writable_is_told_at_once() {
    let home = home();
    for place in ["nowhere/page.html", "inventory.toml/page.html", "/proc/page.html"] {
        for command in COMMANDS {
            refused(
                &home,
                &[command, &["--html", place]].concat(),
                &format!("the page could not be written to {place}"),
            );
        }
    }
}

/// A plan and a bundle replace what they have written before, and nothing else.
#[test]
fn no_other_file_is_replaced_by_a_plan_or_a_bundle() {
    let home = home();
    let inventory = std::fs::read_to_string(home.path("inventory.toml")).expect("it is there");
    for (command, word) in [(["plan", "-o"], "plan"), (["doctor", "--bundle"], "bundle")] {
        refused(
            &home,
            &[&command[..], &["inventory.toml"]].concat(),
            &format!("inventory.toml is there already and is no {word} of rabbitup, so it is not replaced"),
        );
        refused(
            &home,
            &[&command[..], &["nowhere/file"]].concat(),
            &format!("the {word} could not be written to nowhere/file"),
        );
    }
    assert_eq!(std::fs::read_to_string(home.path("inventory.toml")).expect("it is there"), inventory);
    let saved = bring_up().to_saved().expect("it is serialised");
    home.write("older.plan", &String::from_utf8(saved).expect("JSON"));
    home.write("older.tar.gz", "");
    for words in [["plan", "-o", "older.plan"], ["doctor", "--bundle", "older.tar.gz"]] {
        let output = home.run(&words);
        // The hosts are asked, and refuse the connection.
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
    }
}
