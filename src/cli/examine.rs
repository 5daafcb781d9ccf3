//! Asks the brokers' hosts why they do not cluster: one exec each, all at once.

use std::sync::Arc;
use std::time::Duration;

use crate::apply::at_once;
use crate::doctor::{
    Diagnosis, Examination, Examinations, ExamineRequest, diagnose, examine_requests, parse_examination,
};
use crate::facts::Facts;
use crate::inventory::Desired;
use crate::model::HostName;
use crate::transport::{Exec, Script, Transport, nonce};

/// How long one examination may take. It bounds its own parts to a few seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Examines every broker's host that was reached, and says what is wrong.
pub async fn examined<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Diagnosis {
    diagnose(desired, facts, &examine(transport, desired, facts).await)
}

/// A host that does not answer any more is not in the result; its facts tell what there is to tell.
async fn examine<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Examinations {
    let requests = examine_requests(desired).into_iter().filter(|(name, _)| facts.host(name).is_some());
    let look =
        |transport: Arc<T>, name, request| async move { look(transport.as_ref(), &name, &request).await };
    let looked = at_once(transport, requests, look).await;
    Examinations { hosts: looked.into_iter().filter_map(|(name, seen)| Some((name, seen?))).collect() }
}

async fn look<T: Transport>(transport: &T, host: &HostName, request: &ExamineRequest) -> Option<Examination> {
    let nonce = nonce();
    let exec = Exec { script: Script::Argument(request.command(&nonce)), timeout: TIMEOUT };
    let output = transport.exec(host, exec, None).await.ok()?;
    parse_examination(request, &nonce, &output.stdout).ok()
}
