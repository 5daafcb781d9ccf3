//! What an inventory of Ansible lists, whatever it is written in.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Fault, Span};
use super::variables::{Text, Value, Variable, Variables};

/// More than a cluster and everything around it has.
pub(super) const MOST_HOSTS: usize = 1000;
const MOST_GROUPS: usize = 1000;
/// How often hosts and groups are put into groups: a line may do it for a thousand hosts.
const MOST_LINKS: usize = 50_000;

/// The group of all hosts, whether the file has it or not.
pub(super) const ALL: usize = 0;

#[derive(Debug)]
pub(super) struct Listed {
    pub name: String,
    pub span: Span,
    pub variables: Variables,
    /// Of a host, the groups in which it stands itself; of a group, its parents.
    pub parents: Vec<usize>,
}

impl Listed {
    fn new(name: &str, span: Span) -> Self {
        Self { name: name.to_owned(), span, variables: Variables::default(), parents: Vec::new() }
    }

    /// A group's, which only the inventory itself can set.
    fn priority(&self) -> i64 {
        let number = |value: &Value| match &value.text {
            Text::Plain(text) => text.trim().parse().ok(),
            Text::Shut | Text::Structure => None,
        };
        self.variables.get(Variable::Priority).and_then(number).unwrap_or(1)
    }
}

#[derive(Debug)]
pub(super) struct Listing {
    /// In the file's order.
    pub hosts: Vec<Listed>,
    /// `all` first, the others in the file's order.
    pub groups: Vec<Listed>,
    host_by_name: BTreeMap<String, usize>,
    group_by_name: BTreeMap<String, usize>,
    links: usize,
    /// What was passed over, for a comment.
    pub skipped: Vec<String>,
}

impl Listing {
    pub fn new() -> Self {
        Self {
            hosts: Vec::new(),
            groups: vec![Listed::new("all", 0..0)],
            host_by_name: BTreeMap::new(),
            group_by_name: BTreeMap::from([("all".to_owned(), ALL)]),
            links: 0,
            skipped: Vec::new(),
        }
    }

    /// The host of this name.
    ///
    /// # Errors
    /// It would be one too many.
    pub fn host(&mut self, name: &str, span: &Span) -> Result<usize, Fault> {
        place(&mut self.hosts, &mut self.host_by_name, MOST_HOSTS, name, span)
            .ok_or_else(|| too_many(&format!("{MOST_HOSTS} hosts"), span))
    }

    /// The host of this name with the port behind it, which counts where the host is first named, as with Ansible.
    ///
    /// # Errors
    /// It would be one too many.
    pub fn host_at(&mut self, name: &str, port: Option<&str>, span: &Span) -> Result<usize, Fault> {
        let known = self.hosts.len();
        let host = self.host(name, span)?;
        if let (Some(port), Some(new)) = (port, self.hosts.get_mut(known)) {
            new.variables.set("ansible_port", Text::Plain(port.to_owned()), span.clone());
        }
        Ok(host)
    }

    /// The group of this name.
    ///
    /// # Errors
    /// It would be one too many.
    pub fn group(&mut self, name: &str, span: &Span) -> Result<usize, Fault> {
        place(&mut self.groups, &mut self.group_by_name, MOST_GROUPS, name, span)
            .ok_or_else(|| too_many(&format!("{MOST_GROUPS} groups"), span))
    }

    /// Puts a host into a group.
    ///
    /// # Errors
    /// It would be one too many.
    pub fn put_host(&mut self, host: usize, group: usize, span: &Span) -> Result<(), Fault> {
        Self::link(&mut self.links, self.hosts.get_mut(host), group, span)
    }

    /// Puts a group into another.
    ///
    /// # Errors
    /// It would be one too many, or `all` would be in a group.
    pub fn put_group(&mut self, child: usize, parent: usize, span: &Span) -> Result<(), Fault> {
        if child == ALL {
            let why = "the group `all` has every group in it, and cannot be in one";
            return Err(Fault::new(why, span.clone(), "remove it here"));
        }
        Self::link(&mut self.links, self.groups.get_mut(child), parent, span)
    }

    fn link(links: &mut usize, inner: Option<&mut Listed>, outer: usize, span: &Span) -> Result<(), Fault> {
        if *links == MOST_LINKS {
            return Err(too_many(&format!("{MOST_LINKS} memberships in groups"), span));
        }
        *links += 1;
        if let Some(inner) = inner.filter(|inner| !inner.parents.contains(&outer)) {
            inner.parents.push(outer);
        }
        Ok(())
    }

    /// How far each group is from `all`, at most.
    ///
    /// # Errors
    /// A group is in itself, by whatever way.
    pub fn depths(&self) -> Result<Vec<usize>, Fault> {
        let mut depths = vec![0; self.groups.len()];
        // A way without a circle has at most as many groups as there are.
        for _ in 0..=self.groups.len() {
            let mut grows = false;
            for (at, group) in self.groups.iter().enumerate().skip(1) {
                let above = group.parents.iter().filter_map(|parent| depths.get(*parent)).max();
                let depth = above.map_or(1, |above: &usize| above + 1);
                if let Some(known) = depths.get_mut(at).filter(|known| **known < depth) {
                    *known = depth;
                    grows = true;
                }
            }
            if !grows {
                return Ok(depths);
            }
        }
        let is_in_itself = |(at, group): &(usize, &Listed)| self.above(&group.parents).contains(at);
        let (_, group) =
            self.groups.iter().enumerate().find(is_in_itself).unwrap_or((ALL, &self.groups[ALL]));
        Err(Fault::new(
            format!("the group `{}` is in itself, through its children", group.name),
            group.span.clone(),
            "remove one of the groups from the other's children",
        ))
    }

    /// These groups and all that they are in.
    fn above(&self, groups: &[usize]) -> BTreeSet<usize> {
        let (mut found, mut left) = (BTreeSet::new(), groups.to_vec());
        while let Some(group) = left.pop() {
            if found.insert(group) {
                left.extend(self.groups.get(group).iter().flat_map(|group| &group.parents));
            }
        }
        found
    }

    /// All groups of a host, the farthest from `all` first.
    pub fn groups_of(&self, host: &Listed, depths: &[usize]) -> Vec<usize> {
        let mut found = self.above(&host.parents);
        found.insert(ALL);
        let mut found: Vec<usize> = found.into_iter().collect();
        // Among equals Ansible takes the one of the highest priority, and then the last one by name.
        found.sort_by_key(|at| {
            let group = self.groups.get(*at);
            (depths.get(*at), group.map(|group| (group.priority(), &group.name)))
        });
        found.reverse();
        found
    }
}

/// Where the list has this name, at its end if it is new; none if it would be one too many.
fn place(
    list: &mut Vec<Listed>,
    by_name: &mut BTreeMap<String, usize>,
    most: usize,
    name: &str,
    span: &Span,
) -> Option<usize> {
    if let Some(known) = by_name.get(name) {
        return Some(*known);
    }
    if list.len() == most {
        return None;
    }
    by_name.insert(name.to_owned(), list.len());
    list.push(Listed::new(name, span.clone()));
    Some(list.len() - 1)
}

fn too_many(what: &str, span: &Span) -> Fault {
    Fault::new(format!("more than {what}"), span.clone(), "make a file of the cluster's own hosts")
}
