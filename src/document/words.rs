/// `` `a`, `b` and `c` ``, in the order given.
pub fn quoted<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    listed(words.into_iter().map(|word| format!("`{}`", word.as_ref())), "and")
}

/// `` `a`, `b` or `c` ``, in the order given.
pub fn alternatives<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    listed(words.into_iter().map(|word| format!("`{}`", word.as_ref())), "or")
}

/// `a, b and c`, with the given conjunction.
pub fn listed<S: AsRef<str>>(words: impl IntoIterator<Item = S>, conjunction: &str) -> String {
    let words: Vec<S> = words.into_iter().collect();
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 && at + 1 == words.len() {
            text.push_str(&format!(" {conjunction} "));
        } else if at > 0 {
            text.push_str(", ");
        }
        text.push_str(word.as_ref());
    }
    text
}
