//! A node's report about itself (`rabbitmq/internals`), from erl_call or rabbitmqctl.

use std::collections::{BTreeMap, BTreeSet};

use super::ProbeRequest;
use super::base64::decoded;
use super::holdings::{vhost_and_name, within};
use super::report::{Report, sorted};
use super::{frame::Frames, queues};
use crate::facts::{
    AdminPassword, BrokerState, ClusterMember, FeatureFlags, Guest, MetadataStore, NodeFacts, Partition,
    QueueFacts,
};
use crate::model::{CookieDigest, NodeName, NodeType, Version};
use crate::rabbitmq::internals::{FACTS, Fallback, IfUnknown, Release};
use crate::rabbitmq::listeners::{Listener, Listeners};

/// The state of the requested node, as the host sees it.
pub(super) fn broker(request: &ProbeRequest, frames: &Frames) -> BrokerState {
    let Some(node) = &request.node else { return BrokerState::Down };
    if frames.has("answer") {
        let text: Vec<_> = frames.lines("answer").collect();
        return match report(&text.join("\n")) {
            Some(lines) => Report(&lines).state(),
            None => BrokerState::Unknown(brief(&text)),
        };
    }
    if frames.has("refusal") {
        return refusal(&frames.lines("refusal").collect::<Vec<_>>());
    }
    match frames.value("broker", "process") {
        Some(pid) => BrokerState::Unknown(format!(
            "process {pid} is a RabbitMQ node, but epmd does not know {node} here"
        )),
        None => BrokerState::Down,
    }
}

/// The nodes that the requested one counts as members of its cluster, where RabbitMQ in it does not run.
pub(super) fn known_members(frames: &Frames) -> Vec<NodeName> {
    let text: Vec<_> = frames.lines("answer").collect();
    report(&text.join("\n")).map(|lines| Report(&lines).nodes("known")).unwrap_or_default()
}

/// The members that the Mnesia of a booting node is connected to.
pub(super) fn met(frames: &Frames) -> Option<Vec<NodeName>> {
    let text: Vec<_> = frames.lines("answer").collect();
    let met = Report(&report(&text.join("\n"))?).nodes("met");
    (!met.is_empty()).then_some(met)
}

/// epmd knows the node, but it answered neither erl_call nor rabbitmqctl. Both report a wrong cookie as a failed connection; so
/// does a cookie with an unusable mode or owner. A node that hangs is not asked twice, since rabbitmqctl reports the same.
fn refusal(text: &[&str]) -> BrokerState {
    let said = |part: &str| text.iter().any(|line| line.contains(part));
    let refused = said("Authentication failed")
        || said("Erlang distribution failed")
        || said("must be accessible by owner only")
        || said("Error when reading");
    let by_erl_call =
        |line: &str| line.contains("erl_call: failed to connect") || line.contains("get_cookie");
    let erl_call = text.iter().any(|line| by_erl_call(line));
    let only_erl_call = erl_call && text.iter().all(|line| line.is_empty() || by_erl_call(line));
    if refused || only_erl_call { BrokerState::CookieRefused } else { BrokerState::Unknown(brief(text)) }
}

/// The first meaningful lines. rabbitmqctl's diagnostics contain the cookie's hash, which must not appear in a report.
fn brief(text: &[&str]) -> String {
    let said = text.iter().filter(|line| !line.trim().is_empty() && !line.contains("hash")).take(5);
    let said: Vec<_> = said.copied().collect();
    let said: String = said.join("\n").chars().take(500).collect();
    if said.is_empty() { "no answer".to_owned() } else { said }
}

/// The lines of a complete report: `{ok, ["key value", …, "end"]}`, or JSON with the lines in one string.
fn report(text: &str) -> Option<Vec<String>> {
    let lines: Vec<String> = if text.starts_with("{ok, [") {
        // No line contains a quote or backslash itself.
        text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    } else {
        let json = text.lines().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())?;
        let value = json.get("value").unwrap_or(&json);
        value.as_str()?.lines().map(str::to_owned).collect()
    };
    (lines.last().map(String::as_str) == Some("end")).then_some(lines)
}

/// A node's data is in its database: without it, the node reports nothing, which does not mean that there is nothing.
const CLOSED: &str = "RabbitMQ runs, and its database (Mnesia) has stopped under it, as on a full disk: restart it when the disk \
     takes something again (systemctl restart rabbitmq-server)";

impl Report<'_> {
    fn state(&self) -> BrokerState {
        match self.one("state") {
            Some("running") => match (self.unsupported(), self.facts()) {
                (Some(question), _) => BrokerState::Unsupported(question),
                (None, Ok(facts)) => BrokerState::Running(Box::new(facts)),
                (None, Err(why)) => BrokerState::Unknown(why),
            },
            Some("closed") => BrokerState::Unknown(CLOSED.to_owned()),
            Some(_) => BrokerState::AppStopped,
            None => BrokerState::Unknown("the node's answer has no state".to_owned()),
        }
    }

    fn facts(&self) -> Result<NodeFacts, String> {
        let missing = |what: &str| {
            let why = self.failed().find(|failed| failed.question == what);
            let why = why.map_or("no answer".to_owned(), |failed| failed.words);
            format!("the running node does not report its {what}: {why}")
        };
        let number = |key| self.one(key).and_then(|number| number.parse::<u64>().ok());
        let name = self.one("name").ok_or_else(|| missing("name"))?;
        let name = NodeName::parse(name).map_err(|why| why.to_string())?;
        let version = self.text("version").ok_or_else(|| missing("version"))?;
        let version = Version::parse(&version).map_err(|why| why.to_string())?;
        let members = self.members()?;
        if members.is_empty() {
            return Err(missing("member"));
        }
        let links = self.nodes("link");
        let mut running = self.nodes("running");
        if running.is_empty() {
            // A hanging peer blocks the answer, and the connection to it stays up for another minute.
            running.push(name.clone());
        }
        let store = match self.one("store") {
            Some("khepri") => MetadataStore::Khepri,
            Some(_) => MetadataStore::Mnesia,
            None if version >= Version::new(4, 3, 0) => MetadataStore::Khepri,
            None => MetadataStore::Mnesia,
        };
        let queues = self.queues();
        Ok(NodeFacts {
            rabbitmq_version: version,
            erlang: self.text("erlang").unwrap_or_default(),
            cookie: self.one("cookie").and_then(CookieDigest::from_hex),
            cluster_name: self.text("cluster_name").unwrap_or_default(),
            data_dir: self.text("data_dir"),
            quorum_dir: self.text("quorum_dir"),
            stream_dir: self.text("stream_dir"),
            partitions: self
                .nodes("partition")
                .into_iter()
                .map(|from| Partition { node: name.clone(), from })
                .collect(),
            members,
            running,
            links,
            alarms: sorted(self.all("alarm").filter_map(|alarm| match alarm.split_once(' ') {
                Some((what, node)) => Some(format!("{} {node}", decoded(what)?)),
                None => decoded(alarm),
            })),
            metadata_store: store,
            disabled_feature_flags: self.texts("flag"),
            feature_flags: self.core_flags(),
            plugins: self.texts("plugin"),
            plugins_require: self.required(),
            listeners: self.listeners(),
            maintenance: self.one("maintenance") == Some("true"),
            holdings: self.holdings(),
            queues_complete: self.queues_complete(queues.len()),
            queues,
            idle_replicas: self.idle_replicas(),
            mirroring_policies: sorted(self.all("mirroring").filter_map(within)),
            definitions_marker: self.text("definitions"),
            admin: self.one("password").and_then(password),
            admin_exists: self.one("admin") == Some("true"),
            guest: match self.one("guest") {
                Some("open") => Guest::Open,
                Some("closed") => Guest::Closed,
                Some("absent") => Guest::Absent,
                Some(_) | None => Guest::Unknown,
            },
            started: number("started"),
            uptime_s: number("uptime"),
            memory_bytes: number("memory"),
            file_descriptors: number("fds"),
            changed: self.changed(),
            name,
        })
    }

    /// Unsupported questions that every plan needs. Otherwise a plan would treat them as "none".
    fn unsupported(&self) -> Option<String> {
        let mut questions = self.failed().filter(|failed| failed.unsupported);
        questions.find_map(|failed| {
            let needed = FACTS.iter().find(|(need, fact)| *need == IfUnknown::Plan && fact.name == failed.question);
            let (_, fact) = needed?;
            let by_hand = match fact.fallback {
                Fallback::Asked(command) | Fallback::ByHand(command) => format!("; by hand: {command}"),
                Fallback::Nothing(_) => String::new(),
            };
            let version = self.text("version").unwrap_or("unknown".to_owned());
            Some(format!(
                "the running node (RabbitMQ {version}) cannot be asked {} ({}): {}{by_hand}; rabbitup knows RabbitMQ up to {}",
                fact.asks,
                fact.name,
                failed.words,
                Release::ALL.last().map_or("", |newest| newest.version()),
            ))
        })
    }

    /// `listener amqp :: 5672`, `proxied mqtt.proxy_protocol`, and the management UI's path.
    fn listeners(&self) -> Listeners {
        let proxied: Vec<String> = self.all("proxied").map(Into::into).collect();
        let told = self.all("listener").filter_map(|line| {
            let mut words = line.split(' ');
            let listener = Listener::reported(words.next()?, words.next()?, words.next()?)?;
            Some(listener.proxied_by(&proxied.iter().map(String::as_str).collect()))
        });
        Listeners::in_effect(told, &self.text("path_prefix").unwrap_or_default())
    }

    /// `changed log.file.level ZGVidWc=`.
    fn changed(&self) -> Option<BTreeMap<String, String>> {
        if self.has_failed("changed") {
            return None;
        }
        let changed = self.all("changed").filter_map(|line| {
            let (key, value) = line.split_once(' ')?;
            Some((key.to_owned(), decoded(value)?))
        });
        Some(changed.collect())
    }

    /// `requires cmFi… My4xMC4wIDMuMTEuMA==`: a plugin, and versions of RabbitMQ.
    fn required(&self) -> BTreeMap<String, Vec<String>> {
        let required = self.all("requires").filter_map(|line| {
            let (plugin, versions) = line.split_once(' ')?;
            let versions = decoded(versions)?.split(' ').map(str::to_owned).collect();
            Some((decoded(plugin)?, versions))
        });
        required.collect()
    }

    /// A member with an unparsable name must not disappear from the cluster.
    fn members(&self) -> Result<Vec<ClusterMember>, String> {
        let mut members = Vec::new();
        for member in self.all("member") {
            let (node_type, node) = member.split_once(' ').unwrap_or(("disc", member));
            let node = NodeName::parse(node).map_err(|why| why.to_string())?;
            let node_type = if node_type == "ram" { NodeType::Ram } else { NodeType::Disc };
            members.push(ClusterMember { node, node_type });
        }
        members.sort();
        Ok(members)
    }

    fn core_flags(&self) -> FeatureFlags {
        let mut flags = FeatureFlags::default();
        for (state, flag) in self.all("core").filter_map(|flag| flag.split_once(' ')) {
            let Some(flag) = decoded(flag) else { continue };
            if state == "true" {
                flags.enabled.insert(flag.clone());
            }
            flags.known.insert(flag);
        }
        flags
    }

    fn queues(&self) -> Vec<QueueFacts> {
        let counts = self.messages();
        let mut queues: Vec<_> = self.all("held").filter_map(|line| queues::queue(line, &counts)).collect();
        queues.sort_by(|a, b| (&a.vhost, &a.name).cmp(&(&b.vhost, &b.name)));
        queues
    }

    /// `idle Lw== b3JkZXJz`. One whose name cannot be read makes them unknown.
    fn idle_replicas(&self) -> Option<BTreeSet<(String, String)>> {
        if self.has_failed("idle") {
            return None;
        }
        self.all("idle").map(vhost_and_name).collect()
    }

    /// Whether all queues were `read`.
    fn queues_complete(&self, read: usize) -> bool {
        !self.has_failed("held") && self.one("unlisted").is_none() && self.all("held").count() == read
    }
}

fn password(line: &str) -> Option<AdminPassword> {
    let (salt, digest) = line.split_once(' ')?;
    let salt = u32::from_str_radix(salt, 16).ok().filter(|_| salt.len() == 8)?;
    let digest = u128::from_str_radix(digest, 16).ok().filter(|_| digest.len() == 32)?;
    Some(AdminPassword { salt: salt.to_be_bytes(), digest: digest.to_be_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_answer_are_read() {
        let wanted = Some(vec!["state stopped".to_owned(), "end".to_owned()]);
        assert_eq!(report("{ok, [\"state stopped\", \"end\"]}"), wanted);
        assert_eq!(
            report("warning\n{\"node\":\"a@b\",\"result\":\"ok\",\"value\":\"state stopped\\nend\"}"),
            wanted
        );
        assert_eq!(report("\"state stopped\\nend\""), wanted);
        assert_eq!(report("{ok, [\"state running\", \"name rabb"), None);
        assert_eq!(report("Error: {:undef, []}"), None);
    }

    /// What was changed at run time, and what plugins require: an unanswered question does not mean "nothing".
    #[test]
    fn what_was_changed_at_run_time_is_known_or_unknown() {
        let lines = [
            "changed vm_memory_high_watermark MC4y",
            "changed log.file.level ZGVidWc=",
            "requires bWluZQ== My4xMC4wIDMuMTEuMA==",
        ];
        let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        let told = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, now)| ((*key).to_owned(), (*now).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let changed = told(&[("log.file.level", "debug"), ("vm_memory_high_watermark", "0.2")]);
        assert_eq!(Report(&lines).changed(), Some(changed));
        assert_eq!(Report(&lines).required()["mine"], ["3.10.0", "3.11.0"]);
        assert_eq!(Report(&[]).changed(), Some(BTreeMap::new()));
        assert_eq!(Report(&["failed changed timeout".to_owned()]).changed(), None);
    }

    /// One of 1970 would have read none of its files.
    #[test]
    fn what_a_node_does_not_report_of_itself_is_unknown() {
        let lines = ["state running", "name rabbit@a", "version NC4wLjU=", "member disc rabbit@a"];
        let told = |more: &str| {
            let lines: Vec<_> = lines.into_iter().chain([more]).map(str::to_owned).collect();
            let BrokerState::Running(node) = Report(&lines).state() else { panic!("it runs") };
            (node.started, node.uptime_s, node.memory_bytes)
        };
        assert_eq!(told("started 1700000000"), (Some(1_700_000_000), None, None));
        assert_eq!(told("failed started timeout"), (None, None, None));
    }

    #[test]
    fn replicas_out_of_service_are_known_or_unknown() {
        let told = |line: &str| Report(&[line.to_owned()]).idle_replicas();
        assert_eq!(told("held …"), Some(BTreeSet::new()));
        assert_eq!(told("idle Lw== cQ=="), Some(BTreeSet::from([("/".to_owned(), "q".to_owned())])));
        assert_eq!(told("idle Lw=="), None);
        assert_eq!(told("failed idle timeout"), None);
    }

    #[test]
    fn a_list_of_queues_that_ends_early_is_not_complete() {
        let line = "held Lw== cQ== true false r@a classic ";
        for (lines, complete) in [
            (vec![line], true),
            (vec![line, "unlisted 3"], false),
            (vec![line, "held Lw== cQ=="], false),
            (vec!["failed held timeout"], false),
        ] {
            let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
            let report = Report(&lines);
            assert_eq!(report.queues_complete(report.queues().len()), complete, "{lines:?}");
        }
    }

    /// An unsupported question about partitions does not mean "none", and a timeout does not mean an unsupported version.
    #[test]
    fn what_a_version_does_not_know_refuses_by_name() {
        let words = "dW5kZWYgaW4gcmFiYml0X25vZGVfbW9uaXRvcjpwYXJ0aXRpb25zLzA=";
        let report = |failed: String| {
            let lines = [
                "state running",
                "name rabbit@node1",
                "version NC40LjA=",
                "member disc rabbit@node1",
                "store khepri",
            ];
            let lines: Vec<_> =
                lines.into_iter().map(str::to_owned).chain([failed, "end".to_owned()]).collect();
            Report(&lines).state()
        };
        let BrokerState::Unsupported(why) = report(format!("failed partition untold {words}")) else {
            panic!("it is treated as none");
        };
        let wanted = "the running node (RabbitMQ 4.4.0) cannot be asked from which members it is partitioned (partition): \
                      undef in rabbit_node_monitor:partitions/0; by hand: rabbitmqctl cluster_status; \
                      rabbitup knows RabbitMQ up to 4.3.6";
        assert!(why.starts_with(wanted), "{why}");
        for failed in ["failed partition timeout".to_owned(), format!("failed memory untold {words}")] {
            assert!(matches!(report(failed), BrokerState::Running(_)));
        }
    }
}
