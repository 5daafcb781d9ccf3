//! The inventory of a cluster that is there, from what its hosts tell. Pure: `cli/adopt.rs` asks the hosts.
//!
//! What is planned is what is written: [`Adoption::text`] makes the file's text, and everything else (how hosts are reached, what is
//! probed, what a plan would change) comes from that text, loaded like any inventory.

mod addresses;
mod adoption;
mod balancer;
mod login;
mod member;
mod outlook;
mod settle;
mod survey;
mod text;

pub(crate) use addresses::{address_of, own_address, routes};
pub(crate) use adoption::Manage;
pub use adoption::{Access, Adoption, BalancerHost, Broker};
pub use login::{Login, NamedLogin};
pub use member::{Members, members};
pub(crate) use member::{first_questions, whole};
pub use outlook::Outlook;
pub use settle::{Settled, settle};
pub use survey::survey;
