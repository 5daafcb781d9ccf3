//! Secrets after a word without a separator: arguments of commands, directives, headers.

use std::ops::Range;

use super::keys::names_a_secret;
use super::value::{Bare, closing, value};

/// A word of the line and its position, without surrounding quotes.
#[derive(Clone, Copy)]
struct Word<'a> {
    start: usize,
    text: &'a str,
}

pub(super) fn places(line: &str) -> Vec<Range<usize>> {
    let words = words(line);
    let mut places = Vec::new();
    let account = words.iter().position(|word| ["user", "login", "machine"].contains(&word.text));
    let mut end = 0;
    for at in 0..words.len() {
        // Skip what is covered already: otherwise every word would search for the end of an unclosed quote.
        if words.get(at).is_some_and(|word| word.start >= end)
            && let Some(place) = follower(line, &words, at, account.is_some_and(|account| account < at))
        {
            end = place.end;
            places.push(place);
        }
    }
    places
}

/// The secret that follows the word number `at`, if one does.
fn follower(line: &str, words: &[Word<'_>], at: usize, of_account: bool) -> Option<Range<usize>> {
    let next = words.get(at + 1);
    match kind(words, at, of_account) {
        Follows::Nothing => None,
        Follows::Word => Some(value(line, quoted_start(line, next?), Bare::Word).inside),
        Follows::WordAfterName => {
            Some(value(line, quoted_start(line, words.get(at + 2)?), Bare::Word).inside)
        }
        Follows::Login(reach) => password_of(line, next?, reach),
        Follows::Rest => Some(rest(line, words.get(at)?)),
        Follows::Odd => {
            next.filter(|next| is_odd(next.text)).map(|next| next.start..next.start + next.text.len())
        }
        Follows::Code => {
            next.filter(|next| is_code(next.text)).map(|next| next.start..next.start + next.text.len())
        }
    }
}

/// The kind of text that follows a word.
enum Follows {
    Nothing,
    Word,
    /// `add_user NAME PASSWORD`
    WordAfterName,
    /// `NAME:PASSWORD`
    Login(Bare),
    /// All of the line: an `Authorization` header.
    Rest,
    /// The next word, if it is Base64: `Bearer …`.
    Code,
    /// A password, unless it is part of a sentence: `login with password x-1`.
    Odd,
}

/// `of_account`: an earlier word shows that this concerns an account.
fn kind(words: &[Word<'_>], at: usize, of_account: bool) -> Follows {
    let Some(word) = words.get(at) else { return Follows::Nothing };
    let before = at.checked_sub(1).and_then(|at| words.get(at)).map_or("", |word| word.text);
    match word.text {
        "password" | "insecure-password" if of_account => Follows::Word,
        "password" | "Password" | "passwd" | "passphrase" => Follows::Odd,
        "auth" if before == "stats" => Follows::Login(Bare::Line),
        "auth" | "-u" | "--user" => Follows::Login(Bare::Word),
        "-p" if before.ends_with("sshpass") => Follows::Word,
        "add_user" | "change_password" | "authenticate_user" => Follows::WordAfterName,
        "Bearer" | "bearer" | "Basic" => Follows::Code,
        header if header.trim_end_matches(':').to_ascii_lowercase().ends_with("authorization") => {
            Follows::Rest
        }
        option if option.starts_with('-') && !option.contains('=') && names_a_secret(option) => {
            match words.get(at + 1) {
                Some(next) if !next.text.starts_with('-') => Follows::Word,
                _ => Follows::Nothing,
            }
        }
        _ => Follows::Nothing,
    }
}

fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut from = 0;
    for part in line.split_inclusive(char::is_whitespace) {
        let bare = part.trim_end().trim_start_matches(['"', '\'', '`', '(', '[']);
        let start = from + part.trim_end().len() - bare.len();
        let text = bare.trim_end_matches(['"', '\'', '`']);
        if !text.is_empty() {
            words.push(Word { start, text });
        }
        from += part.len();
    }
    words
}

/// The start of the word, including its quote.
fn quoted_start(line: &str, word: &Word<'_>) -> usize {
    let quoted = line.get(..word.start).is_some_and(|before| before.ends_with(['"', '\'', '`']));
    word.start - usize::from(quoted)
}

/// The password of `NAME:PASSWORD`, up to the quote that was opened before the name.
fn password_of(line: &str, word: &Word<'_>, reach: Bare) -> Option<Range<usize>> {
    let colon = word.text.find(':')?;
    if word.text.get(colon + 1..).is_none_or(|rest| rest.starts_with("//")) {
        return None;
    }
    let start = word.start + colon + 1;
    let quote = line.get(..word.start)?.chars().last().filter(|c| matches!(c, '"' | '\'' | '`'));
    let end = match (quote.and_then(|quote| closing(line, start, quote.encode_utf8(&mut [0; 4]))), reach) {
        (Some(end), _) => end,
        (None, Bare::Line) => line.trim_end().len(),
        (None, Bare::Word) => word.start + word.text.len(),
    };
    Some(start..end.max(start))
}

/// The value of a header, up to the quote that was opened before its name.
fn rest(line: &str, word: &Word<'_>) -> Range<usize> {
    let end = word.start + word.text.len();
    let behind = line.get(end..).unwrap_or_default();
    let start = end + behind.len() - behind.trim_start_matches(['"', '\'', ':', ' ', '\t']).len();
    let quote =
        line.get(..word.start).and_then(|before| before.chars().last()).filter(|c| matches!(c, '"' | '\''));
    let closed = quote.and_then(|quote| closing(line, start, quote.encode_utf8(&mut [0; 4])));
    start..closed.unwrap_or(line.trim_end().len()).max(start)
}

/// Not a word of a sentence: it contains more than letters.
fn is_odd(text: &str) -> bool {
    let word = text.trim_end_matches(['.', ',', ';', ':', ')', '?', '!']);
    let plain = |text: &str| text.bytes().skip(1).all(|b| b.is_ascii_lowercase());
    !word.is_empty() && !plain(word) && word.bytes().any(|b| b.is_ascii_alphanumeric())
}

/// Base64 or similar, not a word of a sentence.
fn is_code(text: &str) -> bool {
    text.len() >= 8
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=._-~".contains(&b))
        && text.bytes().skip(1).any(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'=')
}
