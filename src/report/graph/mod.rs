//! The steps of a plan as a graph, for tools that draw one: hosts with their steps, and what must be over before what.

mod dot;
mod mermaid;

use super::words::change_word;
use crate::model::{HostName, one_line};
use crate::plan::{Change, Plan};

/// The language of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// Graphviz (<https://graphviz.org/doc/info/lang.html>).
    Dot,
    /// Mermaid's flowchart (<https://mermaid.js.org/syntax/flowchart.html>).
    Mermaid,
}

/// A plan's steps as a graph. Its nodes are numbered in the plan's order; their labels are the titles.
pub fn graph_text(plan: &Plan, format: GraphFormat) -> String {
    let graph = Graph::of(plan);
    match format {
        GraphFormat::Dot => dot::text(&graph),
        GraphFormat::Mermaid => mermaid::text(&graph),
    }
}

/// What to say of a graph that its tool would not draw.
pub(crate) fn graph_warning(text: &str, format: GraphFormat) -> Option<String> {
    match format {
        GraphFormat::Dot => None,
        GraphFormat::Mermaid => mermaid::warning(text),
    }
}

struct Graph<'a> {
    /// The hosts that have steps, in the inventory's order.
    hosts: Vec<(&'a HostName, Vec<Node>)>,
    edges: Vec<Edge>,
}

struct Node {
    number: usize,
    label: String,
    change: Change,
}

struct Edge {
    from: usize,
    to: usize,
    why: Order,
}

/// Why one step follows another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// It is the next one on its host.
    Next,
    /// It waits for the other one.
    After,
}

impl<'a> Graph<'a> {
    fn of(plan: &'a Plan) -> Self {
        let numbered = || plan.steps.iter().enumerate();
        let hosts = plan.hosts.iter().map(|host| {
            let steps = numbered().filter(|(_, step)| step.host == host.name);
            let nodes = steps.map(|(number, step)| {
                let label = format!("{} ({})", one_line(&step.title), change_word(step.change));
                Node { number, label, change: step.change }
            });
            (&host.name, nodes.collect::<Vec<_>>())
        });
        let hosts: Vec<_> = hosts.filter(|(_, nodes)| !nodes.is_empty()).collect();
        let mut edges = Vec::new();
        for (_, nodes) in &hosts {
            let pairs = nodes.iter().zip(nodes.iter().skip(1));
            edges.extend(pairs.map(|(one, next)| Edge {
                from: one.number,
                to: next.number,
                why: Order::Next,
            }));
        }
        for (to, step) in numbered() {
            let before =
                step.after.iter().filter_map(|id| plan.steps.iter().position(|other| &other.id == id));
            edges.extend(before.map(|from| Edge { from, to, why: Order::After }));
        }
        Self { hosts, edges }
    }
}
