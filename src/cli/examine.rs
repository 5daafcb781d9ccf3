//! Examines the brokers' hosts to find out why they do not cluster: one exec each, in parallel.

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

/// How long one examination may take. Each of its parts is limited to a few seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Examines every reachable broker host, and diagnoses what is wrong.
pub async fn examined<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Diagnosis {
    diagnose(desired, facts, &examine(transport, desired, facts).await)
}

/// A host that no longer answers is not in the result; its facts are all that is known.
async fn examine<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Examinations {
    let requests =
        examine_requests(desired, facts).into_iter().filter(|(name, _)| facts.host(name).is_some());
    let examine_host = |transport: Arc<T>, name, request| async move {
        examine_host(transport.as_ref(), &name, &request).await
    };
    let examined = at_once(transport, requests, examine_host).await;
    Examinations { hosts: examined.into_iter().filter_map(|(name, seen)| Some((name, seen?))).collect() }
}

async fn examine_host<T: Transport>(
    transport: &T,
    host: &HostName,
    request: &ExamineRequest,
) -> Option<Examination> {
    let nonce = nonce();
    let exec = Exec { script: Script::Argument(request.command(&nonce)), timeout: TIMEOUT };
    let output = transport.exec(host, exec, None).await.ok()?;
    parse_examination(request, &nonce, &output.stdout).ok()
}
