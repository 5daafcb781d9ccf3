/// Quotes a value for a POSIX shell. Every value that reaches a shell goes through this.
///
/// A single-quoted string is literal up to the next single quote (POSIX.1-2017, XCU 2.2.2), so only that
/// character needs care. NUL cannot be part of a shell word; it is removed.
pub fn quote(value: &str) -> String {
    // The input is valid UTF-8 and only ASCII is added, so nothing is lost here.
    String::from_utf8_lossy(&quote_bytes(value.as_bytes())).into_owned()
}

/// [`quote`] for bytes that need not be UTF-8, such as secrets.
pub fn quote_bytes(value: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(value.len() + 2);
    quoted.push(b'\'');
    for byte in value {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            0 => {}
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// A value as typed in a shell: quoted only if necessary.
pub fn shell_word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@%+,".contains(c);
    if !value.is_empty() && value.chars().all(plain) { value.to_owned() } else { quote(value) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::shells::{run_in, shells};
    use super::*;

    /// Prints each value followed by a NUL.
    fn script(values: &[Vec<u8>]) -> Vec<u8> {
        let mut script = b"for value in".to_vec();
        for value in values {
            script.push(b' ');
            script.extend_from_slice(&quote_bytes(value));
        }
        script.extend_from_slice(b"; do printf '%s\\0' \"$value\"; done\n");
        script
    }

    fn assert_read_back(values: &[Vec<u8>]) {
        let wanted: Vec<u8> = values.iter().flat_map(|value| value.iter().copied().chain([0])).collect();
        for words in shells() {
            let output = run_in(words, &script(values));
            assert!(output.stdout == wanted, "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_shell_reads_back_every_text(values in prop::collection::vec("(?s)[^\0]{0,30}", 1..20)) {
            let bytes: Vec<Vec<u8>> = values.iter().map(|value| value.clone().into_bytes()).collect();
            let quoted: Vec<Vec<u8>> = values.iter().map(|value| quote(value).into_bytes()).collect();
            prop_assert_eq!(quoted, bytes.iter().map(|value| quote_bytes(value)).collect::<Vec<_>>());
            assert_read_back(&bytes);
        }

        #[test]
        fn every_shell_reads_back_all_bytes(values in prop::collection::vec(prop::collection::vec(1..=255_u8, 0..30), 1..20)) {
            assert_read_back(&values);
        }
    }

    #[test]
    fn special_characters_are_read_back() {
        let values = [
            "",
            "'",
            "''",
            "'\\''",
            "\\",
            "\\'",
            "$(id)",
            "`id`",
            "${IFS}",
            "\"$HOME\"",
            "-n",
            "-e",
            "--",
            "~",
            "*",
            "!!",
            "a\nb\n",
            "\r\n",
            "\u{1b}[2J",
            "\u{202e}",
            "🐰",
            "#",
            "&",
            ";",
            "|",
            "<(id)",
            "{a,b}",
            "%s%n",
            "=ls",
            "\t ",
            "EOF",
        ];
        let mut values: Vec<Vec<u8>> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        values.push("x'".repeat(1 << 13).into_bytes());
        assert_read_back(&values);
    }
}
