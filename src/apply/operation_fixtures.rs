//! One of every operation, for the tests of scripts: what a contributor adds to.

use std::collections::{BTreeMap, BTreeSet};

use crate::balancer::Software;
use crate::facts::{HoldingCounts, QueueKind, SelinuxPort};
use crate::firewall::{Opening, Software as Firewall, Source};
use crate::model::{HostName, NameMode, NodeName, NodeType, SecretName};
use crate::operation::{
    AdoptCookie, BalancerState, CancelSyncQueue, ChangeNodeType, CloseGuest, CookieSide, DropStagedCookie,
    EnableFeatureFlags, EnterCluster, FollowPeer, ForgetNode, ForgetOffline, GrowReplicas, Hold,
    HoldPackages, ImportDefinitions, InstallCookie, InstallPackages, InterruptBoot, JoinCluster, JoinCommand,
    KeepData, KeepOpenings, LabelPort, MayGo, OpenPorts, Operation, PackageChoice, Proof, PutAdmin, QueueRef,
    Rebalance, ReleaseQueues, ReloadUnit, RemoveLeftovers, RestartBroker, RetireBroker, ReviveNode,
    SetClusterName, SetHostName, SetPlugins, SetSelinuxBoolean, StageCookie, StartApp, StartBroker,
    StartUnit, StopBroker, StopCheck, StopUnit, StopUnknownMember, SwitchCookie, SwitchServer, SyncQueue,
    Then, UpgradeBroker, Validator, WriteFile,
};
use crate::template::Rendered;

pub(super) const HOSTILE: &str = "a'b\"c$(touch /nonexistent/x)`id`\n\\ $HOME *;& é\u{1f430}";

pub(super) fn host() -> HostName {
    HostName::parse("node1").expect("a host name")
}

/// One of every kind that takes words from outside.
pub(super) fn hostile_operations() -> Vec<Operation> {
    let (node, names) = (NodeName::rabbit(&host()), NameMode::Short);
    let text = HOSTILE.to_owned();
    let secret = SecretName::new("secret");
    vec![
        Operation::SetHostName(SetHostName { name: host() }),
        Operation::WriteFile(WriteFile {
            path: format!("/etc/{HOSTILE}"),
            mode: 0o640,
            owner: text.clone(),
            group: text.clone(),
            body: Rendered::from_text(HOSTILE),
            validate: Some(Validator::Balancer(Software::Haproxy)),
            then: Then::Reload(text.clone()),
            proof: Proof::BrokerStart,
            resolves: Vec::new(),
            full_names: BTreeMap::new(),
        }),
        Operation::InstallPackages(InstallPackages {
            packages: vec![PackageChoice { name: text.clone(), version: Some(text.clone()), over: None }],
            held_back_units: vec![text.clone()],
            keys: Vec::new(),
            removes: Vec::new(),
        }),
        Operation::InstallCookie(InstallCookie { secret: secret.clone(), digest: String::new() }),
        Operation::StartUnit(StartUnit { unit: text.clone() }),
        Operation::JoinCluster(JoinCluster {
            node: node.clone(),
            names,
            join_target: node.clone(),
            method: JoinCommand::StopJoinStart,
            node_type: NodeType::Ram,
            may_destroy: HoldingCounts::NOTHING,
            patience_s: 300,
        }),
        Operation::SetClusterName(SetClusterName { node: node.clone(), name: text.clone() }),
        Operation::ImportDefinitions(ImportDefinitions {
            node: node.clone(),
            secret: secret.clone(),
            digest: text.clone(),
        }),
        Operation::CloseGuest(CloseGuest { node: node.clone(), names }),
        Operation::PutAdmin(PutAdmin { node, user: text, secret }),
    ]
}

/// One of every kind, with harmless values.
pub(super) fn every_operation() -> Vec<Operation> {
    let (node, names, patience_s) = (NodeName::rabbit(&host()), NameMode::Short, 300);
    let stop_check = StopCheck::QuorumCritical;
    let packages = vec![PackageChoice { name: "rabbitmq-server".to_owned(), version: None, over: None }];
    let queue = QueueRef { vhost: "/".to_owned(), name: "orders".to_owned(), kind: QueueKind::Quorum };
    let secret = SecretName::new("secret");
    let unit = || "haproxy".to_owned();
    let n = || node.clone();
    let mut all = hostile_operations();
    let conf = all.iter().find_map(|operation| match operation {
        Operation::WriteFile(file) => Some(WriteFile { validate: Some(Validator::Rabbitmq), ..file.clone() }),
        _ => None,
    });
    all.extend(conf.map(Operation::WriteFile));
    all.extend([
        Operation::HoldPackages(HoldPackages {
            packages: vec!["rabbitmq-server".to_owned()],
            hold: Hold::Hold,
        }),
        Operation::OpenPorts(OpenPorts {
            software: Firewall::Firewalld,
            openings: BTreeSet::from([Opening::tcp(5672, Source::Everywhere)]),
            instructions: "<policy/>".to_owned(),
        }),
        Operation::SetSelinuxBoolean(SetSelinuxBoolean { name: "haproxy_connect_any".to_owned() }),
        Operation::LabelPort(LabelPort {
            label: SelinuxPort { port: 15671, r#type: "rabbitmq_port_t".to_owned() },
        }),
        Operation::KeepOpenings(KeepOpenings { software: Firewall::Firewalld }),
        Operation::RemoveStalePolicy,
        Operation::RemoveLeftovers(RemoveLeftovers { directories: vec!["/etc".to_owned()] }),
        Operation::GuardCookie,
        Operation::AwaitStandby,
        Operation::StageCookie(StageCookie { secret, digest: String::new() }),
        Operation::SwitchCookie(SwitchCookie { node: n(), names, to: CookieSide::Staged }),
        Operation::AdoptCookie(AdoptCookie { node: n(), names }),
        Operation::DropStagedCookie(DropStagedCookie { node: n(), names }),
        Operation::ReloadUnit(ReloadUnit { unit: unit() }),
        Operation::StopUnit(StopUnit { unit: unit() }),
        Operation::StopBroker(StopBroker { node: n() }),
        Operation::InterruptBoot(InterruptBoot { node: n(), names: NameMode::Short }),
        Operation::StartApp(StartApp { node: n(), names, patience_s }),
        Operation::StartBroker(StartBroker { node: n(), names, patience_s }),
        Operation::EnterCluster(EnterCluster { node: n(), names, join_target: n(), patience_s }),
        Operation::RestartBroker(RestartBroker { node: n(), names, stop_check, patience_s }),
        Operation::UpgradeBroker(UpgradeBroker {
            node: n(),
            names,
            stop_check,
            packages,
            keys: Vec::new(),
            patience_s,
        }),
        Operation::ReviveNode(ReviveNode { node: n(), names }),
        Operation::SwitchServer(SwitchServer {
            software: Software::Haproxy,
            server: host(),
            to: BalancerState::Out,
            moved: BTreeMap::new(),
        }),
        Operation::EnableFeatureFlags(EnableFeatureFlags { node: n() }),
        Operation::Rebalance(Rebalance { node: n() }),
        Operation::RetireBroker(RetireBroker {
            node: n(),
            names,
            stop_check,
            may_go: MayGo::NOTHING,
            patience_s,
        }),
        Operation::StopUnknownMember(StopUnknownMember {
            node: n(),
            names,
            unknown_member: n(),
            stop_check,
            patience_s,
        }),
        Operation::ReleaseQueues(ReleaseQueues { node: n(), names, gone: n() }),
        Operation::ForgetNode(ForgetNode { node: n(), names, gone: n(), may_go: MayGo::NOTHING }),
        Operation::ForgetOffline(ForgetOffline { node: n(), gone: n() }),
        Operation::KeepData(KeepData { node: n() }),
        Operation::FollowPeer(FollowPeer { node: n(), names, peer: n() }),
        Operation::GrowReplicas(GrowReplicas {
            node: n(),
            names,
            onto: n(),
            queues: vec![queue.clone()],
            patience_s,
        }),
        Operation::SyncQueue(SyncQueue { node: n(), names, queue: queue.clone(), patience_s }),
        Operation::CancelSyncQueue(CancelSyncQueue { node: n(), queue }),
        Operation::ChangeNodeType(ChangeNodeType { node: n(), names, node_type: NodeType::Disc }),
        Operation::SetPlugins(SetPlugins { node: n(), plugins: vec!["rabbitmq_management".to_owned()] }),
    ]);
    let kinds: BTreeSet<String> = all.iter().map(kind).collect();
    let missing: Vec<_> = Operation::NAMES.iter().filter(|name| !kinds.contains(**name)).collect();
    assert!(missing.is_empty(), "not among them: {missing:?}");
    all
}

/// The name that it has in the list of operations.
fn kind(operation: &Operation) -> String {
    format!("{operation:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
