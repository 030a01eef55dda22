//! Estimators of the energy of one window, side by side.

use super::samples::integral;
use crate::measure::Series;

/// Estimators that differ by more than this share are told about.
pub const DISAGREEMENT: f64 = 0.03;
/// The field of mean power covers the second before it.
const AVERAGED: f64 = 1.0;
/// Fewer readings than this say little of the mean of a load that varies.
const READINGS: usize = 50;
/// The one-second mean needs fewer.
const AVERAGES: usize = 2;
/// Samples must cover so much of a window to be compared.
const COVERED: f64 = 0.9;

/// The mean power of a window by several estimators, W. Only the counter's is an answer; the others are cross-checks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimates {
    /// By the energy counter.
    pub counter_w: f64,
    /// By the driver's samples, 20 ms apart.
    pub samples_w: Option<f64>,
    /// By readings of the one-second mean, which lags.
    pub average_w: Option<f64>,
    /// By readings of the momentary power, which aliases.
    pub instant_w: Option<f64>,
}

impl Estimates {
    /// Each estimator that is no answer, with its share of deviation from the counter.
    pub fn deviations(&self) -> Vec<(&'static str, f64)> {
        [("samples", self.samples_w), ("average", self.average_w), ("instant", self.instant_w)]
            .into_iter()
            .filter_map(|(name, power)| Some((name, power? / self.counter_w - 1.0)))
            .filter(|(_, deviation)| deviation.is_finite())
            .collect()
    }
}

/// The estimates of a window whose mean power by the counter is `counter_w`.
pub fn compare(
    counter_w: f64,
    samples: &[(f64, f64)],
    average: &Series,
    instant: &Series,
    from: f64,
    to: f64,
) -> Estimates {
    let sampled = integral(samples, from, to);
    let of = |series: &Series, lag: f64, fewest: usize| {
        let is_known = series.between(from + lag, to + lag).len() >= fewest;
        if is_known { series.mean(from + lag, to + lag) } else { None }
    };
    Estimates {
        counter_w,
        samples_w: sampled.power_w().filter(|_| sampled.covered_s >= COVERED * (to - from)),
        average_w: of(average, AVERAGED / 2.0, AVERAGES),
        instant_w: of(instant, 0.0, READINGS),
    }
}
