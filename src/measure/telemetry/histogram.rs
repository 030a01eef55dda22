//! Histograms over a window: what was observed between two moments.

use std::collections::BTreeMap;

use super::combine::{Track, counted};
use super::counter::increase;

/// What a histogram counted in a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// Upper bound of each bucket, rising, the last infinite, with the observations up to it.
    pub buckets: Vec<(f64, f64)>,
    /// Sum of the observations.
    pub sum: f64,
    /// Number of the observations; fractional, as the ends of the window lie between samples.
    pub count: f64,
}

/// A quantile as far as buckets tell it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Linear within its bucket.
    pub value: f64,
    /// The bucket: the quantile lies in it, and nothing more is known.
    pub bucket: [f64; 2],
}

impl Delta {
    /// The mean of the observations, exact; none of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// The quantile at `probability`. None of no observations, and none where it lies beyond the last finite bound.
    pub fn quantile(&self, probability: f64) -> Option<Quantile> {
        let total = self.buckets.last()?.1;
        let rank = total * probability;
        let at = self.buckets.iter().position(|(_, up_to)| total > 0.0 && *up_to >= rank)?;
        let (bound, up_to) = self.buckets[at];
        let (low, before) = if at == 0 { (0.0_f64.min(bound), 0.0) } else { self.buckets[at - 1] };
        if !bound.is_finite() || up_to <= before {
            return None;
        }
        Some(Quantile { value: low + (bound - low) * (rank - before) / (up_to - before), bucket: [low, bound] })
    }
}

/// What the series of one histogram counted between two moments; none if they do not cover any of it.
pub(super) fn delta(
    buckets: &[Track],
    sums: &[Track],
    counts: &[Track],
    window: [f64; 2],
    spacing: f64,
) -> Option<Delta> {
    let amount = |tracks: &[Track]| {
        let counter = counted(tracks, spacing);
        increase(&counter.series, window[0], window[1]).map(|found| found.amount)
    };
    let mut by_bound: BTreeMap<u64, (f64, Vec<Track>)> = BTreeMap::new();
    for track in buckets {
        let Some(bound) = track.0.get("le").and_then(|text| text.parse::<f64>().ok()) else { continue };
        if !bound.is_nan() {
            by_bound.entry(bound.to_bits()).or_insert_with(|| (bound, Vec::new())).1.push(*track);
        }
    }
    let mut buckets: Vec<(f64, f64)> =
        by_bound.into_values().filter_map(|(bound, tracks)| Some((bound, amount(&tracks)?))).collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(Delta { buckets, sum: amount(sums)?, count: amount(counts)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(buckets: &[(f64, f64)], sum: f64) -> Delta {
        Delta { buckets: buckets.to_vec(), sum, count: buckets.last().map_or(0.0, |last| last.1) }
    }

    #[test]
    fn a_quantile_is_known_up_to_its_bucket() {
        let delta = of(&[(0.01, 0.0), (0.025, 80.0), (0.05, 100.0), (f64::INFINITY, 104.0)], 2.0);
        let median = delta.quantile(0.5).unwrap();
        assert!((median.value - (0.01 + 0.015 * 52.0 / 80.0)).abs() < 1e-12);
        assert_eq!(median.bucket, [0.01, 0.025]);
        assert_eq!(delta.quantile(0.99), None);
        assert!((delta.mean().unwrap() - 2.0 / 104.0).abs() < 1e-15);
    }

    #[test]
    fn nothing_observed_has_no_quantile() {
        let delta = of(&[(0.01, 0.0), (f64::INFINITY, 0.0)], 0.0);
        assert_eq!((delta.quantile(0.5), delta.mean()), (None, None));
        assert_eq!(of(&[], 0.0).quantile(0.5), None);
    }
}
