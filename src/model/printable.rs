//! Text that others wrote, made fit for a terminal. Everything that a host or a file says goes through here before a
//! person sees it.

/// Most characters of a line that are shown, where nobody asks for fewer.
const LONGEST_LINE: usize = 4000;
/// What stands for a character that cannot be shown.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character could steer the reader's terminal, or make it show another text than there is.
///
/// Control characters (Unicode's Cc: C0, DEL and C1) move the cursor and begin escape sequences. The marks of Unicode's
/// bidirectional algorithm (UAX 9, section 2) turn the order of what follows, also outside of the text that holds them.
/// Line and paragraph separators break lines on some terminals; tag characters and the like are seen on none.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}'
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A text of any number of lines without what could steer a terminal: escape sequences are left out, a tabulator is four
/// blanks, and each other such character stands as U+FFFD. A line of more than 4,000 characters is cut, and says so.
///
/// It does nothing to a text that has been through it.
pub fn printable(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut shown = one_line(lines.next().unwrap_or_default());
    for line in lines {
        shown.push('\n');
        shown.push_str(&one_line(line));
    }
    shown
}

/// [`printable`] for what has to stay on one line: a line break is no better than any other control character.
pub fn one_line(line: &str) -> String {
    shortened(line, LONGEST_LINE)
}

/// [`one_line`] with another measure: at most `most` characters, with a word on how many there were.
pub fn shortened(line: &str, most: usize) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let plain = console::strip_ansi_codes(line);
    let mut shown = String::with_capacity(plain.len().min(4 * most));
    for c in plain.chars() {
        match c {
            '\t' => shown.push_str("    "),
            '\r' => {}
            c if steers(c) => shown.push(REPLACEMENT),
            c => shown.push(c),
        }
    }
    match shown.char_indices().nth(most) {
        Some(_) => cut(&shown, most),
        None => shown,
    }
}

/// The beginning of a line with the word that it is no more than that, `most` characters together.
fn cut(line: &str, most: usize) -> String {
    let word = format!("… (cut: {} characters)", line.chars().count());
    let kept = most.saturating_sub(word.chars().count());
    line.chars().take(kept).chain(word.chars()).collect()
}

/// A JSON text in which such characters are written as escapes (RFC 8259, section 7), which changes nothing of what it
/// says. JSON itself asks for that only below U+0020; they stand inside of its strings and nowhere else.
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        // Between values serde_json writes line ends, and inside of strings never.
        if c == '\n' || !steers(c) {
            shown.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// Texts that are full of what a terminal obeys.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "(?s).{0,8}",
            prop::sample::select(vec![
                "\u{1b}[2J",
                "\u{1b}[31m",
                "\u{1b}]0;title\u{7}",
                "\u{1b}]8;;http://x\u{1b}\\",
                "\u{1b}P",
                "\u{1b}c",
                "\u{1b}",
                "\u{9b}2J",
                "\u{9d}0;t\u{9c}",
                "\u{7}",
                "\u{8}",
                "\r",
                "\n",
                "\t",
                "\0",
                "\u{7f}",
                "\u{202e}",
                "\u{2066}",
                "\u{200f}",
                "\u{2028}",
                "\u{feff}",
                "\u{e0041}",
                "é",
                "🐰",
                "[31m",
                "\u{1b}[\u{1b}[2J",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_of_it_steers_a_terminal(text in hostile()) {
            let shown = printable(&text);
            prop_assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{:?}", shown);
            prop_assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(printable(&shown), shown.clone());
            let line = shortened(&text, 40);
            prop_assert!(!line.contains('\n') && line.chars().count() <= 40, "{:?}", line);
        }

        #[test]
        fn what_is_plain_stays(text in "[ -~éüß🐰中\n]{0,80}") {
            prop_assert_eq!(printable(&text), text);
        }

        #[test]
        fn json_says_the_same(text in hostile()) {
            let value = serde_json::json!({ (text.clone()): [text] });
            for json in [value.to_string(), format!("{value:#}")] {
                let shown = printable_json(&json);
                prop_assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{:?}", shown);
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value.clone());
            }
        }
    }

    #[test]
    fn what_a_host_prints_reads_as_it_would_without_the_escapes() {
        assert_eq!(printable("a\u{1b}[2Jb\u{7}\tc\r\n\u{1b}[1mbold\u{1b}[0m"), "ab\u{fffd}    c\nbold");
        assert_eq!(printable("x\u{202e}y"), "x\u{fffd}y");
        // A sequence without an end takes the rest of its line, and no other line.
        assert_eq!(printable("\u{1b}]0;hide\nseen"), "\nseen");
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_in_no_time_and_says_so() {
        let since = Instant::now();
        for piece in ["x", "\u{1b}]", "\u{1b}[", "\u{1b}P\u{1b}", "\u{9b}", "é\u{202e}"] {
            let line = piece.repeat((1 << 20) / piece.len());
            let shown = printable(&line);
            assert!(shown.chars().count() <= LONGEST_LINE, "{piece:?}");
            assert_eq!(shown.contains("… (cut: "), !piece.contains(['P', ']']), "{piece:?}: {shown:.80}");
        }
        assert!(printable(&"x".repeat(1 << 20)).ends_with("x… (cut: 1048576 characters)"));
        assert_eq!(shortened(&"x".repeat(501), 500).chars().count(), 500);
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    }
}
