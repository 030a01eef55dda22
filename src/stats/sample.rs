//! Statistics of a sample.

use statrs::distribution::{ContinuousCDF as _, Normal};

/// Half-width of a two-sided 90 % normal interval in standard deviations: the 95 % quantile of N(0, 1).
pub const NORMAL_QUANTILE_90: f64 = 1.644_853_626_951_472_2;

/// Probability that a standard normal is at most `z`; 0 of what is no number.
pub fn normal_probability(z: f64) -> f64 {
    if z.is_nan() { 0.0 } else { Normal::standard().cdf(z) }
}

/// The arithmetic mean; `None` of no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// The middle value, or the mean of the two in the middle; `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile at `probability`, linear between order statistics: type 7 of Hyndman and Fan, "Sample quantiles in
/// statistical packages", The American Statistician 50, 1996.
///
/// ```text
/// h = (n - 1) p,     Q(p) = x_⌊h⌋ + (h - ⌊h⌋) (x_⌊h⌋+1 - x_⌊h⌋),     x_0 <= x_1 <= …
/// ```
///
/// `probability` is taken as the nearest value in 0..=1. `None` of no values. The values need not be sorted.
pub fn quantile(values: &[f64], probability: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let position = last as f64 * probability.clamp(0.0, 1.0);
    let below = position.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    // Equal neighbors are returned as they are, infinite ones included.
    Some(if low == high { low } else { low + (position - below as f64) * (high - low) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_type_seven() {
        let case = |values: &[f64], probability: f64, expected: f64| {
            let found = quantile(values, probability).unwrap();
            assert!((found - expected).abs() < 1e-15, "{found} instead of {expected}");
        };
        case(&[4.0, 1.0, 3.0, 2.0], 0.25, 1.75);
        case(&[4.0, 1.0, 3.0, 2.0], 0.5, 2.5);
        case(&[4.0, 1.0, 3.0, 2.0], 1.0, 4.0);
        case(&[4.0, 1.0, 3.0, 2.0], -1.0, 1.0);
        case(&[7.0], 0.9, 7.0);
    }

    #[test]
    fn nothing_has_no_statistics() {
        assert_eq!(mean(&[]), None);
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_mean_is_the_sum_over_the_count() {
        assert_eq!(mean(&[1.0, 2.0]), Some(1.5));
    }
}
