//! Why hosts do not cluster. `examine.sh` asks what the probe does not, `parse` reads what it printed, and `diagnose`
//! walks what Erlang distribution needs, from host to host, and names the first thing that is wrong. All but the
//! script is pure; nothing here changes a host.

mod bundle;
mod diagnosis;
mod examination;
mod follow;
mod parse;
mod request;
mod walk;

pub use bundle::{Collected, Papers, bundle, collect_command, parse_collected};
pub use diagnosis::{Cause, Checked, Diagnosis, Finding, Meanwhile, Pair, PairState, Remedy};
pub use examination::{Answer, Examination, Examinations, Peer, Unit, Vm};
pub use parse::parse_examination;
pub use request::{ExamineRequest, examine_requests};
pub use walk::diagnose;
