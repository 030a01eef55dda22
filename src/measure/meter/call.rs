//! What measuring itself costs.

use crate::stats::quantile;

/// Latencies that are kept for quantiles.
const KEPT: usize = 2000;

/// How long the calls for the energy of a GPU took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallCost {
    /// Calls so far.
    pub calls: u64,
    /// The last two thousand, s; the oldest is replaced.
    recent: Vec<f64>,
}

impl CallCost {
    pub(super) fn add(&mut self, seconds: f64) {
        if self.recent.len() < KEPT {
            self.recent.push(seconds);
        } else {
            self.recent[(self.calls % KEPT as u64) as usize] = seconds;
        }
        self.calls += 1;
    }

    /// Median, s.
    pub fn median_s(&self) -> Option<f64> {
        quantile(&self.recent, 0.5)
    }

    /// What one of a hundred calls exceeds, s.
    pub fn p99_s(&self) -> Option<f64> {
        quantile(&self.recent, 0.99)
    }
}

/// What measuring cost so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overhead {
    /// The calls for energy, by GPU.
    pub calls: Vec<CallCost>,
    /// Time of a processor core that this process used, per second.
    pub cpu_share: f64,
    /// Memory of what is recorded, B.
    pub bytes: u64,
    /// How far apart the last ticks before one moment lie among GPUs, s: why each is read by itself.
    pub edge_skew_s: Option<f64>,
}
