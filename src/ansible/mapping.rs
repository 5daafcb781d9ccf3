//! Reading the mappings of a document: keys and values, with what `<<` merges, and variables. What is read is counted, since aliases
//! may repeat it.

use std::rc::Rc;

use super::fault::Fault;
use super::variables::{Text, Variables};
use super::yaml::{Kind, Node};
use crate::model::shortened;

/// A mapping's keys and values, in its order.
pub(super) type Pairs = Vec<(Rc<Node>, Rc<Node>)>;

/// How many groups, hosts and variables are visited: aliases may repeat each.
const MOST_VISITS: usize = 200_000;

/// How long a name may be in a message.
const SHOWN: usize = 60;

/// How much has been read so far.
#[derive(Default)]
pub(super) struct Visits(usize);

impl Visits {
    /// Counts one more.
    ///
    /// # Errors
    /// It is one too many.
    pub fn visit(&mut self, node: &Node) -> Result<(), Fault> {
        self.0 += 1;
        match self.0 > MOST_VISITS {
            true => Err(Fault::new(
                format!("with what its aliases repeat it has more than {MOST_VISITS} values"),
                node.span.clone(),
                "make a file of the cluster's own hosts, without aliases",
            )),
            false => Ok(()),
        }
    }

    /// The variables in a mapping.
    ///
    /// # Errors
    /// It is no mapping.
    pub fn variables(&mut self, body: &Node) -> Result<Variables, Fault> {
        let mut variables = Variables::default();
        for (key, value) in self.pairs(body, "what has variables")? {
            let text = match &value.kind {
                Kind::Null => continue,
                Kind::Scalar(text) => Text::Plain(text.clone()),
                Kind::Shut => Text::Shut,
                Kind::List(_) => Text::Structure,
                Kind::Map(pairs) => wrapped(pairs),
            };
            // A key that is no word is nobody's variable.
            if let Kind::Scalar(name) = &key.kind {
                variables.set(name, text, value.span.clone());
            }
        }
        Ok(variables)
    }

    /// The pairs of a mapping, with those that `<<` merges into it; those of its own come last, and so count.
    ///
    /// # Errors
    /// It is no mapping, or too much is in it.
    pub fn pairs(&mut self, node: &Node, what: &str) -> Result<Pairs, Fault> {
        self.visit(node)?;
        let own = match &node.kind {
            Kind::Map(pairs) => pairs,
            Kind::Null => return Ok(Vec::new()),
            Kind::List(_) => {
                let hint = "write each name as a key, with a colon after it and no hyphen before it";
                return Err(Fault::new(
                    format!("{what} is a list, and must be a mapping"),
                    node.span.clone(),
                    hint,
                ));
            }
            Kind::Scalar(_) | Kind::Shut => {
                let hint = "write names or keys below it, each with a colon after it";
                return Err(Fault::new(format!("{what} must be a mapping"), node.span.clone(), hint));
            }
        };
        let (mut merged, mut rest) = (Vec::new(), Vec::new());
        for (key, value) in own {
            self.visit(key)?;
            match (&key.kind, &value.kind) {
                (Kind::Scalar(word), Kind::List(several)) if word == "<<" => {
                    // The first one counts most.
                    for one in several.iter().rev() {
                        merged.extend(self.pairs(one, what)?);
                    }
                }
                (Kind::Scalar(word), _) if word == "<<" => merged.extend(self.pairs(value, what)?),
                _ => rest.push((Rc::clone(key), Rc::clone(value))),
            }
        }
        merged.extend(rest);
        Ok(merged)
    }
}

/// A word.
///
/// # Errors
/// It is something else.
pub(super) fn scalar<'n>(node: &'n Node, what: &str) -> Result<&'n str, Fault> {
    match &node.kind {
        Kind::Scalar(text) if !text.is_empty() => Ok(text),
        Kind::Scalar(_) | Kind::Null | Kind::Shut | Kind::List(_) | Kind::Map(_) => Err(Fault::new(
            format!("{what} must be a word"),
            node.span.clone(),
            "write a name, and a colon after it",
        )),
    }
}

pub(super) fn shown(name: &str) -> String {
    shortened(name, SHOWN)
}

/// A value that JSON cannot have: Ansible writes it as a mapping of one key, in the place of YAML's tags.
fn wrapped(pairs: &[(Rc<Node>, Rc<Node>)]) -> Text {
    let [(key, value)] = pairs else { return Text::Structure };
    match (&key.kind, &value.kind) {
        (Kind::Scalar(key), _) if key == "__ansible_vault" => Text::Shut,
        (Kind::Scalar(key), Kind::Scalar(text)) if key == "__ansible_unsafe" => Text::Plain(text.clone()),
        _ => Text::Structure,
    }
}
