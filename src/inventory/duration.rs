use std::time::Duration;

/// Why a string is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("a duration needs a unit, as in {0}s or {0}ms")]
    NoUnit(u64),
    #[error("a duration is a whole number and a unit (ms, s, m, h, d), as in 250ms, 10s or 3h")]
    Form,
    #[error("a duration cannot be longer than 30 days")]
    TooLong,
}

/// Parses `250ms`, `10s`, `1m`, `3h`, `2d`, or several of them in a row: `1h30m`.
///
/// # Errors
/// [`DurationError`] if a number or a unit is missing, or the total exceeds 30 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationError::Form);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = match rest[..digits].parse() {
            Ok(number) => number,
            Err(_) if digits > 0 => return Err(DurationError::TooLong),
            Err(_) => return Err(DurationError::Form),
        };
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let factor: u64 = match rest[digits..unit_end].trim() {
            "" => return Err(DurationError::NoUnit(number)),
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(DurationError::Form),
        };
        total =
            number.checked_mul(factor).and_then(|ms| total.checked_add(ms)).ok_or(DurationError::TooLong)?;
        rest = &rest[unit_end..];
    }
    if total > 30 * 86_400_000 { Err(DurationError::TooLong) } else { Ok(Duration::from_millis(total)) }
}

/// The shortest form that HAProxy, nginx and [`parse_duration`] all accept: `250ms`, `10s`, `3h`.
pub fn short_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        for (text, ms) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("1m", 60_000),
            ("3h", 10_800_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)));
        }
        assert_eq!(parse_duration("10"), Err(DurationError::NoUnit(10)));
        for bad in ["", "s", "10x", "1.5s", "-1s", "十s"] {
            assert_eq!(parse_duration(bad), Err(DurationError::Form), "{bad}");
        }
        for long in ["31d", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse_duration(long), Err(DurationError::TooLong), "{long}");
        }
        assert_eq!(short_duration(Duration::from_millis(5_400_000)), "90m");
    }
}
