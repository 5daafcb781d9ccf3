//! YAML as nodes with their places. Aliases stay references: what they repeat is in memory once.

use std::collections::BTreeMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::fault::{Fault, Span};

/// Groups in groups in groups: no inventory is that deep.
const DEEPEST: usize = 40;
const MOST_NODES: usize = 200_000;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub span: Span,
    pub kind: Kind,
    /// How many nodes are in each other below it; aliases could make it higher than the text is deep.
    height: usize,
}

impl Node {
    pub fn new(span: Span, kind: Kind) -> Self {
        let below = match &kind {
            Kind::Null | Kind::Scalar(_) | Kind::Shut => None,
            Kind::List(items) => items.iter().map(|item| item.height).max(),
            Kind::Map(pairs) => pairs.iter().map(|(key, value)| key.height.max(value.height)).max(),
        };
        Self { span, kind, height: below.map_or(0, |below| below + 1) }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    Scalar(String),
    /// `!vault`, or another tag that says what only Ansible could make of it.
    Shut,
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// A list or a mapping that is being read.
struct Open {
    span: Span,
    anchor: usize,
    is_map: bool,
    items: Vec<Rc<Node>>,
}

/// The document. None: there is none.
///
/// # Errors
/// It is not YAML, or one of several documents, or too deep or too large.
pub(super) fn read(text: &str) -> Result<Option<Rc<Node>>, Fault> {
    let places = Places::new(text);
    let mut reader = Reader { open: Vec::new(), anchors: BTreeMap::new(), root: None, count: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, at) = next.map_err(|error| {
            let at = places.byte(error.marker());
            // The parser's words are about signs of YAML, and never quote the text.
            Fault::new(
                format!("not YAML: {}", error.info()),
                at..at + 1,
                "check the indentation and the quotes above it",
            )
        })?;
        let start = places.byte(&at.start);
        // A list and a mapping begin without a character of their own.
        reader.take(event, start..places.byte(&at.end).max(start + 1))?;
    }
    Ok(reader.root)
}

struct Reader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    count: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        self.count += 1;
        if self.count > MOST_NODES {
            let hint = "make a file of the cluster's own hosts";
            return Err(Fault::new(format!("more than {MOST_NODES} values"), span, hint));
        }
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Fault::new("a second document", span, "keep one document in the file"))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => {
                let hint = "write what it stands for";
                let known = self.anchors.get(&anchor).cloned();
                let node = known.ok_or_else(|| Fault::new("an alias of something around it", span, hint))?;
                self.put(node);
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let kind = scalar(&text, style, tag.as_deref());
                self.finish(Node::new(span, kind), anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(span, anchor, false),
            Event::MappingStart(anchor, _) => self.begin(span, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let (span, anchor) = (open.span.clone(), open.anchor);
                self.finish(Node::new(span, open.kind()), anchor)
            }
        }
    }

    fn begin(&mut self, span: Span, anchor: usize, is_map: bool) -> Result<(), Fault> {
        if self.open.len() == DEEPEST {
            return Err(too_deep(span));
        }
        self.open.push(Open { span, anchor, is_map, items: Vec::new() });
        Ok(())
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        if node.height > DEEPEST {
            return Err(too_deep(node.span));
        }
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node);
        Ok(())
    }

    fn put(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
    }
}

fn too_deep(span: Span) -> Fault {
    let hint = "an inventory has groups, in them `hosts`, and in them variables";
    Fault::new(format!("nested more than {DEEPEST} deep"), span, hint)
}

impl Open {
    fn kind(self) -> Kind {
        if !self.is_map {
            return Kind::List(self.items);
        }
        let mut items = self.items.into_iter();
        let mut pairs = Vec::new();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            pairs.push((key, value));
        }
        Kind::Map(pairs)
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Kind {
    // `!unsafe` only says that the text is no template.
    if tag.is_some_and(|tag| !tag.is_yaml_core_schema() && tag.suffix != "unsafe") {
        return Kind::Shut;
    }
    match style {
        ScalarStyle::Plain if ["", "~", "null", "Null", "NULL"].contains(&text) => Kind::Null,
        ScalarStyle::Plain
        | ScalarStyle::SingleQuoted
        | ScalarStyle::DoubleQuoted
        | ScalarStyle::Literal
        | ScalarStyle::Folded => Kind::Scalar(text.to_owned()),
    }
}

/// The byte of each character: the parser counts characters.
struct Places(Vec<usize>);

impl Places {
    fn new(text: &str) -> Self {
        Self(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn byte(&self, marker: &Marker) -> usize {
        self.0.get(marker.index()).or(self.0.last()).copied().unwrap_or_default()
    }
}
