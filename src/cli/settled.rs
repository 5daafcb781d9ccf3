use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::arguments::Common;
use super::exit::{Exit, Failure};
use super::print;
use crate::apply::gather;
use crate::facts::Facts;
use crate::plan::PlannedHost;
use crate::transport::SshTransport;

/// How long the last step of a run that was cut off is waited for: the longest usual one installs packages.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Looks at the hosts once no step of a run that was killed or abandoned goes on: what is planned or done while a node is
/// drained and stopped behind one's back is wrong before it begins.
pub async fn settled(
    transport: &Arc<SshTransport>,
    hosts: &[PlannedHost],
    common: &Common,
) -> Result<Facts, Failure> {
    let start = Instant::now();
    let mut told = false;
    loop {
        let facts = gather(transport, hosts).await;
        let Some((host, pid)) = facts.orphan() else { return Ok(facts) };
        if start.elapsed() >= PATIENCE {
            let what = format!("{host} still works on a step of a run that was cut off (process {pid})");
            let next =
                format!("wait for its end, or look at it: ps -fp {pid} on {host}; nothing was changed");
            return Err(Failure::new(Exit::Locked, what).next(next));
        }
        if !told && !common.json {
            told = true;
            print::stdout(&format!("Waiting: {host} ends a step of a run that was cut off\n"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
