//! A predicted quantity with its uncertainty, taken as log-normal.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::stats::{NORMAL_QUANTILE_90, normal_probability};

/// A quantity whose logarithm is normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Median, SI.
    pub value: f64,
    /// Standard deviation of the logarithm.
    pub spread: f64,
}

impl Estimate {
    /// From a value and the ends of its 90 % interval; none where one of them is no positive number.
    pub(super) fn new(value: f64, interval: [f64; 2]) -> Option<Self> {
        let spread = (interval[1] / interval[0]).ln() / (2.0 * NORMAL_QUANTILE_90);
        (value.is_finite() && value > 0.0 && spread.is_finite()).then_some(Self { value, spread: spread.max(0.0) })
    }

    /// The value that is exceeded with the probability that a standard normal exceeds `z`.
    pub fn at(&self, z: f64) -> f64 {
        if z == 0.0 { self.value } else { self.value * (z * self.spread).exp() }
    }

    /// Ends of the 90 % interval.
    pub fn interval(&self) -> [f64; 2] {
        [self.at(-NORMAL_QUANTILE_90), self.at(NORMAL_QUANTILE_90)]
    }

    /// Times a constant.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self { value: self.value * factor, ..*self }
    }

    /// Probability that it is at most `most`.
    pub fn at_most(&self, most: f64) -> f64 {
        probability_at_most(&[*self], most)
    }
}

/// The sum of estimates that err together: replicas of one configuration have their error in common, and configurations
/// err in common in part; taken as one error, the interval of a sum is not too narrow.
pub(super) fn sum(estimates: &[Estimate]) -> Estimate {
    let at = |z: f64| estimates.iter().map(|own| own.at(z)).sum::<f64>();
    let value = at(0.0);
    let spread = (at(NORMAL_QUANTILE_90) / at(-NORMAL_QUANTILE_90)).ln() / (2.0 * NORMAL_QUANTILE_90);
    Estimate { value, spread: if spread.is_finite() { spread } else { 0.0 } }
}

/// Probability that a sum of estimates that err together is at most `most`.
pub(super) fn probability_at_most(estimates: &[Estimate], most: f64) -> f64 {
    normal_probability(standard_score(estimates, most))
}

/// The z at which the sum is `most`: the sum rises with z.
fn standard_score(estimates: &[Estimate], most: f64) -> f64 {
    let at = |z: f64| estimates.iter().map(|own| own.at(z)).sum::<f64>();
    let (mut low, mut high) = (-9.0, 9.0);
    if at(high) <= most {
        return high;
    }
    if at(low) > most {
        return low;
    }
    // Halved until nothing is left to halve in double precision.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at(middle) <= most { low = middle } else { high = middle }
    }
    low
}

/// Φ⁻¹(p).
pub(super) fn quantile(probability: f64) -> f64 {
    if probability == 0.5 { 0.0 } else { Normal::standard().inverse_cdf(probability) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_and_its_probabilities_agree() {
        let own = Estimate::new(2.0, [1.0, 4.0]).unwrap();
        assert!((own.interval()[1] - 4.0).abs() < 1e-9);
        assert!((own.at_most(4.0) - 0.95).abs() < 1e-3);
        assert!((own.at_most(2.0) - 0.5).abs() < 1e-9);
        assert!((own.at_most(own.at(quantile(0.9))) - 0.9).abs() < 1e-9);
        let certain = Estimate { value: 2.0, spread: 0.0 };
        assert!(certain.at_most(2.0) > 0.999 && certain.at_most(1.9) < 0.001);
        let both = sum(&[own, own]);
        assert!((both.value - 4.0).abs() < 1e-12 && (both.spread - own.spread).abs() < 1e-12);
    }
}
