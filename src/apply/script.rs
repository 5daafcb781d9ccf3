use super::script_call::Call;
use crate::model::{Secret, SecretName, Secrets, quote};
use crate::plan::{Action, Step};

/// The step functions, as real shell files, in the order in which one builds on another.
const FRAGMENTS: [(Part, &str); 11] = [
    (Part::Prelude, include_str!("steps/prelude.sh")),
    (Part::File, include_str!("steps/file.sh")),
    (Part::Host, include_str!("steps/host.sh")),
    (Part::Packages, include_str!("steps/packages.sh")),
    (Part::Cookie, include_str!("steps/cookie.sh")),
    (Part::Broker, include_str!("steps/broker.sh")),
    (Part::Cluster, include_str!("steps/cluster.sh")),
    (Part::Rotation, include_str!("steps/rotation.sh")),
    (Part::Queues, include_str!("steps/queues.sh")),
    (Part::Membership, include_str!("steps/membership.sh")),
    (Part::Roll, include_str!("steps/roll.sh")),
];

/// A file of step functions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Prelude,
    File,
    Host,
    Packages,
    Cookie,
    Broker,
    Cluster,
    Rotation,
    Queues,
    Membership,
    Roll,
}

/// The files that an action's function is made of. What is not needed is not sent: a line may be slow.
fn parts(action: &Action) -> &'static [Part] {
    match action {
        Action::SetHostName { .. } | Action::RestartUnit { .. } | Action::ReloadUnit { .. } => &[Part::Host],
        Action::StartUnit { .. } | Action::StopUnit { .. } => &[Part::Host],
        Action::WriteFile(_) => &[Part::File, Part::Host],
        Action::InstallPackages { .. } | Action::HoldPackages { .. } | Action::RemoveStalePolicy => {
            &[Part::Packages]
        }
        Action::InstallCookie { .. } | Action::GuardCookie => &[Part::File, Part::Cookie],
        Action::StageCookie { .. } => &[Part::Cookie, Part::Broker, Part::Rotation],
        Action::SwitchCookie { .. } | Action::AdoptCookie { .. } | Action::DropStagedCookie { .. } => {
            &[Part::Broker, Part::Rotation]
        }
        Action::StopBroker { .. } | Action::StartApp { .. } | Action::StartBroker { .. } => &[Part::Broker],
        Action::EnterCluster { .. } => &[Part::Broker],
        Action::JoinCluster { .. } | Action::ChangeNodeType { .. } | Action::SetClusterName { .. } => {
            &[Part::Broker, Part::Cluster]
        }
        Action::SetPlugins { .. } | Action::ImportDefinitions { .. } | Action::PutAdmin { .. } => {
            &[Part::Broker, Part::Cluster]
        }
        Action::SwitchServer { .. } => &[Part::Roll],
        Action::UpgradeBroker { .. } => {
            &[Part::Packages, Part::Broker, Part::Cluster, Part::Queues, Part::Membership, Part::Roll]
        }
        Action::RestartBroker { .. }
        | Action::ReviveNode { .. }
        | Action::EnableFeatureFlags { .. }
        | Action::Rebalance { .. }
        | Action::RetireBroker { .. }
        | Action::StopStranger { .. }
        | Action::ReleaseQueues { .. }
        | Action::ForgetNode { .. }
        | Action::ForgetOffline { .. }
        | Action::KeepData { .. }
        | Action::FollowPeer { .. }
        | Action::GrowReplicas { .. }
        | Action::SyncQueue { .. }
        | Action::CancelSyncQueue { .. } => {
            &[Part::Broker, Part::Cluster, Part::Queues, Part::Membership, Part::Roll]
        }
    }
}

/// The question whether a node's replicas have caught up, as it is asked: without its comments.
fn caught_up() -> String {
    let code = include_str!("steps/caught_up.erl").lines().filter(|line| !line.starts_with("%%"));
    code.map(str::trim_start).collect::<Vec<_>>().join("\n")
}

/// One script for adjacent steps of one host, to be fed to a root shell over standard input.
///
/// It prints `NONCE begin STEP`, the step's output, `NONCE end STEP CODE` for each step, `NONCE cause STEP TEXT` and
/// `NONCE advice STEP TEXT` where a step knows why it failed, and ends at the first failure.
///
/// All of it is one compound command, which a shell reads to its end before it begins: cut short at any place, it does
/// nothing. (Line by line, `revive_node() {` cut behind `revive` would call a function of that name.)
///
/// # Errors
/// The name of a secret that a step needs and that `secrets` does not hold.
pub fn render(nonce: &str, steps: &[&Step], secrets: &Secrets) -> Result<Secret, SecretName> {
    let mut text = format!("{{\nnonce={}\n", quote(nonce)).into_bytes();
    let needed =
        |part: Part| part == Part::Prelude || steps.iter().any(|step| parts(&step.action).contains(&part));
    for (part, fragment) in FRAGMENTS.into_iter().filter(|(part, _)| needed(*part)) {
        if part == Part::Queues {
            text.extend_from_slice(format!("caught_up_erl={}\n", quote(&caught_up())).as_bytes());
        }
        for line in fragment.lines().filter(|line| !line.trim_start().starts_with("# ")) {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
    }
    text.extend_from_slice(b"\nmain() {\n");
    for step in steps {
        text.extend_from_slice(&Call::of(step, secrets)?);
    }
    text.extend_from_slice(b"}\nmain | forward\nrm -f \"$stop_file\"\n}\n");
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::model::{HostName, NameMode, NodeName, NodeType};
    use crate::plan::{Change, FileWrite, JoinCommand, OwnData, PackageChoice, StepId, Then, Validator};
    use crate::template::Rendered;

    const HOSTILE: &str = "a'b\"c$(touch /nonexistent/x)`id`\n\\ $HOME *;& é\u{1f430}";

    fn host() -> HostName {
        HostName::parse("node1").expect("a host name")
    }

    fn step(action: Action) -> Step {
        Step {
            id: StepId::new(&host(), "what"),
            host: host(),
            phase: "phase".to_owned(),
            change: Change::Command,
            title: HOSTILE.to_owned(),
            reason: HOSTILE.to_owned(),
            diff: None,
            after: Vec::new(),
            action,
            timeout_s: 1,
        }
    }

    /// One of every kind that takes words from outside.
    fn hostile_actions() -> Vec<Action> {
        let (node, names) = (NodeName::rabbit(&host()), NameMode::Short);
        let text = HOSTILE.to_owned();
        let secret = SecretName::new("secret");
        vec![
            Action::SetHostName { name: host() },
            Action::WriteFile(FileWrite {
                path: format!("/etc/{HOSTILE}"),
                mode: 0o640,
                owner: text.clone(),
                group: text.clone(),
                body: Rendered::from_text(HOSTILE),
                validate: Some(Validator::Haproxy),
                then: Then::Reload(text.clone()),
                resolves: Vec::new(),
            }),
            Action::InstallPackages {
                packages: vec![PackageChoice { name: text.clone(), version: Some(text.clone()) }],
                held_back_units: vec![text.clone()],
            },
            Action::InstallCookie { secret: secret.clone(), digest: String::new() },
            Action::StartUnit { unit: text.clone() },
            Action::JoinCluster {
                node: node.clone(),
                names,
                seed: node.clone(),
                method: JoinCommand::StopJoinStart,
                node_type: NodeType::Ram,
                own_data: OwnData::Keep,
                patience_s: 300,
            },
            Action::SetClusterName { node: node.clone(), name: text.clone() },
            Action::ImportDefinitions { node: node.clone(), secret: secret.clone(), digest: text.clone() },
            Action::PutAdmin { node, user: text, secret },
        ]
    }

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.insert(SecretName::new("secret"), Secret::new(HOSTILE.as_bytes().to_vec()));
        secrets
    }

    fn script(actions: Vec<Action>) -> Vec<u8> {
        let steps: Vec<Step> = actions.into_iter().map(step).collect();
        let steps: Vec<&Step> = steps.iter().collect();
        render("nonce", &steps, &secrets()).expect("all secrets are known").expose().to_vec()
    }

    /// What a shell makes of a text on its standard input: whether it takes it, and what it prints.
    fn shell(words: &[&str], text: &[u8]) -> (bool, String) {
        use std::io::Write;
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the shell is there");
        // A shell that stops reading early closes the pipe.
        let _ = child.stdin.take().expect("it is piped").write_all(text);
        let output = child.wait_with_output().expect("it ends");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    fn every_shell_reads_every_step_whatever_its_values() {
        let text = script(hostile_actions());
        for words in [&["sh", "-n"][..], &["bash", "-n"], &["bash", "--posix", "-n"]] {
            assert!(shell(words, &text).0, "{words:?} refuses the script");
        }
    }

    #[test]
    fn values_reach_the_step_functions_as_they_are() {
        let text = script(vec![Action::SetClusterName {
            node: NodeName::rabbit(&host()),
            name: HOSTILE.to_owned(),
        }]);
        // The real function asks a broker; this one tells what it was given.
        let told = String::from_utf8(text)
            .expect("UTF-8")
            .replace("\nmain() {", "\nset_cluster_name() { printf '<%s>' \"$@\"; }\nmain() {");
        let (_, printed) = shell(&["sh"], told.as_bytes());
        assert!(printed.contains(&format!("<rabbit@node1><{HOSTILE}>")), "{printed}");
        assert!(
            printed.contains("nonce begin node1/what\n") && printed.contains("nonce end node1/what 0"),
            "{printed}"
        );
    }

    #[test]
    fn a_script_that_is_cut_short_runs_no_step() {
        let text = script(vec![Action::StartUnit { unit: "no-such-unit-of-anybody".to_owned() }]);
        // The last byte is the end of the line behind the closing brace.
        let end = text.len() - 2;
        for cut in (0..end).step_by(97).chain([end]) {
            let (_, printed) = shell(&["sh"], &text[..cut]);
            assert_eq!(printed, "", "cut at {cut} of {}", text.len());
        }
    }

    #[test]
    fn a_missing_secret_is_named() {
        let step = step(Action::InstallCookie { secret: SecretName::cookie(), digest: String::new() });
        assert_eq!(render("nonce", &[&step], &Secrets::default()).err(), Some(SecretName::cookie()));
    }
}
