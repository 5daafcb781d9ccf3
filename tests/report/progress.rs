use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rabbitup::apply::{Activity, Event, FailureKind, Outcome, StepFailure, Tally};
use rabbitup::model::Cause;
use rabbitup::plan::{Change, Plan, StepId};
use rabbitup::report::{Clock, Display, JsonLines, PlainLines, Style, Summary, TerminalBars};

use crate::fixtures::next;

use super::fixtures::{PlanBuilder, host};
use super::screen::Screen;

/// Time that moves only when told to.
#[derive(Clone, Default)]
struct Hands(Arc<Mutex<Duration>>);

impl Hands {
    fn clock(&self) -> Clock {
        // 12:03:00 on some day.
        *self.0.lock().expect("time") = Duration::from_secs(20_000 * 86_400 + 43_380);
        let hands = self.0.clone();
        Clock::from_fn(move || *hands.lock().expect("time"))
    }

    fn pass(&self, seconds: f64) {
        *self.0.lock().expect("time") += Duration::from_secs_f64(seconds);
    }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("paper").clone()).expect("UTF-8")
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("paper").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn plan() -> Plan {
    PlanBuilder::new(&["node1", "node2", "node3", "lb1", "spare"])
        .step("node1", "packages", Change::Add, "install rabbitmq-server 3.10.8", "x", &[])
        .step("node1", "start", Change::Command, "start the broker", "x", &[])
        .step("node2", "packages", Change::Add, "install rabbitmq-server 3.10.8", "x", &[])
        .step("node2", "start", Change::Command, "start the broker as a member", "x", &["node1/start"])
        .step("node3", "start", Change::Command, "start the broker as a member", "x", &["node2/start"])
        .step("lb1", "packages", Change::Add, "install haproxy", "x", &[])
        .step("lb1", "proxy", Change::Change, "write /etc/haproxy/haproxy.cfg", "x", &["node3/start"])
        .build()
}

fn id(text: &str) -> (StepId, rabbitup::model::HostName) {
    let (name, what) = text.split_once('/').expect("HOST/WHAT");
    (StepId::new(&host(name), what), host(name))
}

fn started(step: &str) -> Event {
    let (step, host) = id(step);
    Event::StepStarted { step, host }
}

fn said(step: &str, line: &str) -> Event {
    let (step, host) = id(step);
    Event::StepOutput { step, host, line: line.to_owned() }
}

fn done(step: &str, seconds: f64) -> Event {
    let (step, host) = id(step);
    Event::StepSucceeded { step, host, elapsed: Duration::from_secs_f64(seconds) }
}

fn blocked(step: &str, because_of: &str) -> Event {
    let (step, host) = id(step);
    Event::StepBlocked { step, host, because_of: id(because_of).0 }
}

fn failed(step: &str) -> Event {
    let (step, host) = id(step);
    let failure = StepFailure {
        kind: FailureKind::Command,
        code: Some(69),
        cause: Cause::known(Some("node1 refuses the cookie".to_owned()), None),
        output: vec!["Error: unable to perform an operation".to_owned()],
    };
    Event::StepFailed { step, host, elapsed: Duration::from_secs(3), failure }
}

/// A run in which node2 fails, told to a display with the time between the events.
fn run(display: &mut dyn Display, hands: &Hands, mut look: impl FnMut(&str)) {
    let tell = |display: &mut dyn Display, event: &Event| display.event(event);
    let hosts = ["node1", "node2", "node3", "lb1"].map(host).to_vec();
    tell(display, &Event::ApplyStarted { steps: 7, hosts });
    tell(display, &Event::Locked);
    for step in ["node1/packages", "node2/packages", "lb1/packages"] {
        tell(display, &started(step));
    }
    for second in 1..=14 {
        hands.pass(1.0);
        tell(display, &said("node1/packages", &format!("Unpacking erlang-base ({second} of 40) …\u{1b}[K")));
        display.tick();
    }
    look("installing");
    tell(display, &done("node1/packages", 14.0));
    tell(display, &started("node1/start"));
    tell(display, &done("lb1/packages", 14.1));
    hands.pass(1.2);
    tell(display, &done("node1/start", 1.2));
    tell(display, &done("node2/packages", 15.2));
    tell(display, &started("node2/start"));
    display.tick();
    look("node1 is done");
    hands.pass(3.0);
    tell(display, &failed("node2/start"));
    tell(display, &blocked("node3/start", "node2/start"));
    tell(display, &blocked("lb1/proxy", "node3/start"));
    display.tick();
    look("node2 failed");
    let tally = |done, failed, blocked| Tally { done, failed, blocked, skipped: 0 };
    let hosts = [
        ("node1", tally(2, 0, 0)),
        ("node2", tally(1, 1, 0)),
        ("node3", tally(0, 0, 1)),
        ("lb1", tally(1, 0, 1)),
    ];
    let hosts = hosts.into_iter().map(|(name, tally)| (host(name), tally)).collect();
    tell(
        display,
        &Event::ApplyEnded { outcome: Outcome::Failed, elapsed: Duration::from_millis(18_200), hosts },
    );
    display.finish();
    look("the end");
}

#[test]
fn plain_lines_tell_the_run() {
    let (hands, paper) = (Hands::default(), Paper::default());
    let mut display = PlainLines::new(&plan(), paper.clone(), hands.clock(), Style::plain(80));
    run(&mut display, &hands, |_| {});
    insta::assert_snapshot!(paper.text());
    assert!(!paper.text().contains('\u{1b}'));
}

#[test]
fn a_silent_step_shows_that_it_still_runs() {
    let (hands, paper) = (Hands::default(), Paper::default());
    let mut display = PlainLines::new(&plan(), paper.clone(), hands.clock(), Style::plain(80));
    display.event(&started("node1/packages"));
    for _ in 0..130 {
        hands.pass(1.0);
        display.tick();
    }
    display.event(&Event::Interrupted { running: vec![id("node1/packages").0] });
    display.event(&Event::Abandoned { running: vec![id("node1/packages").0] });
    insta::assert_snapshot!(paper.text());
}

/// As in a log of continuous integration: whatever comes when, lines stand in the order of their times and in columns.
#[test]
fn plain_lines_of_interleaved_hosts_are_in_the_order_of_their_times() {
    let (hands, paper) = (Hands::default(), Paper::default());
    let mut display = PlainLines::new(&plan(), paper.clone(), hands.clock(), Style::plain(80));
    let hosts = ["node1", "node2", "node3", "lb1"].map(host).to_vec();
    display.event(&Event::ApplyStarted { steps: 7, hosts });
    // Long steps are announced when others have begun and ended since.
    let script: [(f64, &[Event]); 8] = [
        (0.0, &[started("node1/packages"), started("lb1/packages")]),
        (1.9, &[said("node1/packages", "Get:1"), started("node2/packages"), done("lb1/packages", 1.9)]),
        (0.2, &[said("node2/packages", "Get:1")]),
        (12.3, &[said("node1/packages", "Unpacking erlang-base"), said("node2/packages", "Get:2")]),
        (0.1, &[done("node2/packages", 12.6), done("node1/packages", 14.5), started("node1/start")]),
        (61.0, &[started("node2/start")]),
        (0.3, &[done("node1/start", 61.3), Event::Interrupted { running: vec![id("node2/start").0] }]),
        (4.0, &[failed("node2/start"), blocked("node3/start", "node2/start")]),
    ];
    for (seconds, events) in script {
        hands.pass(seconds);
        events.iter().for_each(|event| display.event(event));
        display.tick();
    }
    display.finish();
    let text = paper.text();
    insta::assert_snapshot!(text);
    let is_time = |word: &str| word.len() == 8 && word.matches(':').count() == 2;
    let times: Vec<&str> =
        text.lines().filter_map(|line| line.get(..8)).filter(|word| is_time(word)).collect();
    assert!(times.len() > 10 && times.is_sorted(), "{text}");
    for line in text.lines().filter(|line| line.get(..8).is_some_and(is_time)) {
        let (host, words) = line[8..].split_at(9);
        assert!(host.starts_with("  ") && host.ends_with("  ") && !words.trim().is_empty(), "{line}");
    }
}

#[test]
fn bars_show_where_every_host_stands() {
    let (hands, screen) = (Hands::default(), Screen::new(100, 20));
    let mut display = TerminalBars::new(&plan(), screen.clone(), hands.clock(), Style::plain(100));
    let mut looks = String::new();
    run(&mut display, &hands, |when| looks.push_str(&format!("-- {when}\n{}\n\n", screen.text())));
    insta::assert_snapshot!(looks);
}

#[test]
fn many_hosts_fit_few_rows() {
    let names: Vec<String> = (1..=50).map(|n| format!("node{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut plan = PlanBuilder::new(&names);
    for name in &names {
        plan = plan.step(name, "packages", Change::Add, "install rabbitmq-server", "x", &[]);
    }
    let (hands, screen) = (Hands::default(), Screen::new(100, 8));
    let mut display = TerminalBars::new(&plan.build(), screen.clone(), hands.clock(), Style::plain(100));
    for name in names.iter().take(9) {
        display.event(&started(&format!("{name}/packages")));
    }
    for name in names.iter().take(3) {
        display.event(&done(&format!("{name}/packages"), 1.0));
    }
    display.tick();
    insta::assert_snapshot!(screen.text());
}

/// What the shell and the plan have left on the screen before a run.
const BEFORE: &str = "$ rabbitup up\r\nPlan: 4 to add, 3 commands to run on 4 hosts\r\n";

/// A display of a run in which node1 and lb1 install something and node2 is done for the moment.
fn under_way(hands: &Hands, screen: &Screen) -> TerminalBars<Screen> {
    screen.others_write(BEFORE);
    let mut display = TerminalBars::new(&plan(), screen.clone(), hands.clock(), Style::plain(80));
    display.event(&Event::ApplyStarted { steps: 7, hosts: Vec::new() });
    for step in ["node1/packages", "node2/packages", "lb1/packages"] {
        display.event(&started(step));
    }
    hands.pass(75.0);
    let long = "Get:1 http://apt.example.com/debian bookworm/main amd64 erlang-base amd64 1:25.2.3+dfsg-1 [8,953 kB]";
    display.event(&said("node1/packages", long));
    display.event(&done("node2/packages", 70.0));
    display.tick();
    display
}

#[test]
fn a_resized_terminal_shows_every_line_once_at_its_new_width() {
    let (hands, screen) = (Hands::default(), Screen::new(80, 24));
    let mut display = under_way(&hands, &screen);
    let mut looks = format!("-- 80x24\n{}\n", screen.text());
    for (columns, rows) in [(50, 20), (40, 20), (200, 50), (60, 6), (30, 10), (20, 3), (80, 2), (80, 24)] {
        screen.resize(columns, rows);
        display.tick();
        looks.push_str(&format!("\n-- {columns}x{rows}\n{}\n", screen.text()));
        for host in ["node1", "node2", "node3", "lb1"] {
            let times = screen.text().matches(&format!(" {host} ")).count();
            assert!(times <= 1, "{columns}x{rows}: {host} is there {times} times:\n{}", screen.text());
        }
        assert!(screen.text().contains("1 min 15 s"), "{columns}x{rows}:\n{}", screen.text());
    }
    insta::assert_snapshot!(looks);
    display.finish();
    assert_eq!(screen.text(), BEFORE.replace("\r\n", "\n").trim_end(), "nothing stays of the lines");
}

#[test]
fn ctrl_c_leaves_its_message_and_no_line_twice() {
    let (hands, screen) = (Hands::default(), Screen::new(60, 12));
    let mut display = under_way(&hands, &screen);
    let running = vec![id("node1/packages").0, id("lb1/packages").0];
    let mut looks = String::new();
    for event in [Event::Interrupted { running: running.clone() }, Event::Abandoned { running }] {
        // As the terminal shows the key.
        screen.others_write("^C");
        display.event(&event);
        hands.pass(0.1);
        display.tick();
        looks.push_str(&format!("{}\n\n", screen.text()));
    }
    insta::assert_snapshot!(looks);
    display.finish();
    assert!(!screen.text().contains("node3"), "{}", screen.text());
    assert!(!screen.text().contains("^C"), "{}", screen.text());
}

#[test]
fn json_is_one_event_per_line_and_reads_back() {
    let (hands, paper) = (Hands::default(), Paper::default());
    run(&mut JsonLines::new(paper.clone()), &hands, |_| {});
    let text = paper.text();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(value["format_version"], 1);
        serde_json::from_str::<Event>(line).expect("an event");
    }
    assert!(text.lines().last().expect("a line").contains("\"apply_ended\""));
}

fn summary(plan: &Plan, outcome: Outcome, tallies: &[(&str, Tally)], others: &[Event]) -> String {
    let mut summary = Summary::default();
    let hosts = tallies.iter().map(|(name, tally)| (host(name), *tally)).collect();
    for event in
        others.iter().chain([&Event::ApplyEnded { outcome, elapsed: Duration::from_secs(72), hosts }])
    {
        summary.event(event);
    }
    summary.text(plan, &next(), Style::plain(80))
}

#[test]
fn summaries_end_with_the_next_command() {
    let tally = |done, failed, blocked, skipped| Tally { done, failed, blocked, skipped };
    let well = [("node1", tally(2, 0, 0, 0)), ("node2", tally(2, 0, 0, 0)), ("lb1", tally(1, 0, 0, 0))];
    insta::assert_snapshot!("summary_done", summary(&plan(), Outcome::Done, &well, &[]));
    let ill = [
        ("node1", tally(2, 0, 0, 0)),
        ("node2", tally(1, 1, 0, 0)),
        ("node3", tally(0, 0, 1, 0)),
        ("lb1", tally(1, 0, 1, 0)),
    ];
    insta::assert_snapshot!(
        "summary_failed",
        summary(&plan(), Outcome::Failed, &ill, &[failed("node2/start")])
    );
    let cut = [
        ("node1", tally(0, 0, 0, 0)),
        ("node2", tally(1, 0, 0, 1)),
        ("node3", tally(0, 0, 0, 1)),
        ("lb1", tally(1, 0, 0, 0)),
    ];
    let left = ["node1/packages", "node1/start", "lb1/proxy"].map(|step| id(step).0).to_vec();
    let abandoned = [started("node1/packages"), started("lb1/proxy"), Event::Abandoned { running: left }];
    insta::assert_snapshot!("summary_interrupted", summary(&plan(), Outcome::Interrupted, &cut, &abandoned));
}

/// Whose end nobody saw, its summary must not call over.
#[test]
fn a_step_that_was_given_up_or_lost_may_still_be_running() {
    let ends = |kind| {
        let Event::StepFailed { step, host, elapsed, failure } = failed("node2/start") else {
            unreachable!()
        };
        let lost = Event::StepFailed { step, host, elapsed, failure: StepFailure { kind, ..failure } };
        let ill = [("node2", Tally { done: 1, failed: 1, ..Tally::default() })];
        summary(&plan(), Outcome::Failed, &ill, &[lost])
    };
    for kind in [FailureKind::GivenUp, FailureKind::ConnectionLost] {
        let text = ends(kind);
        assert!(text.contains("start the broker as a member (may still be running): "), "{text}");
    }
    for kind in [FailureKind::Command, FailureKind::TimedOut, FailureKind::TakenOver] {
        assert!(!ends(kind).contains("may"), "{}", ends(kind));
    }
}

#[test]
fn a_long_step_shows_what_it_does_and_an_old_line_its_age() {
    let (hands, screen) = (Hands::default(), Screen::new(100, 20));
    let mut bars = TerminalBars::new(&plan(), screen.clone(), hands.clock(), Style::plain(100));
    let doing = |activity| {
        let (step, host) = id("node1/start");
        Event::StepDoing { step, host, activity }
    };
    bars.event(&started("node1/start"));
    bars.event(&doing(Activity::Draining));
    bars.event(&said("node1/start", "[warning] Closed 0 local client connections"));
    bars.tick();
    let text = screen.text();
    assert!(text.contains("start the broker: draining  [warning] Closed"), "{text}");
    hands.pass(25.0);
    bars.tick();
    let text = screen.text();
    assert!(text.contains("draining  25 s ago: [warning] Closed"), "{text}");
    bars.event(&doing(Activity::Booting));
    bars.tick();
    let text = screen.text();
    assert!(text.contains("start the broker: booting") && !text.contains("Closed"), "{text}");
}

/// At the usual width there is room for who holds apt's lock, and for the package that is fetched.
#[test]
fn at_80_columns_the_useful_part_of_a_tools_line_is_shown() {
    let (hands, screen) = (Hands::default(), Screen::new(80, 20));
    let mut bars = TerminalBars::new(&plan(), screen.clone(), hands.clock(), Style::plain(80));
    bars.event(&started("node1/packages"));
    for (line, wanted) in [
        (
            "apt-get update (process 812) holds the package lists; waiting",
            "  apt-get update (process 812) holds",
        ),
        (
            "Get:20 http://deb.example.org/debian trixie/main amd64 rabbitmq-server all 4.0.5-1 [15.2 MB]",
            "  Get:20 rabbitmq-server 4.0.5-1",
        ),
    ] {
        bars.event(&said("node1/packages", line));
        bars.tick();
        let text = screen.text();
        assert!(text.contains("install rabbitmq-server") && text.contains(wanted), "{text}");
    }
}
