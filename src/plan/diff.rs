use similar::TextDiff;

/// How a text changes, as a unified diff with two lines around each change; None where it does not.
pub fn unified(before: &str, after: &str) -> Option<String> {
    if before == after {
        return None;
    }
    let diff = TextDiff::from_lines(before, after);
    let text = diff.unified_diff().context_radius(2).to_string();
    Some(text)
}
