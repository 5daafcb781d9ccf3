use crate::model::shortened;

/// The maximum number of lines of evidence in an error.
const LINES: usize = 16;
/// The maximum length of each of them, in characters.
const LINE_CHARS: usize = 500;

/// The last lines of an output, without terminal escapes, control characters and noise: safe for a screen and a log, whatever its
/// source.
pub(crate) fn evidence(said: &str) -> String {
    let lines: Vec<String> = said
        .lines()
        .map(|line| shortened(line, LINE_CHARS).trim_end().to_owned())
        // ssh's frame around the warning about a changed key, and its note on every newly accepted one.
        .filter(|line| !line.trim_matches('@').trim().is_empty())
        .filter(|line| !line.starts_with("Warning: Permanently added"))
        .collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::steers;

    #[test]
    fn nothing_of_it_moves_the_cursor() {
        let said = "\u{202e}\u{1b}[31mred\u{1b}[0m\r\n\u{1b}]0;title\u{7}bell\u{7}\u{9b}2Jx\n\n@@@@\n\ttab\n";
        let shown = evidence(said);
        assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{shown:?}");
        assert!(shown.contains("red") && shown.contains("    tab"), "{shown:?}");
    }

    #[test]
    fn a_sequence_without_an_end_hides_no_other_line() {
        let said = "banner\u{1b}]0;\nREMOTE HOST IDENTIFICATION HAS CHANGED!\n";
        assert_eq!(evidence(said), "banner\nREMOTE HOST IDENTIFICATION HAS CHANGED!");
        assert!(evidence(&"x".repeat(1 << 20)).ends_with("(cut: 1048576 characters)"));
    }

    #[test]
    fn the_end_is_what_counts() {
        let said: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let shown = evidence(&said);
        assert_eq!(shown.lines().count(), LINES);
        assert!(shown.ends_with("line 99"));
    }
}
