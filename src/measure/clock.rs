//! The clock of a measurement.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Moments at multiples of this are those at which meters always look, s: windows that begin and end there are known best.
pub(in crate::measure) const GRID: f64 = 1.0;

/// No moment is farther away, s: a century.
const FARTHEST: f64 = 3e9;

/// One clock for all that a measurement sees: seconds since its start, never set back, with the time of day of that start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    started: SystemTime,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now(), started: SystemTime::now() }
    }

    /// Seconds since the start.
    pub fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Seconds since the start, of an instant of this process.
    pub fn at(&self, instant: Instant) -> f64 {
        match instant.checked_duration_since(self.start) {
            Some(after) => after.as_secs_f64(),
            None => -self.start.duration_since(instant).as_secs_f64(),
        }
    }

    /// The instant that is `seconds` after the start.
    pub fn instant(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds.clamp(0.0, FARTHEST))
    }

    /// Moment 0 on `CLOCK_MONOTONIC`, seconds: other processes of this machine tell their moments on that clock.
    pub fn zero_on_monotonic(&self) -> f64 {
        seconds_on(ClockId::Monotonic) - self.now()
    }

    /// Seconds since 1970 (UTC) of a moment of this clock, by the time of day at its start: later steps of the system's
    /// time of day do not move it.
    pub fn unix(&self, seconds: f64) -> f64 {
        let start = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        start.as_secs_f64() + seconds
    }
}

/// What a clock of the system shows, seconds: CPU time of this thread or process, or time since the machine started.
pub(super) fn seconds_on(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_secs_f64()
}
