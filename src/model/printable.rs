//! Makes untrusted text safe for a terminal. All text from hosts and files passes through here before it is shown.

/// The default limit of characters per line.
const LONGEST_LINE: usize = 4000;
/// The replacement for characters that cannot be shown.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character could control the reader's terminal, or change how other text appears.
///
/// Control characters (Unicode's Cc: C0, DEL and C1) move the cursor and begin escape sequences. The marks of Unicode's
/// bidirectional algorithm (UAX 9, section 2) reorder the text that follows, even outside of the string. Line and paragraph
/// separators break lines on some terminals; tag characters and similar are invisible.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}'
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Makes text of any number of lines safe for a terminal: removes escape sequences, replaces a tab by four spaces and each other
/// unsafe character by U+FFFD. A line of more than 4,000 characters is truncated, and says so. It is idempotent.
pub fn printable(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut shown = one_line(lines.next().unwrap_or_default());
    for line in lines {
        shown.push('\n');
        shown.push_str(&one_line(line));
    }
    shown
}

/// [`printable`] for text that must stay on one line: line breaks are replaced like other control characters.
pub fn one_line(line: &str) -> String {
    shortened(line, LONGEST_LINE)
}

/// [`one_line`] with another limit: at most `most` characters, with the original length.
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

/// The beginning of a line with a note that it was truncated, `most` characters in total.
fn cut(line: &str, most: usize) -> String {
    let word = format!("… (cut: {} characters)", line.chars().count());
    let kept = most.saturating_sub(word.chars().count());
    line.chars().take(kept).chain(word.chars()).collect()
}

/// JSON text with unsafe characters written as escapes (RFC 8259, section 7), which does not change its content. JSON requires
/// that only below U+0020; such characters occur only inside strings.
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        // serde_json writes newlines only between values, never inside strings.
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

    /// Text full of terminal control characters.
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
        fn no_output_controls_a_terminal(text in hostile()) {
            let shown = printable(&text);
            prop_assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{:?}", shown);
            prop_assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(printable(&shown), shown.clone());
            let line = shortened(&text, 40);
            prop_assert!(!line.contains('\n') && line.chars().count() <= 40, "{:?}", line);
        }

        #[test]
        fn plain_text_is_unchanged(text in "[ -~éüß🐰中\n]{0,80}") {
            prop_assert_eq!(printable(&text), text);
        }

        #[test]
        fn json_content_is_unchanged(text in hostile()) {
            let value = serde_json::json!({ (text.clone()): [text] });
            for json in [value.to_string(), format!("{value:#}")] {
                let shown = printable_json(&json);
                prop_assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{:?}", shown);
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value.clone());
            }
        }
    }

    #[test]
    fn escapes_are_removed_from_a_hosts_output() {
        assert_eq!(printable("a\u{1b}[2Jb\u{7}\tc\r\n\u{1b}[1mbold\u{1b}[0m"), "ab\u{fffd}    c\nbold");
        assert_eq!(printable("x\u{202e}y"), "x\u{fffd}y");
        // An unterminated sequence removes the rest of its line, but no other line.
        assert_eq!(printable("\u{1b}]0;hide\nseen"), "\nseen");
    }

    #[test]
    fn a_line_of_a_megabyte_is_truncated_quickly_and_says_so() {
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
