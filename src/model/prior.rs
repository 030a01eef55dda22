//! Priors of parameters, as maps from a standard normal variable.
//!
//! Every parameter is `value = g(x)` of an unconstrained `x`, and `x` is standard normal under the prior, so that the
//! penalty of the fit is the same `x²/2` for all of them: `g(x) = median·exp(sd·x)` for a log-normal,
//! `mean + sd·x` for a normal, and the quantile function `Q(Φ(x))` for the others.

use statrs::distribution::{Beta, Continuous, ContinuousCDF, Normal};

/// A prior distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prior {
    /// Median, and standard deviation of the logarithm.
    LogNormal {
        /// In the parameter's unit.
        median: f64,
        /// Of the natural logarithm.
        sd: f64,
    },
    /// Mean and standard deviation.
    Normal {
        /// In the parameter's unit.
        mean: f64,
        /// In the parameter's unit.
        sd: f64,
    },
    /// A share between 0 and 1.
    Beta {
        /// First shape.
        a: f64,
        /// Second shape.
        b: f64,
    },
    /// Positive, with its mode at 0.
    HalfNormal {
        /// Scale.
        sd: f64,
    },
    /// Known.
    Fixed(f64),
}

impl Prior {
    /// The value at `x`, and its derivative.
    pub fn value(self, x: f64) -> (f64, f64) {
        match self {
            Self::LogNormal { median, sd } => {
                let value = median * (sd * x).exp();
                (value, value * sd)
            }
            Self::Normal { mean, sd } => (mean + sd * x, sd),
            Self::Beta { a, b } => match Beta::new(a, b) {
                Ok(beta) => quantile(x, |share| beta.inverse_cdf(share), |value| beta.pdf(value)),
                Err(_) => (0.5, 0.0),
            },
            Self::HalfNormal { sd } => {
                let normal = Normal::standard();
                let (value, slope) =
                    quantile(x, |share| normal.inverse_cdf(f64::midpoint(1.0, share)), |value| 2.0 * normal.pdf(value));
                (sd * value, sd * slope)
            }
            Self::Fixed(value) => (value, 0.0),
        }
    }

    /// Spread of the natural logarithm of a log-normal, of the value itself for a normal: what levels are added to.
    pub fn spread(self) -> Option<f64> {
        match self {
            Self::LogNormal { sd, .. } | Self::Normal { sd, .. } => Some(sd),
            Self::Beta { .. } | Self::HalfNormal { .. } | Self::Fixed(_) => None,
        }
    }

    /// Whether the parameter is known and needs no estimate.
    pub fn is_fixed(self) -> bool {
        matches!(self, Self::Fixed(_))
    }
}

/// `Q(Φ(x))` and its derivative `φ(x)/f(Q)`.
fn quantile(x: f64, inverse: impl Fn(f64) -> f64, density: impl Fn(f64) -> f64) -> (f64, f64) {
    let normal = Normal::standard();
    let share = normal.cdf(x).clamp(1e-12, 1.0 - 1e-12);
    let value = inverse(share);
    (value, normal.pdf(x) / density(value).max(1e-300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_every_prior_is_its_derivative() {
        let priors = [
            Prior::LogNormal { median: 0.8, sd: 0.3 },
            Prior::Normal { mean: -1.0, sd: 2.0 },
            Prior::Beta { a: 2.0, b: 5.0 },
            Prior::HalfNormal { sd: 0.4 },
        ];
        for prior in priors {
            for x in [-1.7, -0.3, 0.0, 0.9, 2.1] {
                let step = 1e-5;
                let numeric = (prior.value(x + step).0 - prior.value(x - step).0) / (2.0 * step);
                let exact = prior.value(x).1;
                assert!((numeric - exact).abs() < 1e-5 * (1.0 + exact.abs()), "{prior:?} at {x}: {numeric} {exact}");
            }
        }
    }

    #[test]
    fn the_median_is_where_x_is_zero() {
        assert_eq!(Prior::LogNormal { median: 0.8, sd: 0.3 }.value(0.0).0, 0.8);
        assert!((Prior::HalfNormal { sd: 1.0 }.value(0.0).0 - 0.674_489_75).abs() < 1e-6);
    }
}
