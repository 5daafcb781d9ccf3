/// The most similar word: at most a third of its letters, but between one and three edits away, or equal except for case, hyphens
/// and underscores.
pub fn nearest<'w>(typed: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let folded = fold(typed);
    words
        .into_iter()
        .filter_map(|word| {
            let (wanted, most) = (fold(word), (word.chars().count() / 3).clamp(1, 3));
            // Each edit changes the length by at most one, and a list may have very many words.
            let edits = (folded.len().abs_diff(wanted.len()) <= most).then(|| distance(&folded, &wanted))?;
            (edits <= most).then_some((edits, word))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

fn fold(word: &str) -> Vec<char> {
    // Real words are shorter; the limit bounds the quadratic cost for garbage.
    word.chars().take(64).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_near_and_other_words_are_not() {
        assert_eq!(nearest("pluginz", ["plugins", "package"]), Some("plugins"));
        assert_eq!(nearest("loadbalancer", ["broker", "load-balancer"]), Some("load-balancer"));
        assert_eq!(nearest("nmae", ["name", "names"]), Some("name"));
        assert_eq!(nearest("Name", ["name", "names"]), Some("name"));
        assert_eq!(nearest("frobnicate", ["name", "names"]), None);
        assert_eq!(nearest("", ["name"]), None);
    }
}
