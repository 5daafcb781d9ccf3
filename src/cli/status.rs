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
        let exit = look(&session, common).await;
        session.close(common).await;
        return Ok(exit);
    };
    // One listener for all rounds: a signal that arrives while hosts are being inspected is not lost with the round.
    let (stopper, mut interrupt) = Interrupt::new();
    stopper.watch_signals().map_err(|error| Failure::other("signals cannot be watched", &error))?;
    tokio::select! {
        _ = interrupt.next() => {}
        never = watch(&session, common, Duration::from_secs(seconds)) => match never {},
    }
    // From here on a second signal ends the program at once.
    drop(interrupt);
    session.close(common).await;
    Ok(Exit::Interrupted)
}

/// Shows the cluster again and again, until it is dropped.
async fn watch(session: &Session, common: &Common, every: Duration) -> Infallible {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        if !common.json {
            // On a pipe the looks follow each other.
            let _ = Term::stdout().clear_screen();
        }
        look(session, common).await;
    }
}

async fn look(session: &Session, common: &Common) -> Exit {
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
