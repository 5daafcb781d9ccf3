//! A plan as a page.

use super::frame::{Made, Page, Section};
use super::markup::{Markup, element};
use super::parts::{command, note, numbers, paragraph};
use super::picture::{Figure, Picture};
use super::steps::{anchor, steps};
use super::tone::Tone;
use crate::cluster::phrases::{counted, grouped};
use crate::inventory::{Desired, Host};
use crate::model::{HostName, Role};
use crate::plan::{Change, Destruction, Plan};
use crate::report::destruction_text::destruction_lines;
use crate::report::plan_text::last_line;
use crate::report::style::Detail;

/// What a plan's page is made of.
#[derive(Clone, Debug)]
pub struct PlanPage<'a> {
    pub plan: &'a Plan,
    pub desired: &'a Desired,
    pub made: Made,
    /// The command that applies it.
    pub next: String,
    /// Hosts that did not answer, which the plan leaves out.
    pub skipped: Vec<&'a HostName>,
    /// Whether long diffs are folded.
    pub detail: Detail,
}

impl PlanPage<'_> {
    /// The page as the text of a file.
    pub fn html(&self) -> String {
        let plan = self.plan;
        let sections = [
            Section::of("summary", "Summary", self.summary()),
            Section::of("notes", "Notes", self.notes()),
            Section::of("cluster", "Cluster", self.picture().markup()),
            Section::of("steps", "Steps", steps(plan, self.detail)),
        ];
        let tone = if plan.is_empty() { Tone::Good } else { Tone::Changed };
        Page {
            command: "rabbitup plan",
            subject: subject(&plan.playbook, plan.cluster.as_deref()),
            verdict: (tone, last_line(plan)),
            made: self.made.clone(),
            sections: sections.into_iter().flatten().collect(),
        }
        .html()
    }

    fn summary(&self) -> Markup {
        let counts = self.plan.counts();
        let count = |change| counts.get(&change).copied().unwrap_or(0);
        let hosts = grouped(self.plan.steps.iter().map(|step| (&step.host, ()))).len();
        let kinds = [
            (Change::Add, "to add"),
            (Change::Change, "to change"),
            (Change::Remove, "to remove"),
            (Change::Restart, "to restart"),
            (Change::Command, "to run"),
        ];
        let all = kinds.map(|(change, name)| (change.into(), name, count(change)));
        let all = all.into_iter().chain([(Tone::Quiet, "hosts with changes", hosts)]);
        let next = (!self.plan.is_empty()).then(|| {
            element("div")
                .class("next")
                .holds(paragraph("This command applies it:"))
                .holds(command(&self.next))
        });
        Markup::from(numbers(all)).and(self.destruction()).and(next.into_iter().collect::<Markup>())
    }

    fn destruction(&self) -> Markup {
        let destruction = Destruction::of(self.plan);
        if destruction.is_empty() {
            return Markup::default();
        }
        let heading = if destruction.destroys() { "This destroys:" } else { "This cannot be undone:" };
        let losses = destruction_lines(&destruction).into_iter().map(|line| element("li").text(line));
        element("div")
            .class("destruction")
            .holds(element("p").holds(Tone::Warning.mark()).holds(element("strong").text(heading)))
            .holds(element("ul").each(losses))
            .into()
    }

    fn notes(&self) -> Markup {
        let notes = grouped(self.plan.notes.iter().map(|note| (&note.text, note.host.as_ref())));
        let skipped = (!self.skipped.is_empty()).then(|| {
            note(Tone::Warning, "could not be inspected, so they are not in this plan", &self.skipped)
        });
        let items: Markup = notes
            .into_iter()
            .map(|(text, hosts)| note(Tone::Quiet, text, &hosts.into_iter().flatten().collect::<Vec<_>>()))
            .chain(skipped)
            .collect();
        if items.is_empty() { items } else { element("ul").class("notes").holds(items).into() }
    }

    fn picture(&self) -> Picture {
        let of = |wanted: &dyn Fn(&Host) -> bool| -> Vec<Figure> {
            self.desired.hosts.iter().filter(|host| wanted(host)).map(|host| self.figure(host)).collect()
        };
        let vip = self.desired.load_balancer.as_ref().and_then(|balancer| balancer.vip.as_ref());
        let addresses = vip.map(|vip| vip.addresses.as_slice()).unwrap_or_default();
        let address = |at: &crate::virtual_address::NetworkAddress| Figure {
            name: at.to_string(),
            lines: vec!["shared address".to_owned()],
            tone: Tone::Quiet,
            link: None,
        };
        let cluster = self.plan.cluster.as_deref().or(self.desired.cluster.name.as_deref());
        Picture {
            alternative: format!("The cluster, and what changes where: {}", last_line(self.plan)),
            addresses: addresses.iter().map(address).collect(),
            balancers: of(&|host| host.has(Role::LoadBalancer) && !host.has(Role::Broker)),
            cluster: cluster.map_or_else(|| "Cluster".to_owned(), |name| format!("Cluster {name}")),
            brokers: of(&|host| host.has(Role::Broker)),
            others: of(&|host| !host.has(Role::LoadBalancer) && !host.has(Role::Broker)),
        }
    }

    fn figure(&self, host: &Host) -> Figure {
        let changes: Vec<Change> =
            self.plan.steps.iter().filter(|step| step.host == host.name).map(|step| step.change).collect();
        // One a line: two of them are wider than a box.
        let roles = host.roles.iter().map(|role| role.as_str().to_owned());
        let counts = match changes.len() {
            0 => "no changes".to_owned(),
            many => counted(many, "step"),
        };
        let mut kinds = grouped(changes.iter().map(|change| (*change, ())));
        kinds.sort_by_key(|(change, _)| *change);
        let kinds: Vec<String> =
            kinds.iter().map(|(change, all)| format!("{} {}", change.symbol(), all.len())).collect();
        Figure {
            name: host.name.to_string(),
            lines: roles.chain([host.address.to_string(), counts, kinds.join("  ")]).collect(),
            tone: if changes.is_empty() { Tone::Good } else { Tone::Changed },
            link: (!changes.is_empty()).then(|| anchor(&host.name)),
        }
    }
}

/// `bring-up of orders`, `rolling-restart`.
pub(super) fn subject(playbook: &str, cluster: Option<&str>) -> String {
    cluster.map_or_else(|| playbook.to_owned(), |cluster| format!("{playbook} of {cluster}"))
}
