//! Times as logs write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Numbers above this are Unix times in milliseconds: in seconds they would lie far beyond the year 30000.
const MILLISECONDS: f64 = 1e12;

/// Seconds, and whether they are Unix time: a time of day without a zone is counted as if it were UTC, so that differences
/// and windows in the same time of day are right.
pub(super) fn seconds(text: &str) -> Option<(f64, bool)> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let is_time = number.is_finite() && number >= 0.0;
        return is_time.then_some((if number > MILLISECONDS { number / 1e3 } else { number }, true));
    }
    let iso = text.replace('/', "-");
    if let Ok(time) = iso.parse::<Timestamp>() {
        return Some((time.as_duration().as_secs_f64(), true));
    }
    let civil = iso.parse::<DateTime>().ok()?;
    // A date alone is no time.
    if !iso.contains(':') {
        return None;
    }
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some((zoned.timestamp().as_duration().as_secs_f64(), false))
}

/// Date and time of `nvidia-smi dmon -o DT`: `20260102` and `10:00:00`.
pub(super) fn of_dmon(date: Option<&str>, time: &str) -> Option<f64> {
    let date = match date {
        Some(date) if date.len() == 8 && date.is_ascii() => format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]),
        Some(_) => return None,
        None => "1970-01-01".to_owned(),
    };
    seconds(&format!("{date} {time}")).map(|(seconds, _)| seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_logs_are_read() {
        let case = |text: &str, expected: Option<(f64, bool)>| assert_eq!(seconds(text), expected, "{text}");
        case("1970/01/01 00:01:00.500", Some((60.5, false)));
        case("1970-01-01T00:01:00", Some((60.0, false)));
        case("1970-01-01T00:01:00Z", Some((60.0, true)));
        case("1970-01-01T01:01:00+01:00", Some((60.0, true)));
        case("1700000000", Some((1_700_000_000.0, true)));
        case("1700000000500", Some((1_700_000_000.5, true)));
        case("-5", None);
        case("nan", None);
        case("2026-01-02", None);
        case("yesterday", None);
        case("", None);
        assert_eq!(of_dmon(Some("19700102"), "00:00:01"), Some(86401.0));
        assert_eq!(of_dmon(None, "00:00:01"), Some(1.0));
        assert_eq!(of_dmon(Some("2026é12"), "00:00:01"), None);
    }
}
