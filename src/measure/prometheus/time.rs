//! Windows of time as people type them.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};

/// A window on the clock of the telemetry.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its start, in seconds since 1970.
    pub from: f64,
    /// Its end.
    pub to: f64,
}

impl Span {
    /// Its length, s.
    pub fn length(&self) -> f64 {
        self.to - self.from
    }
}

/// Why a text is no window.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum SpanError {
    /// No `..`.
    #[error("`{text}` is no window: it has no `..` between its start and its end")]
    #[diagnostic(help("{FORMS}"))]
    NoRange {
        /// As written.
        text: String,
    },
    /// An end that is no time.
    #[error("`{part}` is no time")]
    #[diagnostic(help("{FORMS}"))]
    NoTime {
        /// As written.
        part: String,
    },
    /// A window that ends before it starts.
    #[error("the window `{text}` ends before it starts")]
    #[diagnostic(help("write its start first; the end may be a time of the same day, as in `…T10:00..10:30`"))]
    Backwards {
        /// As written.
        text: String,
    },
}

/// How a window is written.
const FORMS: &str = "write `2026-11-20T10:00..10:30` (local time), `2026-11-20T10:00Z..10:30`, with a zone \
                     `2026-11-20T10:00[Europe/Berlin]..10:30`, before now `-2h..-1h`, or seconds since 1970";

/// Reads a window. `now` is in seconds since 1970; a time of day without zone is one of `zone`. The end takes date and
/// zone of the start where it has none.
pub fn span(text: &str, now: f64, zone: &TimeZone) -> Result<Span, SpanError> {
    let Some((start, end)) = text.split_once("..") else { return Err(SpanError::NoRange { text: text.to_owned() }) };
    let fault = |part: &str| SpanError::NoTime { part: part.to_owned() };
    let (from, date) = moment(start.trim(), now, zone).ok_or_else(|| fault(start))?;
    let end = end.trim();
    let short = || {
        let (date, zone) = date.as_ref()?;
        let time: Time = end.parse().ok()?;
        seconds(date.date().to_datetime(time), zone)
    };
    let zone = date.as_ref().map_or(zone, |(_, zone)| zone);
    let to = short().or_else(|| Some(moment(end, now, zone)?.0)).ok_or_else(|| fault(end))?;
    if to <= from {
        return Err(SpanError::Backwards { text: text.to_owned() });
    }
    Ok(Span { from, to })
}

/// A moment, and if it was written as a date, that with its zone.
type Moment = (f64, Option<(DateTime, TimeZone)>);

fn moment(text: &str, now: f64, zone: &TimeZone) -> Option<Moment> {
    if text == "now" {
        return Some((now, None));
    }
    if let Some(before) = text.strip_prefix('-') {
        return Some((now - duration(before)?, None));
    }
    if let Ok(unix) = text.parse::<f64>() {
        return (unix.is_finite() && unix >= 0.0).then_some((unix, None));
    }
    let pieces = Pieces::parse(text).ok()?;
    let date = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let of_offset = pieces.to_numeric_offset().map(Offset::to_time_zone);
    let named = pieces.to_time_zone().ok()?;
    let zone = named.or(of_offset).unwrap_or_else(|| zone.clone());
    Some((seconds(date, &zone)?, Some((date, zone))))
}

fn seconds(date: DateTime, zone: &TimeZone) -> Option<f64> {
    let timestamp = date.to_zoned(zone.clone()).ok()?.timestamp();
    Some(timestamp.as_millisecond() as f64 / 1e3)
}

/// `90m`, `1h30m`, `2d` in seconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(end);
        let unit = match after.chars().next()? {
            's' => 1.0,
            'm' => 60.0,
            'h' => 3600.0,
            'd' => 86_400.0,
            'w' => 604_800.0,
            'y' => 31_536_000.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        rest = &after[1..];
    }
    (total > 0.0).then_some(total)
}

/// A moment as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(unix: f64) -> String {
    Timestamp::from_millisecond((unix * 1e3).round() as i64).map_or_else(|_| unix.to_string(), |own| own.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_800_000_000.0;

    #[test]
    fn windows_are_read_in_every_form() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(1)));
        let case = |text: &str, from: f64, to: f64| {
            assert_eq!(span(text, NOW, &berlin), Ok(Span { from, to }), "{text}");
        };
        let ten = 1_795_168_800.0; // 2026-11-20T10:00Z
        case("2026-11-20T10:00Z..10:30", ten, ten + 1800.0);
        case("2026-11-20T11:00..11:30", ten, ten + 1800.0);
        case("2026-11-20T11:00:00.5+01:00..11:30:00", ten + 0.5, ten + 1800.0);
        case("2026-11-20 11:00..2026-11-20T10:30Z", ten, ten + 1800.0);
        case("2026-11-20T10:00[UTC]..2026-11-21", ten, ten + 50_400.0);
        case("1795168800..1795168900.5", ten, ten + 100.5);
        case("-2h..-1h30m", NOW - 7200.0, NOW - 5400.0);
        case("-90s..now", NOW - 90.0, NOW);
    }

    #[test]
    fn what_is_no_window_is_told() {
        let told = |text: &str| span(text, NOW, &TimeZone::UTC).unwrap_err().to_string();
        assert_eq!(told("10:00"), "`10:00` is no window: it has no `..` between its start and its end");
        assert_eq!(told("yesterday..now"), "`yesterday` is no time");
        assert_eq!(told("-1h..soon"), "`soon` is no time");
        assert_eq!(told("-1x..now"), "`-1x` is no time");
        assert_eq!(told("now..-1h"), "the window `now..-1h` ends before it starts");
        assert_eq!(told("1..NaN"), "`NaN` is no time");
    }
}
