//! Text of a TOML document that rabbitup writes: what comes from elsewhere stays inside its quotes, or on its line of a comment.

use crate::model::one_line;

/// How long a line of a comment may become.
const WIDTH: usize = 118;

/// As a string of TOML.
pub fn toml_string(text: &str) -> String {
    toml::Value::String(one_line(text)).to_string()
}

/// Lines of a comment, broken between words; what is indented goes on further in.
pub fn comment(text: &str) -> String {
    let text = one_line(text);
    let words = text.trim_start_matches(' ');
    let indent = " ".repeat(text.len() - words.len());
    let deeper = if indent.is_empty() { "" } else { "  " };
    let (mut lines, mut line) = (Vec::new(), format!("#{indent}"));
    let mut is_empty = true;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, format!("#{indent}{deeper}")));
        }
        line.push(' ');
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines.into_iter().map(|line| line + "\n").collect()
}
