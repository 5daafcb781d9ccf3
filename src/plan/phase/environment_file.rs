//! rabbitmq-env.conf is a shell file with other settings of the operator: only single lines are managed.

use super::Draft;
use super::broker_file::{file, propose};
use crate::cluster::address_family;
use crate::facts::{BrokerEnvironment, HostFacts};
use crate::inventory::Host;
use crate::model::{AddressFamily, NameMode};
use crate::plan::RefusalKind;
use crate::plan::diff::unified;
use crate::rabbitmq::{
    ENV_FILE, ERL_ARGS, INETRC, INETRC_FILE, INETRC_TEXT, family_of_arguments, moved_to_ipv6, over_ipv6,
};
use crate::redact::redacted;
use crate::template::Rendered;

/// Why lines for IPv6 are written.
const BY_ADDRESS: &str = "the brokers' addresses are IPv6, and Erlang uses IPv4 between nodes by default";

/// Long names, and connections between nodes over IPv6.
pub(super) fn plan(draft: &mut Draft<'_>, host: &Host) {
    let observed = draft.observed.host(&host.name);
    if let Some(problem) = observed.and_then(|facts| address_family::outranked(host, facts)) {
        return draft.refuse_problem(&host.name, RefusalKind::OtherAddressFamily, problem);
    }
    let Some(facts) = draft.host(&host.name) else { return };
    let content = |path| facts.file(path).and_then(|file| file.content.clone()).unwrap_or_default();
    let (current, inetrc) = (content(ENV_FILE), content(INETRC_FILE));
    let mut lines = Lines { text: current.clone(), reasons: Vec::new() };
    if draft.desired.cluster.names == NameMode::Long {
        lines.long_names();
    }
    if AddressFamily::from(host.address) == AddressFamily::Ipv6 {
        lines.over_ipv6(&facts.environment);
    }
    let Lines { text, reasons } = lines;
    if reasons.contains(&BY_ADDRESS) && is_clustered(facts) {
        let problem = address_family::only_together(host);
        return draft.refuse_problem(&host.name, RefusalKind::AddressFamilyOfCluster, problem);
    }
    let reads_ours = assigned(&text, INETRC).any(|(_, value)| value == INETRC_FILE);
    if reads_ours && inetrc != INETRC_TEXT {
        let write = file(INETRC_FILE, "root", 0o644, Rendered::from_text(INETRC_TEXT));
        propose(draft, host, "inetrc", write, BY_ADDRESS, unified(&inetrc, INETRC_TEXT), &inetrc);
    }
    if text != current {
        let diff = unified(&redacted(&current), &redacted(&text));
        let write = file(ENV_FILE, "root", 0o644, Rendered::from_text(&text));
        propose(draft, host, "env", write, &reasons.join("; "), diff, &current);
    }
}

/// A node with IPv6 reaches none with IPv4, so a cluster cannot change from one to the other node by node.
fn is_clustered(facts: &HostFacts) -> bool {
    facts.node().is_some_and(|node| !node.is_alone())
}

/// The file of one host, as it becomes line by line.
struct Lines {
    text: String,
    reasons: Vec<&'static str>,
}

impl Lines {
    fn append(&mut self, line: &str) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn because(&mut self, reason: &'static str) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn long_names(&mut self) {
        const NAME: &str = "USE_LONGNAME";
        if assigned(&self.text, NAME).any(|(_, value)| value == "true") {
            return;
        }
        let others = self.text.lines().filter(|line| assignment(line, NAME).is_none());
        self.text = others.map(|line| format!("{line}\n")).collect();
        self.append(&format!("{NAME}=true"));
        self.because("the inventory uses long names");
    }

    /// An argument that chooses IPv4 is replaced. Others stay, whatever they are made of: a line after them adds to their value.
    fn over_ipv6(&mut self, environment: &BrokerEnvironment) {
        for name in ERL_ARGS {
            let families: Vec<AddressFamily> =
                assigned(&self.text, name).filter_map(|(_, value)| family_of_arguments(value)).collect();
            let set = environment.get(name);
            let by_unit = set.and_then(|set| family_of_arguments(&set.value));
            match (families.last(), by_unit) {
                (Some(AddressFamily::Ipv6), _) | (None, Some(AddressFamily::Ipv6)) => continue,
                (Some(AddressFamily::Ipv4), _) => {
                    let moved = |line: &str| match assignment(line, name) {
                        Some(_) => format!("{}\n", moved_to_ipv6(line)),
                        None => format!("{line}\n"),
                    };
                    self.text = self.text.lines().map(moved).collect();
                }
                (None, _) => {
                    let last = assigned(&self.text, name).last().map(|(variable, _)| variable.to_owned());
                    let line = match set.map(|set| set.variable.clone()).or(last) {
                        Some(variable) => format!("{variable}=\"${variable} {}\"", over_ipv6()),
                        None => format!("{name}=\"{}\"", over_ipv6()),
                    };
                    self.append(&line);
                }
            }
            self.because(BY_ADDRESS);
        }
        let names_another = environment.get(INETRC).is_some()
            || assigned(&self.text, INETRC).next().is_some()
            || ERL_ARGS
                .iter()
                .any(|name| environment.get(name).is_some_and(|set| set.value.contains("inetrc")));
        if !names_another {
            // Erlang's VM sees only exported variables.
            self.append(&format!("export {INETRC}={INETRC_FILE}"));
            self.because(BY_ADDRESS);
        }
    }
}

/// The assignments of a variable, with `RABBITMQ_` or without, in the order of the file.
fn assigned<'t>(text: &'t str, name: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.lines().filter_map(move |line| assignment(line, name))
}

/// The variable as it is written, and its value without quotes around it.
fn assignment<'t>(line: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (variable, value) = line.split_once('=')?;
    let is_it = variable.strip_prefix("RABBITMQ_").unwrap_or(variable) == name;
    is_it.then(|| (variable, value.trim_matches(['"', '\''])))
}
