//! Does something rise or fall?

use statrs::distribution::{ContinuousCDF, Normal};

use crate::stats::median;

/// What was found of a trend.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Trend {
    /// Probability of so much order if there were no trend (two-sided).
    pub probability: f64,
    /// Change over the whole of the values, as a share of their median size.
    pub change: f64,
}

/// The trend of equally spaced values; none with fewer than 8, or if they are all zero.
///
/// Mann–Kendall test whose variance is made larger where values follow their neighbors, since these carry less evidence than
/// as many independent ones (Yue and Wang, Water Resources Management 18, 2004). It is never made smaller. The change is
/// the slope of Theil and Sen.
///
/// | symbol | meaning |
/// |---|---|
/// | S | pairs that rise less pairs that fall |
/// | V | n (n-1) (2n+5) / 18, its variance without ties and correlation |
/// | r | correlation of neighbors, slope removed, freed of its bias: (n r + 1) / (n - 4) |
/// | c | (1 + r) / (1 - r), at least 1 |
/// | z | (S - sign S) / √(V c) |
pub fn trend(values: &[f64]) -> Option<Trend> {
    let n = values.len() as f64;
    if values.len() < 8 {
        return None;
    }
    let mut score = 0.0;
    let mut slopes = Vec::with_capacity(values.len() * (values.len() - 1) / 2);
    for (first, earlier) in values.iter().enumerate() {
        for (second, later) in values.iter().enumerate().skip(first + 1) {
            let rise = later - earlier;
            score += if rise == 0.0 { 0.0 } else { rise.signum() };
            slopes.push(rise / (second - first) as f64);
        }
    }
    let slope = median(&slopes)?;
    let size = median(&values.iter().map(|value| value.abs()).collect::<Vec<_>>()).filter(|size| *size > 0.0)?;
    let rest: Vec<f64> = values.iter().enumerate().map(|(place, value)| value - slope * place as f64).collect();
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0 * correction(&rest);
    let z = (f64::abs(score) - 1.0).max(0.0) / variance.sqrt();
    let normal = Normal::standard();
    Some(Trend { probability: 2.0 * normal.sf(z), change: slope * (n - 1.0) / size })
}

/// c of the table.
fn correction(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if spread == 0.0 {
        return 1.0;
    }
    let products: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let r = ((n * products / spread + 1.0) / (n - 4.0)).clamp(0.0, 0.95);
    (1.0 + r) / (1.0 - r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    /// Share of 400 noises with this correlation of neighbors, and this slope per value, whose trend is significant at 1 %.
    fn found(correlation: f64, slope: f64) -> f64 {
        let significant = (0..400).filter(|&seed| {
            let mut draws = Draws::new(seed);
            let mut last = draws.gaussian();
            let values: Vec<f64> = (0..60)
                .map(|place| {
                    last = correlation * last + (1.0 - correlation * correlation).sqrt() * draws.gaussian();
                    100.0 + last + slope * f64::from(place)
                })
                .collect();
            trend(&values).unwrap().probability < 0.01
        });
        significant.count() as f64 / 400.0
    }

    #[test]
    fn noise_has_no_trend_and_a_trend_is_found() {
        // At the 1 % level, 400 draws: 1 % and five standard errors of it is 3.5 %.
        assert!(found(0.0, 0.0) < 0.035, "{}", found(0.0, 0.0));
        assert!(found(0.5, 0.0) < 0.06, "{}", found(0.5, 0.0));
        assert!(found(0.0, 0.05) > 0.95, "{}", found(0.0, 0.05));
    }

    #[test]
    fn change_is_that_of_the_whole() {
        let values: Vec<f64> = (0..=20).map(|place| 90.0 + f64::from(place)).collect();
        let found = trend(&values).unwrap();
        assert!((found.change - 0.2).abs() < 1e-9 && found.probability < 1e-6);
        assert_eq!(trend(&[5.0; 20]).map(|trend| (trend.change, trend.probability)), Some((0.0, 1.0)));
        assert_eq!(trend(&[1.0; 5]), None);
    }
}
