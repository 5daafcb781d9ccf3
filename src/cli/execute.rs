use std::borrow::Cow;
use std::io::Write;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use console::Term;

use super::arguments::Common;
use super::command_line::{CommandLine, Words};
use super::echo::Echoless;
use super::exit::{Exit, Failure};
use super::print;
use crate::apply::{
    self, Event, EventSink, Interrupt, Journal, LockError, Locks, Operator, Outcome, SecretResolver, Stamped,
    journal_dir,
};
use crate::model::{HostName, Secrets, printable};
use crate::operation::Operation;
use crate::plan::{Plan, Step, StepId};
use crate::report::{Clock, Display, JsonLines, Next, PlainLines, Summary, TerminalBars, since};
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
            LockError::Held { .. } => Failure::new(Exit::Locked, message)
                .next("nothing was changed; wait for that run to finish, or contact its operator, then:")
                .command(command),
            _ => Failure::new(Exit::Failed, message).next("nothing was changed"),
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
    command: &CommandLine,
) -> Result<Executed, Failure> {
    let mut events = EventSink::default();
    let mark = locks.mark(plan);
    let journal = journal_dir(|name| std::env::var_os(name).map(Into::into)).and_then(|directory| {
        Journal::begin(&directory, &command.to_string(), plan, &mark, events.subscribe())
    });
    let mut stream = events.subscribe();
    let (stopper, mut interrupt) = Interrupt::new();
    stopper.watch_signals().map_err(|error| Failure::other("cannot watch for signals", &error))?;
    let lost = locks.next_lost();
    let watch = tokio::spawn(async move { stopper.lock_lost(lost.await) });
    let resolver = SecretResolver::new(secrets, plan);
    // Its own thread: a paused terminal or a full pipe must not block the hosts.
    let (to_display, shown) = mpsc::channel();
    let (display, echoless) = display(plan, common);
    let display = std::thread::Builder::new().name("display".to_owned()).spawn({
        let words = Words::of(common);
        move || show(&shown, display, &words)
    });
    let display = display.map_err(|error| Failure::other("the display could not be started", &error))?;
    let work = async {
        let report = apply::apply(plan, transport.clone(), resolver, mark, &mut interrupt, &events).await;
        drop(events);
        report
    };
    let forward = async {
        while let Some(stamped) = stream.recv().await {
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
    let report = report.map_err(|defect| Failure::other("the plan cannot be executed", &defect))?;
    match journal.and_then(Journal::end) {
        Ok(path) if common.verbose => print::stderr(&format!("journal: {}\n", path.display())),
        Ok(_) => {}
        Err(error) => print::stderr(&format!("warning: {}\n", printable(&error.to_string()))),
    }
    if !common.json {
        print::stdout(&format!(
            "\n{}",
            summary.text(
                plan,
                &Next { status: CommandLine::verb(common, "status").to_string(), again: command.to_string() },
                common.style()
            )
        ));
    }
    Ok(match report.outcome {
        Outcome::Done => Executed::Done,
        Outcome::Failed if summary.was_taken_over() => Executed::TakenOver,
        Outcome::Failed => Executed::Failed(summary.failed().to_vec()),
        Outcome::Interrupted => Executed::Interrupted,
    })
}

fn display(plan: &Plan, common: &Common) -> (Box<dyn Display + Send>, Option<Echoless>) {
    let (out, clock, style) = (std::io::stdout(), Clock::system(), common.style());
    if common.json {
        return (Box::new(JsonLines::new(out)), None);
    }
    let terminal = Term::stdout();
    // One that calls itself dumb moves no cursor (terminfo(5)).
    if terminal.is_term() && std::env::var_os("TERM").is_none_or(|name| name != "dumb") {
        return (Box::new(TerminalBars::new(plan, terminal, clock, style)), Some(Echoless::begin()));
    }
    (Box::new(PlainLines::new(plan, std::io::LineWriter::new(Flushed(out)), clock, style)), None)
}

/// Flushes every line into a pipe: CI logs are read while they grow.
struct Flushed<W>(W);

impl<W: Write> Write for Flushed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.0.flush()?;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
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
