//! Examines the brokers' hosts to find out why they do not cluster, and load balancers that do not run: one exec each, in parallel.

use std::sync::Arc;
use std::time::Duration;

use crate::apply::{Request, ask_all};
use crate::doctor::{
    Diagnosis, Examination, Examinations, ExamineRequest, UnitLog, balancer_logs, diagnose, examine_requests,
    parse_examination,
};
use crate::facts::{Facts, ParseError};
use crate::inventory::Desired;
use crate::transport::{Output, Transport};

/// Examines every reachable broker host, and diagnoses what is wrong.
pub async fn examined<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Diagnosis {
    diagnose(desired, facts, &examine(transport, desired, facts).await)
}

/// A host that no longer answers is not in the result; its facts are all that is known.
async fn examine<T: Transport>(transport: &Arc<T>, desired: &Desired, facts: &Facts) -> Examinations {
    let requests =
        examine_requests(desired, facts).into_iter().filter(|(name, _)| facts.host(name).is_some());
    let (examined, logs) =
        tokio::join!(ask_all(transport, requests), ask_all(transport, balancer_logs(desired, facts)));
    Examinations {
        hosts: examined.into_iter().filter_map(|(name, seen)| Some((name, seen.ok()?))).collect(),
        balancers: logs.into_iter().filter_map(|(name, said)| Some((name, said.ok()?))).collect(),
    }
}

impl Request for ExamineRequest {
    /// Each of its parts is limited to a few seconds.
    const TIMEOUT: Duration = Duration::from_secs(60);
    type Answer = Examination;

    fn command(&self, nonce: &str) -> String {
        ExamineRequest::command(self, nonce)
    }

    fn parse(&self, nonce: &str, output: &Output) -> Result<Examination, ParseError> {
        parse_examination(self, nonce, &output.stdout)
    }
}

impl Request for UnitLog {
    const TIMEOUT: Duration = Duration::from_secs(30);
    type Answer = Vec<String>;

    fn command(&self, nonce: &str) -> String {
        UnitLog::command(self, nonce)
    }

    fn parse(&self, nonce: &str, output: &Output) -> Result<Vec<String>, ParseError> {
        UnitLog::read(nonce, &output.stdout)
    }
}
