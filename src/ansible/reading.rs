//! The variables of a host, from itself, its groups, and their files.

use std::collections::BTreeSet;

use super::beside::{Beside, Folder};
use super::listing::{Listed, Listing};
use super::variables::Variables;

/// Reads the variables of a group or a host from its file.
pub(super) type Files<'f> = &'f dyn Fn(Folder, &str) -> Beside;

/// The variables of hosts, as far as Ansible would find them beside its inventory.
pub(super) struct Reading<'r> {
    listing: &'r Listing,
    depths: Vec<usize>,
    files: Files<'r>,
    /// Those of each group's file.
    groups: Vec<Variables>,
    /// What could not be read, each in a sentence.
    pub unread: BTreeSet<String>,
}

impl<'r> Reading<'r> {
    pub fn new(listing: &'r Listing, depths: Vec<usize>, files: Files<'r>) -> Self {
        let mut unread = BTreeSet::new();
        let each = |group: &Listed| found(files(Folder::Groups, &group.name), &mut unread);
        let groups = listing.groups.iter().map(each).collect();
        Self { listing, depths, files, groups, unread }
    }

    /// What Ansible would use: what is nearer to the host counts more, and a file more than the inventory.
    pub fn variables(&mut self, host: &Listed) -> Variables {
        let mut groups = self.listing.groups_of(host, &self.depths);
        groups.reverse();
        let mut variables = Variables::default();
        for group in &groups {
            self.listing.groups.get(*group).iter().for_each(|group| variables.overlay(&group.variables));
        }
        for group in &groups {
            self.groups.get(*group).iter().for_each(|found| variables.overlay(found));
        }
        variables.overlay(&host.variables);
        variables.overlay(&found((self.files)(Folder::Hosts, &host.name), &mut self.unread));
        variables
    }
}

fn found(beside: Beside, unread: &mut BTreeSet<String>) -> Variables {
    unread.extend(beside.unread);
    beside.variables
}
