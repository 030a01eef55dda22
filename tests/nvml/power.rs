//! Power as a known function of time, for the scripted NVML and for the tests that hold it against the truth.

/// Power as a function of time, W.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Power {
    Constant(f64),
    Square { low: f64, high: f64, period: f64, duty: f64, shift: f64 },
    Ramp { from: f64, to: f64, over: f64 },
}

impl Power {
    /// Watts at a moment.
    pub(crate) fn at(self, t: f64) -> f64 {
        match self {
            Self::Constant(watts) => watts,
            Self::Square { low, high, period, duty, shift } => {
                if (t - shift).rem_euclid(period) < duty * period {
                    high
                } else {
                    low
                }
            }
            Self::Ramp { from, to, over } => from + (to - from) * (t / over).clamp(0.0, 1.0),
        }
    }

    /// Joules from 0 to a moment; exact.
    pub(crate) fn energy(self, t: f64) -> f64 {
        match self {
            Self::Constant(watts) => watts * t,
            Self::Square { low, high, period, duty, shift } => {
                let high_time = |t: f64| {
                    let periods = ((t - shift) / period).floor();
                    let inside = (t - shift) - periods * period;
                    periods * duty * period + inside.min(duty * period)
                };
                low * t + (high - low) * (high_time(t) - high_time(0.0))
            }
            Self::Ramp { from, to, over } => {
                let rising = t.clamp(0.0, over);
                from * t.min(0.0)
                    + from * rising
                    + (to - from) * rising * rising / (2.0 * over)
                    + to * (t - over).max(0.0)
            }
        }
    }
}
