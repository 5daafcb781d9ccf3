use base64::prelude::{BASE64_STANDARD, Engine};
use md5::{Digest, Md5};
use rand::RngExt;
use sha2::Sha256;

use crate::model::{NameMode, NodeName, Secret, SecretName, Secrets, quote, quote_bytes};
use crate::plan::{Action, FileWrite, Gate, Hold, JoinCommand, OwnData, Step, Then, Validator};

/// The step functions, as real shell files.
const FRAGMENTS: [&str; 7] = [
    include_str!("steps/prelude.sh"),
    include_str!("steps/file.sh"),
    include_str!("steps/host.sh"),
    include_str!("steps/packages.sh"),
    include_str!("steps/cookie.sh"),
    include_str!("steps/broker.sh"),
    include_str!("steps/cluster.sh"),
];

/// One script for adjacent steps of one host, to be fed to a root shell over standard input.
///
/// It prints `NONCE begin STEP`, the step's output, `NONCE end STEP CODE` for each step, `NONCE cause STEP TEXT` and
/// `NONCE advice STEP TEXT` where a step knows why it failed, and ends at the first failure.
///
/// # Errors
/// The name of a secret that a step needs and that `secrets` does not hold.
pub fn render(nonce: &str, steps: &[&Step], secrets: &Secrets) -> Result<Secret, SecretName> {
    let mut text = format!("nonce={}\n", quote(nonce)).into_bytes();
    for fragment in FRAGMENTS {
        text.extend_from_slice(fragment.as_bytes());
    }
    text.extend_from_slice(b"\nmain() {\n");
    for step in steps {
        let mut call = Call::new(step);
        call.action(&step.action, secrets)?;
        text.extend_from_slice(&call.line);
    }
    text.extend_from_slice(b"}\nmain | forward\nrm -f \"$stop_file\"\n");
    Ok(Secret::new(text))
}

/// One `run_step` line under construction. Bytes, since secrets need not be UTF-8.
struct Call {
    line: Vec<u8>,
}

impl Call {
    fn new(step: &Step) -> Self {
        Self { line: format!("run_step {}", quote(step.id.as_str())).into_bytes() }
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.line.push(b' ');
        self.line.extend_from_slice(quote(word).as_bytes());
        self
    }

    fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> &mut Self {
        for word in words {
            self.word(word);
        }
        self
    }

    fn secret(&mut self, secret: &Secret) -> &mut Self {
        self.line.push(b' ');
        self.line.extend_from_slice(&quote_bytes(secret.expose()));
        self
    }

    fn action(&mut self, action: &Action, secrets: &Secrets) -> Result<(), SecretName> {
        let call = &mut *self;
        match action {
            Action::SetHostName { name } => call.words(["set_host_name", name.as_str()]),
            Action::WriteFile(file) => call.write_file(file, secrets)?,
            Action::InstallPackages { packages, held_back_units } => {
                call.words(["install_packages", &held_back_units.join(" ")]);
                for package in packages {
                    match &package.version {
                        Some(version) => call.word(&format!("{}={version}", package.name)),
                        None => call.word(&package.name),
                    };
                }
                call
            }
            Action::HoldPackages { packages, hold } => {
                let verb = match hold {
                    Hold::Hold => "hold",
                    Hold::Release => "unhold",
                };
                call.words(["hold_packages", verb]).words(packages.iter().map(String::as_str))
            }
            Action::RemoveStalePolicy => call.word("remove_stale_policy"),
            Action::InstallCookie { secret, .. } => {
                let cookie = held(secrets, secret)?;
                call.words(["install_cookie", &md5_hex(cookie.expose())]).secret(cookie)
            }
            Action::GuardCookie => call.word("guard_cookie"),
            Action::StartUnit { unit } => call.words(["start_unit", unit]),
            Action::RestartUnit { unit } => call.words(["restart_unit", unit]),
            Action::ReloadUnit { unit } => call.words(["reload_unit", unit]),
            Action::StopUnit { unit } => call.words(["stop_unit", unit]),
            other => call.broker_action(other, secrets)?,
        };
        self.line.push(b'\n');
        Ok(())
    }

    fn broker_action(&mut self, action: &Action, secrets: &Secrets) -> Result<&mut Self, SecretName> {
        Ok(match action {
            Action::StartBroker { node, names, patience_s } => {
                self.on_node("start_broker", node, *names).word(&patience_s.to_string())
            }
            Action::EnterCluster { node, names, seed, patience_s } => {
                let words = [patience_s.to_string(), seed.to_string()];
                self.on_node("enter_cluster", node, *names).words(words.iter().map(String::as_str))
            }
            Action::StopBroker { node } => self.words(["stop_broker", &node.to_string()]),
            Action::StartApp { node, names, patience_s } => {
                self.on_node("start_app", node, *names).word(&patience_s.to_string())
            }
            Action::RestartBroker { node, names, gate, patience_s } => {
                let gate = match gate {
                    Gate::None => "none",
                    Gate::QuorumCritical => "quorum-critical",
                };
                self.on_node("restart_broker", node, *names).word(&patience_s.to_string()).word(gate)
            }
            Action::JoinCluster { node, names, seed, method, node_type, own_data, patience_s } => {
                let method = match method {
                    JoinCommand::StopJoinStart => "stop-join-start",
                    JoinCommand::JoinRunning => "join-running",
                };
                let data = match own_data {
                    OwnData::Keep => "keep",
                    OwnData::Destroy => "destroy",
                };
                self.on_node("join_cluster", node, *names).words([
                    &patience_s.to_string(),
                    &seed.to_string(),
                    method,
                    node_type.as_str(),
                    data,
                ])
            }
            Action::ChangeNodeType { node, names, node_type } => {
                self.on_node("change_node_type", node, *names).word(node_type.as_str())
            }
            Action::SetClusterName { node, name } => {
                self.words(["set_cluster_name", &node.to_string(), name])
            }
            Action::SetPlugins { node, plugins } => {
                self.words(["set_plugins", &node.to_string()]).words(plugins.iter().map(String::as_str))
            }
            Action::ImportDefinitions { node, secret, digest } => {
                self.words(["import_definitions", &node.to_string(), digest]).secret(held(secrets, secret)?)
            }
            Action::PutAdmin { node, user, secret } => {
                let definitions = user_definitions(user, held(secrets, secret)?);
                let digest = md5_hex(definitions.expose());
                self.words(["put_admin", &node.to_string(), &digest]).secret(&definitions).word(user)
            }
            // Every other action was met by the caller.
            _ => self.word("true"),
        })
    }

    fn on_node(&mut self, function: &str, node: &NodeName, names: NameMode) -> &mut Self {
        let mode = match names {
            NameMode::Short => "short",
            NameMode::Long => "long",
        };
        self.words([function, &node.to_string(), mode])
    }

    fn write_file(&mut self, file: &FileWrite, secrets: &Secrets) -> Result<&mut Self, SecretName> {
        let body = file.body.resolve(secrets).ok_or_else(|| missing(file, secrets))?;
        let digest = md5_hex(body.expose());
        let validator = match file.validate {
            Some(Validator::Haproxy) => "haproxy",
            Some(Validator::Nginx) => "nginx",
            Some(Validator::Chrony) => "chrony",
            None => "",
        };
        let (then, unit) = match &file.then {
            Then::Nothing => ("", ""),
            Then::DaemonReload => ("daemon-reload", ""),
            Then::Reload(unit) => ("reload", unit.as_str()),
            Then::Restart(unit) => ("restart", unit.as_str()),
        };
        let mode = format!("{:04o}", file.mode);
        let head =
            ["write_file", &file.path, &mode, &file.owner, &file.group, &digest, validator, then, unit];
        self.words(head).secret(&body);
        let resolves: Vec<String> =
            file.resolves.iter().map(|(name, address)| format!("{name}={address}")).collect();
        Ok(self.words(resolves.iter().map(String::as_str)))
    }
}

fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RabbitMQ's definitions of one administrator, with the password in the form that it stores itself:
/// `salt ++ SHA-256(salt ++ password)`, in Base64 (rabbit_password_hashing_sha256).
fn user_definitions(user: &str, password: &Secret) -> Secret {
    let salt: [u8; 4] = rand::rng().random();
    let mut hash = salt.to_vec();
    hash.extend_from_slice(&Sha256::new().chain_update(salt).chain_update(password.expose()).finalize());
    let definitions = serde_json::json!({
        "users": [{
            "name": user,
            "password_hash": BASE64_STANDARD.encode(&hash),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["administrator"],
        }],
    });
    Secret::new(definitions.to_string().into_bytes())
}

/// The first secret of a file that nobody holds.
fn missing(file: &FileWrite, secrets: &Secrets) -> SecretName {
    let unknown = file.body.secrets().find(|name| secrets.get(name).is_none());
    unknown.cloned().unwrap_or_else(|| SecretName::new(file.path.clone()))
}

fn held<'s>(secrets: &'s Secrets, name: &SecretName) -> Result<&'s Secret, SecretName> {
    secrets.get(name).ok_or_else(|| name.clone())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::model::{HostName, NodeType};
    use crate::plan::{Change, PackageChoice, StepId};
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
        let end = text.windows(5).rposition(|window| window == b"\nmain").expect("the call of main");
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
