//! What a result looks like: never a bare number.

use serde::Serialize;

/// Half-width of a two-sided 90 % normal interval in standard deviations: the 95 % quantile of N(0, 1).
pub const NORMAL_QUANTILE_90: f64 = 1.644_853_626_951_472_2;

/// A range that holds the truth with a stated probability, 90 % unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end, in the unit of the value.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// Whether `value` lies in the interval, ends included.
    pub fn contains(self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }

    /// Upper minus lower end.
    pub fn width(self) -> f64 {
        self.upper - self.lower
    }
}

/// A value with what is known of its error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The best value.
    pub value: f64,
    /// Standard deviation of its error, in the same unit.
    pub standard_error: f64,
    /// The 90 % interval.
    pub interval: Interval,
}

impl Estimate {
    /// A value with a normal error: the 90 % interval is value ± 1.645 standard errors.
    pub fn normal(value: f64, standard_error: f64) -> Self {
        let half = NORMAL_QUANTILE_90 * standard_error;
        Self { value, standard_error, interval: Interval { lower: value - half, upper: value + half } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_estimate_has_its_interval() {
        let estimate = Estimate::normal(2.0, 0.1);
        assert!((estimate.interval.width() - 0.328_970_725_390_294_4).abs() < 1e-15);
        assert!(estimate.interval.contains(2.16) && !estimate.interval.contains(2.17));
    }

    #[test]
    fn an_estimate_is_written_as_json() {
        let text = serde_json::to_string(&Estimate::normal(2.0, 0.0)).unwrap();
        assert_eq!(text, r#"{"value":2.0,"standard_error":0.0,"interval":{"lower":2.0,"upper":2.0}}"#);
    }
}
