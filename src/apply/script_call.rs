//! How each action becomes the call of a step function.

use base64::prelude::{BASE64_STANDARD, Engine};
use md5::{Digest, Md5};
use rand::RngExt;
use sha2::Sha256;

use crate::facts::{HoldingCounts, QueueKind};
use crate::model::{NameMode, NodeName, Secret, SecretName, Secrets, quote, quote_bytes};
use crate::plan::{
    Action, CookieSide, FileWrite, Gate, Hold, JoinCommand, MayGo, Over, PackageChoice, Proof, QueueRef,
    Service, Step, Then, Validator,
};

/// One `run_step` line under construction. Bytes, since secrets need not be UTF-8.
pub(super) struct Call {
    line: Vec<u8>,
}

impl Call {
    /// The line that runs this step.
    ///
    /// # Errors
    /// The name of a secret that it needs and that `secrets` does not hold.
    pub(super) fn of(step: &Step, secrets: &Secrets) -> Result<Vec<u8>, SecretName> {
        let mut call = Self::new(step);
        call.action(&step.action, secrets)?;
        Ok(call.line)
    }

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
                call.words(["install_packages", &held_back_units.join(" ")]).over(packages).packages(packages)
            }
            Action::HoldPackages { packages, hold } => {
                let verb = match hold {
                    Hold::Hold => "hold",
                    Hold::Release => "unhold",
                };
                call.words(["hold_packages", verb]).words(packages.iter().map(String::as_str))
            }
            Action::RemoveStalePolicy => call.word("remove_stale_policy"),
            Action::RemoveLeftovers { directories } => {
                call.word("remove_leftovers").words(directories.iter().map(String::as_str))
            }
            Action::InstallCookie { secret, .. } => {
                let cookie = held(secrets, secret)?;
                call.words(["install_cookie", &md5_hex(cookie.expose())]).secret(cookie)
            }
            Action::GuardCookie => call.word("guard_cookie"),
            Action::StageCookie { secret, .. } => {
                let cookie = held(secrets, secret)?;
                call.words(["stage_cookie", &md5_hex(cookie.expose())]).secret(cookie)
            }
            Action::SwitchCookie { node, names, to } => {
                let side = match to {
                    CookieSide::Staged => "staged",
                    CookieSide::File => "file",
                };
                call.on_node("switch_cookie", node, *names).word(side)
            }
            Action::AdoptCookie { node, names } => call.on_node("adopt_cookie", node, *names),
            Action::DropStagedCookie { node, names } => call.on_node("drop_staged_cookie", node, *names),
            Action::SwitchServer { server, to } => {
                let to = match to {
                    Service::Out => "out",
                    Service::In => "in",
                    Service::InAnyway => "in-anyway",
                };
                call.words(["switch_server", server.as_str(), to])
            }
            Action::StartUnit { unit } => call.words(["start_unit", unit]),
            Action::RestartUnit { unit } => call.words(["restart_unit", unit]),
            Action::ReloadUnit { unit } => call.words(["reload_unit", unit]),
            Action::StopUnit { unit } => call.words(["stop_unit", unit]),
            other => match call.membership_action(other) {
                true => call,
                false => call.broker_action(other, secrets)?,
            },
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
                self.on_node("restart_broker", node, *names).patience(*patience_s).gate(*gate)
            }
            Action::UpgradeBroker { node, names, gate, packages, patience_s } => self
                .on_node("upgrade_broker", node, *names)
                .patience(*patience_s)
                .gate(*gate)
                .over(packages)
                .packages(packages),
            Action::ReviveNode { node, names } => self.on_node("revive_node", node, *names),
            Action::EnableFeatureFlags { node } => self.words(["enable_feature_flags", &node.to_string()]),
            Action::Rebalance { node } => self.words(["rebalance", &node.to_string()]),
            Action::JoinCluster { node, names, seed, method, node_type, may_destroy, patience_s } => {
                let method = match method {
                    JoinCommand::StopJoinStart => "stop-join-start",
                    JoinCommand::JoinRunning => "join-running",
                };
                self.on_node("join_cluster", node, *names)
                    .words([&patience_s.to_string(), &seed.to_string(), method, node_type.as_str()])
                    .word(&counts(may_destroy))
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
            Action::CloseGuest { node, names } => self.on_node("close_guest", node, *names),
            Action::PutAdmin { node, user, secret } => {
                let definitions = user_definitions(user, held(secrets, secret)?);
                let digest = md5_hex(definitions.expose());
                self.words(["put_admin", &node.to_string(), &digest]).secret(&definitions).word(user)
            }
            // Every other action was met by the caller.
            _ => self.word("true"),
        })
    }

    /// Who is in the cluster, and which node holds what. Returns false where the action is none of these.
    fn membership_action(&mut self, action: &Action) -> bool {
        match action {
            Action::RetireBroker { node, names, gate, may_go, patience_s } => {
                self.on_node("retire_broker", node, *names).patience(*patience_s).gate(*gate).may_go(*may_go)
            }
            Action::StopStranger { node, names, stranger, gate, patience_s } => self
                .on_node("stop_stranger", node, *names)
                .patience(*patience_s)
                .gate(*gate)
                .word(&stranger.to_string()),
            Action::ReleaseQueues { node, names, gone } => {
                self.on_node("release_node", node, *names).word(&gone.to_string())
            }
            Action::ForgetNode { node, names, gone, may_go } => {
                self.on_node("forget_node", node, *names).word(&gone.to_string()).may_go(*may_go)
            }
            Action::ForgetOffline { node, gone } => {
                self.words(["forget_offline", &node.to_string(), &gone.to_string()])
            }
            Action::KeepData { node } => self.words(["keep_data", &node.to_string()]),
            Action::FollowPeer { node, names, peer } => {
                self.on_node("follow_peer", node, *names).word(&peer.to_string())
            }
            Action::GrowReplicas { node, names, onto, queues, patience_s } => {
                self.on_node("grow_replicas", node, *names).patience(*patience_s).word(&onto.to_string());
                queues.iter().fold(self, Self::queue)
            }
            Action::SyncQueue { node, names, queue, patience_s } => {
                self.on_node("sync_queue", node, *names).patience(*patience_s).queue(queue)
            }
            Action::CancelSyncQueue { node, queue } => {
                self.words(["cancel_sync_queue", &node.to_string()]).queue(queue)
            }
            _ => return false,
        };
        true
    }

    fn patience(&mut self, seconds: u64) -> &mut Self {
        self.word(&seconds.to_string())
    }

    fn gate(&mut self, gate: Gate) -> &mut Self {
        self.word(match gate {
            Gate::None => "none",
            Gate::Drain => "drain",
            Gate::QuorumCritical => "quorum-critical",
        })
    }

    /// `2 0`: queues, and those of them that are not counted; `any` for what the plan showed as unknown.
    fn may_go(&mut self, may_go: MayGo) -> &mut Self {
        self.word(&format!("{} {}", or_any(may_go.queues), or_any(may_go.uncounted)))
    }

    /// `quorum VHOST NAME`: three words.
    fn queue(&mut self, queue: &QueueRef) -> &mut Self {
        let kind = match queue.kind {
            QueueKind::Classic => "classic",
            QueueKind::Mirrored => "mirrored",
            QueueKind::Quorum => "quorum",
            QueueKind::Stream => "stream",
            QueueKind::Other => "other",
        };
        self.words([kind, &queue.vhost, &queue.name])
    }

    /// What the plan found beneath the broker's package, where that is among them.
    fn over(&mut self, packages: &[PackageChoice]) -> &mut Self {
        match packages.iter().find_map(|package| package.over.as_ref()) {
            None => self.word("-"),
            Some(Over::NoData) => self.word("no-data"),
            Some(Over::Data { package }) => {
                self.word(&format!("data={}", package.as_deref().unwrap_or_default()))
            }
        }
    }

    fn packages(&mut self, packages: &[PackageChoice]) -> &mut Self {
        for package in packages {
            match &package.version {
                Some(version) => self.word(&format!("{}={version}", package.name)),
                None => self.word(&package.name),
            };
        }
        self
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
            Some(Validator::Rabbitmq) | None => "",
        };
        let (then, unit) = match &file.then {
            Then::Nothing => ("", ""),
            Then::DaemonReload => ("daemon-reload", ""),
            Then::Reload(unit) => ("reload", unit.as_str()),
            Then::Restart(unit) => ("restart", unit.as_str()),
        };
        let proof = match file.proof {
            Proof::None => "",
            Proof::BrokerStart => "broker-start",
        };
        let mode = format!("{:04o}", file.mode);
        let function = match file.validate {
            Some(Validator::Rabbitmq) => "write_rabbitmq_conf",
            Some(Validator::Haproxy | Validator::Nginx | Validator::Chrony) | None => "write_file",
        };
        let head =
            [function, &file.path, &mode, &file.owner, &file.group, &digest, validator, then, unit, proof];
        self.words(head).secret(&body);
        let resolves: Vec<String> =
            file.resolves.iter().map(|(name, address)| format!("{name}={address}")).collect();
        Ok(self.words(resolves.iter().map(String::as_str)))
    }
}

/// `1 14 0 0 0 0 0 0`, with `any` for what could not be counted.
fn counts(counts: &HoldingCounts) -> String {
    counts.in_order().map(or_any).join(" ")
}

fn or_any(count: Option<u64>) -> String {
    count.map_or("any".to_owned(), |count| count.to_string())
}

fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RabbitMQ's definitions of one user without a tag, with the password in the form that it stores itself:
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
            "tags": "",
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
