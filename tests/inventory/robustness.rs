use proptest::prelude::*;

use super::load;

const VALID: [&str; 3] = [
    include_str!("../../inventories/minimal.toml"),
    include_str!("../../inventories/lab.toml"),
    // Without its [templates] and files it loads in this directory too; it only needs to have every key.
    include_str!("../../inventories/production.toml"),
];

/// Text from the inventory's vocabulary, which gets further than noise.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "[[host]]\n",
        "[cluster]\n",
        "[cluster.config]\n",
        "[load_balancer]\n",
        "[time]\n",
        "name",
        "address",
        "roles",
        "cookie",
        "admin",
        "stats",
        "plugins",
        "config",
        " = ",
        "\"node1\"",
        "\"10.0.0.1\"",
        "[\"broker\"]",
        "{ from = ",
        "\"file\"",
        "\"env\"",
        "}",
        "\n",
        ".",
        "1",
        "\"",
        "'",
        "=",
        "\u{1}",
        "é",
        "password",
        "\"\"\"",
        "[",
        "]",
        "\\",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn without_commands(text: &str) -> String {
    // A mutation must not run a command that it creates.
    text.replace("command", "cOmmand")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_loader_panic(text in "(?s).{0,300}") {
        let _ = load(&text);
    }

    #[test]
    fn no_words_make_the_loader_panic(text in words()) {
        let _ = load(&without_commands(&text));
    }

    #[test]
    fn no_mutation_makes_the_loader_panic(
        which in 0..VALID.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, "(?s).{0,6}"), 1..6),
    ) {
        let mut text: Vec<char> = VALID[which].chars().collect();
        for (at, removed, inserted) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        let text: String = text.into_iter().collect();
        let _ = load(&without_commands(&text));
    }
}
