//! The graphs of a plan are what Graphviz and Mermaid read, whatever the labels are. The parsers below read the part of each grammar
//! that is used, as its documentation has it; where Graphviz is installed, it draws them as well.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use rabbitup::model::one_line;
use rabbitup::plan::{Change, Plan};
use rabbitup::report::{GraphFormat, graph_text};

use super::fixtures::{PlanBuilder, bring_up};

/// A graph that was read: the label of each cluster with its nodes and their labels, and the edges.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    clusters: Vec<(String, Vec<(String, String)>)>,
    edges: Vec<(String, String)>,
}

/// DOT's tokens: words, quoted strings (marked by a quote before them), and marks of their own.
fn dot_tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                let mut word = String::from("\"");
                loop {
                    match rest.next().expect("a string ends") {
                        '"' => break,
                        '\\' => word.extend(['\\', rest.next().expect("an escape is whole")]),
                        c => word.push(c),
                    }
                }
                tokens.push(word);
            }
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                tokens.push(word);
            }
            '-' => {
                assert_eq!(rest.next(), Some('>'), "an edge of a directed graph");
                tokens.push("->".to_owned());
            }
            '{' | '}' | '[' | ']' | '=' | ',' | ';' => tokens.push(c.to_string()),
            c => assert!(c.is_whitespace(), "{c:?} means nothing in DOT"),
        }
    }
    tokens
}

/// What Graphviz shows of a quoted label.
fn dot_label(token: &str) -> String {
    let inner = token.strip_prefix('"').expect("labels are quoted");
    let mut shown = String::new();
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                shown.push(rest.next().filter(|c| "\\\"".contains(*c)).expect("no escape with a meaning"))
            }
            c => shown.push(c),
        }
    }
    for part in shown.split('&').skip(1) {
        assert!(part.starts_with("amp;"), "a reference: {shown}");
    }
    shown.replace("&amp;", "&")
}

fn read_dot(text: &str) -> Read {
    let tokens = dot_tokens(text);
    let mut at = tokens.iter().map(String::as_str).peekable();
    for word in ["digraph", "plan", "{"] {
        assert_eq!(at.next(), Some(word));
    }
    let mut read = Read::default();
    let mut depth = 1;
    while let Some(word) = at.next() {
        match word {
            "subgraph" => {
                assert!(
                    at.next().is_some_and(|name| name.starts_with("cluster_")),
                    "only clusters are framed"
                );
                for word in ["{", "label", "="] {
                    assert_eq!(at.next(), Some(word));
                }
                read.clusters.push((dot_label(at.next().expect("a label")), Vec::new()));
                depth += 1;
            }
            "}" => depth -= 1,
            ";" => {}
            name if at.peek() == Some(&"->") => {
                at.next();
                read.edges.push((name.to_owned(), at.next().expect("an end").to_owned()));
                if at.peek() == Some(&"[") {
                    attributes(&mut at);
                }
            }
            name if at.peek() == Some(&"=") => {
                assert_eq!((name, at.next(), at.next()), ("rankdir", Some("="), Some("LR")));
            }
            name => {
                let label = attributes(&mut at);
                if depth == 2 {
                    let nodes = &mut read.clusters.last_mut().expect("a cluster").1;
                    nodes.push((name.to_owned(), dot_label(&label.expect("every node has a label"))));
                } else {
                    assert!(["node", "edge"].contains(&name), "{name} stands outside");
                }
            }
        }
    }
    assert_eq!(depth, 0, "every brace is closed");
    read
}

/// Reads `[name=value, …]` and says what the label is.
fn attributes<'a>(at: &mut impl Iterator<Item = &'a str>) -> Option<String> {
    assert_eq!(at.next(), Some("["));
    let mut label = None;
    loop {
        let name = at.next().expect("a name");
        assert_eq!(at.next(), Some("="), "{name} has a value");
        let value = at.next().expect("a value");
        if name == "label" {
            label = Some(value.to_owned());
        }
        match at.next().expect("it goes on, or ends") {
            "]" => return label,
            other => assert_eq!(other, ","),
        }
    }
}

/// What Mermaid shows of a label: only characters that mean nothing in its grammar, in Markdown (lists, emphasis, code, links, also
/// those without brackets) or in HTML, and numbers of others, which it reads when all else is read.
fn mermaid_label(text: &str) -> String {
    let mut shown = String::new();
    let mut parts = text.split('#');
    let plain = |part: &str| {
        let is_plain = |c: char| c.is_alphanumeric() || " ,/=".contains(c);
        assert!(part.chars().all(is_plain), "Mermaid may read more in {part:?}");
    };
    let first = parts.next().unwrap_or_default();
    assert!(!first.starts_with(' '), "four spaces would make code: {text:?}");
    plain(first);
    shown.push_str(first);
    for part in parts {
        let (number, rest) = part.split_once(';').expect("a number ends");
        let number: u32 = number.parse().expect("a number");
        plain(rest);
        shown.push(char::from_u32(number).expect("a character"));
        shown.push_str(rest);
    }
    shown
}

/// An id as they are all made: a letter and a number.
fn is_id(text: &str, letter: char) -> bool {
    text.strip_prefix(letter).is_some_and(|number| number.parse::<usize>().is_ok())
}

fn read_mermaid(text: &str) -> Read {
    let mut lines = text.lines().map(str::trim);
    assert_eq!(lines.next(), Some("flowchart LR"));
    let mut read = Read::default();
    let mut classes: Vec<String> = Vec::new();
    let mut used: Vec<String> = Vec::new();
    let mut open = false;
    for line in lines {
        if let Some(rest) = line.strip_prefix("subgraph ") {
            let (id, label) = rest.split_once("[\"").expect("an id and a label");
            assert!(!open && is_id(id, 'h'), "{line}");
            read.clusters.push((mermaid_label(label.strip_suffix("\"]").expect("it ends")), Vec::new()));
            open = true;
        } else if line == "end" {
            assert!(open, "an end of nothing");
            open = false;
        } else if let Some(rest) = line.strip_prefix("classDef ") {
            classes.push(rest.split(' ').next().unwrap_or_default().to_owned());
        } else if let Some((id, rest)) = line.split_once("[\"") {
            let (label, class) = rest.split_once("\"]:::").expect("a class");
            // `end` and words that begin with o or x mean something where an id is expected.
            assert!(open && is_id(id, 's'), "{line}");
            used.push(class.to_owned());
            let nodes = &mut read.clusters.last_mut().expect("a cluster").1;
            nodes.push((id.to_owned(), mermaid_label(label)));
        } else {
            let words: Vec<&str> = line.split(' ').collect();
            let [from, "-->" | "==>|after|", to] = words.as_slice() else { panic!("{line}") };
            assert!(is_id(from, 's') && is_id(to, 's'), "{line}");
            let known =
                |id: &&str| read.clusters.iter().flat_map(|(_, nodes)| nodes).any(|(node, _)| node == *id);
            assert!(known(from) && known(to), "an edge makes a node of its own: {line}");
            read.edges.push(((*from).to_owned(), (*to).to_owned()));
        }
    }
    assert!(!open && used.iter().all(|class| classes.contains(class)), "{text}");
    read
}

/// The graph that a plan should give.
fn expected(plan: &Plan) -> Read {
    let word = |change| match change {
        Change::Add => "add",
        Change::Change => "change",
        Change::Remove => "remove",
        Change::Restart => "restart",
        Change::Command => "run",
    };
    let mut read = Read::default();
    for host in &plan.hosts {
        let steps = plan.steps.iter().enumerate().filter(|(_, step)| step.host == host.name);
        let nodes: Vec<_> = steps
            .map(|(at, step)| {
                (format!("s{at}"), format!("{} ({})", one_line(&step.title), word(step.change)))
            })
            .collect();
        if !nodes.is_empty() {
            read.edges.extend(nodes.windows(2).map(|pair| (pair[0].0.clone(), pair[1].0.clone())));
            read.clusters.push((host.name.to_string(), nodes));
        }
    }
    for (at, step) in plan.steps.iter().enumerate() {
        for id in &step.after {
            let from = plan.steps.iter().position(|other| &other.id == id).expect("it is there");
            read.edges.push((format!("s{from}"), format!("s{at}")));
        }
    }
    read
}

#[test]
fn a_graph_has_every_step_and_every_order() {
    let plan = bring_up();
    assert_eq!(read_dot(&graph_text(&plan, GraphFormat::Dot)), expected(&plan));
    assert_eq!(read_mermaid(&graph_text(&plan, GraphFormat::Mermaid)), expected(&plan));
    let small = PlanBuilder::new(&["node1", "node2", "lb1"])
        .step("node1", "start", Change::Command, "start rabbit@node1", "", &[])
        .step("node2", "packages", Change::Add, "install rabbitmq-server, chrony", "", &[])
        .step("node2", "start", Change::Command, "start rabbit@node2", "", &["node1/start"])
        .build();
    insta::assert_snapshot!("dot", graph_text(&small, GraphFormat::Dot));
    insta::assert_snapshot!("mermaid", graph_text(&small, GraphFormat::Mermaid));
}

#[test]
fn a_graph_of_nothing_is_a_graph() {
    let plan = PlanBuilder::new(&["node1"]).build();
    assert_eq!(read_dot(&graph_text(&plan, GraphFormat::Dot)), Read::default());
    assert_eq!(read_mermaid(&graph_text(&plan, GraphFormat::Mermaid)), Read::default());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_label_means_anything_but_itself(title in prop_oneof![
        "(?s)[\"\\\\\\[\\]{}<>&|;#%`\n a-zN-]{0,30}",
        Just("%%{init: {\"theme\": \"dark\"}}%%".to_owned()),
        Just("\"]; click s0 href \"javascript:alert(1)".to_owned()),
        Just("&lt;b&gt; \\N \\".to_owned()),
        "(?s).{0,30}",
    ]) {
        let mut plan = bring_up();
        plan.steps.iter_mut().for_each(|step| step.title = title.clone());
        prop_assert_eq!(read_dot(&graph_text(&plan, GraphFormat::Dot)), expected(&plan));
        prop_assert_eq!(read_mermaid(&graph_text(&plan, GraphFormat::Mermaid)), expected(&plan));
    }
}

/// What these tools take for something else where it is not escaped.
const HOSTILE: [&str; 20] = [
    "say \"stop\"",
    "a \\ at its end \\",
    "\\N \\G \\E \\l \\r",
    "&lt;b&gt; & &amp; &#38;",
    "<b>bold</b> <script>alert(1)</script>",
    "] ; } s0 -> s1 [label=\"x\"",
    "\"]; click s0 href \"javascript:alert(1)",
    "%%{init: {\"theme\": \"dark\"}}%% %% a comment",
    "end",
    "subgraph x",
    "o--o x--x ---",
    "# a heading #35; #quot;",
    "one\nline\r\nand more",
    "1. a list",
    "- a list",
    "    four spaces",
    "`code` **bold** _soft_ ~~gone~~ $$x^2$$",
    "fetch https://packages.example/key.asc",
    "start rabbit@node1.example.com, www.example.com",
    "fa:fa-ban ünïcödé 節点 🐇",
];

/// A step with each of these titles, on two hosts that wait for each other.
fn hostile() -> Plan {
    let mut plan = PlanBuilder::new(&["node1", "node2.example.com"]);
    for (at, title) in HOSTILE.iter().enumerate() {
        let host = if at % 2 == 0 { "node1" } else { "node2.example.com" };
        let before = match at {
            0 => Vec::new(),
            1 => vec!["node1/step-0".to_owned()],
            _ if at % 2 == 0 => vec![format!("node2.example.com/step-{}", at - 1)],
            _ => vec![format!("node1/step-{}", at - 1)],
        };
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        plan = plan.step(host, &format!("step-{at}"), Change::Change, title, "", &before);
    }
    plan.build()
}

#[test]
fn hostile_titles_are_titles() {
    let plan = hostile();
    assert_eq!(read_dot(&graph_text(&plan, GraphFormat::Dot)), expected(&plan));
    let mermaid = graph_text(&plan, GraphFormat::Mermaid);
    assert_eq!(read_mermaid(&mermaid), expected(&plan));
    for (words, why) in [
        ("://", "a link"),
        ("www.", "a link"),
        ("1.", "a list"),
        ("[\"-", "a list"),
        ("%%", "a comment"),
        ("`", "code"),
        ("<", "HTML"),
    ] {
        assert!(!mermaid.contains(words), "Mermaid would read {why}: {mermaid}");
    }
}

/// Graphviz reads the same from it, and complains of nothing.
#[test]
fn graphviz_draws_what_is_meant() {
    if Command::new("dot").arg("-V").output().is_err() {
        let reason = "graphviz is missing; tests/lab/install-tools.sh check installs it";
        assert!(std::env::var_os("CI").is_none(), "graphs have to be drawn in CI, but {reason}");
        eprintln!("SKIPPED: NO GRAPH WAS DRAWN ({reason})");
        return;
    }
    for plan in [hostile(), bring_up(), PlanBuilder::new(&["node1"]).build()] {
        let (svg, wanted) = (drawn(&graph_text(&plan, GraphFormat::Dot)), expected(&plan));
        let texts = svg_texts(&svg);
        let mut labels: Vec<String> = wanted.clusters.iter().map(|(name, _)| name.clone()).collect();
        labels.extend(
            wanted.clusters.iter().flat_map(|(_, nodes)| nodes.iter().map(|(_, label)| label.clone())),
        );
        let waits: usize = plan.steps.iter().map(|step| step.after.len()).sum();
        labels.extend(std::iter::repeat_n("after".to_owned(), waits));
        let sorted = |mut all: Vec<String>| {
            all.sort();
            all
        };
        assert_eq!(sorted(texts), sorted(labels), "{svg}");
        let count = |class: &str| svg.matches(&format!("class=\"{class}\"")).count();
        let nodes: usize = wanted.clusters.iter().map(|(_, nodes)| nodes.len()).sum();
        assert_eq!(
            (count("cluster"), count("node"), count("edge")),
            (wanted.clusters.len(), nodes, wanted.edges.len())
        );
        assert!(!svg.contains("<a ") && !svg.contains("<script"), "no link and no program: {svg}");
    }
}

/// What Graphviz makes of a graph.
#[track_caller]
fn drawn(graph: &str) -> String {
    let mut dot = Command::new("timeout")
        .args(["60", "dot", "-Tsvg"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("timeout runs");
    let mut input = dot.stdin.take().expect("it is piped");
    let graph = graph.to_owned();
    let writing = std::thread::spawn(move || input.write_all(graph.as_bytes()));
    let output = dot.wait_with_output().expect("it is our child");
    writing.join().expect("no panic").expect("it reads all");
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", output.status);
    String::from_utf8(output.stdout).expect("SVG is UTF-8")
}

/// The texts of a picture, as they are seen.
fn svg_texts(svg: &str) -> Vec<String> {
    let texts = svg.split("<text ").skip(1).map(|rest| {
        let inner = rest.split_once('>').expect("the element begins").1;
        inner.split_once("</text>").expect("it ends").0
    });
    texts.map(shown).collect()
}

fn shown(text: &str) -> String {
    let mut parts = text.split('&');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').expect("a reference ends");
        shown.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#').expect("a known reference");
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                // It keeps spaces that follow each other by writing them so.
                char::from_u32(code.expect("a number"))
                    .map(|c| if c == '\u{a0}' { ' ' } else { c })
                    .expect("a character")
            }
        });
        shown.push_str(rest);
    }
    shown
}
