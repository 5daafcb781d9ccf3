//! All texts for people, as snapshots: `cargo insta review` shows the effect of a change.

mod fixtures;
mod health;
mod hostile;
mod plan;
mod progress;
mod queues;
mod screen;
mod status;
mod trouble;
