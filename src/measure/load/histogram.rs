//! Latencies in a small space: counts in buckets one percent wide.

/// Shortest time told apart, seconds.
const SHORTEST: f64 = 1e-5;
/// Each bucket is so much wider than the one before.
const STEP: f64 = 1.01;

/// Counts of times. A quantile is off by half a percent at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// `(bucket, count)`, buckets rising.
    counts: Vec<(u16, u32)>,
}

impl Histogram {
    /// Adds a time of `seconds`, `count` times.
    pub fn add(&mut self, seconds: f64, count: u32) {
        let bucket = bucket(seconds);
        match self.counts.binary_search_by_key(&bucket, |&(bucket, _)| bucket) {
            Ok(place) => self.counts[place].1 = self.counts[place].1.saturating_add(count),
            Err(place) => self.counts.insert(place, (bucket, count)),
        }
    }

    /// Takes away what was added before.
    pub fn take_back(&mut self, seconds: f64, count: u32) {
        if let Ok(place) = self.counts.binary_search_by_key(&bucket(seconds), |&(bucket, _)| bucket) {
            self.counts[place].1 = self.counts[place].1.saturating_sub(count);
        }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        let mut both = Vec::with_capacity(self.counts.len() + other.counts.len());
        both.extend_from_slice(&self.counts);
        both.extend_from_slice(&other.counts);
        both.sort_unstable_by_key(|&(bucket, _)| bucket);
        both.dedup_by(|right, left| {
            let same = left.0 == right.0;
            if same {
                left.1 = left.1.saturating_add(right.1);
            }
            same
        });
        self.counts = both;
    }

    /// How many times it holds.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|&(_, count)| u64::from(count)).sum()
    }

    /// Mean, seconds; none if empty.
    pub fn mean(&self) -> Option<f64> {
        let total = self.count();
        let sum: f64 = self.counts.iter().map(|&(bucket, count)| middle(bucket) * f64::from(count)).sum();
        (total > 0).then(|| sum / total as f64)
    }

    /// The time below which this share (0..=1) lies, seconds; none if empty.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0);
        let mut below = 0.0;
        let found = self.counts.iter().find(|&&(_, count)| {
            below += f64::from(count);
            below >= wanted
        });
        found.map(|&(bucket, _)| middle(bucket))
    }
}

fn bucket(seconds: f64) -> u16 {
    ((seconds.max(SHORTEST) / SHORTEST).ln() / STEP.ln()).min(f64::from(u16::MAX)) as u16
}

/// The geometric middle of a bucket, seconds.
fn middle(bucket: u16) -> f64 {
    SHORTEST * STEP.powf(f64::from(bucket) + 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_half_a_percent() {
        let mut all = Histogram::default();
        let mut odd = Histogram::default();
        for number in 1..=1000_u32 {
            let half = if number % 2 == 0 { &mut all } else { &mut odd };
            half.add(f64::from(number) * 1e-3, 2);
        }
        all.merge(&odd);
        assert_eq!(all.count(), 2000);
        for share in [0.5, 0.9, 0.99] {
            assert!((all.quantile(share).unwrap() / share - 1.0).abs() < 0.006, "{share}");
        }
        assert!((all.mean().unwrap() - 0.5005).abs() < 0.003);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn what_is_taken_back_is_gone() {
        let mut histogram = Histogram::default();
        histogram.add(0.02, 3);
        histogram.add(9e9, 1);
        histogram.take_back(9e9, 1);
        assert_eq!(histogram.count(), 3);
        assert!(histogram.quantile(1.0).unwrap() < 0.021);
    }
}
