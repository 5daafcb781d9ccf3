//! Times as journals have them: in UTC, to the millisecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The last year that is read: later ones are no time of a run.
const LAST_YEAR: u64 = 9999;

/// A point in time by the controller's clock, written as `2025-11-22T22:17:00.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(SystemTime);

/// A text that is no such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no time like 2025-11-22T22:17:00.123Z")]
pub struct NoMoment;

impl Moment {
    pub fn now() -> Self {
        Self(SystemTime::now())
    }

    /// How long after `earlier` it is; none if a clock that was set makes it an earlier time.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.duration_since(earlier.0).ok()
    }

    /// So many minutes before, or after if negative; none before 1970.
    pub(crate) fn earlier_by_minutes(self, minutes: i64) -> Option<Self> {
        let distance = Duration::from_secs(minutes.unsigned_abs() * 60);
        let at = if minutes < 0 { self.0.checked_add(distance) } else { self.0.checked_sub(distance) };
        at.filter(|at| *at >= UNIX_EPOCH).map(Self)
    }

    /// `2025-11-22 22:17:00.123`.
    pub(crate) fn to_the_millisecond(self) -> String {
        let Fields { millisecond, .. } = self.fields();
        format!("{} {}.{millisecond:03}", self.date(), self.time_of_day())
    }

    /// As in file names, where it sorts by time: `20251122T221700Z`.
    pub(super) fn compact(self) -> String {
        let Fields { year, month, day, hour, minute, second, .. } = self.fields();
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// `2025-11-22 22:17`.
    pub fn to_the_minute(self) -> String {
        let Fields { year, month, day, hour, minute, .. } = self.fields();
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }

    /// `2025-11-22`.
    pub fn date(self) -> String {
        let Fields { year, month, day, .. } = self.fields();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// `22:17:00`.
    pub fn time_of_day(self) -> String {
        let Fields { hour, minute, second, .. } = self.fields();
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    fn fields(self) -> Fields {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (year, month, day) = civil_date(since.as_secs() / 86_400);
        let second = since.as_secs() % 86_400;
        Fields {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            millisecond: since.subsec_millis(),
        }
    }
}

struct Fields {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u32,
}

impl From<SystemTime> for Moment {
    fn from(at: SystemTime) -> Self {
        Self(at)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        let Fields { year, month, day, hour, minute, second, millisecond } = moment.fields();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

impl TryFrom<String> for Moment {
    type Error = NoMoment;

    fn try_from(text: String) -> Result<Self, NoMoment> {
        let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        if !shape.eq(*b"0000-00-00T00:00:00.000Z") {
            return Err(NoMoment);
        }
        let number = |at: usize, digits: usize| {
            text.get(at..at + digits).and_then(|digits| digits.parse::<u64>().ok()).ok_or(NoMoment)
        };
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        let real = (1970..=LAST_YEAR).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !real {
            return Err(NoMoment);
        }
        let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        let since = Duration::from_secs(seconds) + Duration::from_millis(number(20, 3)?);
        UNIX_EPOCH.checked_add(since).map(Self).ok_or(NoMoment)
    }
}

/// Year, month and day (UTC, Gregorian) of a day counted from 1970-01-01. Years begin in March here, so that the
/// leap day is the last of its year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil_date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = (months_since_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The reverse, by the same source; a year from 1970 on.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let months_since_march = (month + 9) % 12;
    let day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @SECONDS +%FT%TZ
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(String::from(at(seconds)), text);
        }
        assert_eq!(at(951_782_399).compact(), "20000228T235959Z");
        assert_eq!(at(951_782_399).to_the_minute(), "2000-02-28 23:59");
        assert_eq!(at(951_782_399).time_of_day(), "23:59:59");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(milliseconds in 0..253_402_300_799_999_u64) {
            let moment = Moment(UNIX_EPOCH + Duration::from_millis(milliseconds));
            prop_assert_eq!(Moment::try_from(String::from(moment)), Ok(moment));
        }

        #[test]
        fn what_is_no_time_is_refused(text in "[0-9TZ:.é-]{0,26}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}.[0-9]{3}Z") {
            if let Ok(moment) = Moment::try_from(text) {
                prop_assert!(moment.to_the_minute().len() == 16);
            }
        }
    }
}
