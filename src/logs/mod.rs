//! What brokers, load balancers and systemd logged on the hosts, as one sequence. Pure: `cli/logs.rs` asks the hosts.

mod line;
mod reading;
mod stamp;
mod units;

pub(crate) use line::{LogLine, Sequence, Source};
pub(crate) use reading::{Answer, From, Reading};
pub(crate) use units::units;
