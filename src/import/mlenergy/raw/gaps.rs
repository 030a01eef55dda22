//! Percentiles of very many times, in bounded memory.

/// Shortest time that has a bin of its own, s.
const SHORTEST: f64 = 1e-7;

/// Each bin is wider than the one before by this factor: percentiles are right to half of it.
const RATIO: f64 = 1.002;

/// Bins up to some 10⁵ s.
const BINS: usize = 14_000;

/// A histogram of times on a logarithmic axis.
#[derive(Clone, Debug)]
pub(super) struct Times {
    bins: Vec<u32>,
    count: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { bins: vec![0; BINS], count: 0 }
    }
}

impl Times {
    /// Adds a time `repeats` times.
    pub(super) fn add(&mut self, seconds: f64, repeats: u32) {
        if seconds.is_finite() && seconds > 0.0 {
            let bin = ((seconds / SHORTEST).ln() / RATIO.ln()).max(0.0) as usize;
            let bin = &mut self.bins[bin.min(BINS - 1)];
            *bin = bin.saturating_add(repeats);
            self.count += u64::from(repeats);
        }
    }

    /// Adds the gaps of one request. Tokens that arrive together have gaps of zero after the first: the gap before is theirs
    /// too, in equal parts. Zeros before any gap belong to no gap.
    pub(super) fn add_request(&mut self, gaps: &[Option<f64>]) {
        let mut index = 0;
        while index < gaps.len() {
            let gap = gaps[index].unwrap_or(0.0);
            let zeros = gaps[index + 1..].iter().take_while(|gap| **gap == Some(0.0)).count();
            if gap > 0.0 {
                let tokens = zeros + 1;
                self.add(gap / tokens as f64, tokens as u32);
            }
            index += zeros + 1;
        }
    }

    /// A percentile, 0 to 1, s.
    pub(super) fn percentile(&self, probability: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = probability * (self.count - 1) as f64;
        let mut below = 0.0;
        for (bin, count) in self.bins.iter().enumerate().filter(|(_, count)| **count > 0) {
            below += f64::from(*count);
            if below > rank {
                return Some(SHORTEST * RATIO.powf(bin as f64 + 0.5));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_zero_share_the_gap_before_them() {
        let mut times = Times::default();
        times.add_request(&[Some(0.0), Some(0.03), Some(0.0), Some(0.0), Some(0.01), None]);
        assert_eq!(times.count, 4);
        let median = times.percentile(0.5).unwrap();
        assert!((median / 0.01 - 1.0).abs() < 0.001, "{median}");
        let mut even = Times::default();
        for step in 1..=1000 {
            even.add(f64::from(step) * 1e-3, 1);
        }
        let p99 = even.percentile(0.99).unwrap();
        assert!((p99 / 0.99 - 1.0).abs() < 0.003, "{p99}");
        assert_eq!(Times::default().percentile(0.5), None);
    }
}
