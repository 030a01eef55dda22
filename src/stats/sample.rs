//! Statistics of a sample.

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

/// The median distance from the median, times 1.4826, which makes it the standard deviation of a normal sample:
/// `1.4826 median |x - median(x)|`. `None` of no values. Source: Rousseeuw and Croux, JASA 88, 1993.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    /// 1 / the 75 % quantile of the standard normal distribution.
    const NORMAL_CONSISTENCY: f64 = 1.482_602_218_505_602;
    let center = median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    Some(NORMAL_CONSISTENCY * median(&distances)?)
}

/// The mean of |predicted / measured - 1|, as a fraction (0.05 = 5 percent). `None` without pairs, and where a
/// measured value is zero, for which it has no meaning. Pairs beyond the shorter slice are ignored.
pub fn mean_absolute_percentage(predicted: &[f64], measured: &[f64]) -> Option<f64> {
    let pairs = || predicted.iter().zip(measured);
    if pairs().any(|(_, measured)| *measured == 0.0) {
        return None;
    }
    mean(&pairs().map(|(predicted, measured)| (predicted / measured - 1.0).abs()).collect::<Vec<_>>())
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
        assert_eq!(median_absolute_deviation(&[]), None);
        assert_eq!(mean_absolute_percentage(&[1.0], &[]), None);
        assert_eq!(mean_absolute_percentage(&[1.0], &[0.0]), None);
    }

    #[test]
    fn an_outlier_does_not_move_the_robust_spread() {
        let spread = |last: f64| median_absolute_deviation(&[1.0, 2.0, 3.0, 4.0, last]).unwrap();
        assert_eq!(spread(5.0), spread(5e9));
        assert!((spread(5.0) - 1.482_602_218_505_602).abs() < 1e-15);
    }

    #[test]
    fn percentage_errors_count_both_signs() {
        let found = mean_absolute_percentage(&[1.1, 0.9], &[1.0, 1.0]).unwrap();
        assert!((found - 0.1).abs() < 1e-15, "{found}");
        assert_eq!(mean(&[1.0, 2.0]), Some(1.5));
    }
}
