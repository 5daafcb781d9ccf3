use rabbitup::plan::{Change, Plan};
use rabbitup::report::{Colour, Detail, PlanDocument, Style, overview_text, plan_schema, plan_text};

use super::fixtures::{PlanBuilder, bring_up};

fn converged() -> Plan {
    PlanBuilder::new(&["node1", "node2", "node3", "lb1"]).build()
}

#[test]
fn a_bring_up_at_two_widths() {
    insta::assert_snapshot!("bring_up_80", plan_text(&bring_up(), Style::plain(80)));
    insta::assert_snapshot!("bring_up_120", plan_text(&bring_up(), Style::plain(120)));
}

#[test]
fn nothing_to_do() {
    insta::assert_snapshot!(plan_text(&converged(), Style::plain(80)), @"No changes. 4 hosts match the inventory.");
    let one =
        PlanBuilder::new(&["node1"]).note(None, "a single broker: nothing takes over when it fails").build();
    insta::assert_snapshot!(plan_text(&one, Style::plain(80)));
}

#[test]
fn the_last_line_keeps_its_form() {
    let last = |plan: &Plan| plan_text(plan, Style::plain(80)).lines().last().map(str::to_owned);
    let mut plan = PlanBuilder::new(&["node1", "node2"])
        .step("node1", "a", Change::Restart, "restart", "", &[])
        .step("node1", "b", Change::Remove, "remove", "", &[])
        .step("node1", "c", Change::Command, "run", "", &[]);
    assert_eq!(
        last(&bring_up()).as_deref(),
        Some("Plan: 10 to add, 7 to change, 1 to restart, 3 commands to run on 4 hosts")
    );
    plan = plan.step("node2", "d", Change::Add, "add", "", &[]);
    let expected = "Plan: 1 to add, 1 to remove, 1 to restart, 1 command to run on 2 hosts";
    assert_eq!(last(&plan.build()).as_deref(), Some(expected));
}

#[test]
fn verbose_shows_every_line_and_folded_the_first() {
    let full = plan_text(&bring_up(), Style::plain(80).with_detail(Detail::Full));
    assert!(full.contains("+cluster_formation.node.50 ") && !full.contains("more lines"));
    let folded = plan_text(&bring_up(), Style::plain(80));
    assert!(
        folded.contains("… 34 more lines (rabbitup plan -v shows all)")
            && folded.lines().count() < full.lines().count()
    );
}

#[test]
fn colour_is_all_that_colour_changes() {
    let style = Style::plain(80);
    let coloured = plan_text(&bring_up(), Style { colour: Colour::Always, ..style });
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(console::strip_ansi_codes(&coloured), plan_text(&bring_up(), style));
}

#[test]
fn fifty_hosts_without_work_take_one_line() {
    let names: Vec<String> = (1..=50).map(|n| format!("node{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plan =
        PlanBuilder::new(&names).step("node7", "a", Change::Restart, "restart the broker", "x", &[]).build();
    assert!(plan_text(&plan, Style::plain(80)).contains("node1, node2, node3 and 46 more: nothing to do"));
}

#[test]
fn file_content_cannot_control_the_terminal() {
    let plan = PlanBuilder::new(&["node1"])
        .step("node1", "a", Change::Change, "write /etc/hosts", "\u{1b}[2Jx", &[])
        .diff("+evil \u{1b}]0;title\u{7} line\n")
        .build();
    assert!(!plan_text(&plan, Style::plain(80)).contains(['\u{1b}', '\u{7}']));
}

#[test]
fn json_is_versioned_and_without_internals() {
    let plan = PlanBuilder::new(&["node1", "node2"])
        .step("node1", "start", Change::Command, "start the broker", "it does not run", &[])
        .step("node2", "start", Change::Command, "join", "it is no member", &["node1/start"])
        .diff("+a\n")
        .note(Some("node1"), "a note")
        .build();
    let json = serde_json::to_string_pretty(&PlanDocument::from(&plan)).expect("JSON");
    insta::assert_snapshot!(json);
    for internal in ["fingerprint", "digest_key", "secrets", "action", "ssh"] {
        assert!(!json.contains(internal), "{internal}");
    }
}

#[test]
fn the_schema_names_what_the_document_has() {
    let schema = serde_json::to_value(plan_schema()).expect("JSON");
    let required = schema["required"].as_array().expect("required");
    let document = serde_json::to_value(PlanDocument::from(&bring_up())).expect("JSON");
    for key in document.as_object().expect("an object").keys() {
        assert!(required.iter().any(|name| name == key), "{key}");
    }
}

#[test]
fn an_overview_has_a_line_for_hosts_with_the_same_work() {
    let mut plan = PlanBuilder::new(&["node1", "node2", "node3", "spare"]);
    for host in ["node1", "node2", "node3"] {
        plan = plan
            .step(host, "packages", Change::Add, "install rabbitmq-server", "x", &[])
            .step(host, "conf", Change::Change, "write /etc/rabbitmq/rabbitmq.conf", "x", &[])
            .step(host, "time", Change::Command, "start chrony", "x", &[]);
    }
    let plan = plan.step("node3", "hosts", Change::Change, "write /etc/hosts", "x", &[]).build();
    assert_eq!(
        overview_text(&plan, Style::plain(80)),
        "  node1, node2  1 to add, 1 to change, 1 command to run\n  node3         1 to add, 2 to change, 1 command to run\n"
    );
}
