//! What `history` tells: documents as their schemas say, and runs that were asked for and did nothing.

use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use rabbitup::plan::Plan;
use serde_json::Value;

use crate::fixtures::bring_up;
use crate::home::{Home, silent_port};
use crate::journals;
use crate::schema::{assert_fits, field_names};

const FAILED: &str = include_str!("../fuzz/corpus/journal/run.jsonl");
/// How long a run has to begin to wait for a host, and to end.
const SOON: Duration = Duration::from_secs(20);

/// A home with journals of all kinds of runs, and files that are none.
fn with_journals() -> Home {
    let home = Home::new();
    let directory = home.path("state/rabbitup/journal");
    std::fs::create_dir_all(&directory).expect("the home is writable");
    let runs = [
        FAILED.to_owned(),
        journals::bring_up().text(),
        journals::all_with("start it").text(),
        journals::refused().text(),
        journals::of_older(),
        journals::many(3, 4).text(),
        "no journal\n".to_owned(),
    ];
    for (at, text) in runs.iter().enumerate() {
        std::fs::write(directory.join(format!("20261129T08150{at}Z-7.jsonl")), text).expect("it is writable");
    }
    home
}

#[track_caller]
fn json(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn schema(home: &Home, of: &str) -> Value {
    json(&home.run(&["schema", of]), 0)
}

#[test]
fn its_documents_are_as_their_schemas_say() {
    let home = with_journals();
    let list = json(&home.run(&["history", "--json"]), 0);
    assert_eq!(
        (list["runs"].as_array().map(Vec::len), list["unreadable"].as_array().map(Vec::len)),
        (Some(6), Some(1))
    );
    assert_fits(&list, &schema(&home, "history"));
    let shown = schema(&home, "history-show");
    for run in list["runs"].as_array().expect("runs") {
        let name = run["journal"].as_str().expect("a name");
        let document = json(&home.run(&["history", "show", name, "--json"]), 0);
        assert_fits(&document, &shown);
        assert_eq!(&document["run"], run, "the list and the run say the same");
    }
    let none = json(&Home::new().run(&["history", "--json"]), 0);
    assert_fits(&none, &schema(&home, "history"));
}

/// Every field of the schemas is in the page's part about them.
#[test]
fn its_fields_are_in_the_documentation() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let part = |title: &str| {
        let rest = page.split_once(title).unwrap_or_else(|| panic!("no {title}")).1;
        rest.split_once("\n## ").map_or(rest, |(part, _)| part).to_owned()
    };
    let told = part("\n## Journals") + &part("\n## `rabbitup history --json`");
    let home = Home::new();
    for of in ["history", "history-show"] {
        for name in field_names(&schema(&home, of)) {
            let is_told = told.contains(&format!("`{name}`")) || told.contains(&format!("`{name}[]`"));
            assert!(is_told || name == "format_version", "{of}: docs/json.md does not tell of {name}");
        }
        assert!(told.contains(&format!("`rabbitup schema {of}`")), "where its schema is");
    }
}

/// Waits until ssh has connected to the port, so that the run waits for its host.
fn connected(listener: &std::net::TcpListener) -> std::net::TcpStream {
    listener.set_nonblocking(true).expect("a socket");
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream,
            Err(_) => assert!(start.elapsed() < SOON, "ssh never came"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn interrupt(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs").success());
}

fn end(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().expect("it is our child").is_none() {
        if start.elapsed() > SOON {
            let _ = child.kill();
            panic!("it went on: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it has ended")
}

/// A bring-up as a saved plan, whose hosts ssh finds at this port of the loopback interface.
fn saved_plan(home: &Home, port: u16) {
    home.inventory(port);
    let mut plan: Plan = bring_up();
    plan.hosts.iter_mut().for_each(|host| host.ssh.config = Some(home.path("ssh_config")));
    let text = plan.to_saved().expect("it is serialised");
    home.write("bring-up.plan", &String::from_utf8(text).expect("JSON"));
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(home.path("bring-up.plan"), private).expect("it is ours");
}

/// `[command, playbook, result, exit code, steps]` of all runs, newest first.
fn listed(home: &Home) -> Vec<[String; 5]> {
    let list = json(&home.run(&["history", "--json"]), 0);
    assert_eq!(list["unreadable"], Value::Array(Vec::new()));
    let cells = |run: &Value| {
        [&run["command"], &run["playbook"], &run["result"], &run["exit_code"], &run["steps"]["planned"]]
            .map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned))
    };
    list["runs"].as_array().expect("runs").iter().map(cells).collect()
}

/// Whoever asks in the morning what was run at night finds it, also where nothing came of it.
#[test]
fn a_run_that_is_interrupted_while_it_plans_is_listed() {
    let kinds: [(&[&str], &str, &str, &str); 4] = [
        (&["up", "--yes"], "bring-up", "INT", "0"),
        (&["run", "rolling-restart", "--yes"], "rolling-restart", "TERM", "0"),
        (&["up"], "bring-up", "HUP", "0"),
        (&["apply", "bring-up.plan", "--yes"], "bring-up", "INT", "all"),
    ];
    for (words, playbook, signal, steps) in kinds {
        let (listener, port) = silent_port();
        let home = Home::new();
        saved_plan(&home, port);
        let child = home.rabbitup(words).spawn().expect("it starts");
        let _stays_open = connected(&listener);
        interrupt(&child, signal);
        let output = end(child);
        assert_eq!(output.status.code(), Some(130), "{words:?} {output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("interrupted before its first step; nothing was changed"), "{words:?}: {said}");
        let steps = if steps == "all" { bring_up().steps.len().to_string() } else { steps.to_owned() };
        let [run] = listed(&home).try_into().expect("one run");
        let command = format!(
            "rabbitup {}",
            words.iter().filter(|word| **word != "--yes").copied().collect::<Vec<_>>().join(" ")
        );
        assert_eq!(
            run,
            [command, playbook.to_owned(), "interrupted".to_owned(), "130".to_owned(), steps],
            "{words:?}"
        );
        let shown = String::from_utf8(home.run(&["history", "show", "last"]).stdout).expect("text");
        assert!(shown.contains(": interrupted after ") && shown.contains("nothing was changed"), "{shown}");
        let private = std::fs::read_dir(home.path("state/rabbitup/journal")).expect("journals").count();
        assert_eq!(private, 1, "one journal for one run");
    }
}

/// What ends it is a line among events as well.
#[test]
fn an_interrupted_run_ends_its_events_with_an_error() {
    let (listener, port) = silent_port();
    let home = Home::new();
    home.inventory(port);
    let child = home.rabbitup(&["up", "--yes", "--json"]).spawn().expect("it starts");
    let _stays_open = connected(&listener);
    interrupt(&child, "INT");
    let error = json(&end(child), 130);
    assert_eq!((&error["event"], &error["error"]), (&"error".into(), &"interrupted".into()), "{error}");
    assert_eq!(
        (&error["code"], &error["exit_code"]),
        (&"interrupted.before-steps".into(), &130.into()),
        "{error}"
    );
    assert_fits(&error, &schema(&home, "error"));
}

#[test]
fn a_run_that_fails_before_its_first_step_is_listed_and_a_look_is_not() {
    let (listener, port) = silent_port();
    drop(listener);
    let home = Home::new();
    saved_plan(&home, port);
    for look in [&["plan"] as &[&str], &["status"], &["doctor"], &["plan", "rolling-restart"]] {
        assert_eq!(home.run(look).status.code(), Some(1), "{look:?}");
        assert_eq!(listed(&home), [[""; 5]; 0], "{look:?} is no run");
    }
    // Hosts that nobody could reach are not asked, either.
    assert_eq!(home.run(&["up", "--limit", "nod1", "--yes"]).status.code(), Some(64));
    assert_eq!(listed(&home), [[""; 5]; 0], "a mistake on the command line is no run");
    assert_eq!(home.run(&["apply", "bring-up.plan"]).status.code(), Some(64), "nobody can be asked");
    assert_eq!(listed(&home), [[""; 5]; 0], "no host was contacted");
    assert_eq!(home.run(&["up", "--yes"]).status.code(), Some(1));
    assert_eq!(home.run(&["apply", "bring-up.plan", "--yes"]).status.code(), Some(1));
    let steps = bring_up().steps.len().to_string();
    assert_eq!(
        listed(&home),
        [
            ["rabbitup apply bring-up.plan", "bring-up", "unreachable", "1", &steps],
            ["rabbitup up", "bring-up", "unreachable", "1", "0"],
        ]
    );
    let shown = json(&home.run(&["history", "show", "last", "--json"]), 0);
    assert_eq!(shown["run"]["inventory"], Value::Null, "a saved plan has none: {shown}");
    let text = String::from_utf8(home.run(&["history", "show", "last"]).stdout).expect("text");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("inventory: none: a saved plan was applied"), "{text}");
    assert!(text.contains("none of it was begun"), "{text}");
}

/// A look that is interrupted ends at once, as any command does, and leaves nothing.
#[test]
fn an_interrupted_look_leaves_no_journal() {
    let (listener, port) = silent_port();
    let home = Home::new();
    home.inventory(port);
    let child = home.rabbitup(&["plan"]).spawn().expect("it starts");
    let _stays_open = connected(&listener);
    // Not INT, which a shell has its background jobs ignore.
    interrupt(&child, "TERM");
    assert_ne!(end(child).status.code(), Some(0));
    assert_eq!(listed(&home), [[""; 5]; 0]);
}
