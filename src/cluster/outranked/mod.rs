//! What a host sets that outranks the inventory, by the rules of RabbitMQ's scripts and of systemd: a node's name, the place of its
//! data, its cookie, and settings of files that are read after rabbitup's. Planner and doctor judge a host by the same functions.

mod at_run_time;
mod queue_places;
mod settings;

use std::collections::BTreeSet;

pub(crate) use at_run_time::unknown as run_time_unknown;
pub(crate) use queue_places::outside_data;
pub(crate) use settings::settings;

use super::own_data;
use super::phrases::listed;
use super::remedy::shell;
use crate::facts::{BrokerEnvironment, BrokerState, CookieSetting, EnvironmentSetting, HostFacts};
use crate::inventory::{CookieSource, Desired, Host};
use crate::model::{Advice, CookieDigest, NameMode, NodeName, Problem, SecretName, shell_word};
use crate::rabbitmq::{BROKER_UNIT, COOKIE_FILE};

/// What outranks the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The environment file cannot be evaluated, so nothing else is known.
    Environment,
    /// The node starts under another name.
    NodeName,
    /// It starts with long names.
    LongNames,
    /// Its data is not where its next start looks.
    DataPlace,
    /// Its cookie comes from an argument or a variable.
    Cookie,
    /// Its tools or epmd are elsewhere.
    Tools,
    /// Settings of rabbitmq.conf, plugins, limits.
    Settings,
}

/// Something that outranks the inventory, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outranked {
    pub subject: Subject,
    /// On its host.
    pub problem: Problem,
}

impl Outranked {
    fn on(host: &Host, subject: Subject, what: impl Into<String>) -> Self {
        Self { subject, problem: Problem::bare(what).on(&host.name) }
    }

    fn seen(mut self, line: impl Into<String>) -> Self {
        self.problem.cause.why.push(line.into());
        self
    }

    fn fix(mut self, advice: Advice) -> Self {
        self.problem.cause.next.push(advice);
        self
    }

    fn advise(self, sentence: impl Into<String>) -> Self {
        self.fix(Advice::Sentence(sentence.into()))
    }
}

/// What makes any change of a broker unsafe: its name, data or cookie are not those of the inventory.
pub(crate) fn identity(desired: &Desired, host: &Host, facts: &HostFacts) -> Vec<Outranked> {
    let environment = &facts.environment;
    if !environment.evaluated {
        return vec![unevaluated(host, facts)];
    }
    let mut found: Vec<Outranked> = [name(desired, host, facts), data_place(host, facts), tools(host, facts)]
        .into_iter()
        .flatten()
        .collect();
    found.extend(queue_places::misplaced(host, facts));
    found.extend(cookie(desired, host, facts));
    found
}

/// The command that takes a variable out of the file that sets it. A unit's file is edited by hand, since systemd has several.
fn take_out(host: &Host, facts: &HostFacts, variable: &str, by: &str) -> Advice {
    if by != facts.environment.file {
        return Advice::Sentence(format!(
            "on {}: take {variable} out of {by}, then systemctl daemon-reload",
            host.name
        ));
    }
    let edit = format!("sed -i -E \"/^[[:space:]]*(export )?{variable}=/d\" {by}");
    shell(host, Some(facts), &edit)
}

fn unevaluated(host: &Host, facts: &HostFacts) -> Outranked {
    let file = &facts.environment.file;
    let check = format!("sh -n {file}");
    Outranked::on(host, Subject::Environment, format!("{file} cannot be evaluated, so the broker's settings are unknown"))
        .seen("a shell that reads it as user rabbitmq ends before its last line, or takes longer than 5 s; RabbitMQ itself reads it at each start")
        .advise("correct it; this shows errors of its syntax:")
        .fix(shell(host, Some(facts), &check))
}

/// Whether the environment gives the node another name than the inventory.
fn name(desired: &Desired, host: &Host, facts: &HostFacts) -> Option<Outranked> {
    let wanted = host.node();
    let environment = &facts.environment;
    let set = environment.get("NODENAME");
    let (alive, at) = match set.map(|set| set.value.split_once('@').unwrap_or((&set.value, ""))) {
        Some((alive, at)) => (alive.to_owned(), at.to_owned()),
        None => ("rabbit".to_owned(), String::new()),
    };
    let at = if at.is_empty() { wanted.host().to_string() } else { at };
    let called = format!("{alive}@{at}");
    let long = environment.get("USE_LONGNAME").filter(|set| is_yes(&set.value));
    if let Some(set) = set.filter(|_| called != wanted.to_string()) {
        let what = format!(
            "the node is called {called} ({} in {}), and rabbitup manages {wanted} here",
            set.variable, set.by
        );
        let mut found = Outranked::on(host, Subject::NodeName, what).seen(set.to_string());
        for line in life_of(facts, &called) {
            found = found.seen(line);
        }
        return Some(match has_life(facts, &called) {
            false => forget_name(host, facts, found, set, &called),
            true if alive == "rabbit" => found.advise(format!("name the host {at} in the inventory, and keep the line")),
            true => found.advise(
                "rabbitup manages only nodes that are called rabbit@HOST, and a node cannot be renamed with its data: leave this cluster out of \
                 the inventory, or move its definitions and messages to a new one (rabbitmqctl export_definitions, shovels)",
            ),
        });
    }
    let set = long.filter(|_| desired.cluster.names == NameMode::Short)?;
    let running = facts.node().map(|node| node.name.to_string());
    let called = running.unwrap_or_else(|| format!("{wanted} with the host's domain after it"));
    let found = Outranked::on(
        host,
        Subject::LongNames,
        format!(
            "the node uses long names ({} in {}), and the inventory uses short ones",
            set.variable, set.by
        ),
    )
    .seen(set.to_string())
    .seen(format!("it is called {called}"));
    let holds = facts.data.iter().any(|data| is_long(&data.node))
        || facts.node().is_some_and(|node| is_long(&node.name.to_string()));
    Some(match holds {
        true => found.advise(
            "its data belongs to the long name: in the inventory, set names = \"long\" under [cluster] and give the hosts their full names",
        ),
        false => forget_name(host, facts, found, set, ""),
    })
}

/// The way out where nothing would be lost: the broker is stopped under its old name first, since its tools use the new one as soon as
/// the line is gone, and the directory of a blank node must not pass for data.
fn forget_name(
    host: &Host,
    facts: &HostFacts,
    found: Outranked,
    set: &EnvironmentSetting,
    called: &str,
) -> Outranked {
    let mut found = found.advise("nothing that matters is there under that name, so the line can go:");
    // A node that was started before the line came keeps running.
    if facts.node().is_none_or(|node| node.name != host.node()) {
        found = found.fix(shell(host, Some(facts), &format!("systemctl stop {BROKER_UNIT}")));
    }
    let base = &facts.environment.data_base;
    for data in facts.data.iter().filter(|data| data.node == called) {
        let node = &data.node;
        found = found.fix(shell(
            host,
            Some(facts),
            &format!("mv {base}/{node} {base}/{}.blank", node.replace('@', "-")),
        ));
    }
    found.fix(take_out(host, facts, &set.variable, &set.by)).fix(Advice::Rabbitup("up".to_owned()))
}

/// `1`, `yes` and `true` (`rabbit_env:value_is_yes/1`).
fn is_yes(value: &str) -> bool {
    ["1", "yes", "true"].contains(&value.trim().to_lowercase().as_str())
}

fn is_long(node: &str) -> bool {
    node.split_once('@').is_some_and(|(_, host)| host.contains('.'))
}

/// Whether a node of that name has data here, or is a member of a cluster.
fn has_life(facts: &HostFacts, called: &str) -> bool {
    match &facts.broker {
        // A blank node that runs has a directory as well.
        BrokerState::Running(node) if node.name.to_string() == called => {
            !(node.holdings.is_empty() && node.is_alone())
        }
        BrokerState::Running(_) | BrokerState::Down => facts.data.iter().any(|data| data.node == called),
        // It may have anything.
        BrokerState::Unknown(_)
        | BrokerState::Unsupported(_)
        | BrokerState::CookieRefused
        | BrokerState::AppStopped => true,
    }
}

/// What a node of that name has here: `it has 1 virtual host…`, `it is in a cluster with hare@node2`.
fn life_of(facts: &HostFacts, called: &str) -> Vec<String> {
    let Some(node) = facts.node().filter(|node| node.name.to_string() == called) else {
        let data = facts.data.iter().find(|data| data.node == called);
        return data.map(|_| format!("{} has its data", facts.environment.data_base)).into_iter().collect();
    };
    let others = node.members.iter().map(|member| &member.node).filter(|member| **member != node.name);
    let others: Vec<&NodeName> = others.collect();
    let mut lines = Vec::new();
    if !node.holdings.is_empty() {
        lines.push(format!("it has {}", own_data::told(&node.holdings)));
    }
    if !others.is_empty() {
        lines.push(format!("it is in a cluster with {}", listed(others)));
    }
    lines
}

/// Whether the next start of the node looks for its data elsewhere.
fn data_place(host: &Host, facts: &HostFacts) -> Option<Outranked> {
    let environment = &facts.environment;
    let node = facts.node().map_or_else(|| host.node(), |node| node.name.clone());
    let next = environment.data_of(&node);
    let why = match environment.moves_data() {
        Some(set) => set.to_string(),
        None => format!("no setting of {} or of its unit moves its data", environment.file),
    };
    let Some(node_runs) = facts.node() else {
        let now = facts.data_place.elsewhere.first()?;
        return Some(elsewhere(host, facts, now, &next, why));
    };
    let now = node_runs.data_dir.as_deref().filter(|now| !same_path(now, &next))?;
    let found = Outranked::on(
        host,
        Subject::DataPlace,
        format!("{node} runs with its data in {now}, and would start empty in {next} the next time"),
    );
    let found = found.seen(why).advise(STAYS);
    // A setting that is in the way goes first; the default place needs none.
    let found = match environment.moves_data() {
        Some(set) => found.fix(take_out(host, facts, &set.variable, &set.by)),
        None => found,
    };
    let default = BrokerEnvironment::default().data_of(&node);
    Some(match same_path(now, &default) {
        true => found,
        false => found.fix(shell(host, Some(facts), &back_to(&node, now, &environment.file))),
    })
}

/// Ra of RabbitMQ 3.9, 3.10 up to 3.10.12 and 3.11 up to 3.11.4 writes the absolute path of its directory into the configuration of each
/// replica, and goes by it (`ra_log:write_config/2` and `ra_server_sup_sup:restart_server_rpc/3` up to Ra 2.4.1).
const STAYS: &str = "make its next start use the directory that it runs with; data that is moved may lack its quorum queues, with confirmed messages:";

/// Data in the usual place that the next start does not use.
fn elsewhere(host: &Host, facts: &HostFacts, now: &str, next: &str, why: String) -> Outranked {
    let found = Outranked::on(
        host,
        Subject::DataPlace,
        format!("{} would start empty in {next}, although {now} has data", host.node()),
    );
    let found = found.seen(why);
    let not_needed = format!("if that data is not needed, move {now} away");
    match facts.environment.moves_data() {
        Some(set) => found
            .advise(format!("{not_needed}; if it is its own, take the setting out:"))
            .fix(take_out(host, facts, &set.variable, &set.by))
            .fix(Advice::Rabbitup("up".to_owned())),
        None => found.advise(format!("{not_needed}; if it is its own, make the next start use it")),
    }
}

/// The command that lets the next start use this directory.
fn back_to(node: &NodeName, now: &str, file: &str) -> String {
    let now = now.trim_end_matches('/');
    let line = match now.strip_suffix(&format!("/{node}")) {
        Some(base) => format!("MNESIA_BASE={base}"),
        None => format!("MNESIA_DIR={now}"),
    };
    format!("sh -c {}", shell_word(&format!("echo {line} >>{file}")))
}

fn same_path(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// epmd on another port, or a home directory with another cookie: neither the other hosts' nodes nor the tools find the node.
fn tools(host: &Host, facts: &HostFacts) -> Option<Outranked> {
    let environment = &facts.environment;
    if let Some(set) = environment.get("ERL_EPMD_PORT").filter(|set| set.value != "4369") {
        return Some(
            Outranked::on(host, Subject::Tools, format!("the broker uses epmd on port {}, and rabbitup and the other hosts use 4369", set.value))
                .seen(set.to_string())
                .advise("take the line out on every host and restart the cluster as a whole: rabbitup manages nodes with epmd on its own port only")
                .fix(take_out(host, facts, &set.variable, &set.by)),
        );
    }
    let set = environment.get("HOME")?;
    Some(
        Outranked::on(
            host,
            Subject::Tools,
            format!("the broker's home directory is {}, so {COOKIE_FILE} is not its cookie", set.value),
        )
        .seen(set.to_string())
        .advise(format!(
            "copy its cookie to {COOKIE_FILE} (mode 0400, owner rabbitmq), take the line out, and restart it"
        ))
        .fix(take_out(host, facts, &set.variable, &set.by)),
    )
}

/// A cookie outside the file. One that equals the file, or what the file will contain, changes nothing until the next rotation.
fn cookie(desired: &Desired, host: &Host, facts: &HostFacts) -> Option<Outranked> {
    let in_file = facts.cookie.as_ref().map(|cookie| cookie.normalised);
    let given = desired.secrets.get(&SecretName::cookie()).map(CookieDigest::of);
    let given = given.filter(|_| desired.cluster.cookie == CookieSource::Given);
    let is_other =
        |set: &CookieSetting| set.digest.is_none() || (set.digest != in_file && set.digest != given);
    facts.environment.cookies.iter().any(is_other).then(|| cookie_outside(host, facts))
}

/// The same, whatever the file contains: a rotation changes the file.
pub(crate) fn any_cookie(host: &Host, facts: &HostFacts) -> Option<Outranked> {
    (!facts.environment.cookies.is_empty()).then(|| cookie_outside(host, facts))
}

fn cookie_outside(host: &Host, facts: &HostFacts) -> Outranked {
    let cookies = &facts.environment.cookies;
    let unique = |of: fn(&CookieSetting) -> &String| listed(cookies.iter().map(of).collect::<BTreeSet<_>>());
    let (variables, by) = (unique(|set| &set.variable), unique(|set| &set.by));
    Outranked::on(
        host,
        Subject::Cookie,
        format!("the node's cookie comes from {variables} in {by}, and a cookie file beside it has no effect"),
    )
    .seen(format!("{by}: -setcookie or a cookie in {variables} (not shown)"))
    .advise(
        "write that cookie into a file here that only you can read, and set cookie = { from = \"file\", path = … } under [cluster]; \
         this puts it into the cookie files:",
    )
    .fix(Advice::Rabbitup("up".to_owned()))
    .advise(format!(
        "then, on every host, take the cookie (-setcookie and the word after it) out of {variables} in {by}; this restarts one broker \
         after the other:"
    ))
    .fix(Advice::Rabbitup("up".to_owned()))
}
