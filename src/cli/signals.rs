//! The signals that reach a run: its steps end in order, and between its steps the run ends at once, with its record.

use std::cell::RefCell;
use std::future::Future;
use std::io;

use super::exit::Failure;
use crate::apply::{Interrupt, Stopper};
use crate::report::FailureCode;

/// The signals that reach this process from now on.
///
/// # Errors
/// The system's, if it refuses to watch signals.
pub fn watched() -> Result<Interrupt, Failure> {
    let (stopper, interrupt) = Interrupt::new();
    stopper.watch_signals().map_err(unwatched)?;
    Ok(interrupt)
}

/// The error for signals that cannot be watched.
pub fn unwatched(error: io::Error) -> Failure {
    Failure::other(FailureCode::Internal, "cannot watch for signals", &error)
}

/// Where a signal goes.
#[derive(Debug, Default)]
pub struct Signals {
    /// Stops the steps that are being done; none between them.
    steps: RefCell<Option<Stopper>>,
}

/// As long as it lives, signals go to the steps.
#[derive(Debug)]
pub struct DuringSteps<'a>(&'a Signals);

impl Signals {
    /// The result of the work, unless a signal arrives between its steps: the work is then dropped where it is. A further signal
    /// ends the process.
    ///
    /// # Errors
    /// Those of the work; `interrupted`; or the system's, if it refuses to watch signals.
    pub async fn until_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
        interrupted: impl FnOnce() -> Failure,
    ) -> Result<T, Failure> {
        let mut signals = watched()?;
        self.first_of(&mut signals, work, interrupted).await
    }

    async fn first_of<T>(
        &self,
        signals: &mut Interrupt,
        work: impl Future<Output = Result<T, Failure>>,
        interrupted: impl FnOnce() -> Failure,
    ) -> Result<T, Failure> {
        let between_steps = async {
            loop {
                signals.next().await;
                match self.steps.borrow().as_ref() {
                    Some(steps) => steps.signal(),
                    None => break,
                }
            }
        };
        tokio::select! {
            // First: the same signal may end ssh, which would look like a host that does not answer.
            biased;
            () = between_steps => Err(interrupted()),
            result = work => result,
        }
    }

    /// From now on they stop steps.
    pub fn during_steps(&self, steps: Stopper) -> DuringSteps<'_> {
        *self.steps.borrow_mut() = Some(steps);
        DuringSteps(self)
    }
}

impl Drop for DuringSteps<'_> {
    fn drop(&mut self) {
        *self.0.steps.borrow_mut() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::exit::Exit;
    use super::*;

    fn interrupted() -> Failure {
        Failure::new(FailureCode::InterruptedBeforeSteps, "interrupted")
    }

    #[tokio::test]
    async fn between_steps_a_signal_ends_the_work_where_it_is() {
        let (stopper, mut from) = Interrupt::new();
        stopper.signal();
        let signals = Signals::default();
        let never = std::future::pending::<Result<(), Failure>>();
        let ended = signals.first_of(&mut from, never, interrupted).await;
        assert_eq!(ended.map_err(|failure| failure.exit), Err(Exit::Interrupted));
        // A host that the same signal cut off says so at the same time.
        stopper.signal();
        let cut_off = async { Err::<(), _>(Failure::new(FailureCode::CannotLock, "cut off")) };
        let ended = signals.first_of(&mut from, cut_off, interrupted).await;
        assert_eq!(ended.map_err(|failure| failure.exit), Err(Exit::Interrupted));
    }

    #[tokio::test]
    async fn steps_get_their_signals_and_the_work_goes_on_behind_them() {
        let (stopper, mut from) = Interrupt::new();
        let signals = Signals::default();
        let work = async {
            let (to_steps, mut of_steps) = Interrupt::new();
            let during = signals.during_steps(to_steps);
            stopper.signal();
            stopper.signal();
            of_steps.next().await;
            of_steps.next().await;
            drop(during);
            Ok("ended in order")
        };
        let ended = signals.first_of(&mut from, work, interrupted).await;
        assert_eq!(ended.map_err(|failure| failure.exit), Ok("ended in order"));
        stopper.signal();
        let never = std::future::pending::<Result<(), Failure>>();
        assert!(signals.first_of(&mut from, never, interrupted).await.is_err(), "the steps are over");
    }
}
