use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use console::Term;

use super::arguments::{Called, Common, Data, StatusArguments};
use super::exit::{Exit, Failure};
use super::print;
use super::session::Session;
use crate::apply::Interrupt;
use crate::cluster::{advised, is_healthy};
use crate::report::{Status, StatusDocument, status_text, under_way_text};

/// `rabbitup status`.
pub async fn run(common: &Common, arguments: &StatusArguments) -> Result<Exit, Failure> {
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let Some(seconds) = arguments.watch else {
        let exit = show(&session, common).await;
        session.close(common).await;
        return Ok(exit);
    };
    // One listener for all refreshes: a signal that arrives while hosts are being inspected is not lost.
    let (stopper, mut interrupt) = Interrupt::new();
    stopper.watch_signals().map_err(|error| Failure::other("cannot watch for signals", &error))?;
    tokio::select! {
        _ = interrupt.next() => {}
        never = watch(&session, common, Duration::from_secs(seconds)) => match never {},
    }
    // From here on a second signal ends the program at once.
    drop(interrupt);
    session.close(common).await;
    Ok(Exit::Interrupted)
}

/// Shows the cluster repeatedly, until the future is dropped.
async fn watch(session: &Session, common: &Common, every: Duration) -> Infallible {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        if !common.json {
            // On a pipe the outputs follow each other.
            let _ = Term::stdout().clear_screen();
        }
        show(session, common).await;
    }
}

async fn show(session: &Session, common: &Common) -> Exit {
    let facts = session.gather().await;
    let time = SystemTime::now();
    let findings = advised(session.findings(common, &facts), &facts);
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
