//! Generates docs/internals.md from the list.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{ASKED_BY_STEPS, FACTS, FACTS_OF_STOPPED, Fallback, IfUnknown, Question, Release};

/// Prefixes of RabbitMQ's modules; all others in a question are Erlang's own.
const THEIRS: &[&str] =
    &["rabbit", "ra", "amqqueue", "osiris", "internal_user", "vm_memory_monitor", "mnesia", "cuttlefish"];

/// The whole page.
pub fn page() -> String {
    let mut text = include_str!("page.md").to_owned();
    let _ = write!(text, "\n## What steps ask\n\n{HEAD}");
    for question in ASKED_BY_STEPS {
        text.push_str(&row(question, None));
    }
    let _ = write!(text, "\n## What the probe asks\n\n{HEAD}");
    for (need, question) in FACTS.iter().chain(FACTS_OF_STOPPED) {
        text.push_str(&row(question, Some(*need)));
    }
    text
}

const HEAD: &str =
    "| question | a node is asked | tested on | if unsupported | calls |\n| --- | --- | --- | --- | --- |\n";

fn row(question: &Question, need: Option<IfUnknown>) -> String {
    let tried = if question.tried.len() == Release::ALL.len() {
        "all".to_owned()
    } else {
        question.tried.iter().map(|release| release.version()).collect::<Vec<_>>().join(", ")
    };
    let then = match need {
        None => "",
        Some(IfUnknown::Plan) => "no plan; ",
        Some(IfUnknown::Unknown) => "unknown, which refuses steps that need it; ",
        Some(IfUnknown::Shown) => "not shown; ",
    };
    let fallback = match question.fallback {
        Fallback::Asked(command) => format!("the step uses `{command}`"),
        Fallback::ByHand(command) => format!("by hand: `{command}`"),
        Fallback::Nothing(why) => why.to_owned(),
    };
    let calls = calls(question).into_iter().map(|call| format!("`{call}`")).collect::<Vec<_>>().join(" ");
    format!("| {} | {} | {tried} | {then}{fallback} | {calls} |\n", question.name, question.asks)
}

/// RabbitMQ's functions in a question's text and its definitions, as `module:function`.
fn calls(question: &Question) -> BTreeSet<String> {
    let mut texts = question.text.to_owned();
    for definition in question.with.iter().rev() {
        if definition.name.split(", ").any(|name| texts.contains(name)) {
            texts.push_str(definition.text);
        }
    }
    let mut found = BTreeSet::new();
    for (colon, _) in texts.match_indices(':') {
        let (module, function) = (word_before(&texts[..colon]), word_after(&texts[colon + 1..]));
        let theirs = THEIRS.iter().any(|name| {
            module == *name || module.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))
        });
        if theirs && !function.is_empty() {
            found.insert(format!("{module}:{function}"));
        }
    }
    found
}

fn is_of_atom(c: &char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_'
}

fn word_before(text: &str) -> String {
    let reversed: String = text.chars().rev().take_while(is_of_atom).collect();
    reversed.chars().rev().collect()
}

fn word_after(text: &str) -> String {
    text.chars().take_while(is_of_atom).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_is_the_list() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/internals.md");
        if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
            std::fs::write(&path, page()).expect("the page is ours to write");
        }
        let written = std::fs::read_to_string(&path).expect("the page is there");
        assert!(
            written == page(),
            "docs/internals.md is out of date: INSTA_UPDATE=always cargo test --lib internals"
        );
    }
}
