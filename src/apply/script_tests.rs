//! What is sent to a host, in real shells.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::operation_fixtures::{HOSTILE, every_operation, host, hostile_operations};
use super::run_fixtures::{frame, mark, without_trail};
use super::script::render;
use crate::facts::HoldingCounts;
use crate::model::shells::{run_in, shells};
use crate::model::{NameMode, NodeName, NodeType, Secret, SecretName, Secrets};
use crate::operation::{
    InstallCookie, JoinCluster, JoinCommand, Operation, Proof, RestartBroker, SetClusterName, StartUnit,
    StopBroker, StopCheck, Then, WriteFile, with_all_below,
};
use crate::plan::{Change, Phase, Step, StepId};
use crate::rabbitmq::internals::ASKED_BY_STEPS;
use crate::template::{Rendered, secret_sign};

fn step(operation: Operation) -> Step {
    Step {
        id: StepId::new(&host(), "what"),
        host: host(),
        phase: Phase::Start,
        change: Change::Command,
        title: HOSTILE.to_owned(),
        reason: HOSTILE.to_owned(),
        diff: None,
        after: Vec::new(),
        operation,
        timeout_s: 1,
    }
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.insert(SecretName::new("secret"), Secret::new(HOSTILE.as_bytes().to_vec()));
    secrets
}

pub(super) fn script(actions: Vec<Operation>) -> Vec<u8> {
    let steps: Vec<Step> = actions.into_iter().map(step).collect();
    let steps: Vec<&Step> = steps.iter().collect();
    without_trail(render(&frame(&mark()), &steps, &secrets()).expect("all secrets are known").expose())
}

#[test]
fn every_shell_reads_every_step_whatever_its_values() {
    let text = [b"set -n\n".to_vec(), script(hostile_operations())].concat();
    for words in shells() {
        let output = run_in(words, &text);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{words:?} refuses the script: {said}");
    }
}

/// In place of the real step functions, which would do what they are told: they print each argument in hexadecimal.
const TELLERS: &str = "tell() { printf %s \"$#\"; for word in \"$@\"; do printf ' '; printf %s \"$word\" | od -An -v -tx1 | \
    tr -d ' \\n'; done; echo; }\nset_cluster_name() { tell \"$@\"; }\nwrite_file() { tell \"$@\"; }\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_reach_the_step_functions_as_they_are(
        word in "(?s)[^\0\u{1}]{0,40}", secret in prop::collection::vec(1..=255_u8, 0..40),
    ) {
        let word = format!("{word}{HOSTILE}");
        let secret = [secret.as_slice(), HOSTILE.as_bytes()].concat();
        let name = SecretName::new("secret");
        let body = Rendered::from_text(&format!("{word}{}", secret_sign(&name)));
        let file = WriteFile {
            path: word.clone(),
            mode: 0o640,
            owner: word.clone(),
            group: "root".to_owned(),
            body,
            validate: None,
            then: Then::Nothing,
            proof: Proof::None,
            resolves: Vec::new(),
            full_names: BTreeMap::new(),
        };
        let steps = [
            step(Operation::SetClusterName(SetClusterName { node: NodeName::rabbit(&host()), name: word.clone() })),
            step(Operation::WriteFile(file)),
        ];
        let mut secrets = Secrets::default();
        secrets.insert(name, Secret::new(secret.clone()));
        let text = render(&frame(&mark()), &steps.iter().collect::<Vec<_>>(), &secrets).expect("all secrets are known");
        let text = without_trail(text.expose());
        let at = text.windows(8).position(|part| part == b"\nmain() ").expect("the frame") + 1;
        let told = [&text[..at], TELLERS.as_bytes(), &text[at..]].concat();
        let content = [word.as_bytes(), &secret].concat();
        for words in shells() {
            let output = run_in(words, &told);
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: Vec<&str> = printed.lines().collect();
            prop_assert!(lines[0].starts_with("nonce begin node1/what "), "{:?}: {}", words, lines[0]);
            prop_assert_eq!(lines[2], "nonce end node1/what 0", "{:?}", words);
            prop_assert_eq!(lines[1], format!("2 {} {}", hex(b"rabbit@node1"), hex(word.as_bytes())), "{:?}", words);
            let arrived: Vec<&str> = lines[4].split(' ').collect();
            prop_assert_eq!(arrived[1], hex(word.as_bytes()), "{:?}", words);
            prop_assert_eq!(arrived[11], hex(&content), "{:?}", words);
            prop_assert_eq!(lines.len(), 6);
        }
    }
}

#[test]
fn a_script_that_is_cut_short_runs_no_step() {
    let text = script(vec![Operation::StartUnit(StartUnit { unit: "no-such-unit-of-anybody".to_owned() })]);
    // The last byte is the end of the line behind the closing brace.
    let end = text.len() - 2;
    for words in shells() {
        for cut in (0..end).step_by(397).chain([end]) {
            let output = run_in(words, &text[..cut]);
            assert_eq!(output.stdout, b"", "{words:?}, cut at {cut} of {}", text.len());
        }
    }
}

/// A run that was killed leaves a node that is still on its way into the cluster; the next one plans a join for it.
#[test]
fn a_node_that_enters_while_it_is_waited_for_is_not_joined() {
    let (node, names) = (NodeName::rabbit(&host()), NameMode::Short);
    let text = script(vec![Operation::JoinCluster(JoinCluster {
        node: node.clone(),
        names,
        join_target: node,
        method: JoinCommand::StopJoinStart,
        node_type: NodeType::Disc,
        may_destroy: HoldingCounts::NOTHING,
        patience_s: 1,
    })]);
    // It is a member from the moment at which it serves; then it has the cluster's users, which are not its own.
    let broker = "\nis_serving() { serves=yes; }\nlists() { [ -n \"${serves:-}\" ]; }\n\
                  await() { shift; \"$@\"; }\nlook_at_own_data() { fail 'it has users'; }\nrevive_node() { :; }\ncontrol() { echo JOINED; }\nmain() {";
    let told = String::from_utf8(text).expect("UTF-8").replace("\nmain() {", broker);
    let printed = String::from_utf8(run_in(&["sh"], told.as_bytes()).stdout).expect("UTF-8");
    assert!(printed.contains("nonce end node1/what 0"), "{printed}");
    assert!(!printed.contains("JOINED"), "{printed}");
}

#[test]
fn a_missing_secret_is_named() {
    let step =
        step(Operation::InstallCookie(InstallCookie { secret: SecretName::cookie(), digest: String::new() }));
    assert_eq!(render(&frame(&mark()), &[&step], &Secrets::default()).err(), Some(SecretName::cookie()));
}

/// The step functions that stand in all files.
fn functions() -> Vec<String> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/operation");
    let files = std::fs::read_dir(directory).expect("the sources are there").flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|end| end == "sh"));
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    texts
        .flat_map(|text| {
            text.lines().filter_map(|line| Some(line.split_once("() {")?.0.to_owned())).collect::<Vec<_>>()
        })
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect()
}

#[test]
fn a_steps_script_contains_every_function_that_it_calls() {
    let functions = functions();
    assert!(functions.len() > 80, "the files were read: {}", functions.len());
    for operation in every_operation() {
        let what = format!("{operation:?}");
        let text = String::from_utf8_lossy(&script(vec![operation])).into_owned();
        let own_lines =
            text.lines().filter(|line| !line.contains("rabbitmqctl") && !line.contains("control "));
        let words: BTreeSet<&str> = own_lines
            .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && !"_-/".contains(c)))
            .collect();
        // Names of one word stand in messages, too.
        for name in functions.iter().filter(|name| name.contains('_')) {
            let called = words.contains(name.as_str());
            assert!(
                !called || text.contains(&format!("\n{name}() {{")),
                "{name} is missing in the script of {what}"
            );
        }
    }
}

/// Adjacent steps share one shell: a variable that two files set before their functions would have the value of the later one in
/// both. Of the package families one counts.
#[test]
fn no_two_files_of_step_functions_set_the_same_variable() {
    let mut owners = std::collections::BTreeMap::new();
    for folder in ["operation", "firewall", "balancer", "virtual_address", "platform"] {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let files = std::fs::read_dir(directory).expect("the sources are there").flatten();
        let files =
            files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "sh"));
        for path in files.filter(|path| !path.to_string_lossy().ends_with("_probe.sh")) {
            let owner = if folder == "platform" { folder.to_owned() } else { path.display().to_string() };
            let text = std::fs::read_to_string(&path).expect("a script");
            let set = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
            let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            for name in set.filter(is_name) {
                let first = owners.entry(name.to_owned()).or_insert_with(|| owner.clone());
                assert_eq!(*first, owner, "{name}");
            }
        }
    }
    assert!(owners.contains_key("policy"), "the variables were found: {owners:?}");
}

/// A question is sent only with the file that asks it, and every question is asked by some file.
#[test]
fn files_of_step_functions_bring_their_questions() {
    let operations = every_operation();
    let shells = with_all_below(operations.iter().flat_map(|operation| operation.nature().shell));
    let mut all = BTreeSet::new();
    for shell in shells {
        let words: Vec<_> = shell
            .text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| line.split(|c: char| c.is_whitespace() || "()\";".contains(c)))
            .filter(|word| !word.is_empty())
            .collect();
        // Behind the question stands the node.
        let asks = words.windows(3).filter(|w| w[0] == "ask" && w[2].starts_with('$')).map(|w| w[1]);
        let says = words.windows(4).filter(|w| w[0] == "says" && w[3].starts_with('$')).map(|w| w[2]);
        let accepts = words.iter().filter(|word| **word == "$erl_accepts").map(|_| "accepts");
        let asked: BTreeSet<_> = asks.chain(says).chain(accepts).collect();
        let brought: BTreeSet<_> = shell.asks.iter().map(|question| question.name).collect();
        assert_eq!(asked, brought, "{}", shell.name);
        all.extend(brought);
    }
    assert_eq!(all, ASKED_BY_STEPS.iter().map(|question| question.name).collect());
}

/// The next run waits for the steps of one that was killed, so it has to see them, and nothing else.
#[test]
fn a_script_has_a_work_file_as_long_as_it_runs() {
    let directory = std::env::temp_dir().join(format!("rabbitup-work-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let dead = directory.join("rabbitup-dead.work");
    std::fs::write(&dead, "4194305 4194305\n").expect("it is ours");
    let text = script(vec![Operation::StopBroker(StopBroker { node: NodeName::rabbit(&host()) })]);
    let run = directory.display().to_string();
    let told = String::from_utf8(text).expect("UTF-8").replace("/run/", &format!("{run}/")).replace(
        "\nmain() {",
        &format!("\nstop_broker() {{ cd {run}; echo $$ at; cat *.work; ls; }}\nmain() {{"),
    );
    let printed = String::from_utf8(run_in(&["sh"], told.as_bytes()).stdout).expect("UTF-8");
    let left = std::fs::read_dir(&directory).expect("it is there").count();
    std::fs::remove_dir_all(&directory).expect("it is ours");
    let lines: Vec<&str> = printed.lines().collect();
    let pid = lines.iter().find_map(|line| line.strip_suffix(" at")).expect("the step ran");
    // Its own file, and no more that of a shell which was killed: no process has a number that high.
    assert!(lines[2].starts_with(&format!("{pid} ")), "{printed}");
    assert_eq!(lines[3], "rabbitup-nonce.work", "{printed}");
    assert_eq!(left, 0, "the file goes with the script");
}

/// A node that cannot be stopped safely is waited for, but only until the run is interrupted.
#[test]
fn an_interrupt_ends_the_wait_before_a_stop() {
    let (node, names) = (NodeName::rabbit(&host()), NameMode::Short);
    let text = script(vec![Operation::RestartBroker(RestartBroker {
        node,
        names,
        stop_check: StopCheck::QuorumCritical,
        patience_s: 60,
    })]);
    let ran = |tool: &str| {
        let tools = format!(
            // The file is put while the step waits.
            "\nis_stopped_here() {{ stop_file=/dev/null; return 1; }}\nrabbit_tool() {{ {tool}; }}\n\
             drain() {{ echo DRAINED; exit 0; }}\nmain() {{"
        );
        let told = String::from_utf8(text.clone()).expect("UTF-8").replace("\nmain() {", &tools);
        String::from_utf8(run_in(&["sh"], told.as_bytes()).stdout).expect("UTF-8")
    };
    let critical =
        r#"echo '{"message":"…","queues":[{"name":"rabbitmq_metadata"}],"result":"error"}'; return 69"#;
    let began = std::time::Instant::now();
    let printed = ran(critical);
    assert!(printed.contains("the run was interrupted while it waited"), "{printed}");
    assert!(!printed.contains("DRAINED") && began.elapsed().as_secs() < 20, "{printed}");
    assert!(ran("return 0").contains("DRAINED"));
}
