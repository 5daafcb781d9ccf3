//! What `ansible-inventory --list` prints: groups with lists of names, and the variables of all hosts in `_meta`. It is read as YAML,
//! which JSON is a part of. Unlike the same in YAML, it keeps the order of the hosts.

use std::rc::Rc;

use super::fault::Fault;
use super::listing::{ALL, Listing};
use super::mapping::{Pairs, Visits, scalar};
use super::yaml::{Kind, Node};

/// What Ansible keeps the variables of hosts in, beside the groups.
const META: &str = "_meta";

/// Whether a document is that output.
pub(super) fn is_listed(root: &Pairs) -> bool {
    entry(root, META).is_some()
}

/// Reads that output.
///
/// # Errors
/// It has another form than Ansible gives it.
pub(super) fn read(root: &Pairs) -> Result<Listing, Fault> {
    let mut reader = Reader { root, listing: Listing::new(), visits: Visits::default(), read: vec![] };
    reader.group(ALL)?;
    // Those that are below no other one: Ansible lists every group below `all`.
    for (name, _) in root {
        let name = (scalar(name, "the name of a group")?, &name.span);
        if name.0 != META {
            let group = reader.listing.group(name.0, name.1)?;
            reader.group(group)?;
        }
    }
    reader.variables()?;
    Ok(reader.listing)
}

struct Reader<'r> {
    root: &'r Pairs,
    listing: Listing,
    visits: Visits,
    /// The groups that have been read, by their numbers.
    read: Vec<usize>,
}

impl Reader<'_> {
    /// A group with what is below it, in the order of its lists.
    fn group(&mut self, group: usize) -> Result<(), Fault> {
        let mut waiting = vec![group];
        while let Some(group) = waiting.pop() {
            if self.read.contains(&group) {
                continue;
            }
            self.read.push(group);
            let Some(name) = self.listing.groups.get(group).map(|group| group.name.clone()) else { continue };
            let Some(body) = entry(self.root, &name) else { continue };
            let mut children = Vec::new();
            for (key, value) in self.visits.pairs(&body, "a group")? {
                match scalar(&key, "a key of a group")? {
                    "hosts" => {
                        for host in names(&value, "`hosts`")? {
                            let at = self.listing.host(scalar(host, "a host")?, &host.span)?;
                            self.listing.put_host(at, group, &host.span)?;
                        }
                    }
                    "children" => {
                        for child in names(&value, "`children`")? {
                            let at = self.listing.group(scalar(child, "a group")?, &child.span)?;
                            self.listing.put_group(at, group, &child.span)?;
                            children.push(at);
                        }
                    }
                    // With --export.
                    "vars" => {
                        let found = self.visits.variables(&value)?;
                        if let Some(listed) = self.listing.groups.get_mut(group) {
                            listed.variables.overlay(&found);
                        }
                    }
                    _ => {}
                }
            }
            waiting.extend(children.into_iter().rev());
        }
        Ok(())
    }

    fn variables(&mut self) -> Result<(), Fault> {
        let Some(meta) = entry(self.root, META) else { return Ok(()) };
        for (key, value) in self.visits.pairs(&meta, "`_meta`")? {
            if scalar(&key, "a key of `_meta`")? != "hostvars" {
                continue;
            }
            for (name, body) in self.visits.pairs(&value, "`hostvars`")? {
                let host = self.listing.host(scalar(&name, "the name of a host")?, &name.span)?;
                let found = self.visits.variables(&body)?;
                if let Some(listed) = self.listing.hosts.get_mut(host) {
                    listed.variables.overlay(&found);
                }
            }
        }
        Ok(())
    }
}

fn entry(pairs: &Pairs, name: &str) -> Option<Rc<Node>> {
    let is_it = |(key, _): &&(Rc<Node>, Rc<Node>)| matches!(&key.kind, Kind::Scalar(word) if word == name);
    pairs.iter().find(is_it).map(|(_, value)| Rc::clone(value))
}

fn names<'n>(node: &'n Node, what: &str) -> Result<&'n [Rc<Node>], Fault> {
    match &node.kind {
        Kind::List(names) => Ok(names),
        Kind::Null => Ok(&[]),
        Kind::Scalar(_) | Kind::Shut | Kind::Map(_) => Err(Fault::new(
            format!("{what} must be a list of names, as `ansible-inventory --list` prints it"),
            node.span.clone(),
            "write the file again: ansible-inventory -i INVENTORY --list > hosts.json",
        )),
    }
}
