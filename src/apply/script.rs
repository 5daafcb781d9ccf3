use super::fence::Frame;
use super::script_call::Call;
use crate::model::{Secret, SecretName, Secrets, quote};
use crate::plan::{Action, Step, Validator};

/// The step functions, as real shell files, in the order in which one builds on another.
const FRAGMENTS: &[(Part, &str)] = &[
    (Part::Prelude, concat!(include_str!("../facts/at_work.sh"), include_str!("steps/prelude.sh"))),
    (Part::BrokerUser, include_str!("../facts/broker_user.sh")),
    (Part::Place, include_str!("steps/place.sh")),
    (Part::Trial, include_str!("steps/trial.sh")),
    (Part::File, include_str!("steps/file.sh")),
    (Part::Conf, include_str!("steps/conf.sh")),
    (Part::HostName, include_str!("steps/host_name.sh")),
    (Part::Host, include_str!("steps/host.sh")),
    (Part::Packages, concat!(include_str!("steps/mirror.sh"), include_str!("steps/packages.sh"))),
    (Part::Cookie, include_str!("steps/cookie.sh")),
    (
        Part::Broker,
        concat!(
            include_str!("../facts/erl_call.sh"),
            include_str!("../facts/broker_logs.sh"),
            include_str!("steps/broker.sh")
        ),
    ),
    (Part::Cluster, include_str!("steps/cluster.sh")),
    (Part::Rotation, include_str!("steps/rotation.sh")),
    (Part::Queues, include_str!("steps/queues.sh")),
    (Part::Membership, include_str!("steps/membership.sh")),
    (Part::GoBack, include_str!("steps/go_back.sh")),
    (Part::Roll, include_str!("steps/roll.sh")),
    (Part::Leaving, include_str!("steps/leaving.sh")),
    (Part::Join, include_str!("steps/join.sh")),
    (Part::Upgrade, include_str!("steps/upgrade.sh")),
    (Part::Balancer, include_str!("steps/balancer.sh")),
];

/// A file of step functions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Prelude,
    BrokerUser,
    Place,
    Trial,
    File,
    Conf,
    HostName,
    Host,
    Packages,
    Cookie,
    Broker,
    Cluster,
    Rotation,
    Queues,
    Membership,
    GoBack,
    Roll,
    Leaving,
    Join,
    Upgrade,
    Balancer,
}

/// The files that an action's function is made of. What is not needed is not sent: a line may be slow.
fn parts(action: &Action) -> &'static [Part] {
    match action {
        Action::RestartUnit { .. } | Action::ReloadUnit { .. } => &[Part::Host],
        Action::StartUnit { .. } | Action::StopUnit { .. } => &[Part::Host],
        Action::SetHostName { .. } => &[Part::Place, Part::HostName],
        Action::WriteFile(file) if file.validate == Some(Validator::Rabbitmq) => {
            &[Part::Place, Part::Trial, Part::File, Part::Conf, Part::Host]
        }
        Action::WriteFile(_) => &[Part::Place, Part::Trial, Part::File, Part::Host],
        Action::RemoveLeftovers { .. } => &[Part::Place],
        Action::InstallPackages { .. } | Action::HoldPackages { .. } | Action::RemoveStalePolicy => {
            &[Part::Packages]
        }
        Action::InstallCookie { .. } | Action::GuardCookie => &[Part::Place, Part::Cookie],
        Action::StageCookie { .. }
        | Action::SwitchCookie { .. }
        | Action::AdoptCookie { .. }
        | Action::DropStagedCookie { .. } => &[Part::Place, Part::Cookie, Part::Broker, Part::Rotation],
        Action::StopBroker { .. } | Action::StartApp { .. } | Action::StartBroker { .. } => &[Part::Broker],
        Action::EnterCluster { .. } => &[Part::Broker],
        Action::ChangeNodeType { .. } | Action::SetClusterName { .. } => &[Part::Broker, Part::Cluster],
        Action::SetPlugins { .. }
        | Action::ImportDefinitions { .. }
        | Action::PutAdmin { .. }
        | Action::CloseGuest { .. } => &[Part::Broker, Part::Cluster],
        Action::SwitchServer { .. } => &[Part::Balancer],
        Action::UpgradeBroker { .. } | Action::EnableFeatureFlags { .. } => &[
            Part::Packages,
            Part::Broker,
            Part::Cluster,
            Part::Queues,
            Part::Membership,
            Part::Roll,
            Part::Upgrade,
        ],
        Action::JoinCluster { .. } => {
            &[Part::Broker, Part::Cluster, Part::Queues, Part::Membership, Part::Roll, Part::Join]
        }
        Action::RetireBroker { .. }
        | Action::StopStranger { .. }
        | Action::ForgetNode { .. }
        | Action::KeepData { .. } => {
            &[Part::Broker, Part::Cluster, Part::Queues, Part::Membership, Part::Roll, Part::Leaving]
        }
        Action::RestartBroker { .. }
        | Action::ReviveNode { .. }
        | Action::Rebalance { .. }
        | Action::ReleaseQueues { .. }
        | Action::ForgetOffline { .. }
        | Action::FollowPeer { .. }
        | Action::GrowReplicas { .. }
        | Action::SyncQueue { .. }
        | Action::CancelSyncQueue { .. } => {
            &[Part::Broker, Part::Cluster, Part::Queues, Part::Membership, Part::Roll]
        }
    }
}

/// The counter that plans and steps share, and what a node alone has.
macro_rules! about_only_copies {
    ($told:literal) => {
        concat!(
            include_str!("../facts/counted.erl"),
            include_str!("../rabbitmq/internals/replicas.erl"),
            include_str!("steps/only_copies.erl"),
            include_str!($told)
        )
    };
}

/// What a node is asked in more than a line, by the name of the variable that holds it, and the part that asks; and the
/// script that goes with what is kept.
const QUESTIONS: &[(Part, &str, &str)] = &[
    (Part::Conf, "accepts_erl", include_str!("steps/accepts.erl")),
    (Part::Queues, "replicas_erl", include_str!("../rabbitmq/internals/replicas.erl")),
    (
        Part::Queues,
        "caught_up_erl",
        concat!(
            include_str!("../rabbitmq/internals/replicas.erl"),
            include_str!("../rabbitmq/internals/leader_index.erl"),
            include_str!("steps/caught_up.erl")
        ),
    ),
    (Part::Leaving, "only_copies_erl", about_only_copies!("steps/only_copies_told.erl")),
    (Part::Leaving, "serve_kept_sh", include_str!("steps/serve_kept.sh")),
    (Part::Join, "own_data_erl", about_only_copies!("steps/own_data.erl")),
];

/// A question as it is asked: without its comments.
fn asked(question: &str) -> String {
    let code = question.lines().map(str::trim_start).filter(|line| !line.starts_with("%%"));
    code.collect::<Vec<_>>().join("\n")
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
pub fn render(frame: &Frame<'_>, steps: &[&Step], secrets: &Secrets) -> Result<Secret, SecretName> {
    let mut text = format!("{{\n{}", frame.assignments()).into_bytes();
    let used = |part: Part| steps.iter().any(|step| parts(&step.action).contains(&part));
    let needed = |part: Part| match part {
        Part::Prelude => true,
        Part::BrokerUser => used(Part::Place) || used(Part::Broker),
        // Whatever starts a broker proves its files.
        Part::Trial => used(part) || used(Part::Broker),
        Part::GoBack => used(Part::Roll),
        _ => used(part),
    };
    for (part, fragment) in FRAGMENTS.iter().copied().filter(|(part, _)| needed(*part)) {
        for (_, variable, question) in QUESTIONS.iter().copied().filter(|(asks, ..)| *asks == part) {
            text.extend_from_slice(format!("{variable}={}\n", quote(&asked(question))).as_bytes());
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
    let before: &[u8] = if needed(Part::Trial) { b"end_proved_trial\n" } else { b"" };
    text.extend_from_slice(b"}\nannounce\n");
    text.extend_from_slice(before);
    text.extend_from_slice(b"main | forward\nrm -f \"$stop_file\" \"$work_file\"\n}\n");
    Ok(Secret::new(text))
}
