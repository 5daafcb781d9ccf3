//! What is played on which day. A day's tests run on one release of each of [`PLACES`]; `E2E_ALL=1` plays everything on every
//! release.

use std::sync::LazyLock;

use crate::release::Suite;
use crate::stage::Scenario;

/// The releases of a day's tests: those of one place have their days by turns. Debian 12 and EL 9 have the same RabbitMQ and so
/// the same lists, so that a day is as long with the one as with the other.
const PLACES: [&[Suite]; 3] = [&[Suite::Bookworm, Suite::El9], &[Suite::Trixie], &[Suite::Forky]];

/// How many releases a day has.
pub const PER_DAY: usize = PLACES.len();

/// After how many days a scenario that hardly depends on the release has been on every place: on the rest of them it has a day off,
/// which keeps a day within its time. Odd, so that it meets both releases of a place that has two.
const ROUND: usize = 13;

/// On how many of a day's releases a scenario runs; the next day others take their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    /// On each of them.
    Every,
    /// On all but one: slow scenarios that depend on the release.
    ButOne,
    /// On one, on three days of thirteen: scenarios that hardly depend on the release.
    One,
}

/// Days since 1970, which decide what is whose turn: of the run's beginning, since its tests share a day's turns even if it goes on past
/// midnight. `E2E_DAY=1` plays tomorrow's.
pub fn today() -> u64 {
    static TODAY: LazyLock<u64> = LazyLock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ahead = std::env::var("E2E_DAY")
            .map_or(0, |days| days.parse().expect("E2E_DAY is a number of days from today"));
        since.expect("the clock is past 1970").as_secs() / 86_400 + ahead
    });
    *TODAY
}

/// A number of days, to count with.
pub fn count(day: u64) -> usize {
    usize::try_from(day).expect("a number of days")
}

/// The place of a release, from 0; none where it is played with `E2E_ALL=1` only.
pub fn place(suite: Suite) -> Option<usize> {
    PLACES.iter().position(|suites| suites.contains(&suite))
}

/// Whether it is a release of that day.
pub fn is_on(suite: Suite, day: u64) -> bool {
    PLACES.iter().any(|suites| suites[count(day) % suites.len()] == suite)
}

/// Those whose turn it is. Neighbours of one kind have their turns in different places, so that each has about as much to do.
pub fn due(scenarios: &[Scenario], suite: Suite, day: u64) -> Vec<&Scenario> {
    let Some(place) = place(suite).filter(|_| is_on(suite, day)) else { return Vec::new() };
    let (mut ones, mut but_ones) = (count(day), count(day));
    let mut is_due = |scenario: &&Scenario| match scenario.turns {
        Turns::Every => true,
        Turns::One => {
            ones += 1;
            ones % ROUND == place
        }
        Turns::ButOne => {
            but_ones += 1;
            but_ones % PER_DAY != place
        }
    };
    scenarios.iter().filter(|scenario| is_due(scenario)).collect()
}

#[test]
fn every_scenario_has_its_turns_on_every_release() {
    use crate::stage::State;

    const fn named(name: &'static str) -> Scenario {
        Scenario::new(name, State::Any, State::Any, |_| ())
    }
    let list =
        [named("every"), named("one").by_turns(), named("but one").but_one(), named("next").by_turns()];
    let days = |name: &str, suite: Suite| {
        (0..78).filter(|day| due(&list, suite, *day).iter().any(|due| due.name == name)).count()
    };
    for suites in PLACES {
        for suite in suites {
            let counts = ["every", "one", "but one", "next"].map(|name| days(name, *suite));
            let wanted = [78, 6, 52, 6].map(|days| days / suites.len());
            assert_eq!(counts, wanted, "days of 78 on {suite:?}, which has a place with {suites:?}");
        }
    }
    let both = |suite| due(&list, suite, 0).iter().filter(|due| due.turns == Turns::One).count() == 2;
    let suites = PLACES.concat();
    assert!(!suites.into_iter().any(both), "neighbours have their turns on different releases");
    assert!(due(&list, Suite::Bullseye, 0).is_empty());
}
