//! rabbitup brings up and manages RabbitMQ clusters on plain hosts over SSH, from one inventory.
//!
//! Data flow: an inventory becomes the [`inventory::Desired`] state, one probe of every host becomes
//! [`facts::Facts`], and a pure function turns both into a [`plan::Plan`], the only thing that [`apply`] can execute.
//!
//! This is a program, not a library for others. What a module exports (`pub` in its `mod.rs`) is what src/main.rs, tests and
//! benches use, by name or in a signature, and tests/plan/exports.rs holds it to that; everything else is `pub(crate)`, so that
//! rustc reports code that nothing uses. A test that needs more adds it there.

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the documentation is for contributors, and built with private items"
)]

pub mod adopt;
pub mod ansible;
pub mod apply;
pub mod balancer;
pub mod cli;
pub mod cluster;
pub mod doctor;
pub mod document;
mod exec;
pub mod facts;
pub mod firewall;
pub mod history;
pub mod inventory;
mod logs;
pub mod model;
pub mod operation;
pub mod plan;
pub mod platform;
pub mod playbook;
pub mod rabbitmq;
mod redact;
pub mod report;
pub mod template;
pub mod transport;
pub mod virtual_address;
