//! HTML and SVG that nothing can break out of: names of elements and attributes are words of this program, and everything else is
//! escaped on its way in.

use std::fmt::Display;

use crate::model::{one_line, printable};

/// Well-formed markup, with all of its text escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

/// An element with its attributes and contents.
#[derive(Clone, Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    inside: String,
}

impl Markup {
    /// Text of one line.
    pub(super) fn text(words: impl Display) -> Self {
        Self(escaped(&one_line(&words.to_string())))
    }

    /// Text that keeps its lines, for elements that show them.
    pub(super) fn lines(words: &str) -> Self {
        Self(escaped(&printable(words)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub(super) fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.push_str(&more.into().0);
        self
    }
}

impl<M: Into<Markup>> FromIterator<M> for Markup {
    fn from_iter<I: IntoIterator<Item = M>>(parts: I) -> Self {
        parts.into_iter().fold(Self::default(), Self::and)
    }
}

/// An element without anything in it.
pub(super) fn element(name: &'static str) -> Element {
    Element { name, attributes: String::new(), inside: String::new() }
}

impl Element {
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        let value = escaped(&one_line(&value.to_string()));
        self.attributes.push_str(&format!(" {name}=\"{value}\""));
        self
    }

    #[must_use]
    pub(super) fn class(self, value: &'static str) -> Self {
        self.with("class", value)
    }

    #[must_use]
    pub(super) fn text(self, words: impl Display) -> Self {
        self.holds(Markup::text(words))
    }

    #[must_use]
    pub(super) fn holds(mut self, more: impl Into<Markup>) -> Self {
        self.inside.push_str(&more.into().0);
        self
    }

    #[must_use]
    pub(super) fn each<M: Into<Markup>>(self, parts: impl IntoIterator<Item = M>) -> Self {
        parts.into_iter().fold(self, Self::holds)
    }
}

impl From<Element> for Markup {
    fn from(element: Element) -> Self {
        let Element { name, attributes, inside } = element;
        if name == "meta" {
            return Self(format!("<{name}{attributes}>"));
        }
        Self(format!("<{name}{attributes}>{inside}</{name}>"))
    }
}

/// Text that means itself as contents and as a quoted value.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What HTML forbids even as a reference: noncharacters.
            '\u{fdd0}'..='\u{fdef}' => safe.push('\u{fffd}'),
            c if u32::from(c) & 0xfffe == 0xfffe => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a browser reads of escaped text.
    fn read(markup: &str) -> String {
        ["&lt;<", "&gt;>", "&quot;\"", "&#39;'"]
            .iter()
            .fold(markup.to_owned(), |text, pair| {
                text.replace(&pair[..pair.len() - 1], &pair[pair.len() - 1..])
            })
            .replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn no_text_breaks_out(text in "(?s)[<>&\"'=/a-z;# \n\u{0}\u{1b}\u{fffe}\u{202e}-]{0,40}|.{0,40}") {
            let page: Markup = element("p").with("title", &text).text(&text).into();
            let inner = page.as_str().strip_prefix("<p title=\"").and_then(|rest| rest.strip_suffix("</p>"));
            let (value, inside) = inner.and_then(|inner| inner.split_once("\">")).expect("the element");
            for part in [value, inside, Markup::lines(&text).as_str()] {
                prop_assert!(!part.contains(['<', '>', '"', '\'', '\0', '\u{1b}']), "{}", part);
            }
            let shown = one_line(&text).replace('\u{fffe}', "\u{fffd}");
            prop_assume!(!text.chars().any(|c| matches!(c, '\u{fdd0}'..='\u{fdef}')) );
            let shown: String = shown.chars().map(|c| if u32::from(c) & 0xfffe == 0xfffe { '\u{fffd}' } else { c }).collect();
            prop_assert_eq!(read(inside), shown.clone());
            prop_assert_eq!(read(value), shown);
        }
    }
}
