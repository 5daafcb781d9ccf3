use insta::assert_snapshot;
use rabbitup::cluster::WAIT_FOR_IT;
use rabbitup::doctor::Diagnosis;
use rabbitup::facts::{BrokerState, Facts, PortState};
use rabbitup::report::{DiagnosisDocument, Style, diagnosis_brief, diagnosis_text};

use super::bed::Bed;
use super::fixtures::cookie;

fn at(width: usize, diagnosis: &Diagnosis) -> String {
    diagnosis_text(diagnosis, " -i lab.toml", Style::plain(width))
}

fn other_cookie() -> Bed {
    let mut bed = Bed::healthy();
    let file = bed.seen("node2").cookie.as_mut().expect("one");
    (file.raw, file.normalised) = (cookie("other"), cookie("other"));
    bed.seen("node2").broker = BrokerState::CookieRefused;
    bed.refuse("node2", "node1");
    bed.refuse("node2", "node3");
    bed
}

#[test]
fn a_healthy_diagnosis_lists_the_checks() {
    assert_snapshot!("clean_bill", at(80, &Bed::healthy().diagnosis()));
}

#[test]
fn the_first_cause_is_shown_in_full() {
    let diagnosis = other_cookie().diagnosis();
    assert_snapshot!("cookie_80", at(80, &diagnosis));
    assert_snapshot!("cookie_120", at(120, &diagnosis));
    assert_snapshot!("cookie_brief", diagnosis_brief(&diagnosis, "", Style::plain(80)));
    let document = DiagnosisDocument::new(&diagnosis, &Facts::default(), " -i lab.toml");
    let json = serde_json::to_string_pretty(&document).expect("it has a JSON form");
    assert_snapshot!("cookie_json", json);
}

#[test]
fn during_a_run_the_advice_is_to_wait() {
    let healthy = Bed::healthy().diagnosis().while_under_way(WAIT_FOR_IT);
    let text = at(80, &healthy);
    assert!(
        !text.contains("No problems found:") && text.contains("check again when that run has ended"),
        "{text}"
    );
    assert_snapshot!("under_way_80", at(80, &other_cookie().diagnosis().while_under_way(WAIT_FOR_IT)));
}

#[test]
fn a_firewall_is_a_pattern_in_the_matrix() {
    let mut bed = Bed::healthy();
    for from in ["node1", "node2"] {
        bed.peer(from, "node3").epmd = Some(PortState::Filtered);
    }
    assert_snapshot!("firewall_80", at(80, &bed.diagnosis()));
    assert_snapshot!("firewall_120", at(120, &bed.diagnosis()));
}

#[test]
fn of_fifty_hosts_only_those_with_problems_are_shown() {
    let mut bed = Bed::of(50);
    bed.peer("node7", "node9").epmd = Some(PortState::Refused);
    assert_snapshot!("fifty", at(80, &bed.diagnosis()));
}

#[test]
fn a_failing_unit_is_shown_with_its_log() {
    let mut bed = Bed::healthy();
    bed.stop("node3", "activating");
    let unit = &mut bed.exam("node3").unit;
    (unit.sub, unit.result, unit.restarts) = ("auto-restart".to_owned(), "exit-code".to_owned(), Some(4));
    unit.log = [
        "2026-11-23 05:12:48.380416+00:00 [error] <0.132.0> - Conf file attempted to set unknown variable: nonsense.key",
        "2026-11-23 05:12:48.381000+00:00 [error] <0.130.0>     messages: [{'EXIT',<0.131.0>,normal}]",
        "2026-11-23 05:12:48.381000+00:00 [error] <0.130.0> ",
    ]
    .map(str::to_owned)
    .to_vec();
    assert_snapshot!("boot_80", at(80, &bed.diagnosis()));
}
