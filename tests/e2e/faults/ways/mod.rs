//! Injections that take more than a line.

pub mod clock;
pub mod controller;
pub mod hold;
pub mod hostile;
pub mod mirror;
pub mod names;
pub mod storage;
