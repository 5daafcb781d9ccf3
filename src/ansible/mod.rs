//! The inventory for the hosts of an Ansible inventory.
//!
//! Hosts, groups and the variables for ssh are read from INI, YAML or JSON into a [`listing::Listing`], and from there into the starter that
//! `init` writes. Nothing of Ansible's is run, no template is evaluated, and no vault is opened. What is read is bounded: a megabyte, a
//! thousand hosts, a thousand groups, forty levels.

mod arguments;
mod beside;
mod choice;
mod encoding;
mod fault;
mod file;
mod ini;
mod json;
mod listing;
mod mapping;
mod pattern;
mod place;
#[cfg(test)]
mod properties_test;
mod reading;
mod roles;
mod settle;
mod ssh;
mod taken;
mod tree;
mod variables;
mod words;
mod yaml;

use std::net::IpAddr;
use std::path::Path;

use fault::Fault;
use file::Form;
use reading::Files;

use crate::document::{Problem, Source};
use crate::inventory::Admin;

/// A starter inventory for the hosts in the file. `resolve` finds the address of a name; it is asked only for hosts without one.
///
/// # Errors
/// All that is wrong with the file, each with its place.
pub fn starter_from(
    path: &Path,
    admin: Option<&Admin>,
    resolve: &dyn Fn(&str) -> Option<IpAddr>,
) -> Result<String, Vec<Problem>> {
    let text = file::read(path).map_err(|problem| vec![problem])?;
    starter_of(path, &text, admin, &|folder, name| beside::read(path, folder, name), resolve)
}

fn starter_of(
    path: &Path,
    text: &str,
    admin: Option<&Admin>,
    files: Files<'_>,
    resolve: &dyn Fn(&str) -> Option<IpAddr>,
) -> Result<String, Vec<Problem>> {
    let listing = match file::form(path, text) {
        Form::Ini => ini::read(text),
        Form::Yaml => tree::read(text, &file::way_out(path)),
    };
    let settled =
        listing.map_err(|fault| vec![fault]).and_then(|listing| settle::settled(&listing, files, resolve));
    match settled {
        Ok(starter) => Ok(starter.text(admin)),
        Err(faults) => {
            let source = Source::new(path, file::veiled(text));
            Err(faults.into_iter().map(|fault| problem(fault, path, &source)).collect())
        }
    }
}

fn problem(fault: Fault, path: &Path, source: &std::sync::Arc<Source>) -> Problem {
    let Fault { message, span, hint } = fault;
    let problem = Problem::error(message).hint(hint);
    match span.is_empty() {
        true => problem.of_file(path),
        false => problem.at(source, source.first_line(span), "here"),
    }
}
