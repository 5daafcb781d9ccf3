use std::borrow::Cow;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use super::arguments::Common;
use super::command_line::{CommandLine, Words};
use super::displays::Displays;
use super::exit::Failure;
use super::print;
use super::record::Record;
use super::signals::Signals;
use crate::apply::{
    self, Event, EventSink, Interrupt, LockError, Locks, Operator, Outcome, SecretResolver, Stamped,
};
use crate::history::PassKind;
use crate::model::{HostName, Secrets};
use crate::operation::Operation;
use crate::plan::{Plan, Step, StepId};
use crate::report::{Display, FailureCode, Next, Summary, since};
use crate::transport::SshTransport;

/// How often the screen is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executed {
    Done,
    /// These steps failed.
    Failed(Vec<StepId>),
    Interrupted,
    /// Another run has taken over a host while this one was paused.
    TakenOver,
}

/// Locks every host that the plan changes and every host that it depends on.
pub async fn lock(
    transport: &Arc<SshTransport>,
    plan: &Plan,
    command: &CommandLine,
) -> Result<Locks, Failure> {
    // A plan that only cancels what another run waits for must not wait for that run.
    let ends = |step: &Step| matches!(step.operation, Operation::CancelSyncQueue(_));
    let locked = if plan.steps.iter().all(ends) { &[] } else { plan.hosts.as_slice() };
    let hosts: Vec<HostName> = locked.iter().map(|host| host.name.clone()).collect();
    let operator = Operator::here(plan.playbook.clone());
    Locks::acquire(transport, &hosts, &operator).await.map_err(|error| {
        let message = match &error {
            LockError::Held { since: Some(began), .. } => {
                format!("{error}, {}", since(*began, SystemTime::now()))
            }
            _ => error.to_string(),
        };
        match &error {
            LockError::Held { .. } => Failure::new(FailureCode::RunInProgress, message)
                .next("nothing was changed; wait for that run to finish, or contact its operator, then:")
                .command(command),
            _ => Failure::new(FailureCode::CannotLock, message).next("nothing was changed"),
        }
    })
}

/// Applies the plan and shows its progress. Releases the locks at the end.
pub async fn execute(
    transport: &Arc<SshTransport>,
    plan: &Plan,
    secrets: Secrets,
    locks: Locks,
    common: &Common,
    (record, signals, pass): (&Record, &Signals, PassKind),
) -> Result<Executed, Failure> {
    let mut events = EventSink::default();
    let mark = locks.mark(plan);
    let journal = record.applies(pass, plan, &mark);
    let mut stream = events.subscribe();
    let (stopper, mut interrupt) = Interrupt::new();
    // Until the summary is printed.
    let _during_steps = signals.during_steps(stopper.clone());
    let lost = locks.next_lost();
    let watch = tokio::spawn(async move { stopper.lock_lost(lost.await) });
    let resolver = SecretResolver::new(secrets, plan);
    // Its own thread: a paused terminal or a full pipe must not block the hosts.
    let (to_display, shown) = mpsc::channel();
    let Displays { display, echoless, held } = Displays::new(plan, common);
    let display = std::thread::Builder::new().name("display".to_owned()).spawn({
        let words = Words::of(common);
        move || show(&shown, display, &words)
    });
    let display = display
        .map_err(|error| Failure::other(FailureCode::Internal, "the display could not be started", &error))?;
    let work = async {
        let report = apply::apply(plan, transport.clone(), resolver, mark, &mut interrupt, &events).await;
        drop(events);
        report
    };
    let forward = async {
        while let Some(stamped) = stream.recv().await {
            journal.step(stamped.clone());
            // A display that has ended early shows nothing more; the run continues.
            let _ = to_display.send(stamped);
        }
        drop(to_display);
    };
    let (report, ()) = tokio::join!(work, forward);
    let summary = display.join().unwrap_or_default();
    drop(echoless);
    watch.abort();
    locks.release().await;
    let report = report
        .map_err(|defect| Failure::other(FailureCode::Internal, "the plan cannot be executed", &defect))?;
    let next =
        Next { status: CommandLine::verb(common, "status").to_string(), again: record.command.to_string() };
    print::important(common, |style| {
        let text = summary.text(plan, &next, style);
        // What was held back comes after it, so it is the first that a mail of cron says.
        if held.is_some() { text } else { format!("\n{text}") }
    });
    if let Some(held) = held {
        print::stdout(&held.text());
    }
    Ok(match report.outcome {
        Outcome::Done => Executed::Done,
        Outcome::Failed if summary.was_taken_over() => Executed::TakenOver,
        Outcome::Failed => Executed::Failed(summary.failed().cloned().collect()),
        Outcome::Interrupted => Executed::Interrupted,
    })
}

/// Shows progress, with advice for the given inventory.
fn show(
    stream: &mpsc::Receiver<Arc<Stamped>>,
    mut display: Box<dyn Display + Send>,
    inventory: &Words,
) -> Summary {
    let mut summary = Summary::default();
    let mut tick = Instant::now() + TICK;
    loop {
        match stream.recv_timeout(tick.saturating_duration_since(Instant::now())) {
            Ok(stamped) => {
                summary.event(&stamped.event);
                display.event(&advised(&stamped.event, inventory));
                // What a failure blocks comes right behind it, and is shown with it.
                if matches!(stamped.event, Event::StepFailed { .. } | Event::StepBlocked { .. }) {
                    tick = Instant::now() + TICK;
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        // However many events there are: steps that print without a pause must not stop the clock on the screen.
        if Instant::now() >= tick {
            display.tick();
            tick = Instant::now() + TICK;
        }
    }
    display.finish();
    summary
}

fn advised<'a>(event: &'a Event, inventory: &Words) -> Cow<'a, Event> {
    let Event::StepFailed { step, host, elapsed, failure } = event else { return Cow::Borrowed(event) };
    let mut failure = failure.clone();
    failure.cause.reword(|words| inventory.put_into(words));
    Cow::Owned(Event::StepFailed { step: step.clone(), host: host.clone(), elapsed: *elapsed, failure })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Clone, Default)]
    struct Counts(Arc<AtomicUsize>);

    impl Display for Counts {
        fn event(&mut self, _: &Event) {}

        fn tick(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn finish(&mut self) {}
    }

    #[test]
    fn steps_that_print_without_a_pause_do_not_keep_the_screen_from_being_drawn() {
        let (to_display, shown) = mpsc::channel();
        let host = HostName::parse("node1").expect("a name");
        let event =
            Event::StepOutput { step: StepId::new(&host, "packages"), host, line: "Get:1".to_owned() };
        let stamped = Arc::new(Stamped { at: SystemTime::UNIX_EPOCH, event });
        let printing = std::thread::spawn(move || {
            let began = Instant::now();
            while began.elapsed() < 6 * TICK {
                to_display.send(stamped.clone()).expect("somebody shows it");
                std::thread::sleep(TICK / 10);
            }
        });
        let counts = Counts::default();
        show(&shown, Box::new(counts.clone()), &Words::default());
        printing.join().expect("all was printed");
        assert!(counts.0.load(Ordering::Relaxed) >= 2);
    }
}
