//! Ticks of a counter, and the energy between two moments that lie anywhere among them.

use super::samples::integral;

/// The counter counts whole millijoules: the true energy is up to so much above what it shows, J.
const RESOLUTION: f64 = 1e-3;

/// One move of an energy counter: after `early`, by `late`, it showed `energy_j`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// The last moment at which it surely had not moved yet, s.
    pub early: f64,
    /// The first moment at which it surely had, s.
    pub late: f64,
    /// What it showed then: energy since the first tick that was seen, J.
    pub energy_j: f64,
}

impl Tick {
    /// The best guess of its moment, s.
    pub fn at(&self) -> f64 {
        f64::midpoint(self.early, self.late)
    }
}

/// Energy between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    /// The estimate, J.
    pub energy_j: f64,
    /// The true energy is no farther away than this, J: it follows from the counter and from power not being negative.
    pub bound_j: f64,
}

/// What is known of the energy at one moment, J.
#[derive(Clone, Copy, Debug)]
struct Edge {
    least: f64,
    most: f64,
    estimate: f64,
}

/// The energy between two moments by ticks and, inside ticks, by samples of power, both in order; none unless ticks lie
/// surely before `from` and surely after `to`.
pub fn energy_between(ticks: &[Tick], samples: &[(f64, f64)], from: f64, to: f64) -> Option<Energy> {
    let (first, last) = (edge(ticks, samples, from)?, edge(ticks, samples, to)?);
    let energy = (last.estimate - first.estimate).max(0.0);
    let (least, most) = ((last.least - first.most).max(0.0), last.most - first.least);
    Some(Energy { energy_j: energy, bound_j: (energy - least).max(most - energy) })
}

fn edge(ticks: &[Tick], samples: &[(f64, f64)], moment: f64) -> Option<Edge> {
    let before = ticks.partition_point(|tick| tick.late <= moment).checked_sub(1)?;
    let after = ticks.partition_point(|tick| tick.early < moment);
    let (least, most) = (ticks.get(before)?.energy_j, ticks.get(after)?.energy_j + RESOLUTION);
    let next = ticks.partition_point(|tick| tick.at() <= moment);
    let estimate = match (next.checked_sub(1).and_then(|own| ticks.get(own)), ticks.get(next)) {
        (Some(left), Some(right)) => {
            left.energy_j + (right.energy_j - left.energy_j) * share(left, right, samples, moment)
        }
        _ => f64::midpoint(least, most),
    };
    Some(Edge { least, most, estimate: estimate.clamp(least, most) })
}

/// The share of the energy between two ticks that has flowed by a moment between them.
pub(super) fn share(left: &Tick, right: &Tick, samples: &[(f64, f64)], moment: f64) -> f64 {
    let span = right.at() - left.at();
    if span <= 0.0 {
        return 0.5;
    }
    let (so_far, whole) = (integral(samples, left.at(), moment), integral(samples, left.at(), right.at()));
    // With the shape known throughout, it says more than a straight line.
    if whole.covered_s >= span * 0.999 && whole.energy_j > 0.0 {
        so_far.energy_j / whole.energy_j
    } else {
        (moment - left.at()) / span
    }
}

#[cfg(test)]
mod tests {
    use super::{Tick, energy_between};

    fn ticks(count: u32) -> Vec<Tick> {
        let tick = |k| Tick { early: 0.1 * k - 0.004, late: 0.1 * k + 0.004, energy_j: 30.0 * k };
        (0..count).map(f64::from).map(tick).collect()
    }

    #[test]
    fn a_steady_load_is_read_off_between_ticks() {
        let found = energy_between(&ticks(30), &[], 0.55, 1.55).unwrap();
        assert!((found.energy_j - 300.0).abs() < 1e-9, "{found:?}");
        // Each edge lies somewhere in a tick of 30 J, in its middle.
        assert!((found.bound_j - 30.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn nothing_is_said_beyond_the_ticks() {
        assert_eq!(energy_between(&ticks(30), &[], -1.0, 1.0), None);
        assert_eq!(energy_between(&ticks(30), &[], 1.0, 2.95), None);
        assert_eq!(energy_between(&[], &[], 0.0, 1.0), None);
    }

    #[test]
    fn the_shape_inside_a_tick_is_taken_from_samples() {
        // 1500 W for the last fifth of each tick, nothing before.
        let samples: Vec<(f64, f64)> =
            (0..160_u32).map(|k| (0.02 * f64::from(k), if k % 5 == 0 { 1500.0 } else { 0.0 })).collect();
        let found = energy_between(&ticks(30), &samples, 1.0, 2.07).unwrap();
        assert!((found.energy_j - 300.0).abs() < 1.0, "{found:?}");
        let straight = energy_between(&ticks(30), &[], 1.0, 2.07).unwrap();
        assert!((straight.energy_j - 321.0).abs() < 1.0, "{straight:?}");
    }
}
