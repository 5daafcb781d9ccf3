use super::fence::Frame;
use crate::model::{Secret, SecretName, Secrets};
use crate::operation::{self, with_all_below};
use crate::plan::Step;

/// The start of every script: it runs the steps and reports them.
const PRELUDE: &str =
    concat!(include_str!("../facts/at_work.sh"), include_str!("trail.sh"), include_str!("prelude.sh"));

/// One script for adjacent steps of one host, to be fed to a root shell over standard input.
///
/// It prints `NONCE begin STEP`, the step's output, `NONCE end STEP CODE` for each step, `NONCE cause STEP TEXT` and
/// `NONCE advice STEP TEXT` if a step knows why it failed, and ends at the first failure.
///
/// All of it is one compound command, which a shell reads to the end before it starts: if it is cut anywhere, it does
/// nothing. (Line by line, `revive_node() {` cut after `revive` would call a function of that name.)
///
/// # Errors
/// The name of a secret that a step needs and that is not in `secrets`.
pub fn render(frame: &Frame<'_>, steps: &[&Step], secrets: &Secrets) -> Result<Secret, SecretName> {
    let mut text = format!("{{\n{}", frame.assignments()).into_bytes();
    put_code(&mut text, PRELUDE);
    let shells: Vec<_> = steps.iter().flat_map(|step| step.operation.nature().shell).collect();
    let shells = with_all_below(shells);
    for shell in &shells {
        text.extend_from_slice(shell.assignments().as_bytes());
        put_code(&mut text, shell.text);
    }
    text.extend_from_slice(b"\nmain() {\n");
    for step in steps {
        text.extend_from_slice(&operation::line(step.id.as_str(), &step.operation, secrets)?);
    }
    text.extend_from_slice(b"}\nannounce\n");
    for shell in shells {
        text.extend_from_slice(shell.first.as_bytes());
    }
    text.extend_from_slice(b"main | forward\nrm -f \"$stop_file\" \"$work_file\"\n}\n");
    Ok(Secret::new(text))
}

/// Without the comments, since connections may be slow.
fn put_code(text: &mut Vec<u8>, fragment: &str) {
    for line in fragment.lines().filter(|line| !line.trim_start().starts_with("# ")) {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
}
