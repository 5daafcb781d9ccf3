use std::time::{Duration, Instant, SystemTime};

/// Where displays take the time from: the system, or a test.
pub struct Clock(Box<dyn Fn() -> Duration + Send>);

impl Clock {
    /// The system's time at the start plus what a monotonic clock counts from there, so that a clock that is set
    /// while hosts are being put in sync turns no elapsed time negative.
    pub fn system() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let start = Instant::now();
        Self(Box::new(move || wall + start.elapsed()))
    }

    /// A clock that says what the function says: the time since 1970, UTC.
    pub fn from_fn(now: impl Fn() -> Duration + Send + 'static) -> Self {
        Self(Box::new(now))
    }

    pub(super) fn now(&self) -> Duration {
        (self.0)()
    }
}

/// `12:03:07`, in UTC: the standard library knows no time zones, and logs of several hosts are compared in UTC.
pub(in crate::report) fn time_of_day(now: Duration) -> String {
    let seconds = now.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
