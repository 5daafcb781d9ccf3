use similar::TextDiff;

/// The change of a text as a unified diff with two lines of context; None if it does not change.
pub fn unified(before: &str, after: &str) -> Option<String> {
    if before == after {
        return None;
    }
    let diff = TextDiff::from_lines(before, after);
    let text = diff.unified_diff().context_radius(2).to_string();
    Some(text)
}
