//! The part of a log that is asked for.

use super::time;
use crate::import::error::ImportError;

/// Numbers below this are seconds after the first sample; above it they are Unix times.
const UNIX: f64 = 1e8;

/// Two moments, as somebody wrote them.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    from: Moment,
    to: Moment,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// Seconds after the first sample.
    After(f64),
    /// Seconds since 1970.
    Unix(f64),
    /// Seconds since 1970 in the log's own time of day.
    OfDay(f64),
}

impl Window {
    /// Reads `FROM..TO`.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        let refuse = |reason: &str| ImportError::Window { text: text.to_owned(), reason: reason.to_owned() };
        let (from, to) = text.split_once("..").ok_or_else(|| refuse("it has no `..`"))?;
        let moment = |part: &str| match time::seconds(part.trim().trim_end_matches('s').trim()) {
            Some((seconds, true)) if seconds < UNIX => Ok(Moment::After(seconds)),
            Some((seconds, true)) => Ok(Moment::Unix(seconds)),
            Some((seconds, false)) => Ok(Moment::OfDay(seconds)),
            None => Err(refuse(&format!("`{}` is not a time", part.trim()))),
        };
        Ok(Self { from: moment(from)?, to: moment(to)?, text: text.to_owned() })
    }

    /// From and to in the times of a log that begins at `first`.
    pub(super) fn in_log(&self, first: f64, is_unix: bool) -> Result<(f64, f64), String> {
        let place = |moment: Moment| match moment {
            Moment::After(seconds) => Ok(first + seconds),
            Moment::Unix(seconds) if is_unix => Ok(seconds),
            Moment::OfDay(seconds) if !is_unix => Ok(seconds),
            Moment::Unix(_) => Err("the log has times of day without a zone, the window Unix times".to_owned()),
            Moment::OfDay(_) => Err("the log has Unix times, the window a time of day without a zone".to_owned()),
        };
        let (from, to) = (place(self.from)?, place(self.to)?);
        if from < to { Ok((from, to)) } else { Err(format!("the window `{}` ends before it begins", self.text)) }
    }
}
