//! Lengths of prompts and answers.

use statrs::distribution::{ContinuousCDF as _, Normal};

use crate::stats::Draws;

/// Candidates among which a length-biased one is drawn.
const CANDIDATES: usize = 64;
/// Quantiles by which the moments of a distribution are found: to a thousandth, also of wide ones.
const QUANTILES: usize = 4096;

/// How long something is, in tokens; at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lengths {
    /// Always the same.
    Constant(u32),
    /// Each of `from..=to` alike.
    Uniform {
        /// Shortest.
        from: u32,
        /// Longest.
        to: u32,
    },
    /// Normal, cut at 1 and at `longest`.
    Normal {
        /// Mean before the cut.
        mean: f64,
        /// Standard deviation before the cut.
        deviation: f64,
        /// Longest.
        longest: u32,
    },
    /// Its logarithm is normal; cut at 1 and at `longest`.
    LogNormal {
        /// Half are longer.
        median: f64,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
        /// Longest.
        longest: u32,
    },
}

impl Lengths {
    /// Log-normal lengths by their mean and standard deviation before the cut.
    pub fn log_normal(mean: f64, deviation: f64, longest: u32) -> Self {
        // Of a variable whose logarithm has the variance s²: E = median exp(s²/2), variance / E² = exp(s²) - 1.
        let variance = (deviation / mean).powi(2).ln_1p();
        Self::LogNormal { median: mean * (-variance / 2.0).exp(), sigma: variance.sqrt(), longest }
    }

    /// Mean length.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Uniform { from, to } => f64::midpoint(f64::from(from), f64::from(to)),
            _ => self.moment(1),
        }
    }

    /// E\[l²\] / E\[l\]²: 1 for lengths that are all the same.
    pub fn dispersion(&self) -> f64 {
        match *self {
            // Of a uniform range a..b: 1 + (b − a)² / (3 (a + b)²).
            Self::Uniform { from, to } => {
                let (from, to) = (f64::from(from), f64::from(to));
                1.0 + (to - from).powi(2) / (3.0 * (from + to).powi(2))
            }
            _ => self.moment(2) / self.moment(1).powi(2),
        }
    }

    /// Mean of a power of the length, over evenly spaced quantiles.
    fn moment(&self, power: i32) -> f64 {
        let normal = Normal::standard();
        let quantile = |place: usize| normal.inverse_cdf((place as f64 + 0.5) / QUANTILES as f64);
        (0..QUANTILES).map(|place| f64::from(self.at(quantile(place))).powi(power)).sum::<f64>() / QUANTILES as f64
    }

    /// The length of a standard normal deviate; a uniform one is its middle.
    fn at(&self, deviate: f64) -> u32 {
        let cut = |length: f64, longest: u32| (length.round().max(1.0) as u32).min(longest.max(1));
        match *self {
            Self::Constant(length) => length.max(1),
            Self::Uniform { from, to } => u32::midpoint(from, to),
            Self::Normal { mean, deviation, longest } => cut(mean + deviation * deviate, longest),
            Self::LogNormal { median, sigma, longest } => cut(median * (sigma * deviate).exp(), longest),
        }
    }

    /// One length.
    pub fn draw(&self, draws: &mut Draws) -> u32 {
        match *self {
            Self::Constant(length) => length.max(1),
            Self::Uniform { from, to } => {
                let span = f64::from(to.max(from) - from) + 1.0;
                (from + (draws.uniform() * span) as u32).max(1)
            }
            Self::Normal { .. } | Self::LogNormal { .. } => self.at(draws.gaussian()),
        }
    }

    /// A length as met by someone who looks at a random moment: long answers take long, so they are met more often.
    /// One of many candidates, each as likely as it is long.
    pub fn draw_met(&self, draws: &mut Draws) -> u32 {
        let candidates: Vec<u32> = (0..CANDIDATES).map(|_| self.draw(draws)).collect();
        let total: f64 = candidates.iter().map(|&length| f64::from(length)).sum();
        let mut place = draws.uniform() * total;
        for &length in &candidates {
            place -= f64::from(length);
            if place < 0.0 {
                return length;
            }
        }
        candidates[CANDIDATES - 1]
    }

    /// What is wrong with it, for a person.
    pub fn fault(&self) -> Option<String> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match *self {
            Self::Constant(0) => Some("a length of 0 tokens".to_owned()),
            Self::Uniform { from, to } if from == 0 || to < from => Some(format!("a range of lengths {from}..{to}")),
            Self::Normal { mean, deviation, .. } if !positive(mean) || !deviation.is_finite() || deviation < 0.0 => {
                Some(format!("normal lengths of mean {mean} and deviation {deviation}"))
            }
            Self::LogNormal { median, sigma, .. } if !positive(median) || !sigma.is_finite() || sigma < 0.0 => {
                Some(format!("log-normal lengths of median {median} and sigma {sigma}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(lengths: Lengths, draw: fn(&Lengths, &mut Draws) -> u32) -> f64 {
        let mut draws = Draws::new(3);
        (0..20_000).map(|_| f64::from(draw(&lengths, &mut draws))).sum::<f64>() / 20_000.0
    }

    #[test]
    fn lengths_have_their_means() {
        let wide = Lengths::Uniform { from: 300, to: 900 };
        assert_eq!(mean(Lengths::Constant(7), Lengths::draw), 7.0);
        // Five standard errors: 173 / sqrt(20000) each.
        assert!((mean(wide, Lengths::draw) - 600.0).abs() < 6.2);
        let normal = Lengths::Normal { mean: 500.0, deviation: 50.0, longest: 4096 };
        assert!((mean(normal, Lengths::draw) - 500.0).abs() < 1.8);
        let lognormal = Lengths::LogNormal { median: 100.0, sigma: 0.5, longest: 4096 };
        assert!((mean(lognormal, Lengths::draw) - 100.0 * 0.125_f64.exp()).abs() < 2.2);
        assert!((normal.mean() - 500.0).abs() < 0.5 && (normal.dispersion() - 1.01).abs() < 1e-3);
        assert!((lognormal.mean() - 100.0 * 0.125_f64.exp()).abs() < 0.2);
        assert_eq!((Lengths::Constant(7).mean(), Lengths::Constant(7).dispersion()), (7.0, 1.0));
        assert!((Lengths::log_normal(500.0, 300.0, 100_000).mean() - 500.0).abs() < 0.5);
        // Met at a random moment: E[l²]/E[l] = 650.
        assert!((mean(wide, Lengths::draw_met) - 650.0).abs() < 8.0);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        assert!(Lengths::Uniform { from: 9, to: 3 }.fault().is_some());
        assert!(Lengths::LogNormal { median: f64::NAN, sigma: 1.0, longest: 9 }.fault().is_some());
        assert!(Lengths::Constant(1).fault().is_none());
    }
}
