//! Everything that people read, as they read it: `cargo insta review` shows what a change does to it.

mod fixtures;
mod health;
mod hostile;
mod plan;
mod progress;
mod queues;
mod screen;
mod status;
mod trouble;
