//! Asks the brokers' hosts why they do not cluster: one exec each, all at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::doctor::{
    Diagnosis, Examination, Examinations, ExamineRequest, diagnose, examine_requests, parse_examination,
};
use crate::facts::Facts;
use crate::inventory::Desired;
use crate::model::HostName;
use crate::transport::{Exec, Script, Transport};

/// How long one examination may take. It bounds its own parts to a few seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Examines every broker's host that was reached, and says what is wrong.
pub async fn examined<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Diagnosis {
    diagnose(desired, facts, &examine(transport, desired, facts).await)
}

/// A host that does not answer any more is not in the result; its facts tell what there is to tell.
async fn examine<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Examinations {
    let mut looking = JoinSet::new();
    for (name, request) in examine_requests(desired) {
        if facts.host(&name).is_some() {
            let transport = transport.clone();
            looking.spawn(async move { (look(transport.as_ref(), &name, &request).await, name) });
        }
    }
    let mut all = Examinations::default();
    while let Some(looked) = looking.join_next().await {
        // Only a task that was aborted or panicked ends otherwise, and none is or does.
        if let Ok((Some(seen), name)) = looked {
            all.hosts.insert(name, seen);
        }
    }
    all
}

async fn look<T: Transport>(transport: &T, host: &HostName, request: &ExamineRequest) -> Option<Examination> {
    let nonce = format!("{:032x}", rand::random::<u128>());
    let exec = Exec { script: Script::Argument(request.command(&nonce)), timeout: TIMEOUT };
    let output = transport.exec(host, exec, None).await.ok()?;
    parse_examination(request, &nonce, &output.stdout).ok()
}
