//! rabbitup brings up and manages RabbitMQ clusters on plain hosts over SSH, from one inventory.
//!
//! Data flow: an inventory becomes the [`inventory::Desired`] state, one probe of every host becomes
//! [`facts::Facts`], and a pure function turns both into a [`plan::Plan`], the only thing that [`apply`] can execute.

pub mod apply;
pub mod balancer;
pub mod cli;
pub mod cluster;
pub mod doctor;
pub mod document;
pub mod facts;
pub mod inventory;
pub mod model;
pub mod operation;
pub mod plan;
pub mod platform;
pub mod playbook;
pub mod rabbitmq;
pub mod redact;
pub mod report;
pub mod template;
pub mod transport;
