//! Where a curve is known least: between which values interpolation may be wrong, and by how much.
//!
//! Over the logarithm of the knob, the logarithms of energy and throughput are joined by straight lines. A curve that
//! bends one way lies, between two values, in the triangle of its chord and the two neighbouring chords made longer; the
//! height of that triangle bounds the error of the straight line, and below its tip is the best place for the next
//! value. This is the sandwich algorithm (Burkard, Hamacher, Rote, Naval Research Logistics 38, 1991; Rote, Computing
//! 48, 1992). Where a curve bends both ways, half of the height for the lesser bend is
//! an ample estimate: a curve whose bend turns evenly is off by a tenth of it. So noise on a straight stretch asks for nothing.
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | h | width of the gap | log of the knob |
//! | a | slope of the chord before, less that of the gap's chord | log/log |
//! | b | slope of the gap's chord, less that of the chord behind | log/log |
//! | e | h·a·b / (a + b), the height of the triangle | log of the metric, about a share |

use super::curve::Adaptive;

/// A further value stands no nearer to its neighbours than this share of the gap.
const NEAREST: f64 = 0.2;
/// Values are never nearer to one another than this ratio.
const RATIO: f64 = 1.02;

/// What lies between two neighbouring values of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// The lower value.
    pub from: f64,
    /// The upper value.
    pub to: f64,
    /// How far interpolation may be off, as a share; infinite where nothing is known.
    pub error: f64,
    /// The best place for a further value.
    pub at: f64,
}

/// The gaps that have room for a further value, upwards. Each knot is a value and the logarithms of its metrics, the same
/// metrics everywhere; they stand in the order of their values.
pub(super) fn gaps(knots: &[(f64, Vec<f64>)], range: &Adaptive) -> Vec<Gap> {
    let slope = |gap: usize, metric: usize| {
        let (low, high) = (knots.get(gap)?, knots.get(gap + 1)?);
        Some((high.1.get(metric)? - low.1.get(metric)?) / (high.0 / low.0).ln())
    };
    let mut found = Vec::new();
    for (index, pair) in knots.windows(2).enumerate() {
        let (from, to) = (pair[0].0, pair[1].0);
        let width = (to / from).ln();
        let mut worst = (f64::NEG_INFINITY, 0.5);
        for metric in 0..pair[0].1.len() {
            let Some(chord) = slope(index, metric) else { continue };
            let before = index.checked_sub(1).and_then(|before| slope(before, metric));
            let own = triangle(width, before.map(|own| own - chord), slope(index + 1, metric).map(|own| chord - own));
            if own.0 > worst.0 {
                worst = own;
            }
        }
        let (error, place) = worst;
        let at = range.rounded((from.ln() + place.clamp(NEAREST, 1.0 - NEAREST) * width).exp());
        // Whole numbers beside one another have nothing between them; rounding may have led out of a narrow gap.
        let at = if range.is_whole() && to - from > 1.0 { at.clamp(from + 1.0, to - 1.0) } else { at };
        let has_room = if range.is_whole() { to - from > 1.0 } else { at / from > RATIO && to / at > RATIO };
        if has_room {
            found.push(Gap { from, to, error, at });
        }
    }
    found
}

/// The height of the triangle, and below which share of the gap its tip is. At an open end the curve is taken to bend as it
/// does at the other.
fn triangle(h: f64, a: Option<f64>, b: Option<f64>) -> (f64, f64) {
    let (Some(a), Some(b)) = (a.or(b), b.or(a)) else { return (f64::INFINITY, 0.5) };
    if a * b > 0.0 { (h * (a * b / (a + b)).abs(), b / (a + b)) } else { (h * a.abs().min(b.abs()) / 4.0, 0.5) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Adaptive, Gap, gaps};
    use crate::runs::Value;

    fn range(from: f64, to: f64) -> Adaptive {
        Adaptive { knob: "concurrency".to_owned(), from, to, first: 4, points: 20, tolerance: None }
    }

    /// Measures `curve` at ever further values, until the error that is predicted is below `tolerance`.
    fn refined(range: &Adaptive, tolerance: f64, most: usize, curve: impl Fn(f64) -> Vec<f64>) -> Vec<(f64, Vec<f64>)> {
        let first = range.first_values();
        let mut knots: Vec<(f64, Vec<f64>)> =
            first.iter().filter_map(Value::number).map(|at| (at, curve(at))).collect();
        while knots.len() < most {
            let worst = gaps(&knots, range).into_iter().max_by(|a, b| a.error.total_cmp(&b.error));
            let Some(Gap { at, .. }) = worst.filter(|gap| gap.error > tolerance) else { break };
            knots.push((at, curve(at)));
            knots.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        knots
    }

    /// The largest error of interpolation anywhere.
    fn error(range: &Adaptive, knots: &[(f64, Vec<f64>)], curve: impl Fn(f64) -> Vec<f64>) -> f64 {
        let all = (0..=2000).map(|step| range.from * (range.to / range.from).powf(f64::from(step) / 2000.0));
        all.map(|at| {
            let behind = knots.partition_point(|own| own.0 < at).clamp(1, knots.len() - 1);
            let (low, high) = (&knots[behind - 1], &knots[behind]);
            let share = (at / low.0).ln() / (high.0 / low.0).ln();
            let off = |(metric, truth): (usize, &f64)| {
                (low.1[metric] + share * (high.1[metric] - low.1[metric]) - truth).abs()
            };
            curve(at).iter().enumerate().map(off).fold(0.0, f64::max)
        })
        .fold(0.0, f64::max)
    }

    /// Throughput rises with the load up to a knee; energy for a token falls with it.
    fn saturating(knee: f64, power: f64) -> impl Fn(f64) -> Vec<f64> {
        move |load: f64| {
            let rate = load.min(knee);
            vec![((power + rate) / rate).ln(), rate.ln()]
        }
    }

    #[test]
    fn values_gather_at_the_knee() {
        let range = range(8.0, 1024.0);
        let curve = saturating(180.0, 300.0);
        let knots = refined(&range, 0.0, 10, &curve);
        let near: Vec<f64> = knots.iter().map(|own| own.0).filter(|own| (120.0..270.0).contains(own)).collect();
        assert!(near.len() >= 3 && near.contains(&180.0), "{near:?}");
        // As many values spread evenly are several times as wrong.
        let even = refined(&Adaptive { first: 10, ..range.clone() }, 0.0, 10, &curve);
        let (own, other) = (error(&range, &knots, &curve), error(&range, &even, &curve));
        assert!(own < 0.02 && own < other / 2.5, "{own} against {other}");
    }

    #[test]
    fn a_straight_line_needs_no_further_value_and_a_full_range_takes_none() {
        let straight = range(8.0, 1024.0);
        assert_eq!(refined(&straight, 1e-9, 20, |load| vec![0.7 * load.ln()]).len(), 4);
        let narrow = range(2.0, 5.0);
        let all: Vec<f64> = refined(&narrow, 0.0, 20, |load| vec![load]).iter().map(|own| own.0).collect();
        assert_eq!(all, [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(gaps(&[(8.0, vec![0.0]), (64.0, vec![1.0])], &straight)[0].error, f64::INFINITY);
        assert!(gaps(&[(8.0, vec![0.0])], &straight).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        #[test]
        fn a_curve_that_bends_one_way_is_known_as_well_as_asked(
            knee in 20.0..700.0_f64, power in 10.0..2000.0_f64, tolerance in 0.01..0.1_f64,
        ) {
            let range = Adaptive { from: 8.5, ..range(8.0, 1024.0) };
            // Energy for a token below the knee, and throughput: each bends one way.
            let curve = saturating(knee, power);
            let energy = |load: f64| vec![curve(load)[0]];
            let rate = |load: f64| vec![curve(load)[1]];
            for one in [&energy as &dyn Fn(f64) -> Vec<f64>, &rate] {
                let knots = refined(&range, tolerance, 200, one);
                let distinct = knots.windows(2).all(|pair| pair[0].0 < pair[1].0);
                prop_assert!(distinct && knots.len() < 40, "{} values", knots.len());
                // The open ends are judged by their neighbours, so that only the inside is bounded.
                prop_assert!(error(&range, &knots, one) < 1.5 * tolerance + 0.011, "{}", error(&range, &knots, one));
            }
        }
    }
}
