//! Words of a line as a shell splits them, without anything that a shell would put into them (Python's shlex).

use super::fault::Span;

/// Whether `#` begins a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    /// Outside of quotes, also within a word: `a#b` is `a`.
    Begin,
    /// It is a character like others.
    None,
}

/// Splits a line. Each word has the bytes that it stands in.
///
/// # Errors
/// The bytes from a quote without its end.
pub(super) fn words(line: &str, comments: Comments) -> Result<Vec<(Span, String)>, (Span, &'static str)> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let mut characters = line.char_indices();
    let mut end = line.len();
    while let Some((at, c)) = characters.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                words.extend(word.take().map(|(start, text)| (start..at, text)));
                continue;
            }
            '#' if comments == Comments::Begin => {
                end = at;
                break;
            }
            _ => {}
        }
        let (_, text) = word.get_or_insert_with(|| (at, String::new()));
        match c {
            '\'' | '"' => {
                quoted(c, &mut characters, text).ok_or((at..line.len(), "a quote without its end"))?
            }
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => text.push(plain),
        }
    }
    words.extend(word.map(|(start, text)| (start..end, text)));
    Ok(words)
}

/// The rest of a quoted part; None if it does not end.
fn quoted(quote: char, characters: &mut std::str::CharIndices<'_>, text: &mut String) -> Option<()> {
    loop {
        match characters.next()?.1 {
            end if end == quote => return Some(()),
            '\\' if quote == '"' => match characters.next()?.1 {
                escaped @ ('"' | '\\') => text.push(escaped),
                other => text.extend(['\\', other]),
            },
            plain => text.push(plain),
        }
    }
}

/// A value without the quotes around the whole of it.
pub(super) fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_shlex() {
        let split = |line| {
            words(line, Comments::Begin)
                .map(|words| words.into_iter().map(|(_, word)| word).collect::<Vec<_>>())
        };
        assert_eq!(
            split("node1 a='b c' d=\"e f\"g # h"),
            Ok(vec!["node1".into(), "a=b c".into(), "d=e fg".into()])
        );
        assert_eq!(split("\\  '' a#b c"), Ok(vec![" ".into(), String::new(), "a".into()]));
        let plain = words("a #b", Comments::None).map(|words| words.len());
        assert_eq!(plain, Ok(2));
        assert_eq!(split("a \"b"), Err((2..4, "a quote without its end")));
        assert_eq!(words("  ab c", Comments::None).map(|words| words[1].0.clone()), Ok(5..6));
    }
}
