//! Ansible's YAML: groups with `hosts`, `children` and `vars`, as people write it and as `ansible-inventory --list --yaml` does.

use std::rc::Rc;

use super::fault::Fault;
use super::json;
use super::listing::Listing;
use super::mapping::{Visits, scalar, shown};
use super::pattern::{expanded, with_port};
use super::variables::Variables;
use super::yaml::{Kind, Node, read as nodes};

/// Reads an inventory.
///
/// # Errors
/// It is no YAML, none of an inventory, or a plugin's configuration.
pub(super) fn read(text: &str, way_out: &str) -> Result<Listing, Fault> {
    let mut walk = Walk { listing: Listing::new(), visits: Visits::default() };
    let Some(root) = nodes(text)? else { return Ok(walk.listing) };
    let shape = "write all:, below it hosts: or children:, and below that the names, each with a colon";
    let groups = match &root.kind {
        Kind::Map(groups) => groups,
        Kind::Null => return Ok(walk.listing),
        Kind::List(_) | Kind::Scalar(_) | Kind::Shut => {
            return Err(Fault::new("no inventory: groups are keys of a mapping", root.span.clone(), shape));
        }
    };
    if json::is_listed(groups) {
        return json::read(groups);
    }
    for (name, group) in groups {
        match (&name.kind, &group.kind) {
            (Kind::Scalar(key), Kind::Scalar(_)) if key == "plugin" => {
                let why = "the configuration of a plugin, which asks others for the hosts";
                return Err(Fault::new(why, name.span.clone(), way_out));
            }
            _ => walk.group(name, group, None)?,
        }
    }
    Ok(walk.listing)
}

/// The variables of a file beside an inventory; None if it is not a plain mapping.
pub(super) fn variables(text: &str) -> Option<Variables> {
    match nodes(text) {
        Ok(None) => Some(Variables::default()),
        Ok(Some(root)) => match root.kind {
            Kind::Null => Some(Variables::default()),
            Kind::Map(_) => Visits::default().variables(&root).ok(),
            Kind::Scalar(_) | Kind::Shut | Kind::List(_) => None,
        },
        Err(_) => None,
    }
}

struct Walk {
    listing: Listing,
    visits: Visits,
}

impl Walk {
    fn group(&mut self, name: &Node, body: &Node, parent: Option<usize>) -> Result<(), Fault> {
        self.visits.visit(name)?;
        let word = scalar(name, "the name of a group")?;
        let group = self.listing.group(word, &name.span)?;
        if let Some(parent) = parent {
            self.listing.put_group(group, parent, &name.span)?;
        }
        for (key, value) in self.visits.pairs(body, &format!("the group `{}`", shown(word)))? {
            match scalar(&key, "a key of a group")? {
                "hosts" => self.hosts(&value, group)?,
                "children" => {
                    for (child, body) in self.visits.pairs(&value, "`children`")? {
                        self.group(&child, &body, Some(group))?;
                    }
                }
                "vars" => {
                    let found = self.visits.variables(&value)?;
                    if let Some(listed) = self.listing.groups.get_mut(group) {
                        listed.variables.overlay(&found);
                    }
                }
                other if self.listing.skipped.len() < 20 => {
                    self.listing.skipped.push(format!("`{}` in the group `{}`", shown(other), shown(word)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn hosts(&mut self, body: &Rc<Node>, group: usize) -> Result<(), Fault> {
        // Ansible takes a single name, too.
        let one = match &body.kind {
            Kind::Scalar(_) => Some(vec![(Rc::clone(body), Rc::new(Node::new(0..0, Kind::Null)))]),
            Kind::Null | Kind::Shut | Kind::List(_) | Kind::Map(_) => None,
        };
        let hosts = match one {
            Some(one) => one,
            None => self.visits.pairs(body, "`hosts`")?,
        };
        for (key, body) in hosts {
            let (pattern, port) = with_port(scalar(&key, "the name of a host")?);
            let names = match pattern.parse::<std::net::IpAddr>() {
                Ok(_) => vec![pattern.to_owned()],
                Err(_) => expanded(pattern).map_err(|(why, hint)| Fault::new(why, key.span.clone(), hint))?,
            };
            let variables = self.visits.variables(&body)?;
            for name in names {
                let host = self.listing.host_at(&name, port, &key.span)?;
                self.listing.put_host(host, group, &key.span)?;
                if let Some(listed) = self.listing.hosts.get_mut(host) {
                    listed.variables.overlay(&variables);
                }
            }
        }
        Ok(())
    }
}
