//! When requests are sent.

use crate::stats::Draws;

/// Who decides when the next request is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// Each client sends its next request when its last was answered. The clients begin spread over `ramp` seconds.
    Closed {
        /// How many.
        clients: usize,
        /// Seconds.
        ramp: f64,
    },
    /// Requests arrive whether or not the server keeps up, with gamma-distributed gaps. Each is sent when it is due or a
    /// little later: timers are accurate to 1 ms, and [`Summary::sent_late`](super::Summary::sent_late) tells how late.
    Open {
        /// Mean requests per second.
        rate: f64,
        /// Shape of the gaps: 1 is a Poisson process, less is burstier, more is more regular.
        burstiness: f64,
    },
    /// `size` requests at once, every `period` seconds.
    Bursts {
        /// Requests.
        size: usize,
        /// Seconds.
        period: f64,
    },
}

impl Arrival {
    /// What is wrong with it, for a person.
    pub fn fault(&self) -> Option<String> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match *self {
            Self::Closed { clients: 0, .. } => Some("a closed loop without clients".to_owned()),
            Self::Closed { ramp, .. } if !(ramp.is_finite() && ramp >= 0.0) => Some(format!("a ramp of {ramp} s")),
            Self::Open { rate, burstiness } if !positive(rate) || !positive(burstiness) => {
                Some(format!("{rate} requests per second of burstiness {burstiness}"))
            }
            Self::Bursts { size, period } if size == 0 || !positive(period) => {
                Some(format!("bursts of {size} requests every {period} s"))
            }
            _ => None,
        }
    }
}

/// Moments at which requests of an open loop are due, in seconds after its start.
#[derive(Debug)]
pub(super) struct Schedule {
    arrival: Arrival,
    draws: Draws,
    due: f64,
    number: usize,
}

impl Schedule {
    pub(super) fn new(arrival: Arrival, seed: u64) -> Self {
        Self { arrival, draws: Draws::new(seed), due: 0.0, number: 0 }
    }
}

impl Iterator for Schedule {
    type Item = f64;

    /// The next; none in a closed loop.
    fn next(&mut self) -> Option<f64> {
        match self.arrival {
            Arrival::Closed { .. } => return None,
            Arrival::Open { rate, burstiness } => self.due += gamma(burstiness, &mut self.draws) / (burstiness * rate),
            Arrival::Bursts { size, period } => self.due = (self.number / size) as f64 * period,
        }
        self.number += 1;
        Some(self.due)
    }
}

/// A gamma variate of this shape and scale 1: Marsaglia and Tsang, ACM TOMS 26(3), 2000; shapes below 1 by their boost.
fn gamma(shape: f64, draws: &mut Draws) -> f64 {
    if shape < 1.0 {
        let boost = (1.0 - draws.uniform()).powf(1.0 / shape);
        return gamma(shape + 1.0, draws) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = draws.gaussian();
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - draws.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_their_mean_and_spread() {
        for burstiness in [0.5, 1.0, 4.0] {
            let due: Vec<f64> = Schedule::new(Arrival::Open { rate: 50.0, burstiness }, 11).take(40_000).collect();
            let gaps: Vec<f64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            // The squared coefficient of variation of a gamma variate is 1/shape. Limits: five standard errors or more.
            assert!((mean * 50.0 - 1.0).abs() < 5.0 * (1.0 / burstiness / 40_000.0_f64).sqrt(), "{mean}");
            assert!((variance / mean.powi(2) * burstiness - 1.0).abs() < 0.1, "{burstiness}");
        }
    }

    #[test]
    fn bursts_come_together() {
        let due: Vec<f64> = Schedule::new(Arrival::Bursts { size: 2, period: 3.0 }, 1).take(5).collect();
        assert_eq!(due, [0.0, 0.0, 3.0, 3.0, 6.0]);
        assert_eq!(Schedule::new(Arrival::Closed { clients: 1, ramp: 0.0 }, 1).next(), None);
    }

    #[test]
    fn impossible_arrivals_are_refused() {
        assert!(Arrival::Open { rate: 0.0, burstiness: 1.0 }.fault().is_some());
        assert!(Arrival::Closed { clients: 0, ramp: 0.0 }.fault().is_some());
        assert!(Arrival::Bursts { size: 1, period: 1.0 }.fault().is_none());
    }
}
