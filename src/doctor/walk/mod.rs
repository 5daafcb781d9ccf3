//! The walk: one file per group of causes, in the order of the walk.

mod address_family;
mod broker;
mod case;
mod cluster;
mod cookie;
mod host;
mod load_balancer;
mod pairs;
mod resolution;
mod settings;
mod virtual_address;

use case::{Case, Notes};

use super::{Diagnosis, Examinations, Meanwhile, follow};
use crate::facts::Facts;
use crate::inventory::Desired;

/// Checks what Erlang distribution needs between every two broker hosts, and lists the problems, root causes first.
pub fn diagnose(desired: &Desired, facts: &Facts, examinations: &Examinations) -> Diagnosis {
    let case = Case::new(desired, facts, examinations);
    let mut notes = Notes::default();
    host::walk(&case, &mut notes);
    cookie::walk(&case, &mut notes);
    settings::walk(&case, &mut notes);
    broker::walk(&case, &mut notes);
    resolution::walk(&case, &mut notes);
    pairs::walk(&case, &mut notes);
    cluster::walk(&case, &mut notes);
    load_balancer::walk(&case, &mut notes);
    virtual_address::walk(&case, &mut notes);
    let (mut findings, checked) = notes.into_parts();
    follow::classify(&case.names(), &mut findings);
    let pairs = pairs::matrix(&case, &findings);
    Diagnosis { findings, checked, pairs, meanwhile: Meanwhile::Quiet }
}
