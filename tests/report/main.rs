//! All texts for people, as snapshots: `cargo insta review` shows the effect of a change.

mod entrances;
mod exposure;
mod fixtures;
mod graph;
mod health;
mod history;
mod hostile;
mod journals;
mod pages;
mod plan;
mod progress;
mod queues;
mod run_pages;
mod screen;
mod status;
mod trouble;
