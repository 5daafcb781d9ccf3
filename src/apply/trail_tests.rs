//! What scripts leave in a host's journal, how they wait and how they bound, in real shells.

use std::time::{Duration, Instant};

use crate::model::shells::{run_in, shells};

const PRELUDE: &str = concat!(include_str!("trail.sh"), include_str!("prelude.sh"));

/// Runs lines under the prelude, with a step of these words.
fn under_prelude(words: &[&str], lines: &str) -> String {
    let set = "nonce=N run=r1 operator=ann@desk plan=p1 SUDO_USER=ops";
    let output =
        run_in(words, format!("{set}\n{PRELUDE}\nis_ours() {{ :; }}\nannounced=yes\n{lines}\n").as_bytes());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// In place of the journal: it prints what it is given, in one line.
const JOURNAL: &str = "timeout() { shift 3; \"$@\"; }\nsay() { [ \"$1\" = hello ]; }\n";

#[test]
fn each_step_is_two_lines_in_the_journal() {
    for words in shells() {
        let logger = "logger() { [ \"$1\" = --journald ] && tr '\\n' '|' && echo; }";
        let said =
            under_prelude(words, &format!("{JOURNAL}{logger}\nrun_step a/x say hello\nrun_step a/y say no"));
        let noted: Vec<&str> = said.lines().filter(|line| line.starts_with("MESSAGE=")).collect();
        let who = "operator=ann@desk login=ops run=r1 plan=p1";
        assert_eq!(noted.len(), 4, "{words:?}: {said}");
        assert!(
            noted[0]
                .starts_with(&format!("MESSAGE={who} step=a/x begin|PRIORITY=5|SYSLOG_IDENTIFIER=rabbitup|"))
        );
        assert!(
            noted[1].contains("step=a/x end result=0 seconds=0|") && noted[1].contains("|RABBITUP_RESULT=0|")
        );
        assert!(
            noted[3].contains("step=a/y end result=1 seconds=0|") && noted[3].contains("|RABBITUP_RUN=r1|")
        );
        assert!(!said.contains("hello"), "no argument of a step is noted: {said}");
        let odd = "run_step \"a/sync-x y='\nMESSAGE=forged\" say hello";
        let forged = under_prelude(words, &format!("{JOURNAL}{logger}\n{odd}"));
        assert!(forged.contains("|RABBITUP_STEP=a/sync-x?y???MESSAGE?forged|"), "{words:?}: {forged}");
        // A host that waits for this step hears of its end first.
        assert!(said.find("N end a/x 0") < said.find("step=a/x end"), "{said}");
    }
}

#[test]
fn a_journal_that_cannot_be_written_delays_no_step() {
    for words in shells() {
        let plain = "logger() { [ \"$1\" = -t ] && echo \"$*\"; }";
        let said = under_prelude(words, &format!("{JOURNAL}{plain}\nrun_step a/x say hello"));
        assert!(said.contains("-t rabbitup -p user.notice operator=ann@desk"), "syslog, {words:?}: {said}");
        let none = "logger() { echo tried >&3; return 1; }";
        let said = under_prelude(
            words,
            &format!("exec 3>&1\n{JOURNAL}{none}\nrun_step a/x say hello\nrun_step a/y say hello"),
        );
        assert!(said.contains("N end a/y 0"), "{words:?}: {said}");
        assert_eq!(said.matches("tried").count(), 2, "one try each way, for all steps: {said}");
    }
}

/// Two seconds are two seconds, however long an answer takes (`await 2` took 22 s when it counted questions).
#[test]
fn a_wait_is_bounded_by_the_clock() {
    for words in shells() {
        let began = Instant::now();
        let said = under_prelude(
            words,
            "slow() { sleep 0.7; echo asked; false; }\nawait 2 slow; echo \"$? $answer\"",
        );
        let took = began.elapsed();
        assert_eq!(said.trim(), "1 asked", "{words:?}");
        assert!((Duration::from_secs(2)..Duration::from_secs(5)).contains(&took), "{words:?}: {took:?}");
        let said = under_prelude(words, "await 0 echo yes; echo \"$? $answer\"");
        assert_eq!(said.trim(), "0 yes", "asked once at least, {words:?}");
    }
}

#[test]
fn a_check_in_a_wait_may_take_the_rest_of_it() {
    let lines = "read_clock() { clock=100000; }\nfor deadline in '' 100100 106000; do within 60; echo $limit; done\n\
                 timeout() { echo \"$3\"; }\nawait 30 bounded 60 ask; echo $answer; bounded 60 ask";
    for words in shells() {
        let said = under_prelude(words, lines);
        let said: Vec<&str> = said.lines().collect();
        // No waiting, a second left, a minute left; then in a wait of 30 s, and behind it.
        assert_eq!(said, ["60", "15", "60", "30", "60"], "{words:?}");
    }
}

#[test]
fn the_clock_is_read_in_hundredths_without_taking_them_for_octal() {
    for words in shells() {
        let lines = "read_clock; first=$clock; sleep 0.05; read_clock; echo $((clock - first))";
        let passed: u64 = under_prelude(words, lines).trim().parse().expect("a number");
        assert!((4..200).contains(&passed), "{words:?}: {passed}");
        let uptime = std::env::temp_dir().join(format!("rabbitup-uptime-{}", std::process::id()));
        std::fs::write(&uptime, "12.08 99.99\n").expect("it is ours");
        let told = PRELUDE.replace("/proc/uptime", &uptime.display().to_string());
        let output = run_in(words, format!("nonce=N\n{told}\nread_clock\necho $clock\n").as_bytes());
        std::fs::remove_file(&uptime).expect("it is ours");
        assert_eq!(output.stdout, b"1208\n", "{words:?}");
    }
}
