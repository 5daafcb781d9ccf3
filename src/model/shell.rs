/// Quotes a value for a POSIX shell: the one way in which any value reaches one.
///
/// A single-quoted string is literal up to the next single quote (POSIX.1-2017, XCU 2.2.2), so only that
/// character needs care. NUL cannot stand in a shell word; it is left out.
pub fn quote(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for c in value.chars() {
        match c {
            '\'' => quoted.push_str("'\\''"),
            '\0' => {}
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
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
