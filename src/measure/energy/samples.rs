//! The driver's samples of power: each is the mean since the one before.

/// A longer silence between two samples is a gap, of which nothing is known, s. The driver samples every 20 ms.
const GAP: f64 = 0.1;

/// Energy by samples of power.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Integral {
    /// Energy over the covered time, J.
    pub energy_j: f64,
    /// Time that the samples cover, s.
    pub covered_s: f64,
}

impl Integral {
    /// Mean power over the covered time, W; none if nothing is covered.
    pub fn power_w(&self) -> Option<f64> {
        (self.covered_s > 0.0).then(|| self.energy_j / self.covered_s)
    }
}

/// The energy between two moments by samples `(moment, W)`, in order; gaps are left out.
pub fn integral(samples: &[(f64, f64)], from: f64, to: f64) -> Integral {
    let first = samples.partition_point(|&(at, _)| at <= from).max(1);
    let mut sum = Integral::default();
    for pair in samples[first - 1..].windows(2).take_while(|pair| pair[0].0 < to) {
        let (start, end) = (pair[0].0.max(from), pair[1].0.min(to));
        if pair[1].0 - pair[0].0 <= GAP && end > start {
            sum.energy_j += pair[1].1 * (end - start);
            sum.covered_s += end - start;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Integral, integral};

    #[test]
    fn a_sample_holds_since_the_one_before_and_gaps_are_left_out() {
        let samples = [(1.00, 9.0), (1.02, 100.0), (1.04, 200.0), (2.04, 300.0), (2.06, 50.0)];
        let close = |a: Integral, energy: f64, time: f64| {
            assert!((a.energy_j - energy).abs() < 1e-9 && (a.covered_s - time).abs() < 1e-9, "{a:?}");
        };
        close(integral(&samples, 0.0, 9.0), 2.0 + 4.0 + 1.0, 0.06);
        close(integral(&samples, 1.01, 1.03), 1.0 + 2.0, 0.02);
        close(integral(&samples, 1.5, 1.6), 0.0, 0.0);
        close(integral(&[], 0.0, 1.0), 0.0, 0.0);
        assert_eq!(integral(&[], 0.0, 1.0).power_w(), None);
    }
}
