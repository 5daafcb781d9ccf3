use super::fence::Frame;
use super::script_call::Call;
use crate::model::{Secret, SecretName, Secrets, quote};
use crate::plan::{Action, Step, Validator};
use crate::rabbitmq::internals::{self, Question};

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
    (Part::Enter, include_str!("steps/enter.sh")),
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
    Enter,
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
        Action::EnterCluster { .. } => &[Part::Place, Part::Broker, Part::Enter],
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

/// What the functions of a part ask nodes.
fn questions(part: Part) -> &'static [Question] {
    match part {
        Part::Broker => &[internals::SERVING, internals::MEMBERS],
        Part::Cluster => &[internals::DUMP_LOG, internals::GUEST_LOGIN],
        Part::Rotation => &[internals::RUNNING_COOKIE, internals::TAKE_COOKIE, internals::LINKS],
        Part::Queues => {
            &[internals::CAUGHT_UP, internals::LACKING, internals::MIRRORS, internals::SYNCHRONISE]
        }
        Part::Membership => &[
            internals::REOPEN,
            internals::RUNS,
            internals::QUEUES_ON,
            internals::RELEASE_STREAMS,
            internals::MNESIA_NOTES,
        ],
        Part::Roll => &[internals::LEADS, internals::DRAINED, internals::DRAIN_NOTED, internals::ABSENT],
        Part::Leaving => &[internals::ONLY_COPIES, internals::DATABASE],
        Part::Join => &[internals::OWN_DATA],
        Part::Conf => &[internals::ACCEPTS],
        Part::Prelude
        | Part::BrokerUser
        | Part::Place
        | Part::Trial
        | Part::File
        | Part::HostName
        | Part::Host
        | Part::Packages
        | Part::Cookie
        | Part::Enter
        | Part::GoBack
        | Part::Upgrade
        | Part::Balancer => &[],
    }
}

/// The variables that a part's functions read, and what lies behind it: how nodes are asked, and the script that goes with what is kept.
fn beside(part: Part) -> String {
    let mut text: String = questions(part).iter().map(Question::assignments).collect();
    match part {
        Part::Broker => text.push_str(&internals::asking()),
        Part::Leaving => {
            let script = format!("serve_kept_sh={}\n", quote(include_str!("steps/serve_kept.sh")));
            text.push_str(&script);
        }
        _ => {}
    }
    text
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
        text.extend_from_slice(beside(part).as_bytes());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A question is sent with the part that asks it, and with no other.
    #[test]
    fn parts_ask_what_they_bring() {
        let mut all = BTreeSet::new();
        for (part, fragment) in FRAGMENTS.iter().copied() {
            let words: Vec<_> = fragment
                .lines()
                .filter(|line| !line.trim_start().starts_with('#'))
                .flat_map(|line| line.split(|c: char| c.is_whitespace() || "()\";".contains(c)))
                .filter(|word| !word.is_empty())
                .collect();
            // Behind the question stands the node.
            let asks = words.windows(3).filter(|w| w[0] == "ask" && w[2].starts_with('$')).map(|w| w[1]);
            let says = words.windows(4).filter(|w| w[0] == "says" && w[3].starts_with('$')).map(|w| w[2]);
            let mut asked: BTreeSet<_> = asks.chain(says).collect();
            if part == Part::Conf {
                asked.insert("accepts");
            }
            let brought: BTreeSet<_> = questions(part).iter().map(|question| question.name).collect();
            assert_eq!(asked, brought);
            all.extend(brought);
        }
        assert_eq!(all, internals::ASKED_BY_STEPS.iter().map(|question| question.name).collect());
    }
}
