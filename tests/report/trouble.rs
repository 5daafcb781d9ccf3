use std::time::Duration;

use rabbitup::apply::{FailureKind, StepFailure};
use rabbitup::facts::{Facts, Observation, Unreachable, UnreachableCause};
use rabbitup::model::{Advice, Cause, Problem};
use rabbitup::plan::{Phase, Plan, PlanError, Refusal, RefusalKind, StepId};
use rabbitup::report::{
    Failed, RefusalDocument, Routes, Style, error_text, failure_text, late_refusals_text, refusals_text,
    skipped_line, unreachable_document, unreachable_text,
};

use super::fixtures::{PlanBuilder, bring_up, host};

fn refusals() -> PlanError {
    let data = Problem::new(
        "it holds data that joining the cluster would destroy",
        "2 queues (`/`/orders with 17 messages, `/`/invoices), 1 vhost (`shop`), 1 user (`shop`)",
        "save what is needed (`rabbitmqctl export_definitions`), then name the node: --destroy-data node3",
    );
    let mut all =
        vec![Refusal { kind: RefusalKind::OwnData, phase: Phase::Join, problem: data.on(&host("node3")) }];
    all.extend((1..=50).map(|n| {
        let problem = Problem::new(
            "too little disk space is free under /var/lib",
            format!("{} MiB are free, 1024 MiB are needed", 100 + n % 7),
            "free some, or give /var/lib more",
        );
        Refusal {
            kind: RefusalKind::OwnData,
            phase: Phase::Preflight,
            problem: problem.on(&host(&format!("node{n}"))),
        }
    }));
    PlanError(all)
}

#[test]
fn refusals_of_fifty_hosts_take_two_blocks() {
    insta::assert_snapshot!("refusals_80", refusals_text(&refusals(), Style::plain(80)));
    insta::assert_snapshot!("refusals_120", refusals_text(&refusals(), Style::plain(120)));
    let late = late_refusals_text(&refusals(), Style::plain(120));
    assert!(
        late.ends_with(" Changes already made by this run remain.\n")
            && !late.contains("Nothing was changed"),
        "{late}"
    );
    let document = RefusalDocument::from(&refusals());
    assert_eq!(document.refusals.len(), 51);
}

fn silent(causes: &[(&str, UnreachableCause, &str)]) -> (Plan, Facts) {
    let names: Vec<&str> = causes.iter().map(|(name, ..)| *name).collect();
    let mut facts = Facts::default();
    for (name, cause, evidence) in causes {
        let why = Unreachable { cause: *cause, evidence: (*evidence).to_owned() };
        facts.hosts.insert(host(name), Observation::Unreachable(why));
    }
    (PlanBuilder::new(&names).build(), facts)
}

#[test]
fn every_cause_says_what_to_do() {
    use UnreachableCause::*;
    let (mut plan, facts) = silent(&[
        (
            "node3",
            HostKeyChanged,
            "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n\
            Offending ED25519 key in /srv/ops/known hosts:7\nHost key verification failed.",
        ),
        ("node1", NoConnection, "ssh: connect to host 192.168.0.41 port 22: Connection refused"),
        ("node2", NoConnection, "ssh: connect to host 192.168.0.42 port 22: No route to host"),
        ("node4", NameUnknown, "ssh: Could not resolve hostname node4: Name or service not known"),
        (
            "node5",
            HostKeyUnknown,
            "No ED25519 host key is known for 192.168.0.45 and you have requested strict checking.",
        ),
        ("node6", AuthenticationRefused, "ops@192.168.0.46: Permission denied (publickey)."),
        (
            "node12",
            LoginShell,
            "the login shell of ops is /bin/rbash, which does not start /bin/sh; as root on the host: chsh -s /bin/sh ops\n\
             rbash: line 1: sh: command not found",
        ),
        ("node7", NoPrivilege, "sudo: not found; doas: not found"),
        ("node8", SudoPassword, "sudo: a password is required"),
        ("node10", SudoPasswordRefused, "Sorry, try again.\nsudo: 1 incorrect password attempt"),
        (
            "node11",
            SshConfiguration,
            "Can't open user config file /srv/ops/ssh_config: No such file or directory",
        ),
        (
            "lb1",
            SudoRule,
            "sudo: a password is required\nsudo allows this login on lb1:\n    (root) NOPASSWD: /usr/bin/apt-get update",
        ),
        ("node9", Garbled, "This account is currently not available."),
        ("lb0", TimedOut, "no answer within 30 s"),
    ]);
    plan.hosts[0].ssh.port = Some(2222);
    let routes = Routes::from(&plan);
    insta::assert_snapshot!("unreachable_80", unreachable_text(&facts, &routes, Style::plain(80)));
    insta::assert_snapshot!("unreachable_120", unreachable_text(&facts, &routes, Style::plain(120)));
    let document = unreachable_document(&facts, &routes);
    assert!(document.unreachable.iter().all(|entry| !entry.advice.is_empty()));
    assert!(skipped_line(&facts, &routes, Style::plain(80)).is_some());
    assert_eq!(unreachable_text(&Facts::default(), &routes, Style::plain(80)), "");
}

#[test]
fn a_failure_in_the_middle() {
    let plan = bring_up();
    let id = |name: &str, what: &str| StepId::new(&host(name), what);
    let output = (1..=24)
        .map(|n| format!("2026-11-22 12:03:{n:02} [error] <0.{n}.0> epmd monitor lost its connection"))
        .collect();
    let mut failed = Failed {
        step: id("node2", "start"),
        host: host("node2"),
        elapsed: Duration::from_millis(31_240),
        failure: StepFailure {
            kind: FailureKind::Command,
            code: Some(69),
            cause: Cause::new(
                "port 4369 on node1 does not answer from node2: a firewall drops it",
                "open 4369 and 25672 between the brokers, then run the same command again",
            ),
            output,
        },
        not_done: vec![id("node3", "start"), id("lb1", "load-balancer"), id("lb1", "restart")],
    };
    insta::assert_snapshot!("failure_80", failure_text(&failed, &plan, Style::plain(80)));
    failed.failure = StepFailure {
        kind: FailureKind::ConnectionLost,
        code: None,
        cause: Cause::default(),
        output: vec![],
    };
    failed.not_done.clear();
    insta::assert_snapshot!("connection_lost_80", failure_text(&failed, &plan, Style::plain(80)));
    failed.failure.kind = FailureKind::TimedOut;
    failed.failure.output =
        vec!["Waiting for erlang distribution on node 'rabbit@node2' …\u{1b}[31m".to_owned()];
    insta::assert_snapshot!("timed_out_80", failure_text(&failed, &plan, Style::plain(80)));
    failed.failure.kind = FailureKind::GivenUp;
    failed.failure.cause =
        Cause::known(Some("the step may still be running (process 27279)".to_owned()), None);
    failed.failure.output.clear();
    insta::assert_snapshot!("given_up_80", failure_text(&failed, &plan, Style::plain(80)));
    failed.failure.kind = FailureKind::TakenOver;
    let paused = "another run (bob@desk, bring-up, started 12 s ago) took over this host while this one was paused; nothing was done";
    failed.failure.cause = Cause::known(Some(paused.to_owned()), None);
    insta::assert_snapshot!("taken_over_80", failure_text(&failed, &plan, Style::plain(80)));
}

#[test]
fn errors_say_what_why_and_next() {
    let mut problem =
        Problem::new("the plan cannot be read", "invalid digit found in string", "make a new one:");
    problem.cause.next.push(Advice::Command("rabbitup plan -o FILE".to_owned()));
    let text = error_text(&problem, Style::plain(80));
    insta::assert_snapshot!(text, @r"
    error: the plan cannot be read
      why: invalid digit found in string
      next: make a new one:
            $ rabbitup plan -o FILE
    ");
}

/// Commands that log in differ from host to host; the problem is the same.
#[test]
fn the_same_problem_of_many_hosts_is_one_with_a_command_for_each() {
    let refused = |n: usize| {
        let mut problem =
            Problem::new("its package lists were never fetched", "nothing is offered", "fetch them:");
        problem.cause.next.push(Advice::Command(format!("ssh node{n} 'sudo apt-get update'")));
        problem.cause.next.push(Advice::Command("rabbitup up".to_owned()));
        Refusal {
            kind: RefusalKind::UpgradeOfferUnknown,
            phase: Phase::Upgrade,
            problem: problem.on(&host(&format!("node{n}"))),
        }
    };
    let text =
        |count: usize| refusals_text(&PlanError((1..=count).map(refused).collect()), Style::plain(100));
    let two = text(2);
    let commands: Vec<&str> = two.lines().filter_map(|line| line.trim_start().strip_prefix("$ ")).collect();
    assert_eq!(
        commands,
        ["ssh node1 'sudo apt-get update'", "ssh node2 'sudo apt-get update'", "rabbitup up"],
        "{two}"
    );
    assert!(two.contains("No plan: 1 problem"), "{two}");
    let many = text(50);
    assert!(many.contains("and the same on 46 more hosts") && many.lines().count() < 15, "{many}");
}
