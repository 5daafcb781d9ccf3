use super::{Graph, Order};
use crate::plan::Change;

pub(super) fn text(graph: &Graph<'_>) -> String {
    let mut text = String::from(
        "digraph plan {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=10];\n  \
         edge [fontname=\"sans-serif\", fontsize=9];\n",
    );
    for (at, (host, nodes)) in graph.hosts.iter().enumerate() {
        text.push_str(&format!("  subgraph cluster_{at} {{\n    label={};\n", quoted(host.as_str())));
        for node in nodes {
            text.push_str(&format!(
                "    s{} [label={}, fillcolor=\"{}\"];\n",
                node.number,
                quoted(&node.label),
                fill(node.change)
            ));
        }
        text.push_str("  }\n");
    }
    for edge in &graph.edges {
        let style = match edge.why {
            Order::Next => "",
            Order::After => " [style=bold, label=\"after\"]",
        };
        text.push_str(&format!("  s{} -> s{}{style};\n", edge.from, edge.to));
    }
    text.push_str("}\n");
    text
}

/// Light enough for black letters.
fn fill(change: Change) -> &'static str {
    match change {
        Change::Add => "#e9f5ec",
        Change::Change => "#fdf3dc",
        Change::Remove => "#fdeceb",
        Change::Restart => "#e4f4f7",
        Change::Command => "#f6ecfa",
    }
}

/// A label that means itself: in labels, Graphviz also reads escapes (`\N` is the node's name) and HTML's references.
fn quoted(label: &str) -> String {
    let safe = label.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    format!("\"{safe}\"")
}
