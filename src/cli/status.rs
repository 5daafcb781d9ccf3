use std::time::{Duration, SystemTime, UNIX_EPOCH};

use console::Term;

use super::arguments::{Called, Common, Data, StatusArguments};
use super::exit::{Exit, Failure};
use super::print;
use super::session::Session;
use crate::report::{
    Status, StatusDocument, access, advised, health, is_healthy, status_text, under_way_text,
};

/// `rabbitup status`.
pub async fn run(common: &Common, arguments: &StatusArguments) -> Result<Exit, Failure> {
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let Some(seconds) = arguments.watch else {
        let exit = look(&session, common).await;
        session.close(common).await;
        return Ok(exit);
    };
    let mut ticks = tokio::time::interval(Duration::from_secs(seconds));
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if !common.json {
                    // On a pipe the looks follow each other.
                    let _ = Term::stdout().clear_screen();
                }
                look(&session, common).await;
            }
            interrupted = tokio::signal::ctrl_c() => {
                session.close(common).await;
                return interrupted
                    .map(|()| Exit::Interrupted)
                    .map_err(|error| Failure::other("signals cannot be watched", &error));
            }
        }
    }
}

async fn look(session: &Session, common: &Common) -> Exit {
    let facts = session.gather().await;
    let time = SystemTime::now();
    let findings = [health(&session.desired, &facts), access(&session.desired, &facts)].concat();
    let findings = advised(findings, &facts);
    let now = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let status = Status {
        desired: &session.desired,
        facts: &facts,
        findings: &findings,
        now,
        key: session.options.digest_key,
    };
    if common.json {
        print::json(&StatusDocument::from(&status));
    } else {
        print::stdout(&under_way_text(&facts, time));
        print::stdout(&status_text(&status, common.style()));
    }
    if is_healthy(&findings) { Exit::Done } else { Exit::Failed }
}
