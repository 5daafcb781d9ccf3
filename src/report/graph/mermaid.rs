use super::{Graph, Order};
use crate::plan::Change;

pub(super) fn text(graph: &Graph<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    for (at, (host, nodes)) in graph.hosts.iter().enumerate() {
        text.push_str(&format!("  subgraph h{at}[\"{}\"]\n", escaped(host.as_str())));
        for node in nodes {
            text.push_str(&format!(
                "    s{}[\"{}\"]:::{}\n",
                node.number,
                escaped(&node.label),
                class(node.change)
            ));
        }
        text.push_str("  end\n");
    }
    for edge in &graph.edges {
        let arrow = match edge.why {
            Order::Next => "-->",
            Order::After => "==>|after|",
        };
        text.push_str(&format!("  s{} {arrow} s{}\n", edge.from, edge.to));
    }
    // Light enough for black letters, also on a dark page.
    text.push_str(
        "  classDef added fill:#e9f5ec,stroke:#17692f,color:#000\n  \
           classDef changed fill:#fdf3dc,stroke:#7d5200,color:#000\n  \
           classDef removed fill:#fdeceb,stroke:#b3201d,color:#000\n  \
           classDef restarted fill:#e4f4f7,stroke:#0a6175,color:#000\n  \
           classDef command fill:#f6ecfa,stroke:#7a2f96,color:#000\n",
    );
    text
}

fn class(change: Change) -> &'static str {
    match change {
        Change::Add => "added",
        Change::Change => "changed",
        Change::Remove => "removed",
        Change::Restart => "restarted",
        Change::Command => "command",
    }
}

/// A label that means itself. Mermaid reads directives (`%%{…}%%`), Markdown and HTML anywhere in its text, also in quotes: `1.` and `-`
/// begin lists, and `://`, `www.` and an `@` before a name with a dot make links, in whose place it writes "Unsupported markdown". So
/// all but letters, digits and marks without a meaning are written by their numbers, which it reads last; and so is a space at the
/// beginning, since four of them make code.
fn escaped(label: &str) -> String {
    let mut text = String::new();
    for c in label.chars() {
        let is_plain = c.is_alphanumeric() || ",/=".contains(c) || c == ' ' && !text.is_empty();
        if is_plain {
            text.push(c);
        } else {
            text.push_str(&format!("#{};", u32::from(c)));
        }
    }
    text
}

/// What Mermaid draws unless it is set otherwise: `maxEdges` and `maxTextSize`
/// (<https://mermaid.js.org/config/schema-docs/config.html>). No graph can set them for itself.
const MOST_EDGES: usize = 500;
const MOST_LETTERS: usize = 50_000;

/// What to say of a graph that Mermaid does not draw.
pub(super) fn warning(text: &str) -> Option<String> {
    let edges = text.lines().filter(|line| line.contains(" --> ") || line.contains(" ==>|after| ")).count();
    let letters = text.chars().count();
    (edges > MOST_EDGES || letters > MOST_LETTERS).then(|| {
        format!(
            "this graph has {edges} edges and {letters} letters, and Mermaid draws at most {MOST_EDGES} and {MOST_LETTERS} unless it is \
             set otherwise; --graph dot has no limit, and --limit leaves hosts out"
        )
    })
}
