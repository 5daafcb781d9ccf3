/// Quotes a value for a POSIX shell: the one way in which any value reaches one.
///
/// A single-quoted string is literal up to the next single quote (POSIX.1-2017, XCU 2.2.2), so only that
/// character needs care. NUL cannot stand in a shell word; it is left out.
pub fn quote(value: &str) -> String {
    // Whole characters go in and nothing but ASCII is added, so nothing is lost here.
    String::from_utf8_lossy(&quote_bytes(value.as_bytes())).into_owned()
}

/// [`quote`] for bytes that need not be UTF-8, as secrets are.
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

/// A value as a person types it in a shell: quoted only where it has to be.
pub fn shell_word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@%+".contains(c);
    if !value.is_empty() && value.chars().all(plain) { value.to_owned() } else { quote(value) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn a_real_shell_reads_back_the_value(value in "(?s)[^\0]{0,60}") {
            let script = format!("printf %s {}", quote(&value));
            let output = Command::new("sh").arg("-c").arg(script).output().expect("sh runs");
            prop_assert_eq!(output.stdout, value.into_bytes());
        }
    }
}
