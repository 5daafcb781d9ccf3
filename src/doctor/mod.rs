//! Why hosts do not cluster. `examine.sh` collects what the probe does not, `parse` reads its output, and `diagnose` checks what
//! Erlang distribution needs between every two hosts and names the root cause. Load balancers that do not
//! run are asked for their last log lines (`unit_log.sh`). Everything except the scripts is pure; nothing here
//! changes a host.

mod bundle;
mod diagnosis;
mod examination;
mod follow;
mod parse;
mod request;
mod unit_log;
mod walk;

pub(crate) use bundle::{BundleContents, Collected, bundle, collect_command, parse_collected};
pub(crate) use diagnosis::{Awaits, Checked, Finding, Meanwhile, Pair};
pub use diagnosis::{Cause, Diagnosis, PairState};
pub use examination::{Answer, Examination, Examinations, Peer, Unit, Vm};
pub use parse::parse_examination;
pub(crate) use request::examine_requests;
pub use request::{ExamineRequest, PeerNode};
pub(crate) use unit_log::{UnitLog, balancer_logs};
pub use walk::diagnose;
